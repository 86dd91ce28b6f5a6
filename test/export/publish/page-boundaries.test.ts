/** Which page boundaries are checked, with which requests, and what moves them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPageBoundaries } from '../../../functions/export/publish/page-boundaries.ts';
import { RunContents } from '../../../functions/export/publish/run-contents.ts';
import {
  chooseBoundaries,
  smallestPage,
  verificationTickets,
} from '../../../functions/export/source/page-boundaries.ts';
import { Source } from '../../../functions/export/source/source.ts';
import { RunFolder } from '../../../functions/export/storage/run-folder.ts';
import { formatForRun } from '../../../functions/formats/format-for-run.ts';
import { account } from '../../support/array-api.ts';
import { setUp } from '../../support/stepped-run.ts';

describe('chooseBoundaries', () => {
  it.each([0, 1, 3, 64])('checks all boundaries of %i pages', (pages) => {
    const all = pages === 0 ? [] : Array.from({ length: pages + 1 }, (_, boundary) => boundary);
    expect(chooseBoundaries(pages, 'sample')).toEqual(all);
  });

  it('checks 16 different boundaries of more pages, spread evenly, both ends included', () => {
    fc.assert(
      fc.property(fc.integer({ min: 65, max: 30_000 }), (pages) => {
        const boundaries = chooseBoundaries(pages, 'sample');
        expect(boundaries).toHaveLength(16);
        expect([boundaries[0], boundaries[15]]).toEqual([0, pages]);
        const gaps = boundaries.slice(1).map((boundary, i) => boundary - (boundaries[i] ?? 0));
        expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1);
        expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

it('chooseBoundaries starts where a tail starts, and a sample includes that', () => {
  expect(chooseBoundaries(70, 'sample', 67)).toEqual([67, 68, 69, 70]);
  expect(chooseBoundaries(5, 'sample', 5)).toEqual([5]);
  const sample = chooseBoundaries(300, 'sample', 100);
  expect([sample[0], sample.at(-1), sample.length]).toEqual([100, 300, 16]);
  expect(chooseBoundaries(300, 'all', 100)).toHaveLength(201);
});

describe('chooseBoundaries for all checks', () => {
  it.each([1, 64, 65, 10_000])('names each boundary of %i pages', (pages) => {
    expect(chooseBoundaries(pages, 'all')).toEqual(Array.from({ length: pages + 1 }, (_, boundary) => boundary));
  });
});

describe('smallestPage', () => {
  it.each([
    [0, 2, { size: 2, page: 0, skip: 0 }],
    [9, 2, { size: 3, page: 3, skip: 0 }],
    [11, 2, { size: 5, page: 2, skip: 1 }],
    [10, 1, { size: 1, page: 10, skip: 0 }],
    [5, 2, { size: 4, page: 1, skip: 1 }],
  ])('from offset %i with %i accounts', (offset, count, page) => {
    expect(smallestPage(offset, count)).toEqual(page);
  });

  it('contains all the accounts, and no smaller page does; two accounts need at most 20 records', () => {
    const contains = (size: number, offset: number, count: number) => offset % size <= size - count;
    fc.assert(
      fc.property(fc.nat(50_000_000), fc.integer({ min: 1, max: 3 }), (offset, count) => {
        const { size, page, skip } = smallestPage(offset, count);
        expect(page * size + skip).toBe(offset);
        expect(skip).toBeGreaterThanOrEqual(0);
        expect(skip + count).toBeLessThanOrEqual(size);
        for (let smaller = count; smaller < size; smaller++) expect(contains(smaller, offset, count)).toBe(false);
        if (count === 2) expect(size).toBeLessThanOrEqual(20);
      }),
    );
  });
});

describe('verificationTickets', () => {
  it.each([
    [3, 10, 'offsets', 9],
    [3, 1000, 'offsets', 1],
    [1000, 1000, 'offsets', 1],
    [3, 10, 'pages', 1],
  ] as const)('of %i pages of %i counted by %s are %i', (pages, pageSize, countedBy, tickets) => {
    expect(verificationTickets({ pages, countedBy, boundaryChecks: 'sample', parameters: { pageSize } })).toBe(tickets);
  });
});

/** A run of 25 accounts in pages of ten that are exported; what the check says after `change`. */
async function afterReading(change: (list: string[]) => void, { lateFrom = 25, more = {}, emptyPage = -1 } = {}) {
  const { steps, source, api, store, queries } = setUp(25);
  const plan = await steps.plan();
  const all = [...source.list];
  source.list = all.slice(0, lateFrom);
  await steps.pages({ ...plan, pageNumbers: [0] });
  source.list = all;
  await steps.pages(plan);
  change(source.list);
  const before = queries.length;
  const run = { ...plan.run, ...more };
  const bound = new Source(api, run, formatForRun(run).decode);
  const contents = new RunContents(run);
  const { moved, isEndUnchanged } = await checkPageBoundaries(
    { source: bound, run, contents, concurrency: 8 },
    await new RunFolder(store, run.runId).receipts((receipt) =>
      contents.add(receipt.page === emptyPage ? { ...receipt, records: 0, accountHashes: '' } : receipt),
    ),
  );
  const boundariesMoved = [...moved.values()].filter(Boolean).length;
  const check = { boundariesChecked: moved.size, boundariesMoved, isEndUnchanged };
  return { check, asked: queries.slice(before).map(({ pageSize, page }) => [pageSize, page]) };
}

describe('a page boundary', () => {
  it('is checked from both sides with one request', async () => {
    const { check, asked } = await afterReading(() => undefined);
    expect(check).toEqual({ boundariesChecked: 4, boundariesMoved: 0, isEndUnchanged: true });
    // Account 0, accounts 9 and 10, 19 and 20, and account 24, which no account follows.
    expect(asked).toEqual([
      [1, 0],
      [3, 3],
      [3, 6],
      [2, 12],
    ]);
  });

  it.each([
    [0, 1],
    [5, 0],
    [9, 1],
    [10, 1],
    [15, 0],
    [19, 1],
    [20, 1],
    [22, 0],
    [24, 1],
  ])('has moved if an account beside it was replaced: the one at offset %i moves %i', async (offset, moved) => {
    const { check } = await afterReading((list) => {
      list[offset] = account('replaced');
    });
    expect(check).toMatchObject({ boundariesChecked: 4, boundariesMoved: moved });
  });

  it.each([
    [9, 1],
    [19, 0],
    [20, 1],
    [24, 1],
  ])('may have a page between its sides that was empty: the account at offset %i moves %i', async (offset, moved) => {
    const replace = (list: string[]) => {
      list[offset] = account('replaced');
    };
    const { check } = await afterReading(replace, { emptyPage: 1 });
    expect(check).toMatchObject({ boundariesChecked: 3, boundariesMoved: moved });
  });

  it.each([
    [8, 0],
    [11, 1],
    [18, 1],
    [21, 0],
  ])(
    'is checked together with what the same answer contains: the account at offset %i moves %i',
    async (offset, moved) => {
      const { check } = await afterReading((list) => {
        list[offset] = account('replaced');
      });
      expect(check).toMatchObject({ boundariesChecked: 4, boundariesMoved: moved });
    },
  );

  it.each([
    ['its two sides changed places', 1, (list: string[]) => list.splice(9, 2, list[10] ?? '', list[9] ?? '')],
    ['no account is there any more', 1, (list: string[]) => list.splice(24)],
    ['an account follows the last one', 1, (list: string[]) => list.push(account('late'))],
    ['an account before it was removed', 3, (list: string[]) => list.splice(3, 1)],
  ])('has moved if %s', async (_what, moved, change) => {
    expect((await afterReading(change)).check.boundariesMoved).toBe(moved);
  });

  it.each([
    ['neither side', 7, 0],
    ['the left side', 4, 1],
    ['the right side', 10, 1],
  ])('after a short page is checked with two requests: %s was replaced', async (_what, offset, moved) => {
    const { check, asked } = await afterReading((list) => list.splice(offset, 1, account('replaced')), { lateFrom: 5 });
    expect(check).toMatchObject({ boundariesChecked: 4, boundariesMoved: moved });
    expect(asked).toContainEqual([1, 4]);
    expect(asked).toContainEqual([1, 10]);
    expect(asked).toHaveLength(5);
  });

  it('is not checked if pages are not offsets', async () => {
    const { check, asked } = await afterReading(() => undefined, { more: { countedBy: 'pages' } });
    expect(check).toEqual({ boundariesChecked: 0, boundariesMoved: 0, isEndUnchanged: false });
    expect(asked).toEqual([]);
  });
});
