/** Starts a run, and follows it with a live line until it ends or the user presses Ctrl-C. */

import { deployCommand } from '../../functions/model/program.ts';
import { newRunId } from '../flags/common-flags.ts';
import { nextCommand } from '../flags/stack-flags.ts';
import { printPlan } from '../terminal/print-run.ts';
import { runProgress } from '../terminal/progress.ts';
import { CommandError, outputOf } from '../terminal/terminal.ts';
import { followRun } from './follow-run.ts';
import { lookAtRun, type RunLook } from './look-at-run.ts';
import { accountsDone, isPublishing, printEnd } from './print-end.ts';
import type { SeenPlan } from './run-output.ts';
import type { Deployed, Stack } from './stack.ts';

/**
 * Starts an execution and, without `--no-follow`, follows it.
 * @param describe what is started: `run <id> of export <name>`
 * @returns the exit code: 0 published, skipped, dry run or only started; 1 otherwise
 * @throws CommandError if the execution cannot be started
 */
export async function startAndFollow(
  deployed: Deployed,
  request: object,
  describe: (runId: string) => string,
): Promise<number> {
  const { stack, flags, output } = deployed;
  const runId = newRunId();
  const executionArn = await startExecution(stack, runId, request);
  output.note(`Started    ${describe(runId)}`);
  if (flags.follow) return followOnTerminal(deployed, executionArn);
  if (flags.json) output.out(JSON.stringify((await lookAtRun(stack, executionArn)).report));
  else output.note(`Follow it: ${nextCommand('status', runId, flags)}`);
  return 0;
}

/** The SDK's retries start no second execution, because a name is used only once. */
async function startExecution(stack: Stack, runId: string, request: object): Promise<string> {
  try {
    const { executionArn = '' } = await stack.ask(`Starting run "${runId}"`, (sfn) =>
      sfn.startExecution({
        stateMachineArn: stack.stateMachineArn,
        name: runId,
        input: JSON.stringify(request),
      }),
    );
    return executionArn;
  } catch (error) {
    if ((error as { cause?: Error }).cause?.name !== 'StateMachineDoesNotExist') throw error;
    throw new CommandError(
      `Stack ${JSON.stringify(stack.name)} in ${stack.region} has no state machine (someone deleted it outside of CloudFormation): create it again with ${deployCommand('--revert-drift')}.`,
      { cause: error },
    );
  }
}

/**
 * Follows a run and prints how it ended. Ctrl-C detaches; the run continues.
 * @param onFirstLook prints what belongs before everything else
 * @returns the exit code: 0 published, skipped or dry run; 1 otherwise
 * @throws CommandError if AWS fails; it says how to follow the run again
 */
export async function followOnTerminal(
  deployed: Deployed,
  executionArn: string,
  onFirstLook: (look: RunLook) => void = () => undefined,
): Promise<number> {
  const { stack, flags, output, terminal } = deployed;
  const runId = executionArn.split(':').at(-1) ?? '';
  const followAgain = nextCommand('status', runId, flags);
  const bar = progressOf(deployed);
  let looked = false;
  try {
    const last = await followRun({
      stack,
      executionArn,
      signal: terminal.interrupted(),
      sleep: terminal.sleep,
      onLook: (look) => {
        if (!looked) onFirstLook(look);
        looked = true;
        bar.show(look);
      },
    });
    bar.stop();
    if (last) return printEnd(deployed, last);
    return output.interrupted(`Detached   run ${runId} continues. Follow it with ${followAgain}`);
  } catch (error) {
    if (!(error instanceof CommandError) || !looked) throw error;
    throw new CommandError(`${error.message} The run continues. Follow it with ${followAgain}`, { cause: error });
  } finally {
    bar.stop();
  }
}

/** The lines of the plan and the live line, whose pages start again with each map run. */
function progressOf({ flags, terminal }: Deployed) {
  const progress = runProgress(terminal, flags);
  const output = outputOf(progress, flags);
  let plan: SeenPlan | undefined;
  let mapRunArn: string | undefined;
  let warned = false;
  return {
    show(look: RunLook) {
      if (look.plan && look.plan !== plan) {
        plan = look.plan;
        printPlan(output, plan);
      }
      if (look.hidden && !look.hidden.transient && !warned) {
        output.note(`Warning    no progress is shown. ${look.hidden.message}`);
        warned = true;
      }
      if (look.report.status !== 'running') return;
      if (!plan) return look.hidden ? progress.stop() : progress.planning();
      if (isPublishing(plan, look)) return progress.publishing();
      if (!look.mapRun) return;
      if (look.mapRun.arn !== mapRunArn) {
        mapRunArn = look.mapRun.arn;
        progress.exporting(plan.pages, look.mapRun.startedAt?.getTime());
      }
      const pages = look.report.pagesDone ?? 0;
      progress.reach(pages, accountsDone(plan, pages));
    },
    stop: progress.stop,
  };
}
