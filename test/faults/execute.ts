/**
 * One execution of the deployed workflow's definition, as AWS would run it, with faults and without waits.
 *
 * `runLocal` waits half a second before each retry, too long for hundreds of runs that exhaust all retries. The killed
 * processes (`killed-process.ts`) do use `runLocal`.
 */
import { setTimeout } from 'node:timers/promises';
import { StateMachine } from 'aws-local-stepfunctions';
import { exportPage } from '../../functions/export/page/export-page.ts';
import { planExport } from '../../functions/export/plan/plan-export.ts';
import type { AccountsApi, Catalog, Executions, ObjectStore } from '../../functions/export/ports.ts';
import { publishRun } from '../../functions/export/publish/publish-run.ts';
import { reportFailure } from '../../functions/export/report/report-failure.ts';
import type { FailureReport, PlanOutcome } from '../../functions/model/outcomes.ts';
import { ANNOUNCING_STATES, exportWorkflow, STATES } from '../../functions/workflow.ts';
import type { Step } from './operations.ts';

export type Ended =
  | { readonly status: 'published'; readonly retries: number }
  | { readonly status: 'failed'; readonly error: string; readonly cause: string }
  | { readonly status: 'killed' | 'skipped' | 'hung' };

export interface Execution {
  /** The execution's name: the run's id, unless the request resumes another run. */
  readonly name: string;
  /** Its ARN. */
  readonly id: string;
  readonly request: object;
  readonly portsOf: (step: Step) => { api: AccountsApi; store: ObjectStore; catalog: Catalog };
  readonly executions: Executions;
  /** Resolves when the process is killed. */
  readonly killed: Promise<void>;
  /** Wraps each invocation of a task, for example to invoke it twice. */
  readonly invoke?: Invoke | undefined;
  /** Called after each attempt at a task that failed. */
  readonly onFailedAttempt?: () => void;
}

/** One attempt at a task. */
export type Attempt = (signal: AbortSignal) => Promise<unknown>;
export type Invoke = (step: Step, attempt: Attempt, signal: AbortSignal) => Promise<unknown>;

const STEPS: readonly Step[] = ['plan', 'page', 'publish', 'report'];
/** Much longer than any run of the matrix takes. */
const HUNG_AFTER_MS = 120_000;
const STARTED_AT = '2026-08-22T02:00:00.000Z';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:task';
/** One for all executions, because its constructor validates the definition, which takes long. */
const WORKFLOW = new StateMachine(
  exportWorkflow({
    resources: { planExport: ARN, exportPage: ARN, publishRun: ARN, reportFailure: ARN },
    // One page at a time: the operations have the same order in every run.
    concurrency: 1,
    topicArn: 'arn:aws:sns:us-east-1:000000000000:failures',
  }) as never,
);

/** Runs an execution to its end, or until it is killed. */
export async function execute(options: Execution): Promise<Ended> {
  const { name, id, request, portsOf, executions, invoke = (_step, attempt, signal) => attempt(signal) } = options;
  const stop = new AbortController();
  let failedAttempts = 0;
  let plan: PlanOutcome | undefined;
  let pageFailed = false;
  let report: FailureReport | undefined;
  let lastError: unknown;

  const tasks: Record<Step, (event: unknown, signal: AbortSignal) => Promise<unknown>> = {
    plan: async (event, signal) => {
      plan = await planExport({ ...portsOf('plan'), executions, exports: [] }, event, signal);
      return plan;
    },
    page: (event, signal) => exportPage({ ...portsOf('page'), clock: { now: Date.now } }, event, signal),
    publish: (event, signal) => publishRun({ ...portsOf('publish'), clock: { now: Date.now } }, event, signal),
    report: async (event) => {
      report = await reportFailure(portsOf('report'), event);
      return report;
    },
  };
  const handler = (step: Step) => async (input: unknown) => {
    const event = step === 'report' && pageFailed ? asMapFailure(input) : input;
    try {
      // Lambdas exchange JSON.
      const result = await invoke(step, (signal) => tasks[step](event, signal), stop.signal);
      return JSON.parse(JSON.stringify(result)) as unknown;
    } catch (error) {
      failedAttempts++;
      options.onFailedAttempt?.();
      lastError = error;
      pageFailed ||= step === 'page';
      if (step === 'publish') pageFailed = false;
      throw error;
    }
  };

  const running = WORKFLOW.run(request as never, {
    overrides: {
      taskResourceLocalHandlers: {
        ...Object.fromEntries(STEPS.map((step) => [STATES[step], handler(step)])),
        ...Object.fromEntries(ANNOUNCING_STATES.map((state) => [state, async () => ({})])),
      } as never,
      retryIntervalOverrides: Object.fromEntries(STEPS.map((step) => [STATES[step], 0])),
    },
    context: {
      Execution: { Id: id, Name: name, StartTime: STARTED_AT, Input: request },
    } as never,
  });
  const finished = running.result.then(
    (): Ended => {
      if (plan?.outcome === 'skipped') return { status: 'skipped' };
      return { status: 'published', retries: failedAttempts };
    },
    (): Ended => {
      // Without a report, the execution ends with the last error.
      const { name, message } = lastError as Error;
      return { status: 'failed', error: report?.error ?? name, cause: report?.cause ?? message };
    },
  );
  const hung = setTimeout(HUNG_AFTER_MS, { status: 'hung' } as const, { ref: false });
  const killed = options.killed.then((): Ended => ({ status: 'killed' }));
  const ended = await Promise.race([finished, hung, killed]);
  // The requests of a killed process end with it.
  stop.abort();
  if (ended.status === 'killed' || ended.status === 'hung') running.abort();
  return ended;
}

/** A Distributed Map reports that a child failed, but not why. */
function asMapFailure(event: unknown): unknown {
  const failure = {
    Error: 'States.ExceedToleratedFailureThreshold',
    Cause: 'The specified tolerated failure threshold was exceeded.',
  };
  return { ...(event as object), failure };
}
