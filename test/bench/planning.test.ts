import { expect, it } from 'vitest';
import { countByBisection, countByReading } from '../../bench/planning.ts';

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
