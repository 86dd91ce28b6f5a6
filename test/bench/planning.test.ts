import { describe, expect, it } from 'vitest';
import { type Change, countByBisection, countByReading, countsFrom, savedBy } from '../../bench/planning.ts';

describe('other ways to count', () => {
  it.each([
    // Doubling probes the offsets 0, 1, 3, 7, … until an account is missing.
    [0, 1, 0],
    [1, 2, 1],
    // 0, 1, 3 and 7; then 5 and 4.
    [4, 6, 3],
    // 2⁰ - 1 to 2²⁰ - 1, of which 20 exist; then 19 bisections, which find the six ones of 1,000,000 - 2¹⁹ in binary.
    [1_000_000, 40, 26],
  ])('bisecting finds %i accounts with %i requests and %i records', (accounts, requests, records) => {
    expect(countByBisection(accounts)).toEqual({ requests, records, rounds: requests });
  });

  it('reading fetches every account and one more page', () => {
    expect(countByReading(2_500, 1000)).toEqual({ requests: 4, records: 2_500, rounds: 4 });
    expect(countByReading(3_000, 1000)).toEqual({ requests: 4, records: 3_000, rounds: 4 });
    expect(countByReading(0, 1000)).toEqual({ requests: 1, records: 0, rounds: 1 });
  });

  it('samples counts evenly on a logarithmic scale', () => {
    expect(countsFrom(100, 10_000, 4)).toEqual([178, 562, 1778, 5623]);
  });
});

describe('what the last run’s count saves', () => {
  const CHANGES = [change(0, [6, 2], [28, 7]), change(0.2, [28, 7], [28, 7]), change(-0.2, [46, 7], [28, 6])];

  it('lists every change, also those where it costs more', () => {
    expect(savedBy(CHANGES, 'records')).toMatch(
      / fewer records at 0 % \(6 against 28\); the same records at \+20 % \(28 against 28\); more records at -20 % \(46 against 28\)\.$/,
    );
  });

  it('compares rounds separately', () => {
    expect(savedBy(CHANGES, 'rounds')).toMatch(
      / fewer rounds at 0 % \(2 against 7\); the same rounds at \+20 % \(7 against 7\); more rounds at -20 % \(7 against 6\)\.$/,
    );
  });

  it('omits empty categories', () => {
    expect(savedBy(CHANGES.slice(0, 1), 'rounds')).toMatch(/ takes fewer rounds at 0 % \(2 against 7\)\.$/);
  });
});

/** Median records and rounds with and without the last run's count. */
function change(share: number, known: readonly [number, number], unknown: readonly [number, number]): Change {
  const spread = (value: number) => ({ median: value, min: value, max: value });
  const counted = ([records, rounds]: readonly [number, number]) => ({
    requests: spread(1),
    records: spread(records),
    rounds: spread(rounds),
  });
  return { share, known: counted(known), unknown: counted(unknown) };
}
