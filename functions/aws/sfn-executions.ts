import { DescribeExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';
import type { Executions } from '../export/ports.ts';
import { awsFailure } from './aws-errors.ts';

/** DescribeExecution is eventually consistent (Step Functions API reference); this is more than it ever takes. */
const UNKNOWN_YET_MS = 10 * 60_000;

/** The executions of Step Functions, by ARN. Needs states:DescribeExecution. */
export function sfnExecutions(client: SFNClient): Executions {
  return {
    async isRunning(execution, startedAt) {
      // A run on one machine may have written to the same bucket: it is no execution, and cannot be asked.
      if (!execution.startsWith('arn:')) return false;
      try {
        const { status = '' } = await client.send(
          new DescribeExecutionCommand({ executionArn: execution, includedData: 'METADATA_ONLY' }),
        );
        return status === 'RUNNING';
      } catch (error) {
        // What has just been started may not be known yet; what was started long ago is forgotten after 90 days.
        if ((error as Error).name === 'ExecutionDoesNotExist')
          return Date.now() - Date.parse(startedAt) < UNKNOWN_YET_MS;
        throw awsFailure('Looking up the run that has this export', error);
      }
    },
  };
}
