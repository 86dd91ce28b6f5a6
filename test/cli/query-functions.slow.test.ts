/** The SQL of Athena in the command `query`. test/catalog/dialect.slow.test.ts compares the same facts with Trino. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { SAVED_QUERIES } from '../../functions/catalog/saved-queries.ts';
import { EXPORT_FORMATS } from '../../functions/model/export-format.ts';
import { DOCUMENTED_ROWS, SAVED_ROWS } from '../catalog/expected-rows.ts';
import { ODD_RUNS, PAGE_RUN, writeAll } from '../catalog/published-runs.ts';
import { accounts, arrayApi } from '../support/array-api.ts';
import { temporaryFolder } from '../support/command-line.ts';
import { ODD_ROWS_FROM_CSV, ODD_ROWS_FROM_JSON } from '../support/odd-accounts.ts';
import { queryRows } from '../support/query-rows.ts';
import { runSteps } from '../support/run-steps.ts';
import { DIALECT_DIFFERENCES, DIALECT_FACTS } from '../trino/dialect-facts.ts';

async function folderWithRun(): Promise<string> {
  const folder = await temporaryFolder();
  await runSteps(arrayApi({ list: accounts(1) }).api, directoryStore(folder)).all();
  return folder;
}

const documentedQueries = Array.from(
  (await readFile('docs/athena.md', 'utf8')).matchAll(/^```sql\n([\s\S]*?)```/gm),
  ([, sql = '']) => sql,
);

/**
 * Rows as Trino returns them. DuckDB drops trailing zeros of seconds. The map of an account has only the attributes that it
 * has, or is NULL; in Athena it also has the other configured ones, as NULL.
 */
function comparable(rows: readonly (readonly unknown[])[]): unknown[][] {
  const value = (cell: unknown) => {
    if (typeof cell === 'string' && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$/.test(cell)) {
      return new Date(`${cell.replace(' ', 'T')}Z`).toISOString();
    }
    if (typeof cell === 'string' && /^\d+\.\d$/.test(cell)) return Number(cell);
    if (cell === null || typeof cell !== 'object') return cell;
    const present = Object.entries(cell).filter(([, inner]) => inner !== null);
    return present.length === 0 ? null : Object.fromEntries(present);
  };
  return rows.map((row) => row.map(value));
}

describe('a query has the rows that it has on Trino, where trino.slow.test.ts expects the same', () => {
  it.each(SAVED_QUERIES.map(({ name, sql }) => [name, sql] as const))('the saved query "%s"', async (name, sql) => {
    const folder = await temporaryFolder();
    await writeAll(folder);
    expect(comparable(await queryRows(folder, sql))).toEqual(comparable(SAVED_ROWS[name] ?? []));
  });

  it.each(documentedQueries.map((sql, i) => [i + 1, sql] as const))(
    'query %i of docs/athena.md',
    async (number, sql) => {
      const folder = await temporaryFolder();
      await writeAll(folder);
      expect(comparable(await queryRows(folder, sql))).toEqual(comparable(DOCUMENTED_ROWS[number - 1] ?? []));
    },
  );

  it('for every run in accounts_history', async () => {
    const folder = await temporaryFolder();
    await writeAll(folder);
    const sql =
      'SELECT export_name, export_date, run_id, count(*) FROM accounts_history GROUP BY 1, 2, 3 ORDER BY 1, 2, 3';
    expect(await queryRows(folder, sql)).toEqual([
      ['all-accounts', '2026-08-10', 'json-filled-in', 1],
      ['all-accounts', '2026-08-20', 'json-1', 1],
      ['all-accounts', '2026-08-21', 'json-2', 3],
      ['all-accounts', '2026-08-21', 'json-2-again', 7],
      ['sheet', '2026-08-21', 'csv-1', 6],
      ['switched', '2026-08-20', 'switched-json', 1],
      ['switched', '2026-08-21', 'switched-parquet', 4],
    ]);
  });
});

describe('odd values have the rows that they have on Trino', () => {
  it.each(EXPORT_FORMATS)('%s', async (format) => {
    const folder = await temporaryFolder();
    await writeAll(folder, ODD_RUNS);
    const rows = await queryRows(
      folder,
      `SELECT name, engagement_score + 0, last_activity, CAST(total_actions AS varchar), attributes
        FROM accounts_latest WHERE export_name = 'odd-${format}'`,
    );
    const byName = (all: readonly (readonly unknown[])[]) => new Map(comparable(all).map((row) => [row[0], row]));
    const expected = format === 'csv' ? ODD_ROWS_FROM_CSV : ODD_ROWS_FROM_JSON;
    expect(rows).toHaveLength(expected.length);
    expect(byName(rows)).toEqual(byName(expected));
  });

  it('CSV whose columns depend on the page', async () => {
    const folder = await temporaryFolder();
    await writeAll(folder, [PAGE_RUN]);
    const sql =
      "SELECT name, total_actions, attributes['tier'], attributes['Region'] FROM accounts_latest ORDER BY name";
    expect(await queryRows(folder, sql)).toEqual([
      ['both', null, 'silver', 'APAC'],
      ['first attribute', 2, 'gold', null],
      ['none', 1, null, null],
      ['second attribute', null, null, 'EMEA'],
    ]);
  });
});

describe('an expression has the value that it has in Athena', () => {
  it('for all facts', async () => {
    const folder = await folderWithRun();
    const found: unknown[] = [];
    for (const [expression] of DIALECT_FACTS) {
      const rows = await queryRows(folder, `SELECT ${expression}`).catch((error: unknown) => [[String(error)]]);
      const value = rows[0]?.[0];
      found.push([expression, value]);
    }
    const differing = found.filter((fact, i) => JSON.stringify(fact) !== JSON.stringify(DIALECT_FACTS[i]));
    expect(differing).toEqual([]);
  });

  it('except for the differences that docs/athena.md lists', async () => {
    const folder = await folderWithRun();
    const found: unknown[] = [];
    for (const [expression, athena] of DIALECT_DIFFERENCES) {
      const rows = await queryRows(folder, `SELECT ${expression}`).catch(() => [['fails']]);
      found.push([expression, athena, rows[0]?.[0]]);
    }
    expect(found).toEqual(DIALECT_DIFFERENCES);
  });

  it.each([
    ['1 / 0', /^Query failed: Division by zero: divide by nullif\(…, 0\), or use try\(…\)\.$/],
    ['5 % (1 - 1)', /Division by zero/],
    ["format('%s', 1)", /^Query failed: format works differently here than in Athena: use \|\|, round and lpad\.$/],
    [
      "current_timestamp AT TIME ZONE 'Europe/Berlin'",
      /^Query failed: times are in UTC, and other time zones \("Europe/,
    ],
    ["from_unixtime(0, 'America/New_York')", /other time zones/],
    ["date_format(current_timestamp, '%U')", /^Query failed: the code %U of date_format is not available: /],
    ["format_datetime(current_timestamp, 'QQ')", /the code QQ of format_datetime/],
  ])('or it fails and says why: %s', async (expression, message) => {
    await expect(queryRows(await folderWithRun(), `SELECT ${expression}`)).rejects.toThrow(message);
  });

  it('with many nested divisions and casts', async () => {
    const deep = Array.from({ length: 30 }).reduce<string>((inner) => `(${inner} / 1 % 1000)`, '7');
    expect(await queryRows(await folderWithRun(), `SELECT ${deep}`)).toEqual([[7]]);
  });
});
