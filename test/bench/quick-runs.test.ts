/**
 * That benchmarks still run, and say something of all that they are to measure; never how fast. *Fan-out* waits, and *Memory
 * of a page* starts a process for each figure: they take too long here.
 */
import { describe, expect, it } from 'vitest';
import { benchmark as bundles } from '../../bench/bundles.ts';
import { benchmark as compression } from '../../bench/compression.ts';
import { FLOORS } from '../../bench/floors.ts';
import { benchmark as pageTransform } from '../../bench/page-transform.ts';
import { accountsOf, apiOf, bodyOf, exportFirstPage, FORMATS, runOf } from '../../bench/pages.ts';
import { benchmark as planning } from '../../bench/planning.ts';
import { benchmark as publishing } from '../../bench/publishing.ts';
import type { Benchmark } from '../../bench/section.ts';

describe('a page that is measured', () => {
  it.each(FORMATS)('is exported whole, and beside a floor that does not fail: %s', async (format) => {
    const body = bodyOf(format, 300, 100);
    expect(await exportFirstPage(apiOf(body), runOf(format, 300))).toBe(300);
    await expect(FLOORS[format](body)).resolves.toBeDefined();
  });

  it('has accounts that differ, and are as large as is asked for', () => {
    const accounts = accountsOf(100, 400);
    expect(new Set(accounts).size).toBe(100);
    const [plain = ''] = accountsOf(1);
    expect((accounts[0] ?? '').length - plain.length).toBeGreaterThanOrEqual(400);
  });
});

const QUICK: readonly (readonly [string, Benchmark, readonly number[]])[] = [
  // Three formats at two page sizes, and hard accounts at both.
  ['page transform', pageTransform, [8]],
  // A row for each way to pack each format.
  ['compression', compression, [15, 15, 8]],
  // The functions; this project and the heaviest packages.
  ['bundles', bundles, [6, 9]],
  // Counts to the account; decades; changes since the last run.
  ['planning', planning, [11, 5, 12]],
  // Runs of 10 to 5,000 pages.
  ['publishing', publishing, [4]],
];

describe('a quick run', () => {
  it.each(QUICK)(
    'of %s has every row, and findings',
    async (_, benchmark, rows) => {
      const { tables, findings } = await benchmark({ quick: true });
      expect(tables.map((table) => table.rows.length)).toEqual(rows);
      expect(tables.flatMap((table) => table.rows.flat()).join(' ')).not.toMatch(/NaN|undefined|Infinity/);
      expect(findings.length).toBeGreaterThanOrEqual(2);
      expect(findings.join(' ')).not.toMatch(/NaN|undefined|Infinity/);
      // Ten seconds on a machine with nothing else to do.
    },
    180_000,
  );
});
