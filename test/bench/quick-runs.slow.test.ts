/** Benchmarks run and report every figure. *Fan-out* and *Memory of a page* take too long to be tested. */
import { expect, it } from 'vitest';
import { benchmark as bundles } from '../../bench/bundles.ts';
import { benchmark as compression } from '../../bench/compression.ts';
import { benchmark as pageTransform } from '../../bench/page-transform.ts';
import { benchmark as planning } from '../../bench/planning.ts';
import { benchmark as publishing } from '../../bench/publishing.ts';
import type { Benchmark } from '../../bench/section.ts';

const ROWS: readonly (readonly [string, Benchmark, readonly number[]])[] = [
  // Three formats at two page sizes, and hard accounts at both.
  ['page transform', pageTransform, [8]],
  // Codecs and levels, by format.
  ['compression', compression, [15, 15, 8]],
  // Functions; this project and the largest packages.
  ['bundles', bundles, [6, 9]],
  // Exact counts; decades; changes since the last run.
  ['planning', planning, [11, 5, 12]],
  // Runs of 10, 100 and 1,000 pages.
  ['publishing', publishing, [3]],
];

it.each(ROWS)(
  'a quick run of %s has every row and findings',
  async (_, benchmark, rows) => {
    const { tables, findings } = await benchmark({ quick: true });
    expect(tables.map((table) => table.rows.length)).toEqual(rows);
    expect(findings.length).toBeGreaterThanOrEqual(2);
    expect([...tables.flatMap((table) => table.rows.flat()), ...findings].join(' ')).not.toMatch(
      /NaN|undefined|Infinity/,
    );
  },
  1_200_000,
);
