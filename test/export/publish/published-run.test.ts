/** What a published run says of itself, and which runs retention takes. */
import { describe, expect, it } from 'vitest';
import type { PublishedRun } from '../../../functions/export/ports.ts';
import { publishRun } from '../../../functions/export/publish/publish-run.ts';
import { expireRuns } from '../../../functions/export/upkeep/retention.ts';
import { account, accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { PUBLISHED_AT, runSteps } from '../../support/run-steps.ts';
import { PARTS, setUp } from '../../support/stepped-run.ts';
import { publishedManifest } from '../planned-run.ts';

describe('a published run', () => {
  it('says where it lies, how long it took, and how to look at it', async () => {
    const { steps } = setUp(25);
    expect(await steps.all()).toMatchObject({
      seconds: 90,
      parts: `memory/${PARTS}`,
      manifest: 'memory/export_runs/run_id=run-1/manifest.json',
      query:
        "SELECT * FROM accounts_history WHERE export_name = 'all' AND export_date = '2026-08-22' AND run_id = 'run-1' LIMIT 10",
    });
  });

  it('took tenths of a second, and is looked at in the database that queries must name', async () => {
    const { steps, api, store } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    const catalog = { database: 'exports', addRun: async () => undefined, removeRun: async () => undefined };
    const clock = { now: () => Date.parse('2026-08-22T02:00:03.250Z') };
    const published = await publishRun({ api, store, catalog, clock }, { run: plan.run, release: false });
    expect(published).toMatchObject({
      seconds: 3.3,
      query: expect.stringMatching(/^SELECT \* FROM exports\.accounts_history WHERE /),
    });
  });

  it('names fifty of the fields that no column takes, and its manifest all of them', async () => {
    const { steps, source, objects } = setUp(1);
    const fields = Array.from({ length: 60 }, (_, i) => `field${String(i).padStart(2, '0')}`);
    source.list = [account('a', fields.map((field) => `,"${field}":1`).join(''))];
    const published = await steps.all();
    expect(published.unmappedColumns).toEqual(fields.slice(0, 50));
    const manifest = JSON.parse(String(objects.get('export_runs/run_id=run-1/manifest.json')));
    expect(manifest.unmappedColumns).toEqual(fields);
  });

  it('tells the catalog the columns of its table, and not those behind them', async () => {
    const { steps, api, store } = setUp(25);
    const plan = await steps.plan({ format: 'csv' });
    await steps.pages(plan);
    const { csv } = plan.run;
    const columns = [...(csv?.columns ?? []), 'behind'];
    const added: PublishedRun[] = [];
    const catalog = { addRun: async (run: PublishedRun) => void added.push(run), removeRun: async () => undefined };
    const run = { ...plan.run, csv: { columns, tableColumns: columns.length - 1, finalNewline: true } };
    await publishRun({ api, store, catalog, clock: { now: () => PUBLISHED_AT } }, { run, release: false });
    expect(added[0]?.csvColumns).toEqual(columns.slice(0, -1));
    expect(added[0]?.csvColumns?.length).toBeGreaterThan(3);
  });

  it('is not one of an event that is none', async () => {
    const { api, store } = setUp(25);
    const catalog = { addRun: async () => undefined, removeRun: async () => undefined };
    await expect(publishRun({ api, store, catalog, clock: { now: () => 0 } }, { run: {} })).rejects.toMatchObject({
      name: 'RequestError',
      message: expect.stringMatching(/^The event of Publish run is unusable: run\.runId is missing; /),
    });
  });
});

const DAY = 24 * 60 * 60 * 1000;

/** Retention of a hundred days over published runs, so many days after they were published. */
async function retained(runs: readonly Parameters<typeof publishedManifest>[0][], at: number) {
  const { store, objects } = memoryStore();
  for (const run of runs) {
    const manifest = publishedManifest(run);
    const { runId, exportName, format, dueAt } = manifest;
    const day = dueAt.slice(0, 10);
    objects.set(
      `accounts_${format}/export_name=${exportName}/export_date=${day}/run_id=${runId}/part-00000`,
      Buffer.from('part'),
    );
    objects.set(`export_runs/run_id=${runId}/manifest.json`, Buffer.from(JSON.stringify(manifest)));
  }
  const catalog = { addRun: async () => undefined, removeRun: async () => undefined };
  const expired = await expireRuns({ store, catalog, clock: { now: () => at } }, 100);
  const kept = [...objects.keys()].filter((key) => key.startsWith('export_runs/'));
  return { expired, objects, kept: kept.map((key) => key.split('/')[1]?.slice('run_id='.length)).sort() };
}

describe('the newest run of an export', () => {
  const FAR = Date.parse('2030-01-01T00:00:00Z');

  it.each([
    ['a', 'b', 'c'],
    ['c', 'b', 'a'],
    ['b', 'c', 'a'],
  ])(
    'is, of several of a day, the one published last, at whatever hours they were due (%s, %s, %s)',
    async (...ids) => {
      const runs = ids.map((runId, i) => ({
        runId,
        dueAt: `2026-08-22T0${9 - i}:00:00.000Z`,
        publishedAt: `2026-08-22T1${i}:00:00.000Z`,
      }));
      const { kept, expired } = await retained(runs, FAR);
      expect(kept).toEqual([ids[2]]);
      expect(expired).toEqual({ runs: 2, leftovers: 0, kept: 1 });
    },
  );

  it('stays, whichever it was found after', async () => {
    for (const days of [
      ['20', '21', '22'],
      ['22', '21', '20'],
    ]) {
      const runs = days.map((day, i) => ({ runId: `run-${i}`, dueAt: `2026-08-${day}T02:00:00.000Z` }));
      expect((await retained(runs, FAR)).kept).toEqual([`run-${days.indexOf('22')}`]);
    }
  });
});

describe('retention', () => {
  const old = { runId: 'old', dueAt: '2026-08-21T02:00:00.000Z', publishedAt: '2026-08-21T02:00:00.000Z' };

  it('keeps a run to the last millisecond of its days', async () => {
    const born = Date.parse(old.publishedAt);
    expect((await retained([old, {}], born + 100 * DAY)).kept).toEqual(['old', 'run-1']);
    expect((await retained([old, {}], born + 100 * DAY + 1)).kept).toEqual(['run-1']);
  });

  it('takes no published run for what a failed one left', async () => {
    const { expired, objects } = await retained([{ runId: 'a' }, { runId: 'b', exportName: 'other' }], PUBLISHED_AT);
    expect(expired).toEqual({ runs: 0, leftovers: 0, kept: 2 });
    expect(objects.size).toBe(4);
  });

  it('knows runs whose ids hold the name of their folder', async () => {
    const { expired, kept } = await retained([{ runId: 'x.run_id.x' }, { ...old, runId: 'run_id.old' }], PUBLISHED_AT);
    expect(expired).toEqual({ runs: 0, leftovers: 0, kept: 2 });
    expect(kept).toEqual(['run_id.old', 'x.run_id.x']);
  });

  it('passes over a folder of runs that has no manifest', async () => {
    const { store, objects } = memoryStore();
    await runSteps(arrayApi({ list: accounts(5) }).api, store).all();
    objects.set('export_runs/run_id=half/notes.txt', Buffer.from('x'));
    const catalog = { addRun: async () => undefined, removeRun: async () => undefined };
    expect(await expireRuns({ store, catalog, clock: { now: () => PUBLISHED_AT } }, 100)).toEqual({
      runs: 0,
      leftovers: 0,
      kept: 1,
    });
  });
});
