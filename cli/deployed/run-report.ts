/** The state of a deployed run: what `--json` prints and what the other lines are made of. */
import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import { consoleOf, executionPage } from '../../functions/model/console-url.ts';
import { type RunOutput, readInput, readJson, readOutput, type SeenPlan } from './run-output.ts';

/** `succeeded`: the output comes from another version of the stack. */
export type RunStatus =
  | 'running'
  | 'published'
  | 'dry run'
  | 'skipped'
  | 'failed'
  | 'stopped'
  | 'timed out'
  | 'succeeded';

/** What `--json` prints. Every key is always present. */
export interface RunReport {
  /** The execution name: what `status` and `resume` take. */
  readonly runId: string;
  /** The run that this execution resumes or publishes. */
  readonly resumes: string | null;
  readonly exportName: string | null;
  readonly status: RunStatus;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly stoppedAt: string | null;
  readonly accounts: number | null;
  readonly pages: number | null;
  readonly pagesDone: number | null;
  /** The output of the execution, unchanged. */
  readonly output: unknown;
  readonly error: string | null;
  readonly cause: string | null;
  readonly executionArn: string;
  readonly consoleUrl: string | null;
}

/**
 * Reports a run from what Step Functions returns.
 * @param plan and `pagesDone`: figures from the history and the map run, for a run without an output
 */
export function reportOf(execution: DescribeExecutionCommandOutput, plan?: SeenPlan, pagesDone?: number): RunReport {
  const output = outputOfRun(execution);
  const input = readInput(execution.input);
  const result = output?.status === 'unknown' ? undefined : output?.result;
  const counted = output?.status === 'published' || output?.status === 'dry run' ? output.result : plan;
  const executionArn = execution.executionArn ?? '';
  const console = consoleOf(executionArn);
  return {
    runId: execution.name ?? executionArn.split(':').at(-1) ?? '',
    resumes: input.resume ?? input.publish ?? null,
    exportName: result?.exportName ?? plan?.exportName ?? input.exportName ?? input.datasetId ?? null,
    status: statusOf(execution, output),
    startedAt: (execution.startDate ?? new Date(0)).toISOString(),
    stoppedAt: execution.stopDate?.toISOString() ?? null,
    accounts: counted?.accounts ?? null,
    pages: counted?.pages ?? null,
    pagesDone: output?.status === 'published' ? output.result.pages : (pagesDone ?? null),
    output: readJson(execution.output) ?? null,
    error: execution.error ?? null,
    cause: execution.cause === undefined ? null : sentenceOf(execution.cause),
    executionArn,
    consoleUrl: console === undefined ? null : executionPage(console, executionArn),
  };
}

/** The output of a run that succeeded. */
export function outputOfRun(execution: DescribeExecutionCommandOutput): RunOutput | undefined {
  return execution.status === 'SUCCEEDED' ? readOutput(execution.output) : undefined;
}

function statusOf({ status = '' }: { status?: string | undefined }, output: RunOutput | undefined): RunStatus {
  if (output) return output.status === 'unknown' ? 'succeeded' : output.status;
  return ENDED[status] ?? 'running';
}

const ENDED: Readonly<Record<string, RunStatus>> = {
  FAILED: 'failed',
  ABORTED: 'stopped',
  TIMED_OUT: 'timed out',
};

/** Whether the run is complete but was not published, so that no page needs to be fetched again. */
export function isQuarantined({ error }: Pick<RunReport, 'error'>): boolean {
  return error === 'DriftedError' || error === 'QuarantinedError';
}

/** The cause of a failed Lambda is JSON with a stack trace; the workflow's own cause is a sentence. */
function sentenceOf(cause: string): string {
  const { errorMessage } = (readJson(cause) ?? {}) as { errorMessage?: unknown };
  return (typeof errorMessage === 'string' ? errorMessage : cause).replaceAll(/\s+/g, ' ').trim();
}
