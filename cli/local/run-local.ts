/** The run on one machine: the deployed workflow's own definition, its tasks as functions over local ports. */
import { StateMachine } from 'aws-local-stepfunctions';
import { exportPage } from '../../functions/export/page/export-page.ts';
import { planExport } from '../../functions/export/plan/plan-export.ts';
import type { AccountsApi, Catalog, Clock, ObjectStore } from '../../functions/export/ports.ts';
import { publishRun } from '../../functions/export/publish/publish-run.ts';
import { reportFailure } from '../../functions/export/report/report-failure.ts';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import type {
  DryRunResult,
  FailureReport,
  PlanOutcome,
  PublishResult,
  SkippedRun,
} from '../../functions/model/outcomes.ts';
import { ANNOUNCING_STATES, exportWorkflow, STATES } from '../../functions/workflow.ts';
import { beginLocalExecution, localExecutions } from './local-executions.ts';

export interface LocalRunOptions {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly runId: string;
  readonly request: unknown;
  readonly exports: readonly ExportSettings[];
  /** API requests in flight at once; the API client holds to it. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** How often a task is tried again. @default fewer than on AWS: somebody is waiting */
  readonly retries?: number;
  readonly onPlan?: (plan: PlanOutcome) => void;
  /** Called for each page that is there, with its number of accounts. */
  readonly onPage?: (accounts: number) => void;
  /** Called with every error a task ends with, also those that are tried again. */
  readonly onError?: (error: unknown) => void;
}

export type LocalOutcome =
  | { readonly status: 'published'; readonly result: PublishResult }
  | { readonly status: 'planned'; readonly plan: DryRunResult }
  | { readonly status: 'skipped'; readonly skipped: SkippedRun }
  | { readonly status: 'failed'; readonly failure: FailureReport };

/** On one machine somebody is waiting: an API that is down fails a run within a minute. */
const RETRIES = 7;
const RETRY_INTERVAL_MS = 500;

/**
 * The engine ends a task after a minute unless it is told otherwise, and here no Lambda ends it: the client of the API has
 * limits of its own, and planning and publishing take what they take. Eleven days, as near as the engine's timers come to
 * no limit.
 */
const TASK_TIMEOUT_SECONDS = 1_000_000;

/** Pages in work for each request in flight: while one part is packed and written, the next page is fetched. */
const PAGES_PER_REQUEST = 2;

/** Runs an export to its end; a failure is an outcome, not an exception. */
export async function runLocal(options: LocalRunOptions): Promise<LocalOutcome> {
  const { api, store, catalog, clock, signal } = options;
  const { execution: executionId, end } = beginLocalExecution();
  let plan: PlanOutcome | undefined;
  let failure: FailureReport | undefined;
  // Once the run has failed, requests still in flight would only spend records.
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);

  const task = <T>(work: (event: unknown) => Promise<T>) => {
    return async (event: unknown): Promise<T> => {
      try {
        return await work(event);
      } catch (error) {
        options.onError?.(error);
        throw error;
      }
    };
  };
  const handlers = {
    [STATES.plan]: task(async (event) => {
      plan = throughJson(await planExport({ api, store, executions: localExecutions }, event, stopped));
      options.onPlan?.(plan);
      return plan;
    }),
    [STATES.page]: task(async (event) => {
      const accounts = await exportPage({ api, store }, event, stopped);
      options.onPage?.(accounts);
      return accounts;
    }),
    [STATES.publish]: task(async (event) =>
      throughJson(await publishRun({ api, store, catalog, clock }, event, stopped)),
    ),
    [STATES.report]: task(async (event) => {
      stop.abort();
      failure = throughJson(await reportFailure({ store }, event));
      return failure;
    }),
    // On one machine nobody listens: who started the run is told on the terminal.
    ...Object.fromEntries(ANNOUNCING_STATES.map((state) => [state, async () => ({})])),
  };

  const definition = exportWorkflow({
    resources: LOCAL_RESOURCES,
    exports: options.exports,
    concurrency: options.concurrency * PAGES_PER_REQUEST,
    topicArn: 'arn:aws:sns:us-east-1:000000000000:failures',
    retries: options.retries ?? RETRIES,
    taskTimeoutSeconds: TASK_TIMEOUT_SECONDS,
  });
  const execution = new StateMachine(definition as ConstructorParameters<typeof StateMachine>[0]).run(
    options.request as never,
    {
      overrides: {
        taskResourceLocalHandlers: handlers as never,
        retryIntervalOverrides: Object.fromEntries(
          [STATES.plan, STATES.page, STATES.publish, STATES.report].map((state) => [state, RETRY_INTERVAL_MS]),
        ),
      },
      context: {
        Execution: {
          Id: executionId,
          Name: options.runId,
          StartTime: new Date(clock.now()).toISOString(),
          Input: options.request as never,
        },
      } as never,
    },
  );
  signal.addEventListener('abort', () => execution.abort(), { once: true });
  try {
    const output: unknown = await execution.result;
    if (plan?.dryRun) return { status: 'planned', plan };
    if (plan?.skipped) return { status: 'skipped', skipped: plan };
    return { status: 'published', result: output as PublishResult };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (failure) return { status: 'failed', failure };
    throw error;
  } finally {
    end();
  }
}

/** What passes between Lambdas is JSON; here it is made so, lest something works on one machine alone. */
function throughJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const arn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const LOCAL_RESOURCES = {
  planExport: arn('plan-export'),
  exportPage: arn('export-page'),
  publishRun: arn('publish-run'),
  reportFailure: arn('report-failure'),
};
