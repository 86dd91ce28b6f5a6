import { describe, expect, it } from 'vitest';
import { account } from '../../support/array-api.ts';
import { runSteps } from '../../support/run-steps.ts';
import { manifestIn, setUp } from '../../support/stepped-run.ts';

describe('planning', () => {
  it('exports nothing and leaves nothing behind in a dry run', async () => {
    const { steps, objects } = setUp(25);
    expect(await steps.plan({ dryRun: true })).toMatchObject({
      status: 'planned',
      accounts: 25,
      pages: 3,
      pageSize: 10,
      expected: { secondsFrom: 'probes' },
    });
    expect(objects.size).toBe(0);
  });

  it('reckons in a dry run the requests and records that the run then needs, at the most', async () => {
    const { steps, objects } = setUp(25);
    const { expected } = await steps.dryRun();
    await steps.all();
    const { apiRequests, recordsFetched } = manifestIn(objects);
    expect(expected.apiRequests).toBeGreaterThanOrEqual(apiRequests);
    expect(expected.recordsFetched).toBeGreaterThanOrEqual(recordsFetched);
    expect(expected.recordsFetched).toBeLessThan(recordsFetched * 3);
  });

  it('makes the same plan again for the same run, without a request', async () => {
    const { steps, source, queries } = setUp(25);
    const first = await steps.plan();
    const asked = queries.length;
    source.list.push(account('late'));
    const second = await steps.plan();
    expect({ ...second, plan: first.plan, run: { ...second.run, start: 1 } }).toEqual(first);
    expect(second.run.start).toBe(2);
    expect(second.plan.resumed).toBe(true);
    expect(queries).toHaveLength(asked);
  });

  it('refuses a run id that was planned for something else', async () => {
    const { steps } = setUp(25);
    await steps.plan();
    await expect(steps.plan({ pageSize: 20, filter: 'EMEA' })).rejects.toMatchObject({
      name: 'RequestError',
      message:
        'Run "run-1" was planned for something else (the page size was 10 and is now 20; the filter is another one): start it as before, or choose another run id.',
    });
  });

  it('refuses more than 30,000 pages and names the page size that would do', async () => {
    const { steps, pageFetches } = setUp(60_001);
    await expect(steps.plan({ pageSize: 2 })).rejects.toMatchObject({
      name: 'PlanTooLargeError',
      message: '60001 accounts make 30001 pages of 2, and a run has at most 30000: a page size of 100 would do.',
    });
    expect(pageFetches(2).filter((page) => page !== 1)).toEqual([30_001]);
  });

  it('starts from the size of the last published run', async () => {
    const { steps, api, store } = setUp(4000);
    await steps.all({ pageSize: 500 });
    const next = await runSteps(api, store, 'run-2').plan({ pageSize: 500 });
    expect(next.plan).toMatchObject({ rounds: 2, recordsFetched: 6 });
  });

  it('starts from the newest day where there are several', async () => {
    const { steps, api, store, source } = setUp(4000);
    await steps.all({ pageSize: 500, dueAt: '2026-08-20' });
    source.list.splice(3000);
    await runSteps(api, store, 'run-2').all({ pageSize: 500, dueAt: '2026-08-21' });
    const next = await runSteps(api, store, 'run-3').plan({ pageSize: 500, dueAt: '2026-08-22' });
    expect(next).toMatchObject({ accounts: 3000, plan: { rounds: 2, recordsFetched: 6 } });
  });

  it('refuses to plan a published run whose work has expired', async () => {
    const { steps, objects } = setUp(25);
    await steps.all();
    for (const key of objects.keys()) if (key.startsWith('work/')) objects.delete(key);
    await expect(steps.plan()).rejects.toMatchObject({
      message: 'Run "run-1" has been published already: choose another run id.',
    });
  });

  it('keeps the state of 30,000 pages under 256 KiB with the longest texts allowed', async () => {
    const { steps } = setUp(30_000);
    const plan = await steps.plan({
      pageSize: 1,
      filter: 'ü'.repeat(1000),
      segmentId: 'ü'.repeat(1000),
      segmentationId: 'ü'.repeat(1000),
    });
    expect(plan.pageNumbers).toHaveLength(30_000);
    expect(Buffer.byteLength(JSON.stringify(plan))).toBeLessThan(256 * 1024 - 45_000);
  });
});
