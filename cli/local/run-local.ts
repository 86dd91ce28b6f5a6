/** A run on one machine: the definition of the deployed workflow, its tasks as functions over local ports. */
import { setTimeout as sleep } from 'node:timers/promises';
import { planExport } from '../../functions/export/plan/plan-export.ts';
import type { AccountsApi, Activity, Catalog, Clock, ObjectStore, RunToReport } from '../../functions/export/ports.ts';
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

/** On one machine the manifest makes a run visible to `query`, so there is nothing to add or to remove. */
export function localCatalog(): Catalog {
  return {
    check: async () => undefined,
    addRun: async () => undefined,
    removeRun: async () => undefined,
    isVisible: async () => true,
  };
}

export interface LocalRunOptions {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  /** @default none: on one machine the manifest makes a run visible to `query` */
  readonly catalog?: Catalog;
  /** @default the clock of this machine */
  readonly clock?: Clock;
  readonly runId: string;
  readonly request: unknown;
  /** @default none: the request is a whole export */
  readonly exports?: readonly ExportSettings[];
  /** API requests in flight at once; the API client enforces it. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** How often a task is retried. @default fewer than on AWS, because a person is waiting */
  readonly retries?: number;
  /** The wait before a task is retried. @default 500 */
  readonly retryIntervalMs?: number | undefined;
  /** Receives what planning and publishing do; requests come from the API client. */
  readonly observe?: (activity: Activity) => void;
  readonly onPlan?: (plan: PlanOutcome) => void;
  /** Called for each page that is exported, with its number of accounts. */
  readonly onPage?: (accounts: number) => void;
  /** Called with every error of a task, also those that are retried. */
  readonly onError?: (error: unknown) => void;
}

export type LocalOutcome =
  | { readonly outcome: 'published'; readonly result: PublishResult }
  | { readonly outcome: 'dryRun'; readonly plan: DryRunResult }
  | { readonly outcome: 'skipped'; readonly skipped: SkippedRun }
  | { readonly outcome: 'failed'; readonly failure: FailureReport };

/** A person is waiting: an API that is down fails a run within a minute. */
const RETRIES = 7;
const RETRY_INTERVAL_MS = 1000;

/**
 * The engine ends a task after a minute by default, and here no Lambda ends it: the API client has limits of its own, and
 * planning and publishing take as long as they take. Eleven days is close to the maximum of the engine's timers.
 */
const TIMEOUT_SECONDS = 1_000_000;

/** Pages in progress for each request in flight: while one part is compressed and written, the next page is fetched. */
const PAGES_PER_REQUEST = 2;

/** Loaded while the first request waits for the API, so that it is sent sooner. Later, an update could have replaced the code. */
async function stepsAfterPlan() {
  const [page, publish, report] = await Promise.all([
    import('../../functions/export/page/export-page.ts'),
    import('../../functions/export/publish/publish-run.ts'),
    import('../../functions/export/report/keep-report.ts'),
  ]);
  return { ...page, ...publish, ...report };
}

/** Loading blocks the thread: by then, a request is on its way. */
const REQUEST_STARTS_MS = 5;

/** The run has ended already, so the engine retries nothing. */
class RunEndedError extends Error {
  override readonly name = 'RunEndedError';
  /** Read by the engine. */
  readonly isRetryable = false;
}

/** Runs an export to its end. A failure is an outcome, not an exception. */
export async function runLocal(options: LocalRunOptions): Promise<LocalOutcome> {
  const { api, store, catalog = localCatalog(), clock = { now: Date.now }, exports = [], observe, signal } = options;
  const { execution: executionId, end } = beginLocalExecution();
  // The engine has a clock of its own, and puts its time into the context object.
  const startedAt = new Date(clock.now()).toISOString();
  let plan: PlanOutcome | undefined;
  let failure: FailureReport | undefined;
  // Once the run has failed, further requests would only use records.
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);

  const inProgress = new Set<Promise<unknown>>();
  const onPublished = async (published: RunToReport) => {
    const { keepReport } = await stepsAfterPlan();
    await keepReport(store, published);
  };

  const task = <T>(work: (event: unknown) => Promise<T>) => {
    return async (event: unknown): Promise<T> => {
      if (stopped.aborted) throw new RunEndedError();
      const working = work(event);
      inProgress.add(working);
      try {
        return await working;
      } catch (error) {
        options.onError?.(error);
        throw stopped.aborted ? new RunEndedError() : error;
      } finally {
        inProgress.delete(working);
      }
    };
  };
  const counting = Promise.withResolvers<void>();
  const observePlan = (activity: Activity) => {
    if (activity.activity === 'counting') counting.resolve(sleep(REQUEST_STARTS_MS));
    observe?.(activity);
  };
  const planTask = task(async (event) => {
    // The map's limit is higher: see PAGES_PER_REQUEST.
    const started = { ...(event as object), startedAt, concurrency: options.concurrency };
    const ports = { api, store, catalog, executions: localExecutions, exports, observe: observePlan };
    plan = throughJson(await planExport(ports, started, stopped));
    options.onPlan?.(plan);
    return plan;
  });
  // The first attempt at planning starts before the engine is loaded, with the event that the engine would send.
  let firstAttempt: Promise<unknown> | undefined = planTask({
    runId: options.runId,
    execution: executionId,
    request: throughJson(options.request),
  });
  const isCounting = Promise.race([counting.promise, firstAttempt.catch(() => undefined)]);
  const handlers = {
    [STATES.plan]: (event: unknown) => {
      const started = firstAttempt;
      firstAttempt = undefined;
      return started ?? planTask(event);
    },
    [STATES.page]: task(async (event) => {
      const { exportPage } = await stepsAfterPlan();
      const accounts = await exportPage({ api, store, clock }, event, stopped);
      options.onPage?.(accounts);
      return accounts;
    }),
    [STATES.publish]: task(async (event) => {
      const { publishRun } = await stepsAfterPlan();
      return throughJson(await publishRun({ api, store, catalog, clock, observe, onPublished }, event, stopped));
    }),
    [STATES.report]: async (event: unknown) => {
      stop.abort();
      const { reportFailure } = await import('../../functions/export/report/report-failure.ts');
      failure = throughJson(await reportFailure({ store }, event));
      return failure;
    },
    ...Object.fromEntries(ANNOUNCING_STATES.map((state) => [state, async () => ({})])),
  };

  const definition = exportWorkflow({
    resources: LOCAL_RESOURCES,
    concurrency: options.concurrency * PAGES_PER_REQUEST,
    topicArn: 'arn:aws:sns:us-east-1:000000000000:failures',
    retries: options.retries ?? RETRIES,
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  try {
    await isCounting;
    const [{ StateMachine }] = await Promise.all([import('aws-local-stepfunctions'), stepsAfterPlan()]);
    const machine = new StateMachine(definition as ConstructorParameters<typeof StateMachine>[0], {
      // The tests validate it. The validator takes longer than all else before the first request.
      validationOptions: { noValidate: true },
    });
    const execution = machine.run(options.request as never, {
      overrides: {
        taskResourceLocalHandlers: handlers as never,
        retryIntervalOverrides: Object.fromEntries(
          [STATES.plan, STATES.page, STATES.publish, STATES.report].map((state) => [
            state,
            options.retryIntervalMs ?? RETRY_INTERVAL_MS,
          ]),
        ),
      },
      context: {
        Execution: {
          Id: executionId,
          Name: options.runId,
          Input: options.request as never,
        },
      } as never,
    });
    signal.addEventListener('abort', () => execution.abort(), { once: true });
    if (signal.aborted) execution.abort();
    void discardAll(execution.eventLogs);
    const output: unknown = await execution.result;
    if (plan?.outcome === 'dryRun') return { outcome: 'dryRun', plan };
    if (plan?.outcome === 'skipped') return { outcome: 'skipped', skipped: plan };
    return { outcome: 'published', result: output as PublishResult };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (failure) return { outcome: 'failed', failure };
    throw error;
  } finally {
    // Tasks that were aborted still record their usage, and hold the run's lock until they have.
    await Promise.allSettled(inProgress);
    end();
  }
}

/** The engine keeps events, several for each page, until they are read. */
async function discardAll(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}

/** Lambdas exchange JSON, so tasks do here, too: nothing works on one machine only. */
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
