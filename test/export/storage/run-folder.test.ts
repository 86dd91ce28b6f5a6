/** What is kept of finished pages and of failed attempts. */
import { describe, expect, it } from 'vitest';
import { RunFolder, sha256 } from '../../../functions/export/storage/run-folder.ts';
import { ExportError } from '../../../functions/model/errors.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { PARTS, setUp, WORK } from '../../support/stepped-run.ts';

const USAGE = { apiRequests: 4, recordsFetched: 20, retries: { '5xx': 3 } };
const TWICE = { apiRequests: 8, recordsFetched: 40, retries: { '5xx': 6 } };

it('sha256 is the checksum of the bytes, in hex', () => {
  // `printf abc | sha256sum`
  expect(sha256(Buffer.from('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

it('a plan is refused in the folder of another run, whose locks and tickets would not apply to it', async () => {
  const { steps, store, objects } = setUp(25);
  await steps.plan();
  objects.set('work/run_id=copy/plan.json', objects.get(`${WORK}plan.json`) as Buffer);
  await expect(new RunFolder(store, 'copy').plan()).rejects.toMatchObject({
    name: 'RequestError',
    message:
      'Invalid object work/run_id=copy/plan.json in memory/ (damaged, or not written by an export): start a new run.',
  });
});

describe('a page', () => {
  it('is done only if its part is stored as its receipt says, in the place of this run', async () => {
    const { steps, store, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    const page = async (n: number, more = {}) =>
      (await new RunFolder(store, 'run-1').page({ ...plan.run, ...more }, n)).done;
    expect(await page(1)).toBe(true);
    expect(await page(3)).toBe(false);
    expect(await page(1, { exportDate: '2026-08-23' })).toBe(false);
    objects.delete(`${PARTS}part-00001.json.gz`);
    expect(await page(1)).toBe(false);
    objects.set(`${PARTS}part-00002.json.gz`, Buffer.from('x'));
    expect(await page(2)).toBe(false);
  });
});

describe('receipts', () => {
  function withReceipts(...pages: number[]) {
    const { store, objects } = memoryStore();
    for (const page of pages) {
      const figures = {
        version: 1,
        page,
        key: `part ${page}`,
        etag: '',
        records: 1,
        bytes: 1,
        sha256: '',
        accountHashes: Buffer.alloc(8).toString('base64'),
      };
      const receipt = { ...figures, unmappedColumns: [], escapedLineBreaks: 0, usage: USAGE, latencyMs: 1 };
      objects.set(`${WORK}receipts/${String(page).padStart(5, '0')}.json`, Buffer.from(JSON.stringify(receipt)));
    }
    const pagesOf = async () => (await new RunFolder(store, 'run-1').receipts()).map(({ page }) => page);
    return { store, objects, pagesOf };
  }

  it('come in page order', async () => {
    expect(await withReceipts(99_999, 100_000, 7).pagesOf()).toEqual([7, 99_999, 100_000]);
  });

  it('are read fifty at a time', async () => {
    const { store, pagesOf } = withReceipts(...Array.from({ length: 120 }, (_, i) => i));
    const { get } = store;
    let [inFlight, max] = [0, 0];
    store.get = async (key) => {
      max = Math.max(max, ++inFlight);
      await new Promise((done) => setImmediate(done));
      inFlight--;
      return get(key);
    };
    expect(await pagesOf()).toHaveLength(120);
    expect(max).toBe(50);
  });

  it.each([
    ['a hash is missing', ''],
    ['a hash is too short', 'AAAAAAAAAA=='],
    ['there is one more hash', Buffer.alloc(16).toString('base64')],
  ])('are refused if %s, because all later hashes would be wrong', async (_, accountHashes) => {
    const { objects, pagesOf } = withReceipts(0, 1);
    const key = `${WORK}receipts/00000.json`;
    objects.set(key, Buffer.from(JSON.stringify({ ...JSON.parse(String(objects.get(key))), accountHashes })));
    await expect(pagesOf()).rejects.toMatchObject({ name: 'RunIncompleteError' });
  });

  it('are refused with the first damaged one, whichever is read first', async () => {
    const { store, objects, pagesOf } = withReceipts(0, 1, 2);
    for (const page of [0, 1, 2]) objects.set(`${WORK}receipts/0000${page}.json`, Buffer.from('damaged'));
    const { get } = store;
    store.get = async (key) => {
      if (key.endsWith('00000.json')) await new Promise((done) => setTimeout(done, 5));
      return get(key);
    };
    await expect(pagesOf()).rejects.toThrow('receipts/00000.json');
  });

  it('leave out one that is removed while they are read', async () => {
    const { store, pagesOf } = withReceipts(0, 1);
    const { get } = store;
    store.get = async (key) => (key.endsWith('00000.json') ? undefined : get(key));
    expect(await pagesOf()).toEqual([1]);
  });
});

describe('a damaged plan', () => {
  it('needs a new run, because no run is resumed without its plan', async () => {
    const { store, objects } = memoryStore();
    objects.set('work/run_id=run-1/plan.json', Buffer.from(''));
    await expect(new RunFolder(store, 'run-1').plan()).rejects.toMatchObject({
      name: 'RequestError',
      message:
        'Invalid object work/run_id=run-1/plan.json in memory/ (damaged, or not written by an export): start a new run.',
    });
  });
});

describe('a failure', () => {
  const failing = { error: new ExportError('ApiThrottledError', 'Page 3: 429.'), usage: USAGE };

  it('keeps its error and adds up the usage of its attempts, by execution and task', async () => {
    const { store } = memoryStore();
    const folder = new RunFolder(store, 'run-1');
    await folder.recordFailure(3, 'first', failing);
    await folder.recordFailure(3, 'first', failing);
    await folder.recordFailure('plan', 'first', failing);
    await folder.recordFailure(3, 'second', failing);
    const page3 = { version: 1, task: 3, error: 'ApiThrottledError', message: 'Page 3: 429.' };
    expect(await folder.failures('first')).toEqual([
      { ...page3, attempts: 2, usage: TWICE },
      { ...page3, task: 'plan', attempts: 1, usage: USAGE },
    ]);
    expect(await folder.failures('second')).toEqual([{ ...page3, attempts: 1, usage: USAGE }]);
    expect(await folder.failures()).toHaveLength(3);
    expect(await folder.usage([])).toMatchObject({ apiRequests: 16, recordsFetched: 80, totalRetries: 4 + 12 });
  });

  it.each([
    ['an unexpected error', new TypeError('cannot read "Acme Corp"'), 'TypeError'],
    ['no error', 'Acme Corp', 'Error'],
  ])('never keeps the text of %s', async (_what, error, name) => {
    const folder = new RunFolder(memoryStore().store, 'run-1');
    await folder.recordFailure(3, 'first', { error, usage: USAGE });
    expect(await folder.failures()).toMatchObject([
      {
        error: name,
        message: `Unexpected error in page 3 of run "run-1" (${name}): resume the run; if it fails again, report it with the log of the function, or, on this machine, with the output of --verbose.`,
      },
    ]);
  });

  it('is thrown even if it cannot be kept', async () => {
    const { steps, store } = setUp(25, ({ pageSize }) => {
      if (pageSize === 10) throw Object.assign(new ExportError('ApiUnavailableError', '502'), { usage: USAGE });
    });
    const { put } = store;
    store.put = async (key, ...rest) => {
      if (key.includes('/failures/')) throw new Error('the bucket is gone');
      return put(key, ...rest);
    };
    await expect(steps.plan()).rejects.toThrow('502');
  });

  it('keeps nothing of planning that sent no request', async () => {
    const { steps, objects } = setUp(25, () => {
      throw new ExportError('ApiUnavailableError', 'Aborted.');
    });
    await expect(steps.plan()).rejects.toThrow('Aborted');
    expect([...objects.keys()].filter((key) => key.includes('/failures/'))).toEqual([]);
  });
});
