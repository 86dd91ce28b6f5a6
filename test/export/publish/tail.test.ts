import { describe, expect, it } from 'vitest';
import { exportPage } from '../../../functions/export/page/export-page.ts';
import { endOf, exportTail } from '../../../functions/export/publish/tail.ts';
import { Source } from '../../../functions/export/source/source.ts';
import { RunFolder } from '../../../functions/export/storage/run-folder.ts';
import { formatForRun } from '../../../functions/formats/format-for-run.ts';
import type { PageQuery } from '../../../functions/model/run.ts';
import { account, accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { plannedRun } from '../planned-run.ts';

interface Options {
  readonly run?: Parameters<typeof plannedRun>[0];
  readonly beforeAnswer?: (list: string[], query: PageQuery) => void;
}

/** Exports 25 accounts in three pages, changes the data, and exports the tail. */
async function tailAfter(change: (list: string[]) => void, { run: more = {}, beforeAnswer }: Options = {}) {
  const source = { list: accounts(25) };
  const { api, queries } = arrayApi(source, (query) => beforeAnswer?.(source.list, query));
  const { store } = memoryStore();
  const run = plannedRun(more);
  const ports = { api, store, clock: { now: () => 0 } };
  for (const page of [0, 1, 2]) await exportPage(ports, { page, run, execution: 'execution' });
  change(source.list);
  const before = queries.length;
  const publishing = {
    ports,
    event: { run, execution: 'execution', concurrency: 8 },
    source: new Source(api, run, formatForRun(run).decode),
    signal: undefined,
  };
  const tail = exportTail(publishing, await new RunFolder(store, 'run-1').receipts());
  return { tail, source, asked: () => queries.slice(before).map(({ pageSize, page }) => [pageSize, page]) };
}
const PAGES = { run: { countedBy: 'pages' as const } };

describe('endOf', () => {
  it('is the offset after the last account read, whatever pages are empty', () => {
    const page = (at: number, records: number) => ({ page: at, records }) as Parameters<typeof endOf>[0][number];
    expect(endOf([], 10)).toBe(0);
    expect(endOf([page(0, 10), page(1, 4), page(2, 0)], 10)).toBe(14);
    expect(endOf([page(2, 5), page(0, 10), page(1, 10)], 10)).toBe(25);
    expect(endOf([page(7, 0)], 10)).toBe(0);
  });
});

describe('exportTail', () => {
  it('writes nothing if nothing was added', async () => {
    expect(await (await tailAfter(() => undefined)).tail).toEqual({ accounts: 25, pages: [] });
  });

  it('writes the last page again, and those after it', async () => {
    const { tail } = await tailAfter((list) => list.push(...accounts(20, 'late')));
    expect(await tail).toEqual({ accounts: 45, pages: [2, 3, 4] });
  });

  it('stops after five rounds if the data grows faster than it can be read', async () => {
    let rounds = 0;
    const { tail, source } = await tailAfter(() => undefined, {
      ...PAGES,
      beforeAnswer: (list, { pageSize, page }) => {
        if (pageSize !== 10 || page < 2) return;
        rounds++;
        list.push(...accounts(10, `late ${rounds}`));
      },
    });
    expect((await tail).accounts).toBeLessThanOrEqual(source.list.length);
    expect(rounds).toBeLessThan(30);
  });

  it('refuses more pages than a run may have', async () => {
    const { tail } = await tailAfter((list) => {
      for (let i = 25; i < 300_001; i++) list.push(account(`account ${i}`));
    });
    await expect(tail).rejects.toMatchObject({ name: 'PlanTooLargeError' });
  });

  it('fetches only the next page if pages are not offsets', async () => {
    const still = await tailAfter(() => undefined, PAGES);
    expect(await still.tail).toEqual({ accounts: 25, pages: [] });
    expect(still.asked()).toEqual([[10, 2]]);

    const grown = await tailAfter((list) => list.push(...accounts(7, 'late')), PAGES);
    expect(await grown.tail).toEqual({ accounts: 32, pages: [2, 3] });
    expect(grown.asked()).toEqual([2, 2, 3, 3, 3].map((page) => [10, page]));

    expect(await (await tailAfter((list) => list.splice(22), PAGES)).tail).toEqual({ accounts: 22, pages: [] });
    expect(await (await tailAfter((list) => list.splice(20), PAGES)).tail).toEqual({ accounts: 20, pages: [] });
  });
});
