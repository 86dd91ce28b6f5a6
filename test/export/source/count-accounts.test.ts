import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CountOptions,
  countAccounts,
  type ProbeAnswer,
  RECORDS_TO_COUNT,
} from '../../../functions/export/source/count-accounts.ts';
import { pageSizeCapped } from '../../../functions/export/source/paging-errors.ts';
import { propertyRuns } from '../../support/property-runs.ts';

/** An API of which a function says what a page holds. Keeps what was asked, and counts what it served. */
function apiOf(page: (size: number, page: number, nth: number) => readonly string[]) {
  const asked: (readonly [size: number, page: number])[] = [];
  const served = { records: 0, inFlight: 0, maxInFlight: 0 };
  const probe = async (size: number, at: number): Promise<ProbeAnswer> => {
    const nth = asked.push([size, at]);
    served.maxInFlight = Math.max(served.maxInFlight, ++served.inFlight);
    await Promise.resolve();
    served.inFlight--;
    const names = page(size, at, nth);
    served.records += names.length;
    return { records: names.length, names };
  };
  const count = (more: Partial<CountOptions> = {}) => countAccounts({ probe, pageSize: 10, concurrency: 8, ...more });
  return { count, asked, served };
}

const names = (from: number, count: number) =>
  Array.from({ length: Math.max(0, count) }, (_, i) => `account ${from + i}`);
const slice = (total: number, from: number, count: number) => names(from, Math.min(count, total - from));
const offsetApi = (total: number) => apiOf((size, page) => slice(total, size * page, size));
/** Pages of fewer than five records do not move: only whole pages count. */
const pageApi = (total: number) => apiOf((size, page) => slice(total, size < 5 ? 0 : page * size, size));

const REPEATS = {
  name: 'PagingError',
  message: 'The API ignores the page parameter (every page has the same accounts): contact Salesforce.',
};
const CAPPED = (served: number, requested: number) => ({
  name: 'PageSizeCappedError',
  message: `The API caps pages at ${served} accounts (${requested} requested): start a new run with pageSize ${served}.`,
});

describe('counting by offsets', () => {
  it.each([0, 1, 2, 3, 4, 999, 1000, 1001, 6561, 6562, 12_431, 999_999, 1_000_000, 1_000_001, 10_000_000, 30_000_000])(
    'is exact for %i accounts',
    async (total) => {
      expect(await offsetApi(total).count({ pageSize: 1000 })).toMatchObject({ accounts: total, countedBy: 'offsets' });
    },
  );

  it('is exact for any total, page size, concurrency and expected number', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.nat(60), fc.nat(20_000_000)),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 20 }),
        fc.option(fc.nat(20_000_000), { nil: undefined }),
        async (total, pageSize, concurrency, expected) => {
          const { accounts } = await offsetApi(total).count({ pageSize, concurrency, expected });
          expect(accounts).toBe(total);
        },
      ),
    );
  });

  it('takes at most 70 records and 10 rounds below 13 million accounts at concurrency 8', async () => {
    // The last count before each offset of the second round finds an account with each probe.
    const worst = [54_000, 111_000, 202_000, 850_000, 1_670_000, 9_100_000];
    const totals = fc.oneof(fc.integer({ min: 900_000, max: 1_100_000 }), fc.nat(13_000_000));
    const pageSizes = fc.constantFrom(1, 10, 15, 100, 1000, 10_000, 50_000);
    await fc.assert(
      fc.asyncProperty(totals, pageSizes, async (total, pageSize) => {
        const { count, served } = offsetApi(total);
        const { rounds } = await count({ pageSize });
        expect(served.records).toBeLessThanOrEqual(RECORDS_TO_COUNT);
        if (pageSize === 1000) expect(rounds).toBeLessThanOrEqual(10);
        expect(served.maxInFlight).toBeLessThanOrEqual(8);
      }),
      { numRuns: propertyRuns(300, 20_000), examples: worst.map((total) => [total, 1000]) },
    );
  });

  it.each([
    { pages: 'one page', min: 0, max: 1000, requests: 8, records: 27, rounds: 7 },
    { pages: 'ten pages', min: 1001, max: 10_000, requests: 20, records: 29, rounds: 8 },
    { pages: 'about 100 pages', min: 90_000, max: 110_000, requests: 40, records: 45, rounds: 7 },
    { pages: 'about 1,000 pages', min: 900_000, max: 1_100_000, requests: 52, records: 54, rounds: 8 },
  ])(
    'takes at most $requests requests and $rounds rounds for $pages of 1,000 accounts',
    async ({ min, max, ...most }) => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min, max }), async (total) => {
          const { count, asked, served } = offsetApi(total);
          const { rounds } = await count({ pageSize: 1000 });
          expect(asked.length).toBeLessThanOrEqual(most.requests);
          expect(served.records).toBeLessThanOrEqual(most.records);
          expect(rounds).toBeLessThanOrEqual(most.rounds);
        }),
        { numRuns: propertyRuns(100, 2000), examples: [[min], [max]] },
      );
    },
  );

  it('takes one round and 4 records if there are as many accounts as last time and the page size was served', async () => {
    const { count, asked, served } = offsetApi(12_431);
    const counted = await count({ pageSize: 1000, expected: 12_431, pageSizeServed: true });
    expect(counted).toEqual({ accounts: 12_431, countedBy: 'offsets', rounds: 1 });
    expect([asked.length, served.records]).toEqual([7, 4]);
    const unserved = offsetApi(12_431);
    expect(await unserved.count({ pageSize: 1000, expected: 12_431 })).toMatchObject({ rounds: 2 });
    expect(unserved.asked.at(-1)).toEqual([1000, 13]);
  });

  it('starts around the expected number, from ten accounts on', async () => {
    const { count, asked } = offsetApi(1000);
    await count({ expected: 1000 });
    expect(asked.slice(0, 7)).toEqual([[2, 499], ...[999, 1000, 800, 980, 1020, 1250].map((page) => [1, page])]);
    for (const [expected, first] of [
      [9, [1, 5]],
      [10, [2, 4]],
    ] as const) {
      const small = offsetApi(25);
      await small.count({ expected });
      expect(small.asked[0]).toEqual(first);
    }
  });

  it('asks for the page after the end of more than one page, and only once for pages of one account', async () => {
    const [one, two, single] = [offsetApi(10), offsetApi(11), offsetApi(25)];
    await one.count();
    await two.count();
    await single.count({ pageSize: 1 });
    expect(one.asked).not.toContainEqual([10, 1]);
    expect(two.asked).toContainEqual([10, 2]);
    expect(single.asked.filter(([size, page]) => size === 1 && page === 25).length).toBeLessThanOrEqual(1);
  });

  it('sends at most eight requests at a time, and fewer at a lower concurrency', async () => {
    const [few, many, eight] = [offsetApi(9_000_000), offsetApi(9_000_000), offsetApi(9_000_000)];
    const slow = await few.count({ pageSize: 1000, concurrency: 2 });
    const fast = await many.count({ pageSize: 1000, concurrency: 50 });
    await eight.count({ pageSize: 1000 });
    expect([slow.accounts, fast.accounts]).toEqual([9_000_000, 9_000_000]);
    expect(slow.rounds).toBeGreaterThan(fast.rounds);
    expect([few, many, eight].map(({ served }) => served.maxInFlight)).toEqual([2, 8, 8]);
    expect(many.asked.length).toBeLessThanOrEqual(eight.asked.length);
  });

  it('announces each round at a low concurrency, and sends no further round after a failure', async () => {
    const announced: number[] = [];
    const onRound = (round: number) => void announced.push(round);
    const { count, asked } = offsetApi(100_000);
    const { rounds } = await count({ concurrency: 3, onRound });
    expect(announced).toEqual(Array.from({ length: rounds }, (_, i) => i + 1));
    expect(asked.length).toBeLessThanOrEqual(rounds * 3);
    const broken = apiOf(() => {
      throw new Error('refused');
    });
    await expect(broken.count({ concurrency: 1 })).rejects.toThrow('refused');
    expect(broken.asked).toHaveLength(1);
  });

  it('counts accounts that are added meanwhile', async () => {
    let total = 25;
    const { count } = apiOf((size, page) => {
      if (size === 10) total = 47;
      return slice(total, size * page, size);
    });
    expect(await count()).toMatchObject({ accounts: 47 });
  });

  it('ends, and misses no account that existed throughout, whatever comes and goes meanwhile', async () => {
    const changes = fc.array(fc.integer({ min: -40, max: 40 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.nat(5000), changes, async (start, schedule) => {
        let [total, min, max] = [start, start, start];
        const { count } = apiOf((size, page, nth) => {
          total = Math.max(0, total + (schedule[nth - 1] ?? 0));
          min = Math.min(min, total);
          max = Math.max(max, total);
          return slice(total, page * size, size);
        });
        const { accounts } = await count({ pageSize: 100 });
        expect(accounts).toBeGreaterThanOrEqual(min);
        expect(accounts).toBeLessThanOrEqual(max);
      }),
      { numRuns: propertyRuns(300, 3000) },
    );
  });
});

describe('whether page × pageSize is an offset', () => {
  it('is shown by the last request, which has an account that a probe found, too', async () => {
    for (const total of [3, 9, 25, 4321]) {
      const { count, asked } = offsetApi(total);
      expect(await count({ pageSize: 100 })).toMatchObject({ countedBy: 'offsets' });
      const [size, page] = asked.findLast(([size]) => size > 1 && size < 100) ?? [0, 0];
      const singles = asked.filter(([one]) => one === 1).map(([, offset]) => offset);
      expect(singles.some((offset) => offset >= size * page && offset < Math.min(total, size * (page + 1)))).toBe(true);
    }
  });

  it('is checked again if the last accounts change between the two requests', async () => {
    const { count, asked } = apiOf((size, page) =>
      slice(25, size * page, size).map((name) => `${name} ${size === 22}`),
    );
    expect(await count({ pageSize: 100 })).toMatchObject({ accounts: 25, countedBy: 'offsets' });
    expect(asked.slice(-2)).toEqual([
      [2, 1],
      [1, 2],
    ]);
  });

  it('is found out although the first accounts change places at every other request', async () => {
    for (const period of [2, 3, 5]) {
      const { count } = apiOf((size, page, nth) => {
        const list = names(0, 25);
        if (nth <= 8 && nth % period === 0) list.unshift(...list.splice(2, 1));
        return list.slice(page * size, (page + 1) * size);
      });
      expect(await count()).toMatchObject({ accounts: 25, countedBy: 'offsets' });
    }
  });

  it('is found out under random moves of the first accounts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 6 }), async (moves) => {
        const list = names(0, 25);
        const { count } = apiOf((size, page, nth) => {
          const [from, to] = moves[nth - 1] ?? [0, 0];
          list.splice(to, 0, ...list.splice(from, 1));
          return list.slice(page * size, (page + 1) * size);
        });
        expect(await count()).toMatchObject({ countedBy: 'offsets' });
      }),
      { numRuns: propertyRuns(200, 5000) },
    );
  });

  it.each([22, 1])('is denied if the API serves more than requested of %i accounts', async (asked) => {
    const { count } = apiOf((size, page) =>
      size === asked ? names(size * page, size + 1) : slice(25, size * page, size),
    );
    expect(await count({ pageSize: 50 })).toMatchObject({ accounts: 25, countedBy: 'pages' });
  });
});

describe('counting by pages', () => {
  const pagesAsked = (asked: readonly (readonly [number, number])[]) =>
    asked.filter(([size]) => size >= 5).map(([, page]) => page);

  it('is exact for any total, expected number and concurrency', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3, max: 3000 }),
        fc.option(fc.nat(3000), { nil: undefined }),
        fc.integer({ min: 1, max: 12 }),
        async (total, expected, concurrency) => {
          const counted = await pageApi(total).count({ concurrency, expected });
          expect(counted).toMatchObject({ accounts: total, countedBy: 'pages' });
        },
      ),
    );
  });

  it('is exact if offsets are counted in pages of at least ten', async () => {
    for (const total of [57, 100, 101, 4321]) {
      const { count } = apiOf((size, page) => slice(total, page * Math.max(10, size), size));
      expect(await count({ pageSize: 50 })).toMatchObject({ accounts: total, countedBy: 'pages' });
    }
  });

  it.each([
    ['only the first two pages if there are no more', 7, undefined, 8, [0, 1]],
    ['no page after the first two, whatever is expected', 7, 500, 8, [0, 1]],
    ['where the end was last time', 95, 95, 8, [0, 1, 9, 10]],
    ['where the end was last time, if the last page grew', 95, 91, 8, [0, 1, 9, 10]],
    ['three pages at a time, then one', 95, undefined, 8, [0, 1, 4, 8, 16, 12, 10, 9]],
  ])('fetches %s', async (...[_what, total, expected, concurrency, pages]) => {
    const { count, asked } = pageApi(total);
    expect(await count({ expected, concurrency })).toMatchObject({ accounts: total });
    expect(pagesAsked(asked)).toEqual(pages);
  });

  it('fetches no page twice, and fewer at a time at a lower concurrency', async () => {
    const again = pageApi(18);
    await again.count({ expected: 18 });
    expect(new Set(pagesAsked(again.asked)).size).toBe(pagesAsked(again.asked).length);
    const low = pageApi(95);
    await low.count({ concurrency: 2 });
    expect(pagesAsked(low.asked).slice(0, 4)).toEqual([0, 1, 4, 8]);
  });
});

describe('an API that repeats its pages', () => {
  it('is refused after its first two pages', async () => {
    const { count, asked } = apiOf((size) => names(0, size));
    await expect(count()).rejects.toMatchObject(REPEATS);
    expect(asked.filter(([size]) => size === 10)).toEqual([
      [10, 0],
      [10, 1],
    ]);
  });

  it('is refused, too, if it serves new accounts without end', async () => {
    for (const page of [
      (size: number, at: number) => names(at * size, size),
      (size: number, at: number) => (size < 5 ? ['same'] : names(at * size, size)),
    ]) {
      const { count, asked } = apiOf(page);
      await expect(count()).rejects.toMatchObject(REPEATS);
      expect(Math.max(...asked.map(([size, at]) => size * at))).toBeLessThan(1e15);
    }
  });

  it('is not one whose first two pages have one equal account each', async () => {
    const { count } = apiOf((size, page) => (size < 10 || page < 2 ? ['account 0'] : []));
    await expect(count()).rejects.toMatchObject({ name: 'PageSizeCappedError' });
  });

  it('is not one whose names only look equal when they are joined', async () => {
    const { count } = apiOf((size, page) => {
      if (size < 5) return ['same'];
      return page === 0 ? ['ab', 'c', 'x', 'x', 'x'] : page === 1 ? ['a', 'bc', 'x', 'x', 'x'] : [];
    });
    expect(await count({ pageSize: 5 })).toMatchObject({ accounts: 10, countedBy: 'pages' });
  });
});

describe('an API that caps its page size', () => {
  it('is refused with the page size to use', async () => {
    const byOffsets = apiOf((size, page) => slice(20_000, page * Math.min(size, 250), Math.min(size, 250)));
    await expect(byOffsets.count({ pageSize: 1000 })).rejects.toMatchObject(CAPPED(250, 1000));
    const byPages = apiOf((size, page) => (size < 5 ? ['same'] : slice(100, page * 4, 4)));
    await expect(byPages.count()).rejects.toMatchObject(CAPPED(4, 10));
    expect(pageSizeCapped(1000, 250)).toMatchObject(CAPPED(250, 1000));
  });

  it('is not one whose data grew for a moment only', async () => {
    const { count } = apiOf((size, page) => slice(size === 20 ? 43 : 25, page * size, size));
    await expect(count({ pageSize: 20 })).rejects.toMatchObject(CAPPED(3, 20));
    let grown = true;
    const momentary = apiOf((size, page) => {
      const total = size === 20 && grown ? 43 : 25;
      if (size === 20) grown = false;
      return slice(total, page * size, size);
    });
    expect(await momentary.count({ pageSize: 20 })).toMatchObject({ accounts: 25, countedBy: 'offsets' });
  });

  it('is left to the page itself if there is only one', async () => {
    const capped = apiOf((size, page) => slice(600, page * Math.min(size, 250), Math.min(size, 250)));
    expect(await capped.count({ pageSize: 1000 })).toMatchObject({ accounts: 600, countedBy: 'offsets' });
  });
});
