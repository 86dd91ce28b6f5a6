/** The steps of a run one after the other, without a workflow. */

import { exportPage } from '../../functions/export/page/export-page.ts';
import { planExport } from '../../functions/export/plan/plan-export.ts';
import type {
  AccountsApi,
  AttemptFigures,
  Executions,
  ObjectStore,
  PublishedRun,
} from '../../functions/export/ports.ts';
import { publishRun } from '../../functions/export/publish/publish-run.ts';
import type {
  DryRunResult,
  PlanOutcome,
  PlanResult,
  PublishOutcome,
  PublishResult,
} from '../../functions/model/outcomes.ts';

export const STARTED_AT = '2026-08-22T02:00:00.000Z';
export const PUBLISHED_AT = Date.parse('2026-08-22T02:01:30.000Z');

export interface Steps {
  readonly partitions: PublishedRun[];
  /** The figures of each attempt. */
  readonly measured: AttemptFigures[];
  /** Plans as this execution. The request is that of export `all`, in pages of ten, and what is given. */
  plan(request?: object): Promise<PlanResult>;
  dryRun(request?: object): Promise<DryRunResult>;
  /** Any outcome of planning. */
  start(request?: object): Promise<PlanOutcome>;
  /** Plans to publish a quarantined run. */
  publishQuarantined(earlierRunId: string): Promise<PlanResult>;
  /** Resumes an earlier run. */
  resume(earlierRunId: string, more?: object): Promise<PlanResult>;
  pages(plan: PlanResult): Promise<number[]>;
  publish(plan: PlanResult): Promise<PublishResult>;
  /** Any outcome of publishing: a published run, or one to retry. */
  finish(plan: PlanResult): Promise<PublishOutcome>;
  all(request?: object): Promise<PublishResult>;
}

/** No other execution is running. */
export const ALONE: Executions = { isRunning: async () => false };

export function runSteps(
  api: AccountsApi,
  store: ObjectStore,
  runId = 'run-1',
  executions: Executions & { readonly idOf?: (runId: string) => string } = ALONE,
): Steps {
  const partitions: PublishedRun[] = [];
  const measured: AttemptFigures[] = [];
  const measure = (attempt: AttemptFigures) => void measured.push(attempt);
  const catalog = {
    check: async () => undefined,
    addRun: async (run: PublishedRun) => void partitions.push(run),
    removeRun: async () => undefined,
    isVisible: async () => true,
  };
  const clock = { now: () => PUBLISHED_AT };
  const execute = async (request: object) => {
    const execution = executions.idOf?.(runId) ?? `execution of ${runId}`;
    const event = { runId, execution, startedAt: STARTED_AT, request, concurrency: 8 };
    const ports = { api, store, catalog, executions, exports: [], measure };
    return JSON.parse(JSON.stringify(await planExport(ports, event))) as PlanOutcome;
  };
  const steps: Steps = {
    partitions,
    measured,
    plan: async (request) => (await steps.start(request)) as PlanResult,
    dryRun: async (request) => (await steps.start({ ...request, dryRun: true })) as DryRunResult,
    start: (request = {}) => execute({ exportName: 'all', datasetId: 'engage', pageSize: 10, ...request }),
    publishQuarantined: async (earlierRunId) => (await execute({ publish: earlierRunId })) as PlanResult,
    resume: async (earlierRunId, more) => (await execute({ resume: earlierRunId, ...more })) as PlanResult,
    async pages({ pageNumbers, run, execution }) {
      const counts: number[] = [];
      for (const page of pageNumbers)
        counts.push(await exportPage({ api, store, clock, measure }, { page, run, execution }));
      return counts;
    },
    publish: async (plan) => (await steps.finish(plan)) as PublishResult,
    finish: ({ run, outcome, execution }) =>
      publishRun({ api, store, catalog, clock, measure }, { run, outcome, execution }),
    async all(request) {
      const plan = await steps.plan(request);
      if (plan.outcome === 'exportPages') await steps.pages(plan);
      return steps.publish(plan);
    },
  };
  return steps;
}
