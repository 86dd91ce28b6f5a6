/** Fields that no account has any more: what publishing says about them, however often and in whatever way it is done. */
import { describe, expect, it } from 'vitest';
import { account } from '../../support/array-api.ts';
import { runSteps } from '../../support/run-steps.ts';
import { manifestIn, setUp, WORK } from '../../support/stepped-run.ts';

const MANIFEST_2 = 'export_runs/run_id=run-2/manifest.json';
const withTier = (i: number) => account(`a ${i}`, `,"attributes":{"tier":"${i}"},"old${i % 3}":1`);
const without = (i: number) => account(`a ${i}`, ',"attributes":{}');
const listOf = (one: (i: number) => string, length = 25) => Array.from({ length }, (_, i) => one(i));

/** The first run is published; the fields are gone in the second. */
async function secondRun(list: string[] = listOf(without)) {
  const run = setUp(0);
  run.source.list = listOf(withTier);
  await run.steps.all();
  run.source.list = list;
  return { ...run, second: runSteps(run.api, run.store, 'run-2') };
}

describe('vanished fields', () => {
  it('are in the result of the run, not of the one before or after', async () => {
    const { second, api, store } = await secondRun();
    const expected = ['attributes.tier', 'old0', 'old1', 'old2'];
    expect((await second.all()).vanishedFields).toEqual(expected);
    expect((await runSteps(api, store, 'run-3').all()).vanishedFields).toEqual([]);
  });

  it('are the same when publishing is repeated, also after the next run', async () => {
    const { second, api, store, objects } = await secondRun();
    const plan = await second.plan();
    await second.pages(plan);
    const result = await second.publish(plan);
    const manifest = manifestIn(objects, MANIFEST_2);
    expect(await second.publish(plan)).toEqual(result);
    await runSteps(api, store, 'run-3').all();
    expect(await second.publish(plan)).toEqual(result);
    expect(manifestIn(objects, MANIFEST_2)).toEqual(manifest);
  });

  it('are in the result of a quarantined run that is published', async () => {
    const { second } = await secondRun(listOf(without, 5));
    await expect(second.all({ maxDropPercent: 10 })).rejects.toMatchObject({ name: 'QuarantinedError' });
    const publishing = await second.publishQuarantined('run-2');
    expect((await second.publish(publishing)).vanishedFields).toContain('attributes.tier');
  });

  it('are fifty at most', async () => {
    const { source, steps, api, store } = setUp(0);
    const fields = Array.from({ length: 60 }, (_, i) => `f${String(i).padStart(2, '0')}`);
    source.list = [account('a', fields.map((field) => `,"${field}":1`).join(''))];
    await steps.all();
    source.list = [account('a')];
    expect((await runSteps(api, store, 'run-2').all()).vanishedFields).toEqual(fields.slice(0, 50));
  });
});

describe('the fields of the manifest', () => {
  it('are the sums over all pages, the tail included', async () => {
    const { source, steps, objects } = setUp(0);
    source.list = listOf(withTier);
    const plan = await steps.plan();
    await steps.pages(plan);
    source.list.push(...listOf(without, 10));
    await steps.publish(plan);
    expect(manifestIn(objects).fields).toEqual([
      { name: 'attributes', present: 35 },
      { name: 'attributes.tier', present: 25 },
      { name: 'name', present: 35 },
      { name: 'old0', present: 9 },
      { name: 'old1', present: 8 },
      { name: 'old2', present: 8 },
    ]);
  });

  it('are empty if an earlier version exported some of the pages, and then nothing has vanished', async () => {
    const { second, objects } = await secondRun();
    const plan = await second.plan();
    await second.pages(plan);
    const key = `${WORK.replace('run-1', 'run-2')}receipts/00001.json`;
    const { fields, startedAt, ...earlier } = JSON.parse(String(objects.get(key))) as Record<string, unknown>;
    expect(fields).not.toEqual([]);
    expect(startedAt).toMatch(/^\d{4}-/);
    objects.set(key, Buffer.from(JSON.stringify(earlier)));
    expect((await second.publish(plan)).vanishedFields).toEqual([]);
    expect(manifestIn(objects, MANIFEST_2).fields).toEqual([]);
  });
});
