import { DescribeExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';
import type { Executions } from '../export/ports.ts';
import { awsFailure } from './aws-errors.ts';

/** What an execution is while it may still do something. A child of a Distributed Map may wait to be redriven. */
const ALIVE: readonly string[] = ['RUNNING', 'PENDING_REDRIVE'];

/** The executions of Step Functions, by ARN. Needs states:DescribeExecution. */
export function sfnExecutions(client: SFNClient): Executions {
  return {
    async isRunning(execution) {
      // A run on one machine may have written to the same bucket: it is no execution, and cannot be asked.
      if (!execution.startsWith('arn:')) return false;
      try {
        const { status = '' } = await client.send(
          new DescribeExecutionCommand({ executionArn: execution, includedData: 'METADATA_ONLY' }),
        );
        return ALIVE.includes(status);
      } catch (error) {
        if ((error as Error).name === 'ExecutionDoesNotExist') return false;
        throw awsFailure('Looking up the run that has this export', error);
      }
    },
  };
}
