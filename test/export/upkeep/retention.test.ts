import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Catalog, ObjectStore, PublishedRun } from '../../../functions/export/ports.ts';
import { allPublishedRuns } from '../../../functions/export/storage/published-runs.ts';
import { expireRuns } from '../../../functions/export/upkeep/retention.ts';
import { accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { PUBLISHED_AT, runSteps } from '../../support/run-steps.ts';
import { publishedManifest } from '../planned-run.ts';

const DAY = 24 * 60 * 60 * 1000;
const catalogOf = (removeRun: (run: PublishedRun) => Promise<void>, invisible: readonly string[] = []): Catalog => ({
  check: async () => undefined,
  addRun: async () => undefined,
  removeRun,
  isVisible: async (runId) => !invisible.includes(runId),
});

async function published(...runs: readonly (readonly [runId: string, request: object])[]) {
  const { store, objects } = memoryStore();
  const { api } = arrayApi({ list: accounts(25) });
  for (const [runId, request] of runs) await runSteps(api, store, runId).all(request);
  const removed: string[] = [];
  const catalog = catalogOf(async (run) => void removed.push(`${run.exportName} ${run.exportDate} ${run.runId}`));
  const expire = (days: number, from = catalog) =>
    expireRuns({ store, clock: { now: () => PUBLISHED_AT + days * DAY }, catalog: from }, 100);
  const keysOf = (runId: string) =>
    [...objects.keys()].filter((key) => key.includes(`run_id=${runId}/`) && !key.startsWith('work/'));
  return { api, store, objects, removed, expire, keysOf };
}
const OLD_AND_NEW = [
  ['old', { dueAt: '2026-08-20' }],
  ['new', { dueAt: '2026-08-21' }],
] as const;

describe('expireRuns', () => {
  it('removes an old run as a whole: visibility, parts, manifest', async () => {
    const { expire, removed, keysOf } = await published(...OLD_AND_NEW);
    expect(await expire(101)).toEqual({ runs: 1, leftovers: 0, kept: 1, postponed: 0 });
    expect(removed).toEqual(['all 2026-08-20 old']);
    expect(keysOf('old')).toEqual([]);
    expect(keysOf('new')).toHaveLength(4);
  });

  it('keeps runs that are young enough', async () => {
    const { expire } = await published(...OLD_AND_NEW);
    expect(await expire(99)).toEqual({ runs: 0, leftovers: 0, kept: 2, postponed: 0 });
  });

  it('keeps the newest run of every export whatever its age', async () => {
    const { expire, keysOf } = await published(['a', {}], ['b', { exportName: 'other', format: 'csv' }]);
    expect(await expire(5000)).toEqual({ runs: 0, leftovers: 0, kept: 2, postponed: 0 });
    expect(keysOf('a').length + keysOf('b').length).toBe(8);
  });

  it('keeps the run of the latest day, even if an earlier day was filled in later', async () => {
    const { expire, removed } = await published(['today', { dueAt: '2026-08-21' }], ['late', { dueAt: '2026-08-01' }]);
    await expire(101);
    expect(removed).toEqual(['all 2026-08-01 late']);
  });

  it('keeps the newest visible run, and newer ones whose partition could not be added', async () => {
    const { expire, removed } = await published(['older', { dueAt: '2026-08-19' }], ...OLD_AND_NEW);
    const catalog = catalogOf(async ({ runId }) => void removed.push(runId), ['new']);
    expect(await expire(5000, catalog)).toEqual({ runs: 1, leftovers: 0, kept: 2, postponed: 0 });
    expect(removed).toEqual(['older']);
  });

  it('continues if it was stopped between two steps', async () => {
    const { expire, keysOf, store } = await published(...OLD_AND_NEW);
    const { delete: remove } = store;
    let left = 1;
    store.delete = async (...keys) => {
      if (left-- === 0) throw new Error('stopped');
      await remove(...keys);
    };
    await expect(expire(101)).rejects.toThrow('stopped');
    store.delete = remove;
    expect(keysOf('old')).toContain('export_runs/run_id=old/manifest.json');
    expect(await expire(101)).toMatchObject({ runs: 1 });
    expect(keysOf('old')).toEqual([]);
  });

  it('removes nothing of a run that cannot be made invisible', async () => {
    const { expire, keysOf } = await published(...OLD_AND_NEW);
    const denied = catalogOf(async () => Promise.reject(new Error('denied')));
    await expect(expire(101, denied)).rejects.toThrow('denied');
    expect(keysOf('old')).toHaveLength(4);
  });

  it('removes the parts of a failed run once it cannot be resumed any more', async () => {
    const { api, expire, keysOf, store, objects } = await published(['good', {}]);
    const failed = runSteps(api, store, 'failed');
    await failed.pages(await failed.plan());
    objects.set('export_runs/run_id=half/notes.txt', Buffer.from('x'));
    expect(await expire(1)).toEqual({ runs: 0, leftovers: 0, kept: 1, postponed: 0 });
    await store.delete('work/run_id=failed/plan.json');
    expect(await expire(1)).toEqual({ runs: 0, leftovers: 1, kept: 1, postponed: 0 });
    expect(keysOf('failed')).toEqual([]);
    expect(keysOf('good')).toHaveLength(4);
  });
});

/** A store with old runs of many pages, and the requests that it receives. */
async function manyPages(runs: number, pages: number) {
  const { store, objects } = memoryStore();
  const parts = Array.from({ length: pages }, (_, page) => ({
    key: `part-${page}`,
    page,
    records: 1,
    bytes: 1,
    sha256: '',
  }));
  for (let i = 0; i < runs; i++) {
    const at = new Date(Date.parse('2026-01-01') + i * DAY).toISOString();
    const run = { runId: `run-${9 - i}`, dueAt: at, publishedAt: at, parts, pages };
    const day = `accounts_json/export_name=all/export_date=${at.slice(0, 10)}`;
    for (const { page } of parts)
      objects.set(`${day}/run_id=${run.runId}/part-${String(page).padStart(5, '0')}`, Buffer.from('x'));
    objects.set(
      `export_runs/run_id=${run.runId}/manifest.json`,
      Buffer.from(JSON.stringify({ ...publishedManifest({}), ...run })),
    );
  }
  const requests: { verb: string; key: string; keys: number }[] = [];
  let [reading, mostReading] = [0, 0];
  const counted: ObjectStore = {
    ...store,
    async get(key) {
      requests.push({ verb: 'get', key, keys: 1 });
      mostReading = Math.max(mostReading, ++reading);
      await setImmediate();
      reading--;
      return store.get(key);
    },
    async list(prefix) {
      requests.push({ verb: 'list', key: prefix, keys: 1 });
      return store.list(prefix);
    },
    async listFolders(prefix) {
      requests.push({ verb: 'listFolders', key: prefix, keys: 1 });
      return store.listFolders(prefix);
    },
    async delete(...keys) {
      requests.push({ verb: 'delete', key: keys[0] ?? '', keys: keys.length });
      await store.delete(...keys);
    },
  };
  const removed: string[] = [];
  const expire = (signal?: AbortSignal) =>
    expireRuns(
      {
        store: counted,
        catalog: catalogOf(async ({ runId }) => void removed.push(runId)),
        clock: { now: () => Date.parse('2030-01-01') },
      },
      100,
      signal,
    );
  return { objects, requests, removed, expire, counted, mostReading: () => mostReading };
}

describe('retention of many pages', () => {
  it('deletes 1,000 objects with one request, and lists each prefix once', async () => {
    const { objects, requests, expire } = await manyPages(3, 2500);
    expect(await expire()).toEqual({ runs: 2, leftovers: 0, kept: 1, postponed: 0 });
    const deletes = requests.filter(({ verb }) => verb === 'delete').map(({ keys }) => keys);
    expect(deletes.sort((a, b) => b - a)).toEqual([1000, 1000, 1000, 1000, 500, 500, 1, 1]);
    expect(requests.filter(({ verb }) => verb === 'list')).toHaveLength(4);
    expect([...objects.keys()].filter((key) => key.startsWith('export_runs/'))).toHaveLength(1);
  });

  it('reads at most eight manifests at a time and keeps no list of parts', async () => {
    const { expire, counted, mostReading } = await manyPages(100, 2);
    await expire();
    expect(mostReading()).toBe(8);
    const { counted: fresh } = await manyPages(3, 2);
    for (const run of await allPublishedRuns(fresh)) expect(run).not.toHaveProperty('parts');
    expect(await allPublishedRuns(counted)).toHaveLength(1);
  });

  it('removes the oldest run first, stops between requests when aborted, and continues with the next call', async () => {
    const { objects, removed, expire, counted } = await manyPages(10, 1500);
    const oldestFirst = Array.from({ length: 9 }, (_, i) => `run-${9 - i}`);
    const manifests = () => [...objects.keys()].filter((key) => key.endsWith('manifest.json')).length;
    const stop = new AbortController();
    const { delete: remove } = counted;
    let requests = 0;
    counted.delete = async (...keys) => {
      expect(stop.signal.aborted && requests > 0 && keys.length > 1).toBe(false);
      await remove(...keys);
      if (++requests === 10) stop.abort(new Error('time is up'));
    };
    const first = await expire(stop.signal);
    expect(first).toMatchObject({ leftovers: 0, kept: 1, postponed: 9 - first.runs });
    expect(first.runs).toBeGreaterThan(0);
    expect(removed.length).toBeLessThan(9);
    expect(removed).toEqual(oldestFirst.slice(0, removed.length));
    expect(manifests()).toBe(10 - first.runs);
    counted.delete = remove;
    expect(await expire()).toEqual({ runs: 9 - first.runs, leftovers: 0, kept: 1, postponed: 0 });
    expect([...objects.keys()].filter((key) => !key.includes('run_id=run-0/'))).toEqual([]);
  });

  it('keeps the manifest of a run whose parts it could not all delete, so that the next call continues with it', async () => {
    const { objects, expire, counted } = await manyPages(3, 1500);
    const stop = new AbortController();
    const { delete: remove } = counted;
    counted.delete = async (...keys) => {
      stop.abort(new Error('time is up'));
      await remove(...keys);
    };
    const before = objects.size;
    expect(await expire(stop.signal)).toMatchObject({ runs: 0, kept: 1, postponed: 2 });
    expect(objects.size).toBeLessThan(before);
    expect([...objects.keys()].filter((key) => key.endsWith('manifest.json'))).toHaveLength(3);
    counted.delete = remove;
    expect(await expire()).toMatchObject({ runs: 2, kept: 1, postponed: 0 });
  });

  it('postpones all runs if it is aborted before it has read which ones to keep', async () => {
    const { expire, removed, requests, counted } = await manyPages(20, 1);
    const stop = new AbortController();
    const { get } = counted;
    counted.get = (key) => {
      stop.abort(new Error('time is up'));
      return get(key);
    };
    expect(await expire(stop.signal)).toEqual({ runs: 0, leftovers: 0, kept: 0, postponed: 20 });
    expect(requests.filter(({ verb }) => verb === 'get')).toHaveLength(1);
    expect(removed).toEqual([]);
    counted.get = get;
    expect(await expire()).toEqual({ runs: 19, leftovers: 0, kept: 1, postponed: 0 });
  });

  it('removes everything in the folder of a published run, its manifest last', async () => {
    const { objects, requests, expire } = await manyPages(2, 1);
    objects.set('export_runs/run_id=run-9/_report.html', Buffer.from('x'));
    await expire();
    expect(requests.filter(({ verb }) => verb === 'delete').map(({ keys }) => keys)).toEqual([2, 1]);
    expect(requests.filter(({ verb }) => verb === 'delete').at(-1)?.key).toBe('export_runs/run_id=run-9/manifest.json');
    expect([...objects.keys()].filter((key) => key.includes('run-9'))).toEqual([]);
  });
});

/** Retention of 100 days over published runs. @returns the ids of the runs that are kept */
async function retained(runs: readonly Parameters<typeof publishedManifest>[0][], now: number) {
  const { store, objects } = memoryStore();
  for (const run of runs) {
    const manifest = publishedManifest(run);
    const { runId, exportName, format, dueAt } = manifest;
    const place = `accounts_${format}/export_name=${exportName}/export_date=${dueAt.slice(0, 10)}/run_id=${runId}`;
    objects.set(`${place}/part-00000`, Buffer.from('part'));
    objects.set(`export_runs/run_id=${runId}/manifest.json`, Buffer.from(JSON.stringify(manifest)));
  }
  const expired = await expireRuns(
    { store, catalog: catalogOf(async () => undefined), clock: { now: () => now } },
    100,
  );
  const kept = [...objects.keys()].filter((key) => key.startsWith('export_runs/'));
  return { expired, kept: kept.map((key) => key.split('/')[1]?.slice('run_id='.length)).sort() };
}

describe('retention', () => {
  const FAR = Date.parse('2030-01-01T00:00:00Z');
  const old = { runId: 'old', dueAt: '2026-08-21T02:00:00.000Z', publishedAt: '2026-08-21T02:00:00.000Z' };

  it.each([
    ['a', 'b', 'c'],
    ['c', 'b', 'a'],
    ['b', 'c', 'a'],
  ])('keeps, of several runs of a day, the one published last (%s, %s, %s)', async (...ids) => {
    const runs = ids.map((runId, i) => ({
      runId,
      dueAt: `2026-08-22T0${9 - i}:00:00.000Z`,
      publishedAt: `2026-08-22T1${i}:00:00.000Z`,
    }));
    const { kept, expired } = await retained(runs, FAR);
    expect(kept).toEqual([ids[2]]);
    expect(expired).toEqual({ runs: 2, leftovers: 0, kept: 1, postponed: 0 });
  });

  it.each([[['20', '21', '22']], [['22', '21', '20']]])(
    'keeps the run of the latest day, in any order: %j',
    async (days) => {
      const runs = days.map((day, i) => ({ runId: `run-${i}`, dueAt: `2026-08-${day}T02:00:00.000Z` }));
      expect((await retained(runs, FAR)).kept).toEqual([`run-${days.indexOf('22')}`]);
    },
  );

  it('keeps a run to the last millisecond', async () => {
    const end = Date.parse(old.publishedAt) + 100 * DAY;
    expect((await retained([old, {}], end)).kept).toEqual(['old', 'run-1']);
    expect((await retained([old, {}], end + 1)).kept).toEqual(['run-1']);
  });

  it('accepts run ids that contain the name of their folder', async () => {
    const { expired, kept } = await retained([{ runId: 'x.run_id.x' }, { ...old, runId: 'run_id.old' }], PUBLISHED_AT);
    expect(expired).toEqual({ runs: 0, leftovers: 0, kept: 2, postponed: 0 });
    expect(kept).toEqual(['run_id.old', 'x.run_id.x']);
  });
});
