import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { openLocalDatabase } from '../../cli/query/local-database.ts';
import { plainValue } from '../../cli/query/plain-value.ts';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import { VIEW_COLUMNS, viewDefinitions } from '../../functions/catalog/views.ts';
import { COMPRESSIONS, EXPORT_FORMATS } from '../../functions/model/export-format.ts';
import { ATTRIBUTES } from '../../simulator/accounts.ts';
import { account, accounts, arrayApi } from '../support/array-api.ts';
import { commandLine, temporaryFolder } from '../support/command-line.ts';
import { expectAllAccounts, expectedFromCsv, expectedFromJson } from '../support/expected-account.ts';
import { localRun } from '../support/local-run.ts';
import { runSteps } from '../support/run-steps.ts';

const ACCOUNTS = 3000;
const COLUMNS =
  'name, engagement_score, engagement_percent_change, first_activity, last_activity, total_actions, account_status, attributes';

async function rowsOf(folder: string, sql: string): Promise<Record<string, unknown>[]> {
  const connection = await openLocalDatabase(folder);
  const reader = await connection.runAndReadAll(sql);
  const columns = reader.columnNames();
  const rows = reader
    .getRows()
    .map((row) => Object.fromEntries(row.map((value, i) => [columns[i], plainValue(value)])));
  connection.closeSync();
  return rows;
}

describe('every value is returned as it was sent', () => {
  it.each([
    ['json', 'gzip'],
    ['json', 'zstd'],
    ['csv', 'gzip'],
    ['csv', 'zstd'],
    ['parquet', 'zstd'],
  ] as const)('from %s with %s', async (format, compression) => {
    const { folder, simulator } = await localRun(
      { accounts: ACCOUNTS, shuffleCsvColumns: true },
      { format, compression, pageSize: 1000, attributeColumns: [...ATTRIBUTES] },
    );
    expectAllAccounts(await rowsOf(folder, `SELECT ${COLUMNS} FROM accounts_latest`), simulator.tenant, (i) =>
      format === 'csv' ? expectedFromCsv(simulator.tenant, i, ATTRIBUTES) : expectedFromJson(simulator.tenant, i),
    );
  });
});

/** Runs of an API in memory into a folder. */
async function folderOf() {
  const folder = await temporaryFolder();
  const source = { list: accounts(25) };
  const { api } = arrayApi(source);
  return { folder, source, run: (runId: string) => runSteps(api, directoryStore(folder), runId) };
}

describe('a run', () => {
  it('has no visible row until it is published', async () => {
    const { folder, run, source } = await folderOf();
    await run('first').all();
    source.list = accounts(40, 'new');
    const second = run('second');
    const plan = await second.plan();
    const count = () => rowsOf(folder, 'SELECT run_id, count(*)::INT AS n FROM accounts_latest GROUP BY run_id');
    const raw = () => rowsOf(folder, "SELECT count(*)::INT AS n FROM accounts_json WHERE run_id = 'second'");
    await second.pages({ ...plan, pageNumbers: [0, 1] });
    expect([await count(), await raw()]).toEqual([[{ run_id: 'first', n: 25 }], [{ n: 0 }]]);
    await second.pages(plan);
    expect([await count(), await raw()]).toEqual([[{ run_id: 'first', n: 25 }], [{ n: 0 }]]);
    await second.publish(plan);
    expect([await count(), await raw()]).toEqual([[{ run_id: 'second', n: 40 }], [{ n: 40 }]]);
  });

  it('can have another compression than the runs before it', async () => {
    const { folder, run } = await folderOf();
    for (const format of ['json', 'csv'])
      for (const compression of COMPRESSIONS)
        await run(`${format}-${compression}`).all({ format, compression, exportName: format });
    const each = [
      { run_id: 'csv-gzip', n: 25 },
      { run_id: 'csv-zstd', n: 25 },
      { run_id: 'json-gzip', n: 25 },
      { run_id: 'json-zstd', n: 25 },
    ];
    const count = (table: string) =>
      rowsOf(folder, `SELECT run_id, count(DISTINCT name)::INT AS n FROM ${table} GROUP BY run_id ORDER BY run_id`);
    expect(await count('accounts_history')).toEqual(each);
    expect([...(await count('accounts_csv')), ...(await count('accounts_json'))]).toEqual(each);
  });

  it('returns a duplicate account once: the later record, by page and by position', async () => {
    const { folder, run, source } = await folderOf();
    source.list = [
      ...accounts(9),
      account('between pages', ',"engagementScore":0.1'),
      account('within a page', ',"engagementScore":0.1'),
      account('between pages', ',"engagementScore":0.9'),
      account('within a page', ',"engagementScore":0.9'),
    ];
    for (const [i, format] of ['json', 'parquet'].entries()) {
      await run(`run-${format}`).all({ format, exportName: format });
      const rows = await rowsOf(
        folder,
        `SELECT name, engagement_score FROM accounts_latest WHERE export_name = '${format}' AND engagement_score IS NOT NULL ORDER BY name`,
      );
      expect(rows).toEqual([
        { name: 'between pages', engagement_score: 0.9 },
        { name: 'within a page', engagement_score: 0.9 },
      ]);
      expect(await rowsOf(folder, 'SELECT count(*)::INT AS n FROM accounts_latest')).toEqual([{ n: 11 * (i + 1) }]);
    }
    await run('run-csv').all({ format: 'csv', exportName: 'csv' });
    const csv =
      "SELECT count(*)::INT AS n, count(DISTINCT name)::INT AS names FROM accounts_latest WHERE export_name = 'csv'";
    expect(await rowsOf(folder, csv)).toEqual([{ n: 11, names: 11 }]);
    expect(await rowsOf(folder, "SELECT name FROM accounts_csv WHERE superseded = 'true'")).toEqual([
      { name: 'within a page' },
    ]);
  });

  it('is the latest by the day it was due, then by the time it was published', async () => {
    const { folder, run, source } = await folderOf();
    await run('today').all({ dueAt: '2026-08-22' });
    await run('filled-in').all({ dueAt: '2026-08-01' });
    const latest = () => rowsOf(folder, 'SELECT DISTINCT run_id FROM accounts_latest');
    expect(await latest()).toEqual([{ run_id: 'today' }]);
    source.list = accounts(3);
    await run('zz-today-again').all({ dueAt: '2026-08-22', format: 'parquet', maxDropPercent: 90 });
    expect(await latest()).toEqual([{ run_id: 'zz-today-again' }]);
    expect(await rowsOf(folder, 'SELECT count(DISTINCT run_id)::INT AS n FROM accounts_history')).toEqual([{ n: 3 }]);
  });
});

it('has the columns of Athena in both views, also for a format without runs', async () => {
  const { folder, run } = await folderOf();
  await run('r').all();
  for (const view of ['accounts_latest', 'accounts_history']) {
    const columns = await rowsOf(folder, `DESCRIBE ${view}`);
    expect(columns.map(({ column_name }) => column_name)).toEqual(VIEW_COLUMNS.map(({ name }) => name));
  }
  expect(await rowsOf(folder, 'SELECT count(*)::INT AS n FROM accounts_csv')).toEqual([{ n: 0 }]);
  expect(await rowsOf(folder, 'SELECT exportname, records, consistency.verdict AS verdict FROM export_runs')).toEqual([
    { exportname: 'all', records: 25, verdict: 'consistent' },
  ]);
});

it('has the tables with the columns of Athena alone, in their order', async () => {
  const { folder, run } = await folderOf();
  for (const format of EXPORT_FORMATS) await run(`run-${format}`).all({ format, exportName: format });
  for (const { name, columns, partitionKeys } of tableDefinitions([])) {
    if (name.startsWith('newest_')) continue;
    const found = await rowsOf(folder, `DESCRIBE ${name}`);
    expect(found.map(({ column_name }) => column_name)).toEqual([...columns, ...partitionKeys].map((one) => one.name));
  }
});

it('has the view runs with the columns and types of Athena', async () => {
  const { folder, run } = await folderOf();
  await run('r').all({ start: '2026-08-15', end: '2026-08-22' });
  const view = viewDefinitions([]).find(({ name }) => name === 'runs');
  const types = {
    varchar: 'VARCHAR',
    double: 'DOUBLE',
    bigint: 'BIGINT',
    'timestamp(3)': 'TIMESTAMP_MS',
    'array(row(name varchar, present bigint))': 'STRUCT("name" VARCHAR, present BIGINT)[]',
  };
  const columns = await rowsOf(folder, 'DESCRIBE runs');
  expect(columns.map(({ column_name, column_type }) => [column_name, column_type])).toEqual(
    view?.columns.map(({ name, type }) => [name, types[type as keyof typeof types] ?? 'VARCHAR[]']),
  );
  expect(await rowsOf(folder, 'SELECT * FROM runs')).toEqual([
    {
      export_name: 'all',
      export_date: '2026-08-22',
      run_id: 'r',
      dataset_id: 'engage',
      fields: [{ name: 'name', present: 25 }],
      format: 'json',
      verdict: 'consistent',
      due_at: '2026-08-22 02:00:00',
      started_at: '2026-08-22 02:00:00',
      published_at: '2026-08-22 02:01:30',
      seconds: 90,
      pages: 3,
      records: 25,
      distinct_accounts: 25,
      duplicates: 0,
      bytes: expect.any(Number),
      planned_records: 25,
      records_fetched: expect.any(Number),
      api_requests: expect.any(Number),
      retries: 0,
      accounts_before: 25,
      accounts_after: 25,
      boundaries_checked: expect.any(Number),
      boundaries_moved: 0,
      page_size: 10,
      filter: null,
      window_start: '2026-08-15 00:00:00',
      window_end: '2026-08-22 00:00:00',
      segmentation_id: null,
      segment_id: null,
      unmapped_columns: [],
      escaped_line_breaks: 0,
    },
  ]);
});

describe('the command', () => {
  async function query(...args: readonly string[]) {
    const { folder, run } = await folderOf();
    await run('r').all();
    return commandLine(['query', ...args, '--out', folder]);
  }

  it.each([
    ['SELCT 1', /^error: Query failed: Parser Error: syntax error at or near "SELCT"\n$/],
    [
      'SELECT * FROM accounts',
      /^error: Query failed: Catalog Error: Table with name accounts does not exist! Tables: accounts_latest, /,
    ],
    ['SELECT nope FROM accounts_latest', /^error: Query failed: Binder Error: Referenced column "nope" not found/],
    ['DROP VIEW accounts_latest', /^error: Invalid query: only SELECT is allowed\.\n$/],
    ["COPY (SELECT 1) TO '/tmp/x'", /^error: Invalid query: only SELECT is allowed/],
    ['SELECT 1; SELECT 2', /^error: Expected one SQL statement, got 2\.\n$/],
  ])('reports an error in one sentence: %j', async (sql, message) => {
    const { code, stderr, stdout } = await query(sql);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('fails without a published run', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'work'));
    await writeFile(join(folder, 'work/x'), 'x');
    expect(await commandLine(['query', 'SELECT 1', '--out', folder])).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: No published run in ${folder}: run an export first, or pass another folder with --out.\n`,
    });
  });
});
