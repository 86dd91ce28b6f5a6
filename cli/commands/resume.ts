import { Command } from 'commander';
import { PROGRAM } from '../../functions/model/program.ts';
import type { ResumeFlags } from '../deployed/resume-run.ts';
import { integer } from '../flags/common-flags.ts';
import { withStackFlags } from '../flags/stack-flags.ts';
import type { Terminal } from '../terminal/terminal.ts';

export function resumeCommand(terminal: Terminal): Command {
  const command = new Command('resume')
    .description('resume a failed or stopped run of the deployed state machine')
    .argument('<run>', 'run id, or execution ARN')
    .option('--max-records <n>', 'new record budget', integer(1))
    .option('--no-follow', 'start it and exit');
  return withStackFlags(command, 'the run')
    .addHelpText(
      'after',
      `
Starts a new execution that uses the plan and the finished pages of the run;
finished pages are not fetched again.

Example:
  ${PROGRAM} resume 20260822T020000Z-1f3a`,
    )
    .action(async (run: string, flags: ResumeFlags) => {
      const { resumeRun } = await import('../deployed/resume-run.ts');
      terminal.exitCode = await resumeRun(run, flags, terminal);
    });
}
