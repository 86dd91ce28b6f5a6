/** What is kept of pages that are finished, and of tries that failed. */
import { describe, expect, it } from 'vitest';
import { UsageMeter } from '../../../functions/export/source/usage-meter.ts';
import {
  failedAttempts,
  failedTask,
  finishedPage,
  keepFailure,
  keepingWhatItSpends,
  readReceipts,
  sha256,
} from '../../../functions/export/storage/run-folder.ts';
import { ExportError } from '../../../functions/model/errors.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { PARTS, setUp } from '../../support/stepped-run.ts';
import { plannedRun } from '../planned-run.ts';

const SPENT = { apiRequests: 4, recordsFetched: 20, retries: { '5xx': 3 } };

describe('a fingerprint', () => {
  it('is the SHA-256 of the bytes, in hex', () => {
    // `printf abc | sha256sum`
    expect(sha256(Buffer.from('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('a finished page', () => {
  async function exported() {
    const { steps, store, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    return { store, objects, run: plan.run };
  }

  it('is one whose part lies there as its record says', async () => {
    const { store, run } = await exported();
    expect(await finishedPage(store, run, 1)).toMatchObject({ page: 1, records: 10 });
  });

  it('is none without a record, without a part, or with another part', async () => {
    const { store, objects, run } = await exported();
    expect(await finishedPage(store, run, 3)).toBeUndefined();
    objects.delete(`${PARTS}part-00001.json.gz`);
    expect(await finishedPage(store, run, 1)).toBeUndefined();
    objects.set(`${PARTS}part-00002.json.gz`, Buffer.from('x'));
    expect(await finishedPage(store, run, 2)).toBeUndefined();
  });

  it('is none of another attempt, nor of a run that lies in another place', async () => {
    const { store, run } = await exported();
    expect(await finishedPage(store, { ...run, attempt: 2 }, 1)).toBeUndefined();
    expect(await finishedPage(store, { ...run, exportDate: '2026-08-23' }, 1)).toBeUndefined();
  });
});

describe('page records', () => {
  /** A record of a page of run-1. */
  const recordOf = (page: number, attempt = 1) =>
    Buffer.from(
      JSON.stringify({
        version: 1,
        page,
        attempt,
        key: `part of ${page}`,
        etag: '',
        records: 1,
        bytes: 1,
        sha256: '',
        accountHashes: '',
        unmappedColumns: [],
        escapedLineBreaks: 0,
        usage: SPENT,
        latencyMs: 1,
      }),
    );

  it('come in the order of their pages, those of this attempt alone, and nothing else that lies there', async () => {
    const { store, objects } = memoryStore();
    const set = (name: string, body: Buffer) => objects.set(`work/run_id=run-1/pages/${name}`, body);
    set('99999.json', recordOf(99_999));
    set('100000.json', recordOf(100_000));
    set('00007.json', recordOf(7));
    set('00008.json', recordOf(8, 2));
    set('notes.txt', Buffer.from('by hand'));
    expect((await readReceipts(store, plannedRun())).map(({ page }) => page)).toEqual([7, 99_999, 100_000]);
    expect((await readReceipts(store, plannedRun({ attempt: 2 }))).map(({ page }) => page)).toEqual([8]);
  });

  it('are read fifty at once', async () => {
    const { store, objects } = memoryStore();
    for (let page = 10_000; page < 10_120; page++) objects.set(`work/run_id=run-1/pages/${page}.json`, recordOf(page));
    const { get } = store;
    let [inFlight, most] = [0, 0];
    store.get = async (key) => {
      most = Math.max(most, ++inFlight);
      await new Promise((done) => setImmediate(done));
      inFlight--;
      return get(key);
    };
    expect(await readReceipts(store, plannedRun())).toHaveLength(120);
    expect(most).toBe(50);
  });

  it('leave out one that is gone before it is read', async () => {
    const { store, objects } = memoryStore();
    for (const page of [10_000, 10_001]) objects.set(`work/run_id=run-1/pages/${page}.json`, recordOf(page));
    const { get } = store;
    store.get = async (key) => (key.endsWith('10000.json') ? undefined : get(key));
    expect((await readReceipts(store, plannedRun())).map(({ page }) => page)).toEqual([10_001]);
  });
});

describe('a failure of a page', () => {
  it('is kept with its sentence, and what each try cost is added up', async () => {
    const { store } = memoryStore();
    const error = new ExportError('ApiThrottledError', 'Page 3 was refused with 429.');
    await keepFailure(store, plannedRun(), 3, error, new UsageMeter({ start: SPENT }));
    expect(await failedAttempts(store, 'run-1')).toEqual([
      { version: 1, page: 3, error: 'ApiThrottledError', message: error.message, attempts: 1, start: 1, usage: SPENT },
    ]);
    await keepFailure(store, plannedRun(), 3, error, new UsageMeter({ start: SPENT }));
    expect(await failedAttempts(store, 'run-1')).toMatchObject([
      { attempts: 2, usage: { apiRequests: 8, recordsFetched: 40, retries: { '5xx': 6 } } },
    ]);
  });

  it.each([
    ['an error of somebody else', new TypeError('cannot read "Acme Corp"'), 'TypeError'],
    ['no error at all', 'Acme Corp', 'Error'],
  ])('tells nothing of the text of %s', async (_what, error, name) => {
    const { store } = memoryStore();
    await keepFailure(store, plannedRun(), 3, error, new UsageMeter());
    expect(await failedAttempts(store, 'run-1')).toMatchObject([
      { error: name, message: "Page 3 failed for a reason that is not known: see the function's log." },
    ]);
  });

  it('is told even where it cannot be kept', async () => {
    const { steps, store } = setUp(25, ({ pageSize, page }) => {
      if (pageSize === 10 && page === 1) throw new ExportError('ApiUnavailableError', 'Page 1 was answered with 502.');
    });
    const plan = await steps.plan();
    const { put } = store;
    store.put = async (key, ...rest) => {
      if (key.includes('/failures/')) throw new Error('the bucket is gone');
      return put(key, ...rest);
    };
    await expect(steps.pages(plan)).rejects.toThrow('Page 1 was answered with 502.');
  });
});

describe('a task that spends', () => {
  const failing = async (store: Parameters<typeof failedTask>[0], usage = SPENT) =>
    keepingWhatItSpends(store, 'run-1', 'plan', new UsageMeter({ start: usage }), async () => {
      throw new Error('no luck');
    });

  it('returns what its work returns and keeps nothing', async () => {
    const { store, objects } = memoryStore();
    const ledger = new UsageMeter({ start: SPENT });
    expect(await keepingWhatItSpends(store, 'run-1', 'plan', ledger, async () => 42)).toBe(42);
    expect(objects.size).toBe(0);
    expect(await failedTask(store, 'run-1', 'plan')).toBeUndefined();
  });

  it('keeps what each failed try cost, apart from the other task', async () => {
    const { store } = memoryStore();
    await expect(failing(store)).rejects.toThrow('no luck');
    expect(await failedTask(store, 'run-1', 'plan')).toEqual({ version: 1, attempts: 1, usage: SPENT });
    await expect(failing(store)).rejects.toThrow('no luck');
    expect(await failedTask(store, 'run-1', 'plan')).toEqual({
      version: 1,
      attempts: 2,
      usage: { apiRequests: 8, recordsFetched: 40, retries: { '5xx': 6 } },
    });
    expect(await failedTask(store, 'run-1', 'publish')).toBeUndefined();
  });

  it('keeps nothing of a try that asked for nothing', async () => {
    const { store, objects } = memoryStore();
    await expect(failing(store, { apiRequests: 0, recordsFetched: 0, retries: { '5xx': 0 } })).rejects.toThrow();
    expect(objects.size).toBe(0);
  });

  it('tells its own failure, also where that cannot be kept', async () => {
    const { store } = memoryStore(() => {
      throw new Error('the bucket is gone');
    });
    await expect(failing(store)).rejects.toThrow('no luck');
  });
});
