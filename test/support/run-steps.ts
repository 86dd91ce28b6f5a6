/** The steps of a run one after the other, without a workflow around them. */
import type { PlanResult, PublishResult } from '../../functions/contracts.ts';
import { exportPage } from '../../functions/export/export-page.ts';
import { planExport } from '../../functions/export/plan-export.ts';
import type { AccountsApi, ObjectStore, PublishedRun } from '../../functions/export/ports.ts';
import { publishRun } from '../../functions/export/publish-run.ts';

export const STARTED_AT = '2026-08-22T02:00:00.000Z';
export const PUBLISHED_AT = Date.parse('2026-08-22T02:01:30.000Z');

export interface Steps {
  readonly partitions: PublishedRun[];
  plan(request?: object): Promise<PlanResult>;
  pages(plan: PlanResult): Promise<number[]>;
  publish(plan: PlanResult): Promise<PublishResult>;
  all(request?: object): Promise<PublishResult>;
}

export function runSteps(api: AccountsApi, store: ObjectStore, runId = 'run-1'): Steps {
  const partitions: PublishedRun[] = [];
  const catalogue = {
    addRun: async (run: PublishedRun) => void partitions.push(run),
    removeRun: async () => undefined,
  };
  const steps: Steps = {
    partitions,
    plan: (request = {}) =>
      planExport(
        { api, store },
        {
          runId,
          startedAt: STARTED_AT,
          request: { exportName: 'all', datasetId: 'engage', pageSize: 10, ...request },
          exports: [],
          concurrency: 8,
        },
      ).then((plan) => JSON.parse(JSON.stringify(plan)) as PlanResult),
    async pages({ pageNumbers, run }) {
      const counts: number[] = [];
      for (const page of pageNumbers) counts.push(await exportPage({ api, store }, { page, run }));
      return counts;
    },
    publish: ({ run }) => publishRun({ api, store, catalogue, clock: { now: () => PUBLISHED_AT } }, { run }),
    async all(request) {
      const plan = await steps.plan(request);
      await steps.pages(plan);
      return steps.publish(plan);
    },
  };
  return steps;
}
