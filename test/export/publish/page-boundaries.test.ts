/** Which boundaries are probed, with which requests, and what makes a verdict. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConsistency, chooseBoundaries, smallestPage } from '../../../functions/export/publish/page-boundaries.ts';
import { UsageMeter } from '../../../functions/export/source/usage-meter.ts';
import { readReceipts } from '../../../functions/export/storage/run-folder.ts';
import { account } from '../../support/array-api.ts';
import { setUp } from '../../support/stepped-run.ts';

describe('the boundaries of a run', () => {
  it.each([
    [0, []],
    [1, [0, 1]],
    [3, [0, 1, 2, 3]],
    [15, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]],
    [30, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]],
  ])('of %i pages are %j', (pages, boundaries) => {
    expect(chooseBoundaries(pages)).toEqual(boundaries);
  });

  it('are sixteen where there are more, different ones, spread evenly, both ends among them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 30_000 }), (pages) => {
        const boundaries = chooseBoundaries(pages);
        expect(boundaries).toHaveLength(16);
        expect([boundaries[0], boundaries[15]]).toEqual([0, pages]);
        const gaps = boundaries.slice(1).map((boundary, i) => boundary - (boundaries[i] ?? 0));
        expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1);
        expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('the smallest page', () => {
  it.each([
    [0, 2, { size: 2, page: 0, skip: 0 }],
    [9, 2, { size: 3, page: 3, skip: 0 }],
    [11, 2, { size: 5, page: 2, skip: 1 }],
    [10, 1, { size: 1, page: 10, skip: 0 }],
    [5, 2, { size: 4, page: 1, skip: 1 }],
  ])('from offset %i on that holds %i accounts', (offset, count, page) => {
    expect(smallestPage(offset, count)).toEqual(page);
  });

  it('holds them all, begins at a multiple of its size, and no smaller page would do', () => {
    const holds = (size: number, offset: number, count: number) => offset % size <= size - count;
    fc.assert(
      fc.property(fc.nat(50_000_000), fc.integer({ min: 1, max: 3 }), (offset, count) => {
        const { size, page, skip } = smallestPage(offset, count);
        expect(page * size + skip).toBe(offset);
        expect(skip).toBeGreaterThanOrEqual(0);
        expect(skip + count).toBeLessThanOrEqual(size);
        for (let smaller = count; smaller < size; smaller++) expect(holds(smaller, offset, count)).toBe(false);
      }),
    );
  });

  it('for two accounts is one of a few records, wherever they lie', () => {
    fc.assert(
      fc.property(fc.nat(50_000_000), (offset) => {
        expect(smallestPage(offset, 2).size).toBeLessThanOrEqual(20);
      }),
    );
  });
});

/** A run of 25 accounts in pages of ten, all read; what the boundaries say once `change` has changed the source. */
async function afterReading(change: (list: string[]) => void, { lateFrom = 25, more = {} } = {}) {
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
  const records = await readReceipts(store, run);
  const check = (counted: { accountsAfter: number; distinct: number }, of = run) =>
    checkConsistency({ api, store }, of, records, counted, new UsageMeter(), undefined);
  return { check, run, asked: () => queries.slice(before).map(({ pageSize, page }) => [pageSize, page]) };
}

const HELD_STILL = { accountsAfter: 25, distinct: 25 };

describe('a boundary', () => {
  it('holds in a source that held still, and one request asks for both of its sides', async () => {
    const { check, asked } = await afterReading(() => undefined);
    expect(await check(HELD_STILL)).toEqual({
      verdict: 'consistent',
      accountsBefore: 25,
      accountsAfter: 25,
      boundariesChecked: 4,
      boundariesMoved: 0,
    });
    // Before account 0, around 9 and 10, around 19 and 20, and account 24, behind which there is none.
    expect(asked()).toEqual([
      [1, 0],
      [3, 3],
      [3, 6],
      [1, 24],
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
  ])('has moved when the account beside it is another one: place %i moves %i', async (place, boundariesMoved) => {
    const { check } = await afterReading((list) => {
      list[place] = account('somebody else');
    });
    expect(await check(HELD_STILL)).toMatchObject({
      verdict: boundariesMoved === 0 ? 'consistent' : 'drifted',
      boundariesChecked: 4,
      boundariesMoved,
    });
  });

  it('has moved when its two sides changed places', async () => {
    const { check } = await afterReading((list) => {
      [list[9], list[10]] = [list[10] ?? '', list[9] ?? ''];
    });
    expect(await check(HELD_STILL)).toMatchObject({ boundariesMoved: 1 });
  });

  it('has moved when nothing lies there any more', async () => {
    const { check } = await afterReading((list) => list.splice(24));
    expect(await check(HELD_STILL)).toMatchObject({ verdict: 'drifted', boundariesMoved: 1 });
  });

  it('all have moved, but the first, when an account before them went', async () => {
    const { check } = await afterReading((list) => list.splice(3, 1));
    expect(await check(HELD_STILL)).toMatchObject({ boundariesMoved: 3 });
  });

  it.each([
    ['neither side', 7, 0],
    ['the left side', 4, 1],
    ['the right side', 10, 1],
  ])(
    'whose sides lie apart, behind a page that came short, is asked for at both: %s changed',
    async (_, place, moved) => {
      const { check, asked } = await afterReading(
        (list) => {
          list[place] = account('somebody else');
        },
        { lateFrom: 5 },
      );
      expect(await check(HELD_STILL)).toMatchObject({ boundariesChecked: 4, boundariesMoved: moved });
      expect(asked()).toContainEqual([1, 4]);
      expect(asked()).toContainEqual([1, 10]);
      expect(asked()).toHaveLength(5);
    },
  );

  it('is not probed where pages are no offsets', async () => {
    const { check, asked } = await afterReading(() => undefined, { more: { countedBy: 'pages' } });
    expect(await check(HELD_STILL)).toMatchObject({ verdict: 'consistent', boundariesChecked: 0, boundariesMoved: 0 });
    expect(asked()).toEqual([]);
  });
});

describe('the verdict', () => {
  it.each([
    ['fewer accounts afterwards', 25, { accountsAfter: 24, distinct: 25 }],
    ['more accounts afterwards', 25, { accountsAfter: 26, distinct: 25 }],
    ['an account that came twice', 25, { accountsAfter: 25, distinct: 24 }],
    ['more accounts read than there were before and after', 24, { accountsAfter: 24, distinct: 25 }],
    ['fewer accounts read than there were before and after', 26, { accountsAfter: 26, distinct: 25 }],
  ])('is "drifted" with %s, though every boundary held', async (_what, accounts, counted) => {
    const { check, run } = await afterReading(() => undefined);
    expect(await check(counted, { ...run, accounts })).toMatchObject({
      verdict: 'drifted',
      accountsBefore: accounts,
      accountsAfter: counted.accountsAfter,
      boundariesMoved: 0,
    });
  });
});
