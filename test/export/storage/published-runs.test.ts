import { describe, expect, it } from 'vitest';
import { allPublishedRuns, lastPublishedRun } from '../../../functions/export/storage/published-runs.ts';
import type { Manifest } from '../../../functions/model/manifest.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { publishedManifest } from '../planned-run.ts';

/** A store with a part of each run, and the manifest of each that was published. */
function storeWith(
  ...runs: readonly (readonly [
    runId: string,
    day: string,
    more?: Partial<Pick<Manifest, 'format' | 'publishedAt' | 'exportName'>> & { published?: boolean },
  ])[]
) {
  const { store, objects } = memoryStore();
  for (const [runId, day, { published = true, ...more } = {}] of runs) {
    const manifest = publishedManifest({ runId, dueAt: `${day}T02:00:00.000Z`, ...more });
    const place = `accounts_${manifest.format}/export_name=${manifest.exportName}/export_date=${day}/run_id=${runId}`;
    objects.set(`${place}/part-00000`, Buffer.from('part'));
    if (published) objects.set(`export_runs/run_id=${runId}/manifest.json`, Buffer.from(JSON.stringify(manifest)));
  }
  return { store, objects };
}

it('never advises to delete the damaged manifest of a published run', async () => {
  const { store, objects } = storeWith(['a', '2026-08-20']);
  objects.set('export_runs/run_id=a/manifest.json', Buffer.from('{'));
  const refused = {
    name: 'RunIncompleteError',
    message:
      'Invalid object export_runs/run_id=a/manifest.json in memory/ (damaged, or not written by an export): restore it from a copy; delete it only if you give up this published run.',
  };
  await expect(lastPublishedRun(store, 'all')).rejects.toMatchObject(refused);
  await expect(allPublishedRuns(store)).rejects.toMatchObject(refused);
});

describe('the last published run', () => {
  it('is undefined if none was published', async () => {
    expect(await lastPublishedRun(storeWith().store, 'all')).toBeUndefined();
    const { store } = storeWith(
      ['failed', '2026-08-22', { published: false }],
      ['b', '2026-08-22', { exportName: 'b' }],
    );
    expect(await lastPublishedRun(store, 'all')).toBeUndefined();
  });

  it.each(['json', 'csv', 'parquet'] as const)('is of the newest day, whatever its format (%s)', async (format) => {
    const { store } = storeWith(
      ['a', '2026-08-20'],
      ['b', '2026-08-22', { format }],
      ['c', '2026-08-21', { format: 'csv' }],
    );
    expect((await lastPublishedRun(store, 'all'))?.runId).toBe('b');
  });

  it.each([
    ['a', 'b', 'c'],
    ['b', 'a', 'c'],
    ['c', 'b', 'a'],
    ['b', 'c', 'a'],
  ])('is the one published last, of several of one day (%s, then %s, then %s)', async (...ids) => {
    const { store } = storeWith(
      ...ids.map((runId, i) => {
        const format = (['json', 'csv', 'json'] as const)[i] ?? 'json';
        return [runId, '2026-08-22', { format, publishedAt: `2026-08-22T0${i + 1}:00:00.000Z` }] as const;
      }),
    );
    expect((await lastPublishedRun(store, 'all'))?.runId).toBe(ids[2]);
  });

  it('is of the newer day, even if an older day was filled in later', async () => {
    const { store } = storeWith(
      ['filled-in', '2026-08-01', { publishedAt: '2026-08-23T00:00:00.000Z' }],
      ['newest', '2026-08-22', { publishedAt: '2026-08-22T02:00:00.000Z' }],
    );
    expect((await lastPublishedRun(store, 'all'))?.runId).toBe('newest');
  });

  it('is of the newest of many days, whatever their formats', async () => {
    const { store } = storeWith(
      ...Array.from({ length: 12 }, (_, i) => {
        const format = i % 2 === 0 ? ('json' as const) : ('csv' as const);
        return [`run-${i}`, `2026-08-${String(10 + i)}`, { format }] as const;
      }),
    );
    expect((await lastPublishedRun(store, 'all'))?.runId).toBe('run-11');
  });

  it('is found behind any number of failed runs', async () => {
    const failed = Array.from({ length: 19 }, (_, i) => {
      return [`failed-${i}`, `2026-08-${String(10 + i)}`, { published: false }] as const;
    });
    const { store } = storeWith(['good', '2026-07-31'], ['older', '2026-07-01'], ...failed);
    expect((await lastPublishedRun(store, 'all'))?.runId).toBe('good');
  });

  it('is found by reading at most eight days if the newest day has it', async () => {
    const days = Array.from({ length: 20 }, (_, i) => [`run-${i}`, `2026-08-${String(10 + i)}`] as const);
    const { store } = storeWith(...days);
    const read: string[] = [];
    const { get } = store;
    store.get = (key) => {
      read.push(key);
      return get(key);
    };
    expect((await lastPublishedRun(store, 'all'))?.runId).toBe('run-19');
    expect(read).toHaveLength(8);
  });
});
