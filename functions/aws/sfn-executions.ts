import { DescribeExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';
import type { Executions } from '../export/ports.ts';
import { awsFailure } from './aws-errors.ts';

/** DescribeExecution is eventually consistent (Step Functions API reference). */
const MAX_DELAY_MS = 10 * 60_000;

/** Executions of Step Functions, by ARN. Needs states:DescribeExecution. */
export function sfnExecutions(client: SFNClient): Executions {
  return {
    async isRunning(execution, startedAt) {
      // A local run that wrote to the same bucket has no execution.
      if (!execution.startsWith('arn:')) return false;
      try {
        const { status = '' } = await client.send(
          new DescribeExecutionCommand({ executionArn: execution, includedData: 'METADATA_ONLY' }),
        );
        return status === 'RUNNING';
      } catch (error) {
        // Either too new, or deleted 90 days after it ended.
        if ((error as Error).name === 'ExecutionDoesNotExist') return Date.now() - Date.parse(startedAt) < MAX_DELAY_MS;
        const name = execution.split(':').at(-1);
        throw awsFailure(`Looking up execution ${name}, which holds the lock of the export,`, error);
      }
    },
  };
}
