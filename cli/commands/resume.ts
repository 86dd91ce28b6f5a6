import { Command } from 'commander';
import { PROGRAM } from '../../functions/model/program.ts';
import { startAndFollow } from '../deployed/follow-on-terminal.ts';
import { describeRun } from '../deployed/look-at-run.ts';
import { readInput } from '../deployed/run-output.ts';
import { type RunReport, reportOf } from '../deployed/run-report.ts';
import { connect, executionArnOf } from '../deployed/stack.ts';
import { integer } from '../flags/common-flags.ts';
import { nextCommand, type StackFlags, withStackFlags } from '../flags/stack-flags.ts';
import { CommandError, type Terminal } from '../terminal/terminal.ts';

type ResumeFlags = StackFlags & { maxRecords?: number };

export function resumeCommand(terminal: Terminal): Command {
  const command = new Command('resume')
    .argument('<run>', 'run id, or execution ARN')
    .option('--max-records <n>', 'new record budget', integer(1))
    .option('--no-follow', 'start it and exit');
  return withStackFlags(command, 'the run')
    .addHelpText(
      'after',
      `
Starts a new execution that uses the plan and the finished pages of the run;
finished pages are not fetched again. A quarantined run is only checked again:
to publish it, use publish.

Example:
  ${PROGRAM} resume 20260822T020000Z-1f3a`,
    )
    .action(async (run: string, flags: ResumeFlags) => {
      terminal.exitCode = await resumeRun(run, flags, terminal);
    });
}

/**
 * Resumes a run as a new execution (docs/decisions/0002-resume.md) and follows it.
 * @returns the exit code: 0 published or only started, 1 otherwise
 * @throws CommandError for a run that is running, has succeeded or does not exist
 */
async function resumeRun(run: string, flags: ResumeFlags, terminal: Terminal): Promise<number> {
  const deployed = await connect(terminal, flags, run);
  const execution = await describeRun(deployed.stack, executionArnOf(run, deployed.stack));
  const before = reportOf(execution);
  checkResumable(before, flags);
  // The pages are stored under the run that was planned first.
  const origin = before.resumes ?? before.runId;
  // Resuming a failed publication publishes: the run stays approved, unless its parts are no longer the approved ones.
  const publishes = readInput(execution.input).publish !== undefined && before.error !== 'RunIncompleteError';
  const request = publishes ? { publish: origin } : { resume: origin, maxRecords: flags.maxRecords };
  return startAndFollow(deployed, request, (runId) => `run ${runId}, which resumes run ${origin}`);
}

function checkResumable({ runId, status }: RunReport, flags: StackFlags): void {
  const cannot = `Cannot resume run "${runId}"`;
  switch (status) {
    case 'failed':
    case 'stopped':
    case 'timed out':
      return;
    case 'running':
      throw new CommandError(`${cannot}: it is running. Follow it with ${nextCommand('status', runId, flags)}`);
    case 'published':
    case 'succeeded':
      throw new CommandError(`${cannot}: it has succeeded.`);
    case 'dry run':
      throw new CommandError(`${cannot}: it was a dry run. Start a run without --dry-run.`);
    case 'skipped':
      throw new CommandError(`${cannot}: it was skipped. Start a new run.`);
  }
}
