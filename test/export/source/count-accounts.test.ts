import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countAccounts } from '../../../functions/export/source/count-accounts.ts';

/** An API over `total` accounts that keeps count of what it served. */
function countingApi(total: number, offsetOf = (pageSize: number, page: number) => page * pageSize, cap = Infinity) {
  const served = { records: 0, requests: 0, inFlight: 0, maxInFlight: 0 };
  const probe = async (pageSize: number, page: number) => {
    served.inFlight++;
    served.maxInFlight = Math.max(served.maxInFlight, served.inFlight);
    await Promise.resolve();
    served.inFlight--;
    const offset = offsetOf(pageSize, page);
    const records = Math.max(0, Math.min(pageSize, cap, total - offset));
    served.records += records;
    served.requests++;
    const identities = Array.from({ length: records }, (_, i) => `account ${offset + i}`);
    return { records, identities };
  };
  return { probe, served };
}

describe('countAccounts', () => {
  it.each([0, 1, 2, 3, 4, 999, 1000, 1001, 6561, 6562, 12_431, 999_999, 1_000_000, 1_000_001, 10_000_000, 30_000_000])(
    'counts %i accounts exactly',
    async (total) => {
      const { probe } = countingApi(total);
      expect(await countAccounts({ probe, pageSize: 1000, concurrency: 8 })).toMatchObject({
        accounts: total,
        countedBy: 'offsets',
      });
    },
  );

  it('counts any total exactly, whatever the page size, the concurrency and the number expected', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.nat(60), fc.nat(20_000_000)),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 20 }),
        fc.option(fc.nat(20_000_000), { nil: undefined }),
        async (total, pageSize, concurrency, expected) => {
          const { probe } = countingApi(total);
          const count = await countAccounts({ probe, pageSize, concurrency, expected });
          expect(count.accounts).toBe(total);
        },
      ),
    );
  });

  it('spends at most 64 records and 8 rounds around a million accounts at concurrency 8', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 800_000, max: 1_200_000 }), async (total) => {
        const { probe, served } = countingApi(total);
        const { rounds } = await countAccounts({ probe, pageSize: 1000, concurrency: 8 });
        expect(served.records).toBeLessThanOrEqual(64);
        expect(rounds).toBeLessThanOrEqual(8);
        expect(served.maxInFlight).toBeLessThanOrEqual(8);
      }),
      { numRuns: 300, examples: [[1_000_000], [999_999], [1_000_001]] },
    );
  });

  it('needs 2 rounds and 6 records for a tenant that has as many accounts as last time', async () => {
    const { probe, served } = countingApi(12_431);
    expect(await countAccounts({ probe, pageSize: 1000, concurrency: 8, expected: 12_431 })).toEqual({
      accounts: 12_431,
      countedBy: 'offsets',
      rounds: 2,
    });
    expect(served.records).toBe(6);
  });

  it.each([
    {
      name: 'offsets count in pages of at least ten',
      offsetOf: (size: number, page: number) => page * Math.max(10, size),
    },
    { name: 'pages of one record do not move', offsetOf: (size: number, page: number) => (size < 5 ? 0 : page * size) },
  ])('counts by whole pages where $name', async ({ offsetOf }) => {
    for (const total of [57, 100, 101, 4321]) {
      const { probe } = countingApi(total, offsetOf);
      const count = await countAccounts({ probe, pageSize: 50, concurrency: 8 });
      expect(count).toMatchObject({ accounts: total, countedBy: 'pages' });
    }
  });

  it('names the page size of an API that caps it and counts its offsets by the cap', async () => {
    const { probe } = countingApi(20_000, (size, page) => page * Math.min(size, 250), 250);
    await expect(countAccounts({ probe, pageSize: 1000, concurrency: 8 })).rejects.toMatchObject({
      name: 'PageSizeCappedError',
      message: 'The API serves 250 accounts a page where 1000 were asked for: set the page size to 250.',
    });
  });

  it('refuses an API that ignores the page parameter', async () => {
    const { probe } = countingApi(20_000, () => 0);
    await expect(countAccounts({ probe, pageSize: 1000, concurrency: 8 })).rejects.toMatchObject({
      name: 'PagingError',
    });
  });

  it('ends whatever comes and goes between the requests, and misses no account that was there all along', async () => {
    const moves = fc.array(fc.integer({ min: -40, max: 40 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.nat(5000), moves, async (start, steps) => {
        const schedule = [...steps];
        let total = start;
        let [lowest, highest] = [start, start];
        const probe = async (pageSize: number, page: number) => {
          total = Math.max(0, total + (schedule.shift() ?? 0));
          lowest = Math.min(lowest, total);
          highest = Math.max(highest, total);
          const records = Math.max(0, Math.min(pageSize, total - page * pageSize));
          return { records, identities: Array.from({ length: records }, (_, i) => `account ${page * pageSize + i}`) };
        };
        const { accounts } = await countAccounts({ probe, pageSize: 100, concurrency: 8 });
        expect(accounts).toBeGreaterThanOrEqual(lowest);
        expect(accounts).toBeLessThanOrEqual(highest);
      }),
      { numRuns: 2000 },
    );
  });
});
