import { describe, expect, it } from 'vitest';
import type { PublishedRun } from '../../../functions/export/ports.ts';
import { expireRuns } from '../../../functions/export/upkeep/retention.ts';
import { accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { PUBLISHED_AT, runSteps } from '../../support/run-steps.ts';

const DAY = 24 * 60 * 60 * 1000;

async function published(...runs: readonly (readonly [runId: string, request: object])[]) {
  const { store, objects } = memoryStore();
  const { api } = arrayApi({ list: accounts(25) });
  for (const [runId, request] of runs) await runSteps(api, store, runId).all(request);
  const removed: string[] = [];
  const expire = (days: number, beforeRemoval: (run: PublishedRun) => void = () => undefined) =>
    expireRuns(
      {
        store,
        clock: { now: () => PUBLISHED_AT + days * DAY },
        catalog: {
          addRun: async () => undefined,
          removeRun: async (run) => {
            beforeRemoval(run);
            removed.push(`${run.exportName} ${run.exportDate} ${run.runId}`);
          },
        },
      },
      100,
    );
  const keysOf = (runId: string) =>
    [...objects.keys()].filter((key) => key.includes(`run_id=${runId}/`) && !key.startsWith('work/'));
  return { store, objects, removed, expire, keysOf };
}

describe('expireRuns', () => {
  it('removes an old run whole: visibility, parts, manifest', async () => {
    const { expire, removed, keysOf } = await published(
      ['old', { dueAt: '2026-08-20' }],
      ['new', { dueAt: '2026-08-21' }],
    );
    expect(await expire(101)).toEqual({ runs: 1, leftovers: 0, kept: 1 });
    expect(removed).toEqual(['all 2026-08-20 old']);
    expect(keysOf('old')).toEqual([]);
    expect(keysOf('new')).toHaveLength(4);
  });

  it('keeps runs that are young enough', async () => {
    const { expire } = await published(['old', { dueAt: '2026-08-20' }], ['new', { dueAt: '2026-08-21' }]);
    expect(await expire(99)).toEqual({ runs: 0, leftovers: 0, kept: 2 });
  });

  it('keeps the newest run of every export, whatever its age', async () => {
    const { expire, keysOf } = await published(['a', {}], ['b', { exportName: 'other', format: 'csv' }]);
    expect(await expire(5000)).toEqual({ runs: 0, leftovers: 0, kept: 2 });
    expect(keysOf('a').length + keysOf('b').length).toBe(8);
  });

  it('takes the run of the latest day for the newest, also when an earlier day was filled in after it', async () => {
    const { expire, removed } = await published(
      ['today', { dueAt: '2026-08-21' }],
      ['filled-in', { dueAt: '2026-08-01' }],
    );
    await expire(101);
    expect(removed).toEqual(['all 2026-08-01 filled-in']);
  });

  it('goes on when it was stopped between two steps', async () => {
    const { expire, keysOf, store } = await published(
      ['old', { dueAt: '2026-08-20' }],
      ['new', { dueAt: '2026-08-21' }],
    );
    const { delete: remove } = store;
    let left = 2;
    store.delete = async (key) => {
      if (left-- === 0) throw new Error('stopped');
      await remove(key);
    };
    await expect(expire(101)).rejects.toThrow('stopped');
    store.delete = remove;
    expect(keysOf('old')).toContain('export_runs/run_id=old/manifest.json');
    expect(await expire(101)).toMatchObject({ runs: 1 });
    expect(keysOf('old')).toEqual([]);
  });

  it('removes nothing of a run that cannot be made invisible', async () => {
    const { expire, keysOf } = await published(['old', { dueAt: '2026-08-20' }], ['new', { dueAt: '2026-08-21' }]);
    await expect(
      expire(101, () => {
        throw new Error('denied');
      }),
    ).rejects.toThrow('denied');
    expect(keysOf('old')).toHaveLength(4);
  });

  it('removes the parts of a failed run once it cannot be taken up again', async () => {
    const { expire, keysOf, store } = await published(['good', {}]);
    const { api } = arrayApi({ list: accounts(25) });
    const failed = runSteps(api, store, 'failed');
    await failed.pages(await failed.plan());
    expect(await expire(1)).toMatchObject({ leftovers: 0 });
    await store.delete('work/run_id=failed/plan.json');
    expect(await expire(1)).toEqual({ runs: 0, leftovers: 1, kept: 1 });
    expect(keysOf('failed')).toEqual([]);
    expect(keysOf('good')).toHaveLength(4);
  });
});
