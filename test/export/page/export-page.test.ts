import { describe, expect, it } from 'vitest';
import { exportPage } from '../../../functions/export/page/export-page.ts';
import type { AccountsApi, AttemptFigures } from '../../../functions/export/ports.ts';
import { ExportError } from '../../../functions/model/errors.ts';
import { ReceiptSchema } from '../../../functions/model/receipt.ts';
import { account, accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { runSteps } from '../../support/run-steps.ts';
import { MANIFEST, manifestIn, PARTS, setUp, WORK } from '../../support/stepped-run.ts';
import { plannedRun } from '../planned-run.ts';

const PART = `${PARTS}part-00001.json.gz`;
const task = (page: number, more: Parameters<typeof plannedRun>[0] = {}) => ({
  page,
  run: plannedRun(more),
  execution: 'execution',
});
const CAPPED = {
  name: 'PageSizeCappedError',
  message: 'The API caps pages at 4 accounts (10 requested): start a new run with pageSize 4.',
};

/** An API whose pages of ten have at most as many accounts as `limit` says. */
function capped(api: AccountsApi, limit: () => number | undefined): AccountsApi {
  return {
    ...api,
    fetchPage: (query, decode, options) => {
      const max = query.pageSize === 10 ? limit() : undefined;
      const cut = (body: Buffer) => Buffer.from(JSON.stringify((JSON.parse(String(body)) as unknown[]).slice(0, max)));
      return api.fetchPage(query, (body) => decode(cut(body)), options);
    },
  };
}

/** When each attempt begins. */
const clock = { now: () => Date.parse('2026-08-22T02:00:10Z') };

describe('exportPage', () => {
  it('writes a part and a receipt that describes it', async () => {
    const { api } = arrayApi({ list: [...accounts(24), account('a', ',"zeta":1')] });
    const { store, objects } = memoryStore();
    const slow: AccountsApi = {
      ...api,
      fetchPage: async (...query) => ({ ...(await api.fetchPage(...query)), latencyMs: 12.6 }),
    };
    expect(await exportPage({ api: slow, store, clock }, task(2))).toBe(5);
    const receipt = ReceiptSchema.parse(JSON.parse(String(objects.get(`${WORK}receipts/00002.json`))));
    const part = objects.get(`${PARTS}part-00002.json.gz`);
    expect(receipt).toMatchObject({
      page: 2,
      key: `${PARTS}part-00002.json.gz`,
      records: 5,
      bytes: part?.length,
      unmappedColumns: ['zeta'],
      escapedLineBreaks: 0,
      usage: { apiRequests: 1, recordsFetched: 5 },
      fields: [
        { name: 'name', present: 5 },
        { name: 'zeta', present: 1 },
      ],
      startedAt: '2026-08-22T02:00:10.000Z',
      latencyMs: 13,
    });
    expect(Buffer.from(receipt?.accountHashes ?? '', 'base64')).toHaveLength(40);
    expect(
      [...objects]
        .filter(([key]) => key.startsWith('work/'))
        .map(([, body]) => String(body))
        .join(),
    ).not.toContain('account 2');
  });

  it('fetches a page again only if its receipt or part is missing or modified, and writes the same part', async () => {
    const { steps, objects, store, pageFetches } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    const before = objects.get(PART);
    await steps.pages(plan);
    expect(pageFetches(10)).toEqual([3, 0, 1, 2]);
    await store.delete(`${WORK}receipts/00001.json`);
    objects.set(`${PARTS}part-00002.json.gz`, Buffer.from('truncated'));
    await steps.pages(plan);
    expect(pageFetches(10).slice(4)).toEqual([1, 2]);
    expect(objects.get(PART)).toEqual(before);
    expect([...objects.keys()].filter((key) => key.startsWith(PARTS))).toHaveLength(3);
  });

  it('reports the figures of each attempt, and the latency of one that succeeds', async () => {
    const usage = { apiRequests: 4, recordsFetched: 20, retries: { '5xx': 3 } };
    let broken = true;
    const { api } = arrayApi({ list: accounts(25) }, () => {
      if (!broken) return;
      broken = false;
      throw Object.assign(new ExportError('ApiUnavailableError', '502'), { usage });
    });
    const attempts: AttemptFigures[] = [];
    const ports = {
      api,
      store: memoryStore().store,
      clock,
      measure: (attempt: AttemptFigures) => void attempts.push(attempt),
    };
    await expect(exportPage(ports, task(1))).rejects.toThrow('502');
    for (const _again of [1, 2]) await exportPage(ports, task(1));
    expect(attempts).toEqual([
      { exportName: 'all', usage },
      { exportName: 'all', usage: { apiRequests: 1, recordsFetched: 10, retries: {} }, latencyMs: 1 },
    ]);
  });

  it('counts the usage of failed attempts in the manifest', async () => {
    let failing = false;
    const { steps, objects } = setUp(25, ({ pageSize, page }) => {
      if (!failing || pageSize !== 10 || page !== 1) return;
      const usage = { apiRequests: 4, recordsFetched: 20, retries: { '5xx': 3 } };
      throw Object.assign(new ExportError('ApiUnavailableError', '502'), { usage });
    });
    const plan = await steps.plan();
    failing = true;
    await expect(steps.pages(plan)).rejects.toThrow('502');
    failing = false;
    await steps.pages(plan);
    await steps.publish(plan);
    const plain = setUp(25);
    await plain.steps.all();
    const [manifest, without] = [manifestIn(objects), manifestIn(plain.objects)];
    expect(manifest.apiRequests - without.apiRequests).toBe(4);
    expect(manifest.recordsFetched - without.recordsFetched).toBe(20);
    expect(manifest.retries).toBe(4);
  });

  it('refuses an invalid event', async () => {
    const { api } = arrayApi({ list: [] });
    await expect(exportPage({ api, store: memoryStore().store, clock }, { page: 0 })).rejects.toMatchObject({
      name: 'RequestError',
      message: expect.stringMatching(/^Invalid event of Export page: run .* \(missing\); /),
    });
  });
});

describe('a short page', () => {
  /** Page 1 of 25 accounts, whose first answers have as many accounts as `served` says. */
  async function pageServed(served: readonly number[], more: Parameters<typeof plannedRun>[0] = {}, total = 25) {
    const { api, queries } = arrayApi({ list: accounts(total) });
    const { store } = memoryStore();
    let nth = 0;
    const page = exportPage({ api: capped(api, () => served[nth++]), store, clock }, task(1, more));
    const asked = () => queries.map(({ pageSize, page }) => [pageSize, page]);
    return { page, asked };
  }

  it('is fetched again if another account follows it', async () => {
    const { page, asked } = await pageServed([4]);
    expect(await page).toBe(10);
    expect(asked()).toEqual([
      [10, 1],
      [1, 14],
      [10, 1],
    ]);
  });

  it('means a capped page size if it has the same length twice', async () => {
    await expect((await pageServed([4, 4])).page).rejects.toMatchObject(CAPPED);
    const { steps, api, store } = setUp(95);
    const plan = await steps.plan();
    await expect(
      runSteps(
        capped(api, () => 4),
        store,
      ).pages(plan),
    ).rejects.toMatchObject(CAPPED);
  });

  it.each([
    ['longer', [4, 6], 6],
    ['shorter', [6, 4], 4],
    ['empty again', [0, 0], 0],
  ])('is a transient error if the second answer is %s', async (_what, served, last) => {
    await expect((await pageServed(served)).page).rejects.toMatchObject({
      name: 'ApiAnswerError',
      message: `Page 1 of run "run-1" is incomplete (${last} of 10 accounts, but more accounts follow): resume the run.`,
    });
  });

  it('is accepted after one request if no account follows it', async () => {
    const { page, asked } = await pageServed([], {}, 14);
    expect(await page).toBe(4);
    expect(asked()).toEqual([
      [10, 1],
      [1, 14],
    ]);
  });

  it('is accepted if it is short twice and the account that followed it has gone', async () => {
    const source = { list: accounts(15) };
    const { api, queries } = arrayApi(source, (_query, nth) => {
      source.list = accounts(nth === 2 ? 15 : 14);
    });
    expect(await exportPage({ api, store: memoryStore().store, clock }, task(1))).toBe(4);
    expect(queries.map(({ pageSize, page }) => [pageSize, page])).toEqual([
      [10, 1],
      [1, 14],
      [10, 1],
      [1, 14],
    ]);
  });

  it('is fetched again and accepted if pages are not offsets', async () => {
    const { page, asked } = await pageServed([4, 4], { countedBy: 'pages' });
    expect(await page).toBe(4);
    expect(asked()).toEqual([
      [10, 1],
      [10, 1],
    ]);
  });

  it.each([
    ['the plan expects no more', { accounts: 14, pages: 2 }, 14, 4],
    ['it is after the planned end', { accounts: 5, pages: 1 }, 5, 0],
  ])('is complete if %s', async (_what, more, total, records) => {
    const { page, asked } = await pageServed([], more, total);
    expect(await page).toBe(records);
    expect(asked()).toEqual([[10, 1]]);
  });

  it('is accepted when the data shrank, and the run is called drifted', async () => {
    const { steps, source } = setUp(25);
    const plan = await steps.plan();
    source.list.splice(12);
    expect(await steps.pages(plan)).toEqual([10, 2, 0]);
    expect(await steps.publish(plan)).toMatchObject({ accounts: 12, verdict: 'drifted' });
  });
});

describe('an attempt that outlives another one', () => {
  /** An attempt at the only page, during which the part becomes what `other` makes of it. */
  async function raced(other: (part: Buffer) => Buffer) {
    const { api } = arrayApi({ list: accounts(5) });
    const { store, objects } = memoryStore();
    const page = task(0, { accounts: 5, pages: 1 });
    const key = `${PARTS}part-00000.json.gz`;
    await exportPage({ api, store, clock }, page);
    const part = objects.get(key) as Buffer;
    objects.delete(key);
    const late: AccountsApi = {
      ...api,
      fetchPage: async (...query) => {
        const answer = await api.fetchPage(...query);
        objects.set(key, other(part));
        return answer;
      },
    };
    return { exported: exportPage({ api: late, store, clock }, page), partNow: () => objects.get(key), part };
  }

  it('does not replace the part that the other one wrote', async () => {
    const { exported, partNow } = await raced(() => Buffer.from('of another attempt'));
    await expect(exported).rejects.toMatchObject({
      name: 'StorageError',
      message: 'Two attempts wrote page 0 of run "run-1" at the same time: resume the run.',
    });
    expect(String(partNow())).toBe('of another attempt');
  });

  it('accepts an equal part', async () => {
    const { exported, partNow, part } = await raced((same) => Buffer.from(same));
    expect(await exported).toBe(5);
    expect(partNow()).toEqual(part);
  });

  it('accepts its own part if the answer to the write was lost', async () => {
    const { steps, store } = setUp(25);
    const { put } = store;
    store.put = async (key, ...rest) => {
      const etag = await put(key, ...rest);
      return key.startsWith(PARTS) ? undefined : etag;
    };
    expect(await steps.all()).toMatchObject({ status: 'published', accounts: 25 });
  });

  it('writes nothing to a run that was published meanwhile', async () => {
    const { steps, source, objects, api, store, pageFetches } = setUp(25);
    const plan = await steps.plan();
    const { promise, resolve } = Promise.withResolvers<void>();
    const held: typeof store = {
      ...store,
      async put(key, ...rest) {
        if (key === PART) await promise;
        return store.put(key, ...rest);
      },
    };
    const late = runSteps(api, held).pages({ ...plan, pageNumbers: [1] });
    late.catch(() => undefined);
    await expect.poll(() => pageFetches(10).includes(1)).toBe(true);
    source.list.splice(0, 1);
    await steps.pages(plan);
    await steps.publish(plan);
    const published = new Map(objects);
    resolve();
    await expect(late).rejects.toMatchObject({ name: 'StorageError' });
    for (const key of published.keys()) {
      if (key.startsWith('accounts_') || key.includes('/receipts/') || key === MANIFEST)
        expect([key, objects.get(key)]).toEqual([key, published.get(key)]);
    }
  });

  it('restores the part if an equal one was written and published while it wrote', async () => {
    const { steps, source, objects, api, store } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    objects.delete(`${WORK}receipts/00001.json`);
    const published = Promise.withResolvers<void>();
    const writing = Promise.withResolvers<void>();
    const held: typeof store = {
      ...store,
      async put(key, ...rest) {
        if (key === PART) {
          writing.resolve();
          await published.promise;
        }
        return store.put(key, ...rest);
      },
    };
    const [changed] = source.list.splice(12, 1, account('changed'));
    const late = runSteps(api, held).pages({ ...plan, pageNumbers: [1] });
    late.catch(() => undefined);
    await writing.promise;
    source.list.splice(12, 1, changed ?? '');
    await steps.pages(plan);
    await steps.publish(plan);
    const part = objects.get(PART);
    published.resolve();
    await expect(late).rejects.toMatchObject({ name: 'RequestError' });
    expect(objects.get(PART)).toEqual(part);
  });

  it('writes nothing to a published run whose part was removed', async () => {
    const { steps, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    await steps.publish(plan);
    objects.delete(PART);
    const before = [...objects.keys()].filter((key) => !key.includes('/failures/'));
    await expect(steps.pages(plan)).rejects.toMatchObject({
      name: 'RequestError',
      message: 'Cannot write page 1 of run "run-1": the run is already published. No action is needed.',
    });
    expect([...objects.keys()].filter((key) => !key.includes('/failures/'))).toEqual(before);
  });
});
