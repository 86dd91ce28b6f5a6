import { describe, expect, it } from 'vitest';
import { countByBisection, countByReading, countsFrom, type Moved, savedBy } from '../../bench/planning.ts';

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

describe('what the last run’s count saves', () => {
  const MOVED = [moved(0, [6, 2], [28, 7]), moved(0.2, [28, 7], [28, 7]), moved(-0.2, [46, 7], [28, 6])];

  it('is said of every change, of those too where it costs more', () => {
    expect(savedBy(MOVED, 'records')).toMatch(
      /: fewer at 0 % \(6 against 28\); as many at \+20 % \(28 against 28\); more at -20 % \(46 against 28\)\.$/,
    );
  });

  it('is told of rounds apart from records', () => {
    expect(savedBy(MOVED, 'rounds')).toMatch(
      /: fewer at 0 % \(2 against 7\); as many at \+20 % \(7 against 7\); more at -20 % \(7 against 6\)\.$/,
    );
  });

  it('names no kind of change that there is not', () => {
    expect(savedBy(MOVED.slice(0, 1), 'rounds')).toMatch(/: fewer at 0 % \(2 against 7\)\.$/);
  });
});

/** Of medians: records and rounds with the last run's count, and from nothing. */
function moved(share: number, known: readonly [number, number], fromNothing: readonly [number, number]): Moved {
  const spread = (value: number) => ({ median: value, min: value, max: value });
  const counted = ([records, rounds]: readonly [number, number]) => ({
    requests: spread(1),
    records: spread(records),
    rounds: spread(rounds),
  });
  return { share, known: counted(known), fromNothing: counted(fromNothing) };
}
