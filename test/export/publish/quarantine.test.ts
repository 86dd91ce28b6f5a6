/** What becomes of a run under which the source moved, or which is much smaller than the one before. */
import { describe, expect, it } from 'vitest';
import type { PlanResult } from '../../../functions/model/outcomes.ts';
import { account, accounts } from '../../support/array-api.ts';
import { runSteps } from '../../support/run-steps.ts';
import { MANIFEST, manifestIn, namesIn, PARTS, setUp } from '../../support/stepped-run.ts';

/** A run of 25 accounts under which one goes and another comes while its pages are read. */
async function driftedRun(request: object) {
  const run = setUp(25);
  const plan = await run.steps.plan(request);
  await run.steps.pages({ ...plan, pageNumbers: [0, 1] });
  run.source.list.splice(3, 1);
  run.source.list.push(account('new'));
  await run.steps.pages(plan);
  return { ...run, plan };
}

describe('a run under which the source moved', () => {
  it('is published with its verdict and figures by default', async () => {
    const { steps, plan } = await driftedRun({});
    expect(await steps.finish(plan)).toMatchObject({
      status: 'published',
      verdict: 'drifted',
      consistency: { verdict: 'drifted', accountsBefore: 25, accountsAfter: 25, boundariesChecked: 4 },
    });
  });

  it('is held back by the policy "fail", and published as it is when somebody says so', async () => {
    const { steps, plan, objects, queries } = await driftedRun({ onDrift: 'fail' });
    await expect(steps.finish(plan)).rejects.toMatchObject({
      name: 'DriftedError',
      message:
        'The source moved while run "run-1" read it (25 accounts before and 25 after, 2 of 4 boundaries moved, 0 accounts came twice), and onDrift is "fail". Nothing was published: start a new run, or publish this one as it is with {"publish":"run-1"}.',
    });
    expect(objects.has(MANIFEST)).toBe(false);
    expect(steps.partitions).toEqual([]);

    const asked = queries.length;
    const release = (await steps.release('run-1')) as PlanResult;
    expect(release).toMatchObject({ release: true, runId: 'run-1' });
    expect(await steps.publish(release)).toMatchObject({ status: 'published', verdict: 'drifted' });
    expect(queries).toHaveLength(asked);
    expect(steps.partitions).toHaveLength(1);
  });

  it('is exported once more by the policy "retry", from the plan on, and nothing of the first attempt stays', async () => {
    const { steps, plan, objects, source, queries } = await driftedRun({ onDrift: 'retry' });
    source.list.splice(11);
    expect(await steps.finish(plan)).toMatchObject({ status: 'drifted', accounts: 25 });
    expect([...objects.keys()].filter((key) => key.startsWith(PARTS))).toEqual([]);

    const again = await steps.plan({ onDrift: 'retry' });
    // What it says of counting is what this counting took.
    expect(again).toMatchObject({ accounts: 11, pages: 2, run: { attempt: 2 }, plan: { recordsFetched: 7 } });
    await steps.pages(again);
    expect(await steps.finish(again)).toMatchObject({ status: 'published', verdict: 'consistent', accounts: 11 });
    expect(namesIn(objects)).toEqual(source.list.map((raw) => (JSON.parse(raw) as { name: string }).name));
    expect(manifestIn(objects)).toMatchObject({ apiRequests: queries.length, plannedRecords: 11 });
  });

  it('is published with its verdict when it moved under the second attempt too', async () => {
    const { steps, plan, source } = await driftedRun({ onDrift: 'retry' });
    await steps.finish(plan);
    const again = await steps.plan({ onDrift: 'retry' });
    await steps.pages(again);
    source.list.push(account('newer'));
    expect(await steps.finish(again)).toMatchObject({ status: 'published', verdict: 'drifted' });
  });

  it('is exported once more only within its budget', async () => {
    const enough = await driftedRun({ onDrift: 'retry', maxRecords: 1000 });
    expect(await enough.steps.finish(enough.plan)).toMatchObject({ status: 'drifted' });
    expect(await enough.steps.plan({ onDrift: 'retry', maxRecords: 1000 })).toMatchObject({ run: { attempt: 2 } });
    const short = await driftedRun({ onDrift: 'retry', maxRecords: 300 });
    expect(await short.steps.finish(short.plan)).toMatchObject({ status: 'published', verdict: 'drifted' });
  });

  it('goes on when the clearing of the way was cut short and another execution takes the run up', async () => {
    const { steps, plan, store, objects, source } = await driftedRun({ onDrift: 'retry' });
    const { delete: remove } = store;
    let left = 2;
    store.delete = async (key) => {
      if (left-- === 0) throw new Error('killed');
      await remove(key);
    };
    await expect(steps.finish(plan)).rejects.toThrow('killed');
    store.delete = remove;
    source.list.splice(11);
    const taken = (await steps.resume('run-1')) as PlanResult;
    expect(taken).toMatchObject({ release: true, run: { attempt: 1 } });
    expect(await steps.finish(taken)).toMatchObject({ status: 'drifted' });
    const again = (await steps.resume('run-1')) as PlanResult;
    expect(again).toMatchObject({ release: false, pages: 2, run: { attempt: 2 } });
    await steps.pages(again);
    expect(await steps.finish(again)).toMatchObject({ status: 'published', verdict: 'consistent', accounts: 11 });
    expect(namesIn(objects)).toHaveLength(11);
  });

  it('goes on with clearing the way when that was cut short', async () => {
    const { steps, plan, store, objects } = await driftedRun({ onDrift: 'retry' });
    const { delete: remove } = store;
    let left = 2;
    store.delete = async (key) => {
      if (left-- === 0) throw new Error('killed');
      await remove(key);
    };
    await expect(steps.finish(plan)).rejects.toThrow('killed');
    store.delete = remove;
    expect(await steps.finish(plan)).toMatchObject({ status: 'drifted', accounts: 25 });
    expect([...objects.keys()].filter((key) => key.startsWith(PARTS))).toEqual([]);
  });

  it('takes nothing that a late try of the first attempt writes for a page of the second', async () => {
    const { steps, plan, objects, pageFetches } = await driftedRun({ onDrift: 'retry' });
    const late = [`${PARTS}part-00001.json.gz`, 'work/run_id=run-1/pages/00001.json'].map(
      (key) => [key, objects.get(key) as Buffer] as const,
    );
    await steps.finish(plan);
    for (const [key, body] of late) objects.set(key, body);
    const again = await steps.plan({ onDrift: 'retry' });
    const before = pageFetches(10).length;
    await steps.pages(again);
    expect(pageFetches(10)).toHaveLength(before + 3);
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

describe('a run that is smaller than the one published before', () => {
  it.each([
    ['half as many', 40, 20, {}],
    ['as many', 40, 40, {}],
    ['a tenth, where nine tenths may go', 40, 4, { maxDropPercent: 90 }],
    ['some, where none were', 0, 5, {}],
    ['none, where none were', 0, 0, {}],
  ])('is published with %s', async (_what, before, now, request) => {
    const { steps, plan } = await runAfter(before, now, request);
    expect(await steps.finish(plan)).toMatchObject({ status: 'published', accounts: now });
  });

  it.each([
    ['less than half', 40, 19, {}, 'a drop of 52 %, and maxDropPercent is 50'],
    ['none', 40, 0, {}, 'a drop of 100 %, and none left is always looked at'],
    ['none, whatever may go', 40, 0, { maxDropPercent: 100 }, 'a drop of 100 %, and none left is always looked at'],
    ['one less, where none may go', 40, 39, { maxDropPercent: 0 }, 'a drop of 2 %, and maxDropPercent is 0'],
  ])('is held back with %s', async (_what, before, now, request, why) => {
    const { steps, plan, objects } = await runAfter(before, now, request);
    await expect(steps.finish(plan)).rejects.toMatchObject({
      name: 'QuarantinedError',
      message: `Run "run-1" has ${now} accounts where the last published run of export "all" (run-0) had ${before}: ${why}. Nothing was published: when this is right, publish it with {"publish":"run-1"}.`,
    });
    expect(objects.has(MANIFEST)).toBe(false);
    expect(steps.partitions).toEqual([]);
    expect(objects.has('work/run_id=run-1/manifest.json')).toBe(true);

    expect(await steps.publish((await steps.release('run-1')) as PlanResult)).toMatchObject({ accounts: now });
    expect(steps.partitions).toHaveLength(1);
  });

  it('is published when it is the first, though it is empty', async () => {
    const { steps } = setUp(0);
    expect(await steps.all()).toMatchObject({ status: 'published', accounts: 0 });
  });

  it('is measured against the last published run, however many were held back since', async () => {
    const run = setUp(40);
    await runSteps(run.api, run.store, 'published').all({ dueAt: '2026-06-01' });
    run.source.list = [];
    for (let day = 1; day <= 30; day++) {
      const dueAt = `2026-07-${String(day).padStart(2, '0')}`;
      const next = runSteps(run.api, run.store, `run-of-${day}`).all({ dueAt });
      await expect(next).rejects.toMatchObject({ name: 'QuarantinedError' });
    }
  });

  it('counts each account once: what came twice hides no drop', async () => {
    const { steps, plan, source } = await runAfter(10, 5, { maxDropPercent: 40 });
    source.list.unshift(...accounts(1));
    await expect(steps.finish(plan)).rejects.toMatchObject({ name: 'QuarantinedError' });
  });
});

describe('publishing a run as it is', () => {
  it('refuses one that was not held back', async () => {
    const { steps, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    const release = (await steps.release('run-1')) as PlanResult;
    await expect(steps.finish(release)).rejects.toMatchObject({
      name: 'RequestError',
      message: 'Run "run-1" was not held back, so there is nothing to publish: {"resume":"run-1"} goes on with it.',
    });
    expect(objects.has(MANIFEST)).toBe(false);
  });

  it('refuses one that nobody knows', async () => {
    await expect(setUp(25).steps.release('nobody')).rejects.toMatchObject({ name: 'RequestError' });
  });

  it('refuses parts that changed since', async () => {
    const { steps, objects } = await runAfter(40, 0);
    await expect(steps.all()).rejects.toMatchObject({ name: 'QuarantinedError' });
    objects.set(`${PARTS}part-00000.json.gz`, Buffer.from('something else'));
    const release = (await steps.release('run-1')) as PlanResult;
    await expect(steps.finish(release)).rejects.toMatchObject({ name: 'RunIncompleteError' });
  });
});
