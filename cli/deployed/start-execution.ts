/** Starts a run of the deployed state machine. */
import { newRunId } from '../flags/common-flags.ts';
import { nextCommand } from '../flags/stack-flags.ts';
import { CommandError } from '../terminal/command-error.ts';
import type { Deployed } from './connect.ts';
import { followOnTerminal } from './follow-on-terminal.ts';
import { lookAtRun } from './look-at-run.ts';
import type { Stack } from './stack.ts';

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
      `Stack ${JSON.stringify(stack.name)} in ${stack.region} has no state machine: deploy the stack again.`,
      { cause: error },
    );
  }
}
