/** Runs on one machine whose parts are compared with what the simulator serves, account by account. */
import { expect } from 'vitest';
import { CSV_SERDE_PARAMETERS } from '../../functions/formats/csv.ts';
import type { Verdict } from '../../functions/model/manifest.ts';
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import { readOpenCsv } from '../formats/opencsv-serde.ts';
import { expectSameAccount } from './exact-json.ts';
import { localRun } from './local-run.ts';

const ATTRIBUTE_COLUMNS = [
  'industry',
  'region',
  'employees',
  'annualRevenue',
  'owner',
  'tier',
  'crmId',
  'tags',
  'note',
];
const TABLE = [
  'name',
  'engagementScore',
  'engagementPercentChange',
  'firstActivity',
  'lastActivity',
  'totalActions',
  'accountStatus',
  'segmentJoined',
  'superseded',
  ...ATTRIBUTE_COLUMNS,
];

export async function expectWholeJson(options: SimulatorOptions, verdict: Verdict = 'consistent') {
  const { outcome, simulator, manifest, parts } = await localRun(options);
  expect(outcome).toMatchObject({ outcome: 'published', result: { accounts: options.accounts, verdict } });
  const lines = (await parts()).flatMap((text) => text.split('\n').slice(0, -1));
  expect(lines).toHaveLength(options.accounts ?? -1);
  for (const [i, line] of lines.entries()) expectSameAccount(line, simulator.tenant.json(i) ?? '');
  return { simulator, manifest: await manifest() };
}

export async function expectWholeCsv(options: SimulatorOptions, pageSize = 500) {
  const request = { format: 'csv', attributeColumns: ATTRIBUTE_COLUMNS, pageSize };
  const { outcome, simulator, manifest, parts } = await localRun(options, request);
  expect(outcome).toMatchObject({
    outcome: 'published',
    result: { accounts: options.accounts, verdict: 'consistent' },
  });
  const texts = await parts();
  expect(new Set(texts.map((text) => text.split('\n')[0])).size).toBe(1);
  const rows = texts.flatMap((text) => readOpenCsv(text, TABLE.length, CSV_SERDE_PARAMETERS));
  expect(rows).toHaveLength(options.accounts ?? -1);
  let lineBreaks = 0;
  for (const [i, row] of rows.entries()) {
    const sent = simulator.tenant.csvCells(i);
    const wanted = TABLE.map((column) => sent?.get(column) ?? '').map((cell) =>
      cell.replace(/\r\n|\n|\r/g, () => {
        lineBreaks++;
        return '\\n';
      }),
    );
    if (JSON.stringify(row) !== JSON.stringify(wanted)) expect(row).toEqual(wanted);
  }
  expect((await manifest()).escapedLineBreaks).toBe(lineBreaks);
  return { simulator, lineBreaks };
}
