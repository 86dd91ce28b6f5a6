/** The compression of a run, through its steps. */
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { PublishedRun } from '../../functions/export/ports.ts';
import { reattachRuns } from '../../functions/export/publish/reattach.ts';
import { type StoredPlan, StoredPlanSchema } from '../../functions/model/run.ts';
import { accounts } from '../support/array-api.ts';
import { manifestIn, PARTS, setUp, WORK } from '../support/stepped-run.ts';

const ZSTD = { compression: 'zstd' };
const PLAN = `${WORK}plan.json`;

const planIn = (objects: Map<string, Buffer>): StoredPlan =>
  StoredPlanSchema.parse(JSON.parse(String(objects.get(PLAN))));
const partsIn = (objects: Map<string, Buffer>) =>
  [...objects.keys()].filter((key) => key.startsWith('accounts_')).sort();
const linesOf = (part: Buffer | undefined) =>
  zstdDecompressSync(part ?? '')
    .toString()
    .trimEnd()
    .split('\n');

describe('a run with zstd', () => {
  it('writes every part with it, those of the tail included, and is published', async () => {
    const { steps, source, objects } = setUp(25);
    const plan = await steps.plan(ZSTD);
    await steps.pages(plan);
    source.list.push(...accounts(8, 'late'));
    expect(await steps.publish(plan)).toMatchObject({ accounts: 33, pages: 4 });
    const keys = [0, 1, 2, 3].map((page) => `${PARTS}part-0000${page}.json.zst`);
    expect(partsIn(objects)).toEqual(keys);
    expect(manifestIn(objects).parts.map(({ key }) => key)).toEqual(keys);
    const lines = keys.flatMap((key) => linesOf(objects.get(key)));
    expect(lines.map((line) => (JSON.parse(line) as { name: string }).name)).toEqual([
      ...Array.from({ length: 25 }, (_, i) => `account ${i}`),
      ...Array.from({ length: 8 }, (_, i) => `late ${i}`),
    ]);
  });

  it('writes CSV, too', async () => {
    const { steps, objects } = setUp(25);
    await steps.all({ ...ZSTD, format: 'csv' });
    const keys = partsIn(objects);
    expect(keys.map((key) => key.split('/').at(-1))).toEqual([
      'part-00000.csv.zst',
      'part-00001.csv.zst',
      'part-00002.csv.zst',
    ]);
    expect(linesOf(objects.get(keys[2] ?? ''))).toHaveLength(6);
  });

  it('fetches a missing or modified page again, and no other', async () => {
    const { steps, objects, store, pageFetches } = setUp(25);
    const plan = await steps.plan(ZSTD);
    await steps.pages(plan);
    const written = new Map(objects);
    await store.delete(`${PARTS}part-00001.json.zst`);
    objects.set(`${PARTS}part-00002.json.zst`, Buffer.from('truncated'));
    const resumed = await steps.resume('run-1');
    expect(resumed.plan.resumed).toBe(true);
    const before = pageFetches(10).length;
    await steps.pages(resumed);
    expect(pageFetches(10).slice(before)).toEqual([1, 2]);
    for (const key of partsIn(objects)) expect(objects.get(key)).toEqual(written.get(key));
    expect(await steps.publish(resumed)).toMatchObject({ accounts: 25, pages: 3 });
  });

  it('is not published with a part of another compression beside its own', async () => {
    const { steps, objects } = setUp(25);
    const plan = await steps.plan(ZSTD);
    await steps.pages(plan);
    objects.set(`${PARTS}part-00002.json.gz`, Buffer.from('of another run'));
    await expect(steps.publish(plan)).rejects.toThrow(
      `Unexpected object in the folder of run "run-1" (${PARTS}part-00002.json.gz)`,
    );
  });
});

it.each(['gzip', 'zstd'])('a CSV run with %s is visible again with its columns', async (compression) => {
  const { steps, store } = setUp(25);
  await steps.all({ format: 'csv', compression });
  const added: PublishedRun[] = [];
  const catalog = {
    missingRuns: async <T extends PublishedRun>(runs: readonly T[]) => [...runs],
    addMissingRuns: async (runs: readonly PublishedRun[]) => void added.push(...runs),
  };
  expect(await reattachRuns({ store, catalog }, false)).toEqual({ runs: 1, missing: ['run-1'], incomplete: [] });
  expect(added.map(({ csvColumns }) => csvColumns)).toEqual([steps.partitions[0]?.csvColumns]);
  expect(added[0]?.csvColumns).toContain('superseded');
});

describe('a plan', () => {
  it.each([
    [{}, 'gzip'],
    [{ compression: 'gzip' }, 'gzip'],
    [ZSTD, 'zstd'],
    [{ format: 'csv', ...ZSTD }, 'zstd'],
    [{ format: 'parquet' }, undefined],
    [{ format: 'parquet', ...ZSTD }, undefined],
  ])('pins the compression of a request: %j', async (request, compression) => {
    const { steps, objects } = setUp(25);
    expect((await steps.plan(request)).run.compression).toBe(compression);
    expect(planIn(objects).run.compression).toBe(compression);
  });

  it('of an earlier version, which has none, means gzip', async () => {
    const { steps, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0] });
    const { compression: _, ...run } = planIn(objects).run;
    objects.set(PLAN, Buffer.from(JSON.stringify({ ...planIn(objects), run })));
    const resumed = await steps.plan({ compression: 'gzip' });
    expect(resumed.plan.resumed).toBe(true);
    await steps.pages(resumed);
    expect(partsIn(objects)).toEqual([0, 1, 2].map((page) => `${PARTS}part-0000${page}.json.gz`));
    await expect(steps.plan(ZSTD)).rejects.toThrow('(compression was gzip, now zstd)');
  });
});
