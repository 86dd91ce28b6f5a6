/** Counting where something is odd: offsets that are none, pages that repeat or come short, a source that moves. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countAccounts, type ProbeAnswer, pageSizeCapped } from '../../../functions/export/source/count-accounts.ts';

type Ask = readonly [pageSize: number, page: number];

/** An API of which a function says what a page holds; keeps what was asked, round by round. */
function oddApi(page: (pageSize: number, page: number, nth: number) => readonly string[]) {
  const asked: Ask[] = [];
  const probe = async (pageSize: number, at: number): Promise<ProbeAnswer> => {
    asked.push([pageSize, at]);
    const identities = page(pageSize, at, asked.length);
    return { records: identities.length, identities };
  };
  return { probe, asked };
}

const names = (from: number, count: number) =>
  Array.from({ length: Math.max(0, count) }, (_, i) => `account ${from + i}`);
const slice = (total: number, from: number, count: number) => names(from, Math.min(count, total - from));

/** Pages of one or two records do not move: only whole pages count. */
const wholePages = (total: number) => (pageSize: number, page: number) =>
  slice(total, pageSize < 5 ? 0 : page * pageSize, pageSize);

describe('counting by whole pages', () => {
  const count = (total: number, more: { expected?: number; concurrency?: number; pageSize?: number } = {}) => {
    const api = oddApi(wholePages(total));
    return countAccounts({ probe: api.probe, pageSize: 10, concurrency: 8, ...more }).then((counted) => ({
      ...counted,
      pages: api.asked.filter(([size]) => size >= 5).map(([, page]) => page),
    }));
  };

  it('is exact, whatever the total, the number expected and the concurrency', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3, max: 3000 }),
        fc.option(fc.nat(3000), { nil: undefined }),
        fc.integer({ min: 1, max: 12 }),
        async (total, expected, concurrency) => {
          const counted = await count(total, { concurrency, ...(expected === undefined ? {} : { expected }) });
          expect(counted).toMatchObject({ accounts: total, countedBy: 'pages' });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('looks at no page but the first two where those are all', async () => {
    expect(await count(7)).toMatchObject({ accounts: 7, pages: [0, 1] });
    expect(await count(10)).toMatchObject({ accounts: 10, pages: [0, 1] });
    expect(await count(7, { expected: 500 })).toMatchObject({ accounts: 7, pages: [0, 1] });
  });

  it('looks first where the end was last time, and is done when it still is there', async () => {
    expect(await count(95, { expected: 95 })).toMatchObject({ accounts: 95, pages: [0, 1, 9, 10] });
    expect(await count(95, { expected: 91 })).toMatchObject({ accounts: 95, pages: [0, 1, 9, 10] });
    expect(await count(25, { expected: 25 })).toMatchObject({ accounts: 25, pages: [0, 1, 2, 3] });
  });

  it('does not look twice at the two pages it began with', async () => {
    const { pages } = await count(18, { expected: 18 });
    expect(pages.filter((page) => page === 1)).toHaveLength(1);
  });

  it('gallops with three pages at once, then halves with one', async () => {
    const { pages, accounts } = await count(95);
    expect(accounts).toBe(95);
    // Twice, four and eight times as many as two; then one page at a time.
    expect(pages.slice(0, 5)).toEqual([0, 1, 4, 8, 16]);
    expect(pages.slice(5)).toEqual([12, 10, 9]);
  });

  it('gallops with fewer where fewer requests may be in flight', async () => {
    const { pages } = await count(95, { concurrency: 2 });
    expect(pages.slice(0, 4)).toEqual([0, 1, 4, 8]);
  });
});

describe('an API whose pages repeat', () => {
  const ENDLESS = {
    name: 'PagingError',
    message:
      'The API answers every page with the same accounts: it ignores the page parameter, so the export cannot be split into pages; ask its provider.',
  };

  it('is refused after its first two pages', async () => {
    const { probe, asked } = oddApi((pageSize) => names(0, pageSize));
    await expect(countAccounts({ probe, pageSize: 10, concurrency: 8 })).rejects.toMatchObject(ENDLESS);
    expect(asked.filter(([size]) => size === 10)).toEqual([
      [10, 0],
      [10, 1],
    ]);
  });

  it('is not one whose first two pages hold one account each that has the same name', async () => {
    const { probe } = oddApi((_size, page) => (page < 2 ? ['account 0'] : []));
    const counting = countAccounts({ probe, pageSize: 10, concurrency: 8 });
    await expect(counting).rejects.toMatchObject({ name: 'PageSizeCappedError' });
  });

  it('compares names one by one: other borders between them make other pages', async () => {
    const { probe } = oddApi((size, page) => {
      if (size < 5) return ['same'];
      return page === 0 ? ['ab', 'c', 'x', 'x', 'x'] : page === 1 ? ['a', 'bc', 'x', 'x', 'x'] : [];
    });
    expect(await countAccounts({ probe, pageSize: 5, concurrency: 8 })).toMatchObject({
      accounts: 10,
      countedBy: 'pages',
    });
  });

  it('is found out also where it makes up new accounts for ever', async () => {
    const offsets = oddApi((size, page) => names(page * size, size));
    await expect(countAccounts({ probe: offsets.probe, pageSize: 10, concurrency: 8 })).rejects.toMatchObject(ENDLESS);
    expect(Math.max(...offsets.asked.map(([size, page]) => size * page))).toBeLessThan(1e15);

    const pages = oddApi((size, page) => (size < 5 ? ['same'] : names(page * size, size)));
    await expect(countAccounts({ probe: pages.probe, pageSize: 10, concurrency: 8 })).rejects.toMatchObject(ENDLESS);
    expect(Math.max(...pages.asked.map(([size, page]) => size * page))).toBeLessThan(1e15);
  });
});

describe('an API that serves smaller pages than asked for', () => {
  it('is refused, and the page size named that it serves, also where only whole pages count', async () => {
    const { probe } = oddApi((size, page) => (size < 5 ? ['same'] : slice(100, page * 4, 4)));
    await expect(countAccounts({ probe, pageSize: 10, concurrency: 8 })).rejects.toMatchObject({
      name: 'PageSizeCappedError',
      message: 'The API serves 4 accounts a page where 10 were asked for: set the page size to 4.',
    });
  });

  it('is told so in the same words wherever it is found out', () => {
    expect(pageSizeCapped(1000, 250)).toMatchObject({
      name: 'PageSizeCappedError',
      message: 'The API serves 250 accounts a page where 1000 were asked for: set the page size to 250.',
    });
  });
});

describe('an account that comes or goes between the first probes', () => {
  it('does not make offsets none: one more look tells', async () => {
    const { probe, asked } = oddApi((size, page, nth) => {
      // The very first answer is of a source with one account more at its beginning.
      const from = size * page - (nth === 1 ? 1 : 0);
      return slice(nth === 1 ? 26 : 25, from, size);
    });
    expect(await countAccounts({ probe, pageSize: 10, concurrency: 8 })).toMatchObject({
      accounts: 25,
      countedBy: 'offsets',
    });
    expect(asked.filter(([size, page]) => size === 2 && page === 1)).toHaveLength(2);
    expect(asked.filter(([size, page]) => size === 1 && page === 2)).toHaveLength(2);
  });

  it.each([
    ['more than was asked for in the pair', (size: number) => (size === 2 ? 3 : 1)],
    ['more than was asked for alone', (size: number) => (size === 1 ? 2 : size)],
  ])('makes offsets none where the API serves %s', async (_what, served) => {
    const { probe } = oddApi((size, page) =>
      size < 5 ? slice(25, size * page, served(size)) : slice(25, size * page, size),
    );
    expect(await countAccounts({ probe, pageSize: 10, concurrency: 8 })).toMatchObject({
      accounts: 25,
      countedBy: 'pages',
    });
  });
});

describe('counting by offsets', () => {
  const rounds = async (total: number, more: { expected?: number; concurrency?: number; pageSize?: number } = {}) => {
    const api = oddApi((size, page) => slice(total, size * page, size));
    const counted = await countAccounts({ probe: api.probe, pageSize: 1000, concurrency: 8, ...more });
    return { ...counted, asked: api.asked };
  };

  it('asks for no page of the real size where that is one record: it was asked for already', async () => {
    const { asked } = await rounds(25, { pageSize: 1 });
    const places = asked.filter(([size]) => size === 1).map(([, page]) => page);
    expect(places.filter((page) => page === 25)).toHaveLength(1);
  });

  it('begins around the number of last time, a fiftieth and a quarter to both sides', async () => {
    const { asked } = await rounds(1000, { expected: 1000 });
    expect(asked.slice(0, 8)).toEqual([
      [2, 1],
      [1, 2],
      [1, 999],
      [1, 1000],
      [1, 800],
      [1, 980],
      [1, 1020],
      [1, 1250],
    ]);
  });

  it.each([
    [9, 6561],
    [10, 9],
  ])('begins so from ten accounts on: where %i were, %i is asked for', async (expected, offset) => {
    const { asked } = await rounds(25, { expected });
    expect(asked[2]).toEqual([1, offset]);
  });

  it('cuts what is possible into as many parts as requests may be in flight, at most nine', async () => {
    const few = await rounds(100_000, { concurrency: 2 });
    const many = await rounds(100_000, { concurrency: 50 });
    expect(few.accounts).toBe(100_000);
    expect(many.accounts).toBe(100_000);
    // Each round of 50 would spend records faster than it saves rounds.
    expect(many.asked.length).toBeLessThanOrEqual((await rounds(100_000)).asked.length);
    expect(few.rounds).toBeGreaterThan(many.rounds);
  });

  it('goes on behind accounts that were added while it counted', async () => {
    let total = 25;
    const { probe } = oddApi((size, page) => {
      // A whole page was added when the page behind the end is asked for.
      if (size === 10) total = 47;
      return slice(total, size * page, size);
    });
    expect(await countAccounts({ probe, pageSize: 10, concurrency: 8 })).toMatchObject({ accounts: 47 });
  });
});
