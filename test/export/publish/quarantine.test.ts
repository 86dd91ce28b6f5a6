/** What happens to a complete run whose data changed, or that is much smaller than the last one. */
import { describe, expect, it } from 'vitest';
import { quarantineReason } from '../../../functions/export/publish/policies.ts';
import { mayRetry } from '../../../functions/export/source/retry-after-drift.ts';
import type { Run } from '../../../functions/model/run.ts';
import { account, accounts } from '../../support/array-api.ts';
import { runSteps } from '../../support/run-steps.ts';
import { MANIFEST, manifestIn, namesIn, PARTS, setUp, WORK } from '../../support/stepped-run.ts';
import { plannedRun, publishedManifest } from '../planned-run.ts';

const RETRY_MANIFEST = 'export_runs/run_id=run-1-retry/manifest.json';

/** A run of 25 accounts during which one goes and another comes. */
async function driftedRun(request: object) {
  const run = setUp(25);
  const plan = await run.steps.plan(request);
  await run.steps.pages({ ...plan, pageNumbers: [0, 1] });
  run.source.list.splice(3, 1);
  run.source.list.push(account('new'));
  await run.steps.pages(plan);
  return { ...run, plan, again: () => run.steps.plan(request) };
}

describe('a run whose data changed', () => {
  it('is published with its verdict by default', async () => {
    const { steps, plan } = await driftedRun({});
    expect(await steps.finish(plan)).toMatchObject({
      status: 'published',
      verdict: 'drifted',
      consistency: { accountsBefore: 25, accountsAfter: 25, boundariesChecked: 4 },
    });
  });

  it('is quarantined if onDrift is "fail", and published without a request', async () => {
    const { steps, plan, objects, queries } = await driftedRun({ onDrift: 'fail' });
    await expect(steps.finish(plan)).rejects.toMatchObject({
      name: 'DriftedError',
      message:
        'Run "run-1" is quarantined: the data changed during the run, so accounts may be missing or duplicated (25 accounts before, 25 after; 2 of 4 page boundaries moved; 0 duplicates). Publish it if that is acceptable; otherwise start a new run.',
    });
    expect(objects.has(MANIFEST)).toBe(false);
    expect(steps.partitions).toEqual([]);

    const asked = queries.length;
    const publishing = await steps.publishQuarantined('run-1');
    expect(publishing).toMatchObject({ outcome: 'publishOnly', runId: 'run-1' });
    expect(await steps.publish(publishing)).toMatchObject({ status: 'published', verdict: 'drifted' });
    expect(queries).toHaveLength(asked);
    expect(steps.partitions).toHaveLength(1);
  });
});

describe('a run whose data changed, with onDrift "retry",', () => {
  it('is exported again as run <id>-retry, and stays quarantined itself', async () => {
    const { steps, plan, objects, source, queries, again } = await driftedRun({ onDrift: 'retry' });
    source.list.splice(11);
    expect(await steps.finish(plan)).toMatchObject({ status: 'drifted', runId: 'run-1', accounts: 25 });
    expect([objects.has(MANIFEST), objects.has(`${WORK}manifest.json`)]).toEqual([false, true]);

    const retry = await again();
    expect(retry).toMatchObject({
      outcome: 'exportPages',
      runId: 'run-1-retry',
      accounts: 11,
      pages: 2,
      run: { retryOf: 'run-1', dueAt: plan.run.dueAt, parameters: plan.run.parameters },
      plan: { resumed: false, recordsFetched: 2 },
    });
    await steps.pages(retry);
    expect(await steps.finish(retry)).toMatchObject({ status: 'published', verdict: 'consistent', accounts: 11 });
    expect(namesIn(objects, 'run-1-retry')).toEqual(
      source.list.map((raw) => (JSON.parse(raw) as { name: string }).name),
    );
    expect(manifestIn(objects, RETRY_MANIFEST)).toMatchObject({ apiRequests: queries.length, plannedRecords: 11 });
    expect([...objects.keys()].filter((key) => key.startsWith(PARTS))).toHaveLength(3);
    expect(steps.partitions.map(({ runId }) => runId)).toEqual(['run-1-retry']);
  });

  it('is published by its retry with that verdict if the data changed again', async () => {
    const { steps, plan, source, again } = await driftedRun({ onDrift: 'retry' });
    await steps.finish(plan);
    const retry = await again();
    await steps.pages(retry);
    source.list.push(account('newer'));
    expect(await steps.finish(retry)).toMatchObject({ status: 'published', verdict: 'drifted' });
  });

  it('is published with its verdict if the budget allows no retry', async () => {
    const enough = await driftedRun({ onDrift: 'retry', maxRecords: 1000 });
    expect(await enough.steps.finish(enough.plan)).toMatchObject({ status: 'drifted' });
    expect(await enough.again()).toMatchObject({ runId: 'run-1-retry' });
    const short = await driftedRun({ onDrift: 'retry', maxRecords: 200 });
    expect(await short.steps.finish(short.plan)).toMatchObject({ status: 'published', verdict: 'drifted' });
  });

  it('drifts again without a request if the answer of publishing was lost', async () => {
    const { steps, plan, queries } = await driftedRun({ onDrift: 'retry' });
    const first = await steps.finish(plan);
    const asked = queries.length;
    expect(await steps.finish(plan)).toEqual(first);
    expect(queries).toHaveLength(asked);
  });

  it('is resumed as its retry, by either id', async () => {
    const { api, store, steps, plan, source } = await driftedRun({ onDrift: 'retry' });
    await steps.finish(plan);
    source.list.splice(11);
    const resumed = await runSteps(api, store, 'again').resume('run-1');
    expect(resumed).toMatchObject({ runId: 'run-1-retry', pages: 2, plan: { resumed: false } });
    expect(await steps.resume('run-1-retry')).toMatchObject({ runId: 'run-1-retry', plan: { resumed: true } });
    await steps.pages(resumed);
    expect(await steps.finish(await steps.resume('run-1'))).toMatchObject({ status: 'published', accounts: 11 });
    expect(await steps.resume('run-1')).toMatchObject({ outcome: 'publishOnly', runId: 'run-1-retry' });
  });

  it('gets a retry that is planned again if planning it was interrupted', async () => {
    const { store, steps, plan, again } = await driftedRun({ onDrift: 'retry' });
    await steps.finish(plan);
    const { put } = store;
    store.put = async (key, ...rest) => {
      if (key === 'work/run_id=run-1-retry/plan.json') throw new Error('killed');
      return put(key, ...rest);
    };
    await expect(again()).rejects.toThrow('killed');
    store.put = put;
    expect(await again()).toMatchObject({ runId: 'run-1-retry', plan: { resumed: false } });
  });
});

describe('mayRetry', () => {
  const drift = {
    verdict: 'drifted',
    accountsBefore: 25,
    accountsAfter: 25,
    boundariesChecked: 4,
    boundariesMoved: 2,
  } as const;
  const retried = (
    more: Partial<Run>,
    maxRecords?: number,
    accountsAfter = 25,
    verdict: 'drifted' | 'consistent' | 'unverified' = 'drifted',
  ) =>
    mayRetry(
      {
        version: 1,
        run: plannedRun({ onDrift: 'retry', ...more }),
        maxRecords,
        usage: { apiRequests: 1, recordsFetched: 1, retries: {} },
        rounds: 1,
        earlierRecords: 0,
      },
      publishedManifest({ consistency: { ...drift, verdict, accountsAfter }, recordsFetched: 104 }),
    );

  it('is true only for the first run, if it drifted and its policy is "retry"', () => {
    expect(retried({})).toBe(true);
    expect(retried({}, undefined, 25, 'consistent')).toBe(false);
    expect(retried({}, undefined, 25, 'unverified')).toBe(false);
    expect(retried({ onDrift: 'publish' })).toBe(false);
    expect(retried({ onDrift: 'fail' })).toBe(false);
    expect(retried({ retryOf: 'run-0' })).toBe(false);
  });

  it.each([
    // 104 fetched, 70 to count, four pages (one of them for growth), nine to verify, two more.
    ['fits exactly', 324, 25, true],
    ['is one record too much', 323, 25, false],
    ['fills its last page and fits', 324, 30, true],
    ['needs another page', 324, 31, false],
    ['has room for that page', 334, 31, true],
  ])('is true only within the record budget: a retry that %s', (_what, maxRecords, accountsAfter, expected) => {
    expect(retried({}, maxRecords, accountsAfter)).toBe(expected);
  });
});

/** A run after one that was published with so many accounts. */
async function runAfter(published: number, now: number, request: object = {}) {
  const run = setUp(published);
  await runSteps(run.api, run.store, 'run-0').all({ dueAt: '2026-08-21' });
  run.source.list = accounts(now);
  const plan = await run.steps.plan(request);
  await run.steps.pages(plan);
  return { ...run, plan };
}

describe('a run after a published one', () => {
  it.each([
    ['half as many accounts', 40, 20, {}],
    ['as many accounts', 40, 40, {}],
    ['one account more, with maxDropPercent 0', 40, 41, { maxDropPercent: 0 }],
    ['a tenth of the accounts, with maxDropPercent 90', 40, 4, { maxDropPercent: 90 }],
    ['one account, with maxDropPercent 100', 40, 1, { maxDropPercent: 100 }],
    ['some accounts after none', 0, 5, {}],
    ['no accounts after none', 0, 0, {}],
  ])('is published with %s', async (_what, before, now, request) => {
    const { steps, plan } = await runAfter(before, now, request);
    expect(await steps.finish(plan)).toMatchObject({ status: 'published', accounts: now });
  });

  it.each([
    ['less than half', 40, 19, {}, 52.5, 'maxDropPercent allows 50%'],
    ['hardly more than half', 2001, 1000, {}, 50.1, 'maxDropPercent allows 50%'],
    ['no accounts', 40, 0, {}, 100, 'an empty run needs a review'],
    ['no accounts, with maxDropPercent 100', 40, 0, { maxDropPercent: 100 }, 100, 'an empty run needs a review'],
    ['one account less, with maxDropPercent 0', 40, 39, { maxDropPercent: 0 }, 2.5, 'maxDropPercent allows 0%'],
  ])('is quarantined with %s, and can be published', async (...[_what, before, now, request, percent, why]) => {
    const { steps, plan, objects } = await runAfter(before, now, request);
    await expect(steps.finish(plan)).rejects.toMatchObject({
      name: 'QuarantinedError',
      message: `Run "run-1" is quarantined: it has ${now} accounts, ${percent}% fewer than "run-0", the last published run of export "all" (${before} accounts; ${why}). Check the filter and the dataset; if the data is right, publish the run.`,
    });
    expect([objects.has(MANIFEST), objects.has(`${WORK}manifest.json`)]).toEqual([false, true]);
    expect(steps.partitions).toEqual([]);
    expect(await steps.publish(await steps.publishQuarantined('run-1'))).toMatchObject({ accounts: now });
    expect(steps.partitions).toHaveLength(1);
  });

  it('is compared with the last published run, however many were quarantined since', async () => {
    const run = setUp(40);
    await runSteps(run.api, run.store, 'published').all({ dueAt: '2026-06-01' });
    run.source.list = [];
    for (let day = 1; day <= 30; day++) {
      const dueAt = `2026-07-${String(day).padStart(2, '0')}`;
      const next = runSteps(run.api, run.store, `run-of-${day}`).all({ dueAt });
      await expect(next).rejects.toMatchObject({ name: 'QuarantinedError' });
    }
  });

  it('is compared by distinct accounts, so that duplicates hide no drop', async () => {
    const { steps, plan, source } = await runAfter(10, 5, { maxDropPercent: 40 });
    source.list.unshift(...accounts(1));
    await expect(steps.finish(plan)).rejects.toMatchObject({ name: 'QuarantinedError' });
  });

  it('is quarantined for its drift rather than for its drop', () => {
    const drift = {
      verdict: 'drifted',
      accountsBefore: 25,
      accountsAfter: 24,
      boundariesChecked: 4,
      boundariesMoved: 2,
    } as const;
    const manifest = publishedManifest({ distinctAccounts: 1, consistency: drift });
    const last = publishedManifest({ runId: 'run-0', distinctAccounts: 40 });
    expect(quarantineReason(plannedRun({ onDrift: 'fail' }), manifest, last)).toMatchObject({ name: 'DriftedError' });
    expect(quarantineReason(plannedRun({ onDrift: 'fail' }), publishedManifest(), undefined)).toBeUndefined();
  });
});

describe('the first run of an export', () => {
  it.each([
    [{ filter: 'Trails' }, 'filter'],
    [{ segmentationId: '1', segmentId: '2' }, 'segmentationId, segmentId'],
  ])('is quarantined if its segment is empty, and can be published: %j', async (request, keys) => {
    const { steps, objects, queries } = setUp(0);
    await expect(steps.all(request)).rejects.toMatchObject({
      name: 'QuarantinedError',
      message: `Run "run-1" is quarantined: it has 0 accounts, and export "all" has no published run to compare it with. Check the spelling of the segment (${keys}); if it is right, publish the run.`,
    });
    expect([objects.has(MANIFEST), objects.has(`${WORK}manifest.json`)]).toEqual([false, true]);
    expect(steps.partitions).toEqual([]);
    const asked = queries.length;
    expect(await steps.publish(await steps.publishQuarantined('run-1'))).toMatchObject({ accounts: 0 });
    expect(queries).toHaveLength(asked);
  });

  it('is published with no accounts of a whole dataset, and with one account of a segment', async () => {
    expect(await setUp(0).steps.all()).toMatchObject({ status: 'published', accounts: 0 });
    expect(await setUp(1).steps.all({ filter: 'Trials' })).toMatchObject({ status: 'published', accounts: 1 });
  });

  it('was reviewed, so the next empty run is published', async () => {
    const { api, store, steps } = setUp(0);
    const request = { filter: 'Trials' };
    await expect(steps.all(request)).rejects.toMatchObject({ name: 'QuarantinedError' });
    await steps.publish(await steps.publishQuarantined('run-1'));
    expect(await runSteps(api, store, 'run-2').all(request)).toMatchObject({ status: 'published', accounts: 0 });
  });
});

describe('a run of other accounts than the last published one', () => {
  const BEFORE = { filter: 'EMEA', segmentId: 's', segmentationId: 't' };
  const afterOthers = async (before: object, now: object) => {
    const run = setUp(25);
    await runSteps(run.api, run.store, 'run-0').all({ dueAt: '2026-08-21', ...before });
    return { ...run, publishing: run.steps.all(now) };
  };

  it.each([
    ['a filter', {}, { filter: 'EMEA' }, 'filter differs'],
    ['no filter', { filter: 'EMEA' }, {}, 'filter differs'],
    ['another filter', BEFORE, { ...BEFORE, filter: 'APAC' }, 'filter differs'],
    ['another segment', BEFORE, { ...BEFORE, segmentId: 'u' }, 'segmentId differs'],
    ['another segmentation', BEFORE, { ...BEFORE, segmentationId: 'u' }, 'segmentationId differs'],
    ['another dataset', {}, { datasetId: 'support' }, 'datasetId was engage, now support'],
    ['another of both', {}, { datasetId: 'b', filter: 'x' }, 'datasetId was engage, now b; filter differs'],
  ])('is quarantined, and can be published: %s', async (_what, before, now, changed) => {
    const { api, store, steps, objects, publishing } = await afterOthers(before, now);
    await expect(publishing).rejects.toMatchObject({
      name: 'QuarantinedError',
      message: `Run "run-1" is quarantined: it exports a different dataset or segment (${changed}) than "run-0", the last published run of export "all" (25 accounts now, 25 before). If that is intended, publish the run; otherwise start a new run with another export name.`,
    });
    expect(objects.has(MANIFEST)).toBe(false);
    expect(await steps.publish(await steps.publishQuarantined('run-1'))).toMatchObject({ accounts: 25 });
    // From now on, this is what the export contains.
    expect(await runSteps(api, store, 'run-2').all(now)).toMatchObject({ status: 'published' });
  });

  it('is quarantined for that rather than for its drop', () => {
    const manifest = publishedManifest({ distinctAccounts: 0, parameters: { pageSize: 10, filter: 'Trails' } });
    expect(quarantineReason(plannedRun(), manifest, publishedManifest({ runId: 'run-0' }))?.message).toMatch(
      /\(filter differs\) than/,
    );
  });

  it.each([
    ['another window', { start: 1, end: 2 }, { start: 2, end: 3 }],
    ['another page size', {}, { pageSize: 5 }],
    ['another format', {}, { format: 'csv' }],
    ['the same filter', { filter: 'EMEA' }, { filter: 'EMEA' }],
  ])('is only one of other accounts, so this is published: %s', async (_what, before, now) => {
    const { publishing } = await afterOthers(before, now);
    expect(await publishing).toMatchObject({ status: 'published', accounts: 25 });
  });
});

describe('publishing a quarantined run', () => {
  it('is refused for a run that is not quarantined', async () => {
    const { steps, objects } = setUp(25);
    await steps.pages(await steps.plan());
    await expect(steps.finish(await steps.publishQuarantined('run-1'))).rejects.toMatchObject({
      name: 'RequestError',
      message: 'Cannot publish run "run-1": it is not quarantined. If it failed, resume it.',
    });
    expect(objects.has(MANIFEST)).toBe(false);
  });

  it('is refused if a part was modified', async () => {
    const { steps, objects, plan } = await runAfter(40, 0);
    await expect(steps.finish(plan)).rejects.toMatchObject({ name: 'QuarantinedError' });
    objects.set(`${PARTS}part-00000.json.gz`, Buffer.from('something else'));
    await expect(steps.finish(await steps.publishQuarantined('run-1'))).rejects.toMatchObject({
      name: 'RunIncompleteError',
      message: expect.stringMatching(/^The part of page 0 of run "run-1" was modified/),
    });
    // As the message says: the page is exported again, and the run is quarantined as before.
    const resumed = await steps.resume('run-1');
    await steps.pages(resumed);
    await expect(steps.finish(resumed)).rejects.toMatchObject({ name: 'QuarantinedError' });
    expect(await steps.publish(await steps.publishQuarantined('run-1'))).toMatchObject({ status: 'published' });
  });

  it.each([
    ['exported a page again', 2],
    ['exported more pages', 20],
  ])('is refused if the run was resumed meanwhile and %s', async (_what, added) => {
    const { steps, objects, plan, source } = await driftedRun({ onDrift: 'fail' });
    await expect(steps.finish(plan)).rejects.toMatchObject({ name: 'DriftedError' });
    const quarantined = objects.get(`${WORK}manifest.json`) as Buffer;
    source.list.push(...accounts(added, 'late'));
    await expect(steps.finish(await steps.resume('run-1'))).rejects.toMatchObject({ name: 'DriftedError' });
    // The resumed run was killed before it was quarantined again.
    objects.set(`${WORK}manifest.json`, quarantined);
    await expect(steps.finish(await steps.publishQuarantined('run-1'))).rejects.toMatchObject({
      name: 'RunIncompleteError',
      message:
        'Cannot publish run "run-1": its parts changed after it was quarantined. Resume it, then publish it again.',
    });
    expect(objects.has(MANIFEST)).toBe(false);
    await expect(steps.finish(await steps.resume('run-1'))).rejects.toMatchObject({ name: 'DriftedError' });
    const published = await steps.publish(await steps.publishQuarantined('run-1'));
    expect(published.accounts).toBe(namesIn(objects).length);
  });
});
