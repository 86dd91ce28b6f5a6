import { Command } from 'commander';
import { CommandError } from '../deployed/command-error.ts';
import { followOnTerminal } from '../deployed/follow-on-terminal.ts';
import type { Sleep } from '../deployed/follow-run.ts';
import { describeRun, lookAtRun } from '../deployed/look-at-run.ts';
import type { OutputFlags } from '../deployed/print-run.ts';
import { readInput } from '../deployed/run-output.ts';
import { executionArnOf, isQuarantined, type RunReport, regionOfRun, reportOf } from '../deployed/run-report.ts';
import { findStack, nextCommand, type StackFlags, withStackOptions } from '../deployed/stack.ts';
import { startExecution } from '../deployed/start-execution.ts';
import { integer } from '../flags/integer.ts';
import { terminalOutput } from '../terminal/terminal.ts';
import { newRunId } from './run.ts';

/** The flags of `redrive`, as commander hands them over. */
export interface ResumeFlags extends StackFlags, OutputFlags {
  maxRecords?: number;
  follow: boolean;
}

export function resumeCommand(): Command {
  const command = new Command('redrive')
    .description('go on with a run that failed or was stopped: only pages that are missing are fetched')
    .argument('<run>', 'id of the run, or ARN of the execution')
    .option('--max-records <n>', 'another record budget, for a run that its own stopped', integer('--max-records', 1))
    .option('--no-follow', 'start it, and do not wait for its end');
  return withStackOptions(command)
    .option('--json', 'print the run, alone, on stdout')
    .option('--quiet', 'print nothing but errors')
    .option('--verbose', 'print stack traces with errors')
    .addHelpText(
      'after',
      `
It starts a new execution, which takes up the plan and the pages of the run.

Example:
  npm run --silent account-export -- redrive 20260822T020000Z-1f3a`,
    )
    .action(async (run: string, flags: ResumeFlags) => {
      process.exitCode = await resumeRun(run, flags);
    });
}

/**
 * Goes on with a run as a new execution (docs/decisions/0002-resume.md), and follows that.
 * @returns the exit code: 0 published or just started, 1 anything else
 * @throws CommandError for a run that goes on, that succeeded, or that does not exist
 */
export async function resumeRun(run: string, flags: ResumeFlags, sleep?: Sleep): Promise<number> {
  const output = terminalOutput({ quiet: flags.quiet === true, json: flags.json === true });
  const region = flags.region ?? regionOfRun(run);
  const stack = await findStack(region === undefined ? flags : { ...flags, region });
  const execution = await describeRun(stack, executionArnOf(run, stack));
  const before = reportOf(stack, execution);
  refuseUnlessBroken(before, flags);
  // The pages lie under the run that was planned, however often it was taken up since.
  const origin = before.resumes ?? before.runId;
  // Somebody looked at that run and wants it published as it is: this must not be asked for again.
  const released = readInput(execution.input).publish !== undefined;
  const runId = newRunId(new Date());
  const request = released ? { publish: origin } : { resume: origin, maxRecords: flags.maxRecords };
  const executionArn = await startExecution(stack, runId, request);
  output.note(`Started    run ${runId}, which goes on with run ${origin}`);
  if (flags.follow) return followOnTerminal({ stack, executionArn, flags, output, sleep });
  if (flags.json) output.out(JSON.stringify((await lookAtRun(stack, executionArn)).report));
  else output.note(`Follow it: ${nextCommand('status', runId, flags)}`);
  return 0;
}

function refuseUnlessBroken(report: RunReport, flags: StackFlags): void {
  const { runId, resumes, status } = report;
  const run = `Run ${JSON.stringify(runId)}`;
  if (isQuarantined(report)) {
    throw new CommandError(
      `${run} was held back with all its pages: publish it as it is with ${nextCommand('publish', resumes ?? runId, flags)} or start its export again.`,
    );
  }
  switch (status) {
    case 'failed':
    case 'stopped':
    case 'timed out':
      return;
    case 'running':
      throw new CommandError(`${run} is still running: follow it with ${nextCommand('status', runId, flags)}`);
    case 'published':
    case 'succeeded':
      throw new CommandError(`${run} has succeeded: there is nothing to redrive.`);
    case 'planned':
      throw new CommandError(`${run} was a dry run and has no pages: there is nothing to redrive.`);
    case 'skipped':
      throw new CommandError(`${run} was skipped and has no pages: start its export again instead.`);
  }
}
