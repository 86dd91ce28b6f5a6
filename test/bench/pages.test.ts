import { expect, it } from 'vitest';
import { apiOf, benchRun, bodyOf, exportFirstPage, FLOORS } from '../../bench/pages.ts';
import { EXPORT_FORMATS } from '../../functions/model/export-format.ts';

it.each(EXPORT_FORMATS)('a measured %s page is exported completely, and its floor succeeds', async (format) => {
  const body = bodyOf(format, 300, { filler: 100 });
  expect(await exportFirstPage(apiOf(body), benchRun(format, 300))).toBe(300);
  await expect(FLOORS[format](body)).resolves.toBeDefined();
});

it('accounts differ and have the requested extra size', () => {
  const accounts = JSON.parse(bodyOf('json', 100, { filler: 400 }).toString()) as object[];
  const texts = new Set(accounts.map((account) => JSON.stringify(account)));
  expect(texts.size).toBe(100);
  expect(bodyOf('json', 100, { filler: 400 }).length - bodyOf('json', 100).length).toBeGreaterThanOrEqual(40_000);
});
