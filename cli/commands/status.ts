import { Command } from 'commander';
import { PROGRAM } from '../../functions/model/program.ts';
import type { StatusFlags } from '../deployed/show-status.ts';
import { withStackFlags } from '../flags/stack-flags.ts';
import type { Terminal } from '../terminal/terminal.ts';

export function statusCommand(terminal: Terminal): Command {
  const command = new Command('status')
    .description('follow a run of the deployed state machine, or show how it ended')
    .argument('<run>', 'run id, or execution ARN')
    .option('--no-follow', 'show the current state and exit')
    .option('--stop', 'stop the run; finished pages are kept');
  return withStackFlags(command, 'the run')
    .addHelpText(
      'after',
      `
Ctrl-C detaches; the run continues. Exit codes: 0 published, skipped, dry run,
or running with --no-follow; 1 otherwise.

Example:
  ${PROGRAM} status 20260822T020000Z-1f3a`,
    )
    .action(async (run: string, flags: StatusFlags) => {
      const { showStatus } = await import('../deployed/show-status.ts');
      terminal.exitCode = await showStatus(run, flags, terminal);
    });
}
