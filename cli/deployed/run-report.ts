/** A run of the deployed state machine as it stands: what `--json` prints, and what the sentences are made of. */
import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { CommandError } from './command-error.ts';
import { readInput, readJson, readOutput, type SeenPlan } from './run-output.ts';
import type { Stack } from './stack.ts';

/** `succeeded`: with an output that this version does not know. */
export type RunStatus =
  | 'running'
  | 'published'
  | 'planned'
  | 'skipped'
  | 'failed'
  | 'stopped'
  | 'timed out'
  | 'succeeded';

/** What `--json` prints of a run: every key is always there. */
export interface RunReport {
  /** The execution's name: what `status` and `redrive` take. */
  readonly runId: string;
  /** The run whose pages this one goes on with, or publishes as they are. */
  readonly resumes: string | null;
  readonly exportName: string | null;
  readonly status: RunStatus;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly stoppedAt: string | null;
  readonly accounts: number | null;
  readonly pages: number | null;
  readonly pagesDone: number | null;
  /** The execution's output as it is. */
  readonly output: unknown;
  readonly error: string | null;
  readonly cause: string | null;
  readonly executionArn: string;
  readonly consoleUrl: string | null;
}

/** Of a run that goes on or did not end well: what its history and its map tell. */
export interface RunFigures {
  readonly plan?: SeenPlan | undefined;
  readonly pagesDone?: number | undefined;
}

/** Makes the report of what Step Functions says. */
export function reportOf(
  stack: Pick<Stack, 'consoleUrl'>,
  execution: DescribeExecutionCommandOutput,
  { plan, pagesDone }: RunFigures = {},
): RunReport {
  const output = execution.status === 'SUCCEEDED' ? readOutput(execution.output) : undefined;
  const input = readInput(execution.input);
  const counted = output?.status === 'published' || output?.status === 'planned' ? output : undefined;
  const executionArn = execution.executionArn ?? '';
  return {
    runId: execution.name ?? executionArn.split(':').at(-1) ?? '',
    resumes: input.resume ?? input.publish ?? null,
    exportName: output?.exportName ?? plan?.exportName ?? input.exportName ?? input.datasetId ?? null,
    status:
      execution.status === 'SUCCEEDED'
        ? (output?.status ?? 'succeeded')
        : (UNENDED[execution.status ?? ''] ?? 'running'),
    startedAt: (execution.startDate ?? new Date(0)).toISOString(),
    stoppedAt: execution.stopDate?.toISOString() ?? null,
    accounts: counted?.accounts ?? plan?.accounts ?? null,
    pages: counted?.pages ?? plan?.pages ?? null,
    pagesDone: output?.status === 'published' ? output.pages : (pagesDone ?? null),
    output: readJson(execution.output) ?? null,
    error: execution.error ?? null,
    cause: execution.cause === undefined ? null : sentenceOf(execution.cause),
    executionArn,
    consoleUrl: consoleUrl(stack, executionArn),
  };
}

const UNENDED: Readonly<Record<string, RunStatus>> = {
  FAILED: 'failed',
  ABORTED: 'stopped',
  TIMED_OUT: 'timed out',
};

/** Whether a run was exported and then held back, for somebody to look at: there is no page to fetch again. */
export function isQuarantined({ error }: Pick<RunReport, 'error'>): boolean {
  return error === 'DriftedError' || error === 'QuarantinedError';
}

/** What a Lambda itself fails with is JSON, its message and a stack; the workflow's own cause is a sentence. */
function sentenceOf(cause: string): string {
  const { errorMessage } = (readJson(cause) ?? {}) as { errorMessage?: unknown };
  return (typeof errorMessage === 'string' ? errorMessage : cause).replaceAll(/\s+/g, ' ').trim();
}

/** The stack says where its partition's console is: China and GovCloud have their own. */
function consoleUrl({ consoleUrl: stateMachineUrl }: Pick<Stack, 'consoleUrl'>, executionArn: string): string | null {
  const [console, page] = (stateMachineUrl ?? '').split('#');
  return page === undefined ? null : `${console}#/v2/executions/details/${executionArn}`;
}

/** The region of a run that is named by its ARN. */
export function regionOfRun(run: string): string | undefined {
  return /^arn:[a-z-]+:states:([a-z0-9-]+):/.exec(run)?.[1];
}

/**
 * The ARN of a run that is named by its id or by its ARN.
 * @throws ExportError `RequestError` for what can be neither
 * @throws CommandError for an execution of another state machine: it must not be stopped or started by mistake
 */
export function executionArnOf(
  run: string,
  { stateMachineArn, name }: Pick<Stack, 'stateMachineArn' | 'name'>,
): string {
  const executions = stateMachineArn.replace(':stateMachine:', ':execution:');
  if (!run.startsWith('arn:')) return `${executions}:${checkRunId(run)}`;
  if (run.startsWith(`${executions}:`)) return run;
  if (!/^arn:[a-z-]+:states:[a-z0-9-]+:\d+:execution:[^:]+:[^:]+$/.test(run)) {
    throw new ExportError(
      'RequestError',
      `${JSON.stringify(run.slice(0, 100))} is neither a run id nor an execution ARN.`,
    );
  }
  throw new CommandError(
    `${run} is no run of stack ${JSON.stringify(name)}, whose state machine is ${stateMachineArn}: name its stack with --stack.`,
  );
}
