/** Figures that are told beside a run's own: to metrics, to who asks beforehand, to who publishes at the same moment. */
import { describe, expect, it } from 'vitest';
import { exportPage, type PageAttempt } from '../../functions/export/page/export-page.ts';
import { estimateRun } from '../../functions/export/plan/estimate.ts';
import { parseRequest, resolveRequest } from '../../functions/export/plan/resolve-request.ts';
import type { AccountsApi } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { account, accounts, arrayApi } from '../support/array-api.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';
import { MANIFEST, setUp } from '../support/stepped-run.ts';
import { plannedRun } from './planned-run.ts';

describe('an attempt at a page', () => {
  it('is measured with what it usage, and with its latency unless it failed', async () => {
    const usage = { apiRequests: 4, recordsFetched: 20, retries: { '5xx': 3 } };
    let broken = true;
    const { api } = arrayApi({ list: accounts(25) }, () => {
      if (!broken) return;
      broken = false;
      throw Object.assign(new ExportError('ApiUnavailableError', '502'), { usage });
    });
    const attempts: PageAttempt[] = [];
    const ports = { api, store: memoryStore().store, measure: (attempt: PageAttempt) => void attempts.push(attempt) };
    const task = { page: 1, run: plannedRun() };
    await expect(exportPage(ports, task)).rejects.toThrow('502');
    await exportPage(ports, task);
    expect(attempts).toEqual([
      { exportName: 'all', usage },
      { exportName: 'all', usage: { apiRequests: 1, recordsFetched: 10, retries: {} }, latencyMs: 1 },
    ]);
    await exportPage(ports, task);
    expect(attempts).toHaveLength(2);
  });
});

describe('a dry run', () => {
  it('takes the median of its probes for their time: one slow answer changes nothing', async () => {
    const secondsWith = async (slow: number) => {
      const { api, queries } = arrayApi({ list: accounts(25) });
      const timed: AccountsApi = {
        fetchPage: async (...query) => {
          const latencyMs = queries.length === slow ? 600_000 : 2000;
          return { ...(await api.fetchPage(...query)), latencyMs };
        },
      };
      return (await runSteps(timed, memoryStore().store).dryRun()).expected.seconds;
    };
    const seconds = await Promise.all(Array.from({ length: 20 }, (_, nth) => secondsWith(nth)));
    expect(new Set(seconds).size).toBe(1);
  });

  it('names the least budget that would let the run begin', () => {
    const planned = { apiRequests: 20, recordsFetched: 30, seconds: 1 };
    const run = { accounts: 25, pages: 3, pageSize: 10, format: 'json' as const, concurrency: 8, planned };
    // 30 to plan, three full pages, 184 to prove the run whole.
    expect(estimateRun({ ...run, probeSeconds: 0.2 }).maxRecordsNeeded).toBe(244);
  });
});

describe('a due time', () => {
  const dueAt = (due: string) => () =>
    resolveRequest(parseRequest({ datasetId: 'engage', dueAt: due }), [], '2026-08-22T02:00:00.000Z').dueAt;

  it('may lie a day ahead, and no further', () => {
    expect(dueAt('2026-08-23T02:00:00.000Z')()).toBe('2026-08-23T02:00:00.000Z');
    let refused: unknown;
    try {
      dueAt('2026-08-23T02:00:00.001Z')();
    } catch (error) {
      refused = error;
    }
    expect(refused).toMatchObject({
      name: 'RequestError',
      message:
        'The request is unusable: dueAt is 2026-08-23T02:00:00.001Z, which is still to come; such a run would stay the newest one until then.',
    });
  });
});

describe('two that publish a run at the same moment', () => {
  it('publish the same: the manifest that was there first', async () => {
    const { steps, store, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    const { create } = store;
    store.create = async (key, body, contentType) => {
      if (key === MANIFEST) {
        const other = { ...JSON.parse(String(Buffer.from(body))), publishedAt: '2026-08-22T02:01:00.000Z' };
        objects.set(MANIFEST, Buffer.from(JSON.stringify(other)));
      }
      return create(key, body, contentType);
    };
    expect(await steps.publish(plan)).toMatchObject({ publishedAt: '2026-08-22T02:01:00.000Z', seconds: 60 });
    expect(steps.partitions).toMatchObject([{ publishedAt: '2026-08-22T02:01:00.000Z' }]);
  });
});

describe('a page, and publishing', () => {
  it('tell what of their budget they left', async () => {
    const { steps, objects } = setUp(25);
    await steps.all({ maxRecords: 1000 });
    const left = (name: string) => JSON.parse(String(objects.get(`work/run_id=run-1/budget/1/${name}/00000001.left`)));
    expect(left('page-00001')).toEqual({ left: 0 });
    expect(left('page-00002')).toEqual({ left: 5 });
    expect(left('publish').left).toBeGreaterThan(0);
    expect(left('publish').left).toBeLessThan(184);
  });
});

describe('a run that is made once more', () => {
  it('has a plan that was made now, and a budget of its own with what is left', async () => {
    const { steps, source } = setUp(25);
    const plan = await steps.plan({ onDrift: 'retry', maxRecords: 1000 });
    await steps.pages(plan);
    source.list[9] = account('somebody else');
    expect(await steps.finish(plan)).toMatchObject({ status: 'drifted' });
    const again = await steps.plan({ onDrift: 'retry', maxRecords: 1000 });
    expect(again).toMatchObject({ release: false, plan: { resumed: false }, run: { attempt: 2, budget: 2 } });
    expect(again.run.spareFetches).toBeLessThan(plan.run.spareFetches ?? 0);
  });
});
