/** Starting a run of the deployed state machine. */
import { CommandError } from './command-error.ts';
import type { Stack } from './stack.ts';

/**
 * Starts an execution. The SDK's own tries start no second one: a name is used once.
 * @returns its ARN
 * @throws CommandError
 */
export async function startExecution(stack: Stack, runId: string, input: object): Promise<string> {
  try {
    const { executionArn = '' } = await stack.ask(`Starting run ${JSON.stringify(runId)}`, (sfn) =>
      sfn.startExecution({ stateMachineArn: stack.stateMachineArn, name: runId, input: JSON.stringify(input) }),
    );
    return executionArn;
  } catch (error) {
    if ((error as { cause?: Error }).cause?.name !== 'StateMachineDoesNotExist') throw error;
    throw new CommandError(
      `The state machine of stack ${JSON.stringify(stack.name)} in ${stack.region} is gone: deploy the stack again.`,
      { cause: error },
    );
  }
}
