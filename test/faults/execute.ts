/**
 * One execution of the deployed workflow's definition, as AWS would run it, with faults and without waiting.
 *
 * `runLocal` waits half a second before each retry, which hundreds of runs that exhaust all retries cannot. The killed
 * processes (`killed-process.ts`) do run `runLocal`.
 */
import { StateMachine } from 'aws-local-stepfunctions';
import { exportPage } from '../../functions/export/page/export-page.ts';
import { planExport } from '../../functions/export/plan/plan-export.ts';
import type { AccountsApi, Catalog, Executions, ObjectStore } from '../../functions/export/ports.ts';
import { publishRun } from '../../functions/export/publish/publish-run.ts';
import { reportFailure } from '../../functions/export/report/report-failure.ts';
import type { FailureReport, PlanOutcome, PublishResult } from '../../functions/model/outcomes.ts';
import { ANNOUNCING_STATES, exportWorkflow, STATES } from '../../functions/workflow.ts';
import type { Step } from './operations.ts';

export type Ended =
  | { readonly status: 'published'; readonly retries: number; readonly result: PublishResult }
  | { readonly status: 'failed'; readonly retries: number; readonly error: string; readonly cause: string }
  | { readonly status: 'killed' }
  | { readonly status: 'skipped' | 'planned' | 'hung' };

export interface TaskPorts {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  readonly catalog: Catalog;
}

export interface Execution {
  /** The execution's name: the run's id, unless it goes on with another run. */
  readonly name: string;
  /** Its ARN, which no other execution has. */
  readonly id: string;
  readonly request: object;
  readonly portsOf: (step: Step) => TaskPorts;
  readonly executions: Executions;
  /** Pages at once. One makes the order of operations the same every time. */
  readonly concurrency?: number;
  /** Resolves when the process is killed. */
  readonly killed?: Promise<void>;
  /** Wraps each invocation of a task: to invoke it twice, or to end it before its time. */
  readonly invoke?: Invoke;
}

export type Invoke = (
  step: Step,
  task: (event: unknown, signal: AbortSignal) => Promise<unknown>,
  event: unknown,
  signal: AbortSignal,
) => Promise<unknown>;

const STEPS: Record<Step, string> = {
  plan: STATES.plan,
  page: STATES.page,
  publish: STATES.publish,
  report: STATES.report,
};
/** Longer than any run here takes by far. */
const HUNG_AFTER_MS = 120_000;
const STARTED_AT = '2026-08-22T02:00:00.000Z';

/** Runs an execution to its end, or until it is killed. */
export async function execute(options: Execution): Promise<Ended> {
  const { name, id, request, portsOf, executions, concurrency = 1 } = options;
  const { invoke = (_step, task, ...rest) => task(...rest) } = options;
  const stop = new AbortController();
  let failedTries = 0;
  let plan: PlanOutcome | undefined;
  let pageFailed = false;
  let report: FailureReport | undefined;
  let lastError: unknown;

  const tasks: Record<Step, (event: unknown, signal: AbortSignal) => Promise<unknown>> = {
    plan: async (event, signal) => {
      plan = await planExport({ ...portsOf('plan'), executions }, event, signal);
      return plan;
    },
    page: (event, signal) => exportPage(portsOf('page'), event, signal),
    publish: (event, signal) => publishRun({ ...portsOf('publish'), clock: { now: Date.now } }, event, signal),
    report: async (event) => {
      report = await reportFailure(portsOf('report'), event);
      return report;
    },
  };
  const handler = (step: Step) => async (input: unknown) => {
    const event = step === 'report' && pageFailed ? asMapTellsIt(input) : input;
    try {
      // What passes between Lambdas is JSON.
      const result = await invoke(step, tasks[step], event, stop.signal);
      return JSON.parse(JSON.stringify(result)) as unknown;
    } catch (error) {
      failedTries++;
      lastError = error;
      pageFailed ||= step === 'page';
      if (step === 'publish') pageFailed = false;
      throw error;
    }
  };

  const arn = 'arn:aws:lambda:us-east-1:000000000000:function:task';
  const definition = exportWorkflow({
    resources: { planExport: arn, exportPage: arn, publishRun: arn, reportFailure: arn },
    exports: [],
    concurrency,
    topicArn: 'arn:aws:sns:us-east-1:000000000000:failures',
  });
  const running = new StateMachine(definition as never).run(request as never, {
    overrides: {
      taskResourceLocalHandlers: {
        ...Object.fromEntries(Object.entries(STEPS).map(([step, state]) => [state, handler(step as Step)])),
        ...Object.fromEntries(ANNOUNCING_STATES.map((state) => [state, async () => ({})])),
      } as never,
      retryIntervalOverrides: Object.fromEntries(Object.values(STEPS).map((state) => [state, 0])),
    },
    context: {
      Execution: {
        Id: id,
        Name: name,
        StartTime: STARTED_AT,
        Input: request,
      },
    } as never,
  });
  const finished = running.result.then(
    (output: unknown): Ended => {
      if (plan?.outcome === 'dryRun') return { status: 'planned' };
      if (plan?.outcome === 'skipped') return { status: 'skipped' };
      return { status: 'published', retries: failedTries, result: output as PublishResult };
    },
    (): Ended => {
      // Where even the report fails, the execution ends with what that failed with.
      const { name, message } = lastError as Error;
      return {
        status: 'failed',
        retries: failedTries - 1,
        error: report?.error ?? name,
        cause: report?.cause ?? message,
      };
    },
  );
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<Ended>((resolve) => {
    timer = setTimeout(() => resolve({ status: 'hung' }), HUNG_AFTER_MS);
  });
  const killed = options.killed?.then((): Ended => ({ status: 'killed' }));
  const ended = await Promise.race([finished, hung, ...(killed ? [killed] : [])]);
  clearTimeout(timer);
  // The requests of a process that is gone are gone too.
  stop.abort();
  if (ended.status === 'killed' || ended.status === 'hung') running.abort();
  return ended;
}

/** A Distributed Map tells that one of its children failed, and not why. */
function asMapTellsIt(event: unknown): unknown {
  const failure = {
    Error: 'States.ExceedToleratedFailureThreshold',
    Cause: 'The specified tolerated failure threshold was exceeded.',
  };
  return { ...(event as object), failure };
}
