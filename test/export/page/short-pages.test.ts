/** A page that comes short: an end, a cap, or an answer that broke off where no parser sees it. */
import { describe, expect, it } from 'vitest';
import { exportPage, fetchAndStore } from '../../../functions/export/page/export-page.ts';
import type { AccountsApi } from '../../../functions/export/ports.ts';
import { endOf, exportTail } from '../../../functions/export/publish/tail.ts';
import { UsageMeter } from '../../../functions/export/source/usage-meter.ts';
import { readReceipts } from '../../../functions/export/storage/run-folder.ts';
import { account, accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { plannedRun } from '../planned-run.ts';

/** Page 1 of 25 accounts, whose first answers hold as many accounts as `served` says. */
async function pageServed(served: readonly number[], more: Parameters<typeof plannedRun>[0] = {}, total = 25) {
  const { api, queries } = arrayApi({ list: accounts(total) });
  const { store } = memoryStore();
  let nth = 0;
  const short: AccountsApi = {
    fetchPage: (query, decode, signal, allowance) => {
      const limit = query.pageSize === 10 ? (served[nth++] ?? 10) : query.pageSize;
      const cut = (body: Buffer) => JSON.stringify((JSON.parse(String(body)) as unknown[]).slice(0, limit));
      return api.fetchPage(query, (body) => decode(Buffer.from(cut(body))), signal, allowance);
    },
  };
  const page = fetchAndStore({ api: short, store }, plannedRun(more), 1);
  const asked = () => queries.map(({ pageSize, page }) => [pageSize, page]);
  return { page, asked };
}

describe('a page that comes short', () => {
  it('is taken when a second try brings it whole', async () => {
    const { page, asked } = await pageServed([4]);
    expect((await page).records).toBe(10);
    // The page, the account that must lie behind its four, and the page again.
    expect(asked()).toEqual([
      [10, 1],
      [1, 14],
      [10, 1],
    ]);
  });

  it('twice the same is a capped page size', async () => {
    const { page } = await pageServed([4, 4]);
    await expect(page).rejects.toMatchObject({
      name: 'PageSizeCappedError',
      message: 'The API serves 4 accounts a page where 10 were asked for: set the page size to 4.',
    });
  });

  it.each([
    ['twice, and not the same', [4, 6], 6],
    ['twice, and not the same, with fewer', [6, 4], 4],
    ['empty twice', [0, 0], 0],
  ])('%s may be tried again later', async (_what, served, last) => {
    const { page } = await pageServed(served);
    await expect(page).rejects.toMatchObject({
      name: 'ApiAnswerError',
      message: `Page 1 came with ${last} accounts of 10 although more follow; it can be tried again later.`,
    });
  });

  it('is asked for no more than once when nothing lies behind it', async () => {
    const { page, asked } = await pageServed([], {}, 14);
    expect((await page).records).toBe(4);
    expect(asked()).toEqual([
      [10, 1],
      [1, 14],
    ]);
  });

  it('is asked for once more, and taken for what it is, where pages are no offsets', async () => {
    const { page, asked } = await pageServed([4, 4], { countedBy: 'pages' });
    expect((await page).records).toBe(4);
    expect(asked()).toEqual([
      [10, 1],
      [10, 1],
    ]);
  });

  it('is not short when the plan expects no more of it', async () => {
    const { page, asked } = await pageServed([], { accounts: 14, pages: 2 }, 14);
    expect((await page).records).toBe(4);
    expect(asked()).toEqual([[10, 1]]);
  });

  it('is not short behind the plan, where nothing is expected', async () => {
    const { page, asked } = await pageServed([], { accounts: 5, pages: 1 }, 5);
    expect((await page).records).toBe(0);
    expect(asked()).toEqual([[10, 1]]);
  });
});

describe('a part that another try writes meanwhile', () => {
  const KEY = 'accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/part-00000.json.gz';

  /** A try at the only page, while whose answer is under way the part becomes what `other` makes of it. */
  async function raced(other: (part: Buffer) => Buffer) {
    const { api } = arrayApi({ list: accounts(5) });
    const { store, objects } = memoryStore();
    const run = plannedRun({ accounts: 5, pages: 1 });
    await fetchAndStore({ api, store }, run, 0);
    const part = objects.get(KEY) as Buffer;
    objects.delete(KEY);
    const late: AccountsApi = {
      fetchPage: async (...query) => {
        const answer = await api.fetchPage(...query);
        objects.set(KEY, other(part));
        return answer;
      },
    };
    return { page: fetchAndStore({ api: late, store }, run, 0), objects, part };
  }

  it('is not replaced: the try may be made again later', async () => {
    const { page, objects } = await raced(() => Buffer.from('of another try'));
    await expect(page).rejects.toMatchObject({
      name: 'StorageError',
      message: 'The part of page 0 was written by another try meanwhile; it can be tried again later.',
    });
    expect(String(objects.get(KEY))).toBe('of another try');
  });

  it('is its own where it holds the same', async () => {
    const { page, objects, part } = await raced((same) => Buffer.from(same));
    expect(await page).toMatchObject({ records: 5, bytes: part.length });
    expect(objects.get(KEY)).toEqual(part);
  });
});

describe('the record of a page', () => {
  it('names the fields that no column takes, and rounds its latency', async () => {
    const { api } = arrayApi({ list: [account('a', ',"zeta":1')] });
    const slow: AccountsApi = {
      fetchPage: async (...query) => ({ ...(await api.fetchPage(...query)), latencyMs: 12.6 }),
    };
    const { store } = memoryStore();
    const record = await fetchAndStore({ api: slow, store }, plannedRun({ accounts: 1, pages: 1 }), 0);
    expect(record).toMatchObject({ page: 0, records: 1, unmappedColumns: ['zeta'], latencyMs: 13, attempt: 1 });
  });

  it('is refused for an event that is none', async () => {
    const { api } = arrayApi({ list: [] });
    const ports = { api, store: memoryStore().store };
    await expect(exportPage(ports, { page: 0 })).rejects.toMatchObject({
      name: 'RequestError',
      message: expect.stringMatching(/^The event of Export page is unusable: run is missing; /),
    });
  });
});

/** A run of 25 accounts whose pages are there, and a source that then changed. */
async function afterReading(change: (list: string[]) => void, more: Parameters<typeof plannedRun>[0] = {}) {
  const source = { list: accounts(25) };
  const { api, queries } = arrayApi(source);
  const { store } = memoryStore();
  const run = plannedRun(more);
  for (const page of [0, 1, 2]) await fetchAndStore({ api, store }, run, page);
  change(source.list);
  const before = queries.length;
  const done = exportTail({ api, store }, run, await readReceipts(store, run), new UsageMeter(), undefined);
  return { done, source, asked: () => queries.slice(before).map(({ pageSize, page }) => [pageSize, page]) };
}

describe('reading on', () => {
  it('ends behind the last account read, wherever empty pages lie', () => {
    const page = (at: number, records: number) => ({ page: at, records }) as Parameters<typeof endOf>[0][number];
    expect(endOf([], 10)).toBe(0);
    expect(endOf([page(0, 10), page(1, 4), page(2, 0)], 10)).toBe(14);
    expect(endOf([page(2, 5), page(0, 10), page(1, 10)], 10)).toBe(25);
    expect(endOf([page(7, 0)], 10)).toBe(0);
  });

  it('writes nothing where nothing was added', async () => {
    const { done } = await afterReading(() => undefined);
    expect(await done).toEqual({ accounts: 25, addedPages: [], replaced: [] });
  });

  it('writes the last page again, and those behind it', async () => {
    const { done } = await afterReading((list) => list.push(...accounts(20, 'late')));
    const { accounts: counted, addedPages, replaced } = await done;
    expect(counted).toBe(45);
    expect(addedPages).toEqual([2, 3, 4]);
    expect(replaced.map(({ page, records }) => [page, records])).toEqual([[2, 5]]);
  });

  it('stops after five looks at a source that grows faster than it is read', async () => {
    const source = { list: accounts(25) };
    const { api } = arrayApi(source, ({ pageSize }) => {
      if (pageSize === 10) source.list.push(...accounts(10, `late ${source.list.length}`));
    });
    const { store } = memoryStore();
    const run = plannedRun({ pages: 3, countedBy: 'pages' });
    for (const page of [0, 1, 2]) await fetchAndStore({ api, store }, run, page);
    const { accounts: counted, replaced } = await exportTail(
      { api, store },
      run,
      await readReceipts(store, run),
      new UsageMeter(),
      undefined,
    );
    expect(counted).toBeLessThan(source.list.length + 1);
    expect(replaced.length).toBeLessThanOrEqual(5);
  });

  it('refuses more pages than a run may have', async () => {
    const { done } = await afterReading((list) => {
      for (let i = 25; i < 300_001; i++) list.push(account(`account ${i}`));
    });
    await expect(done).rejects.toMatchObject({ name: 'PlanTooLargeError' });
  });

  it('looks at the next page alone where pages are no offsets', async () => {
    const still = await afterReading(() => undefined, { countedBy: 'pages' });
    expect(await still.done).toEqual({ accounts: 25, addedPages: [], replaced: [] });
    expect(still.asked()).toEqual([[10, 2]]);

    const grown = await afterReading((list) => list.push(...accounts(7, 'late')), { countedBy: 'pages' });
    expect(await grown.done).toMatchObject({ accounts: 32, addedPages: [2, 3] });
    // The last page tells that there is more; it is written again; the next one; and that one tells that it is the last.
    expect(grown.asked()).toEqual([
      [10, 2],
      [10, 2],
      [10, 3],
      [10, 3],
      [10, 3],
    ]);

    const shrunk = await afterReading((list) => list.splice(22), { countedBy: 'pages' });
    expect(await shrunk.done).toMatchObject({ accounts: 22, addedPages: [] });
    const emptied = await afterReading((list) => list.splice(20), { countedBy: 'pages' });
    expect(await emptied.done).toMatchObject({ accounts: 20, addedPages: [] });
  });
});
