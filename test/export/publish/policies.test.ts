/** What a run's policies make of a verdict and of a drop, at their borders. */
import { describe, expect, it } from 'vitest';
import { beginAgain, goesAgain, refusalOf } from '../../../functions/export/publish/policies.ts';
import type { Run } from '../../../functions/model/run.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { plannedRun, publishedManifest } from '../planned-run.ts';

const DRIFT = {
  verdict: 'drifted' as const,
  accountsBefore: 25,
  accountsAfter: 25,
  boundariesChecked: 4,
  boundariesMoved: 2,
};
const drifted = publishedManifest({ consistency: DRIFT, duplicates: 3 });

describe('a run is made once more', () => {
  const again = (more: Partial<Run>, maxRecords?: number, accountsAfter = 25, manifest = drifted) =>
    goesAgain(plannedRun({ onDrift: 'retry', ...more }), {
      manifest: { ...manifest, consistency: { ...manifest.consistency, accountsAfter } },
      usage: { apiRequests: 1, recordsFetched: 104, retries: {} },
      maxRecords,
    });

  it('when it drifted and its policy says so', () => {
    expect(again({})).toBe(true);
  });

  it('not when it was steady, when its policy is another one, or when it was made once more already', () => {
    expect(again({}, undefined, 25, publishedManifest())).toBe(false);
    expect(again({ onDrift: 'publish' })).toBe(false);
    expect(again({ onDrift: 'fail' })).toBe(false);
    expect(again({ attempt: 2 })).toBe(false);
  });

  it.each([
    // 104 spent, 62 and a page to count, four pages, one of them for growth, 184 to prove.
    ['fits exactly', 400, 25, true],
    ['is one record too much', 399, 25, false],
    ['fills its last page and fits', 400, 30, true],
    ['needs a page more', 400, 31, false],
    ['has room for that page', 410, 31, true],
  ])('within its budget alone: what %s', (_what, maxRecords, accountsAfter, expected) => {
    expect(again({}, maxRecords, accountsAfter)).toBe(expected);
  });
});

describe('beginning again', () => {
  it('keeps that the source moved, then removes what the attempt wrote, and nothing of another run', async () => {
    const { store, objects, puts } = memoryStore();
    const parts = (runId: string) => `accounts_json/export_name=all/export_date=2026-08-22/run_id=${runId}/`;
    const gone = [
      `${parts('run-1')}part-00000.json.gz`,
      'work/run_id=run-1/pages/00000.json',
      'work/run_id=run-1/failures/00000.json',
      'work/run_id=run-1/failures/publish.json',
    ];
    const kept = [
      `${parts('run-10')}part-00000.json.gz`,
      'work/run_id=run-1/plan.json',
      'work/run_id=run-1/budget/1/publish.json',
      'work/run_id=run-10/pages/00000.json',
    ];
    for (const key of [...gone, ...kept]) objects.set(key, Buffer.from('{}'));
    const { delete: remove } = store;
    store.delete = (key) => {
      expect(puts).toEqual(['work/run_id=run-1/drift.json']);
      return remove(key);
    };
    const usage = { apiRequests: 9, recordsFetched: 104, retries: {} };
    const drift = { version: 1 as const, attempt: 1, usage, accounts: 25, consistency: DRIFT, cleared: false };
    expect(await beginAgain(store, plannedRun({ onDrift: 'retry' }), drift)).toEqual({
      status: 'drifted',
      runId: 'run-1',
      exportName: 'all',
      accounts: 25,
      consistency: DRIFT,
    });
    expect([...objects.keys()].sort()).toEqual([...kept, 'work/run_id=run-1/drift.json'].sort());
    expect(JSON.parse(String(objects.get('work/run_id=run-1/drift.json')))).toEqual({ ...drift, cleared: true });
  });

  it('removes no more than fifty objects at once', async () => {
    const { store, objects } = memoryStore();
    for (let page = 0; page < 120; page++) objects.set(`work/run_id=run-1/pages/${page}.json`, Buffer.from('{}'));
    let [inFlight, most] = [0, 0];
    store.delete = async () => {
      most = Math.max(most, ++inFlight);
      await new Promise((done) => setImmediate(done));
      inFlight--;
    };
    const usage = { apiRequests: 9, recordsFetched: 104, retries: {} };
    await beginAgain(store, plannedRun(), {
      version: 1,
      attempt: 1,
      usage,
      accounts: 25,
      consistency: DRIFT,
      cleared: false,
    });
    expect(most).toBe(50);
  });
});

describe('a run may be published', () => {
  const last = publishedManifest({ runId: 'run-0', distinctAccounts: 40 });
  const refused = (run: Partial<Run>, now: number, before = 40) =>
    refusalOf(plannedRun(run), publishedManifest({ distinctAccounts: now }), { ...last, distinctAccounts: before });

  it('when nothing was published before it, or nothing was in that', () => {
    expect(refusalOf(plannedRun(), publishedManifest({ distinctAccounts: 0 }), undefined)).toBeUndefined();
    expect(refused({}, 0, 0)).toBeUndefined();
  });

  it.each([
    ['it grew', {}, 80],
    ['it grew, where nothing may go', { maxDropPercent: 0 }, 41],
    ['as much went as may go', {}, 20],
    ['all but one went, and all may go', { maxDropPercent: 100 }, 1],
  ])('when %s', (_what, run, now) => {
    expect(refused(run, now)).toBeUndefined();
  });

  it('not when one more went than may go', () => {
    expect(refused({}, 19)).toMatchObject({ name: 'QuarantinedError' });
  });

  it('by the policies "publish" and "retry", though the source moved', () => {
    expect(refusalOf(plannedRun(), drifted, undefined)).toBeUndefined();
    expect(refusalOf(plannedRun({ onDrift: 'retry' }), drifted, undefined)).toBeUndefined();
  });

  it('by the policy "fail" when it is steady, and not when the source moved, whatever went', () => {
    expect(refusalOf(plannedRun({ onDrift: 'fail' }), publishedManifest(), undefined)).toBeUndefined();
    expect(refusalOf(plannedRun({ onDrift: 'fail' }), { ...drifted, distinctAccounts: 1 }, last)).toMatchObject({
      name: 'DriftedError',
      message:
        'The source moved while run "run-1" read it (25 accounts before and 25 after, 2 of 4 boundaries moved, 3 accounts came twice), and onDrift is "fail". Nothing was published: start a new run, or publish this one as it is with {"publish":"run-1"}.',
    });
  });
});
