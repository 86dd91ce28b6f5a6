import { describe, expect, it } from 'vitest';
import { countByBisection, countByReading, countsFrom } from '../../bench/planning.ts';

describe('ways to count that planning is compared with', () => {
  it.each([
    // Doubling asks for the offsets 0, 1, 3, 7, … until nothing is there.
    [0, 1, 0],
    [1, 2, 1],
    // 0, 1, 3 and 7; then 5 and 4.
    [4, 6, 3],
    // 2⁰ - 1 to 2²⁰ - 1, of which 20 are there; then 19 halvings, which find the six ones of 1,000,000 - 2¹⁹ in binary.
    [1_000_000, 40, 26],
  ])('halving finds %i accounts with %i requests, of which %i cost a record', (accounts, requests, records) => {
    expect(countByBisection(accounts)).toEqual({ requests, records, rounds: requests });
  });

  it('reading fetches every account, and one page more than there are', () => {
    expect(countByReading(2_500, 1000)).toEqual({ requests: 4, records: 2_500, rounds: 4 });
    expect(countByReading(3_000, 1000)).toEqual({ requests: 4, records: 3_000, rounds: 4 });
    expect(countByReading(0, 1000)).toEqual({ requests: 1, records: 0, rounds: 1 });
  });

  it('samples counts evenly by their order of size, and the same ones every time', () => {
    expect(countsFrom(100, 10_000, 4)).toEqual([178, 562, 1778, 5623]);
  });
});
