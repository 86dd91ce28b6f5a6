import { Command } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { CommandError } from '../deployed/command-error.ts';
import { followOnTerminal } from '../deployed/follow-on-terminal.ts';
import { followRun, type Sleep } from '../deployed/follow-run.ts';
import { lookAtRun, type RunLook } from '../deployed/look-at-run.ts';
import { type OutputFlags, printEnd, printRun, printStage } from '../deployed/print-run.ts';
import { executionArnOf, regionOfRun } from '../deployed/run-report.ts';
import { findStack, nextCommand, type Stack, type StackFlags, withStackOptions } from '../deployed/stack.ts';
import { count, counted, type Output, printPlan, terminalOutput } from '../terminal/terminal.ts';

/** The flags of `status`, as commander hands them over. */
export interface StatusFlags extends StackFlags, OutputFlags {
  follow: boolean;
  stop?: boolean;
}

export function statusCommand(): Command {
  const command = new Command('status')
    .description('follow a run of the deployed state machine, or say how it ended')
    .argument('<run>', 'id of the run, or ARN of the execution')
    .option('--no-follow', 'say how it stands, and do not wait for its end')
    .option('--stop', 'stop the run; its finished pages are kept');
  return withStackOptions(command)
    .option('--json', 'print the run, alone, on stdout')
    .option('--quiet', 'print nothing but errors')
    .option('--verbose', 'print stack traces with errors')
    .addHelpText(
      'after',
      `
Ctrl-C ends the following, not the run. Exit codes: 0 published, planned, or
running with --no-follow; 1 any other end.

Example:
  npm run --silent account-export -- status 20260822T020000Z-1f3a`,
    )
    .action(async (run: string, flags: StatusFlags) => {
      process.exitCode = await showStatus(run, flags);
    });
}

/**
 * Follows a run to its end, says how it stands, or stops it.
 * @returns the exit code
 * @throws CommandError for a run that does not exist, or that cannot be asked for
 */
export async function showStatus(run: string, flags: StatusFlags, sleep?: Sleep): Promise<number> {
  if (flags.stop && !flags.follow) {
    throw new ExportError('RequestError', 'Either --stop or --no-follow is allowed: a run that is stopped has ended.');
  }
  const output = terminalOutput({ quiet: flags.quiet === true, json: flags.json === true });
  const region = flags.region ?? regionOfRun(run);
  const stack = await findStack(region === undefined ? flags : { ...flags, region });
  const executionArn = executionArnOf(run, stack);
  if (flags.stop) return stopRun(stack, executionArn, flags, output, sleep);
  const onFirstLook = ({ report }: RunLook) => printRun(output, report, new Date());
  if (flags.follow) return followOnTerminal({ stack, executionArn, flags, output, sleep, onFirstLook });

  const look = await lookAtRun(stack, executionArn);
  onFirstLook(look);
  if (look.plan) printPlan(output, look.plan);
  if (look.report.status === 'running' && !flags.json) printStage(output, look);
  return printEnd(output, look, flags);
}

async function stopRun(
  stack: Stack,
  executionArn: string,
  flags: StatusFlags,
  output: Output,
  sleep?: Sleep,
): Promise<number> {
  const { runId, status } = (await lookAtRun(stack, executionArn)).report;
  if (status !== 'running') {
    throw new CommandError(`Run ${JSON.stringify(runId)} has ended already (${status}): there is nothing to stop.`);
  }
  await stack.ask(`Stopping run ${JSON.stringify(runId)}`, (sfn) =>
    sfn.stopExecution({ executionArn, error: 'Stopped', cause: 'Stopped from the command line.' }),
  );
  // Its pages are stopped first, so its end may take a moment.
  const stopping = { stack, executionArn, signal: new AbortController().signal, onLook: () => undefined };
  const look = await followRun(sleep ? { ...stopping, sleep } : stopping);
  if (!look) return 1;
  const { report, plan } = look;
  // It may have ended by itself meanwhile.
  if (report.status !== 'stopped') return printEnd(output, look, flags);
  if (flags.json) output.out(JSON.stringify(report));
  output.note(`Stopped    run ${runId}`);
  if (plan && !plan.dryRun) {
    output.note(`           ${count(report.pagesDone ?? 0)} of ${counted(plan.pages, 'page')} are done and kept`);
    output.note(`To go on:  ${nextCommand('redrive', runId, flags)}`);
  } else {
    output.note('           no page was begun: there is nothing to go on with');
  }
  return 0;
}
