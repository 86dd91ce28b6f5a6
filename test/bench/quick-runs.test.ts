/** That each benchmark still runs, and says something of all that it is to measure; never how fast. */
import { describe, expect, it } from 'vitest';
import { benchmark as compression } from '../../bench/compression.ts';
import { FLOORS } from '../../bench/floors.ts';
import { accountsOf, apiOf, bodyOf, exportFirstPage, FORMATS, runOf } from '../../bench/pages.ts';

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

describe('a quick run', () => {
  it('of compression has a row for each way to pack each format', async () => {
    const { tables, findings } = await compression({ quick: true });
    expect(tables.map(({ rows }) => rows.length)).toEqual([15, 15, 8]);
    expect(findings.length).toBeGreaterThanOrEqual(3);
  });
});
