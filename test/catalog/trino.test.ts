/** Every row of the views, the saved queries and the documentation's queries, over hand-made runs on a real Trino. */
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAVED_QUERIES } from '../../functions/catalog/saved-queries.ts';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import { viewDefinitions } from '../../functions/catalog/views.ts';
import { type SmallS3, startSmallS3 } from '../support/small-s3.ts';
import { startTrino, type Trino, trinoMissing } from '../trino/trino.ts';
import { createTableInTrino } from '../trino/trino-ddl.ts';
import { ACME, COMMA, DOCUMENTED_ROWS, MOVED, NASTY, NONE, RETAIL, SAVED_ROWS } from './expected-rows.ts';
import { ATTRIBUTE_COLUMNS, ATTRIBUTE_NAMES, publishAll } from './published-runs.ts';
import { CSV_FACTS, JSON_FACTS } from './serde-facts.ts';

const missing = await trinoMissing();
if (missing !== undefined) process.stdout.write(`Hand-made runs are not read by Trino: ${missing}.\n`);

describe.skipIf(missing !== undefined)('hand-made runs on Trino', () => {
  let s3: SmallS3;
  let trino: Trino;

  beforeAll(async () => {
    s3 = await startSmallS3(['exports']);
    trino = await startTrino(s3.url);
    for (const table of tableDefinitions(ATTRIBUTE_COLUMNS)) await trino.query(createTableInTrino(table, 'exports'));
    for (const view of viewDefinitions(ATTRIBUTE_COLUMNS, ATTRIBUTE_NAMES))
      await trino.query(`CREATE VIEW ${view.name} AS ${view.sql}`);
    await publishAll(s3, trino);
  }, 180_000);

  afterAll(async () => {
    await trino?.close();
    await s3?.close();
  });

  const rows = (sql: string) => trino.query(sql);
  /** The runs whose parts a query opens. */
  async function runsRead(sql: string): Promise<string[]> {
    s3.reads.splice(0);
    await rows(sql);
    const parts = s3.reads.filter((key) => key.startsWith('accounts_'));
    return [...new Set(parts.map((key) => /run_id=([^/]+)/.exec(key)?.[1] ?? ''))].sort();
  }

  describe('accounts_latest', () => {
    const latest = (exportName: string) =>
      rows(`SELECT * FROM accounts_latest WHERE export_name = '${exportName}' ORDER BY name NULLS LAST, total_actions`);

    it('gives of JSON the run published last of the latest day, each account once, the later record', async () => {
      const run = ['all-accounts', '2026-08-21', 'json-2-again', '2026-08-21 09:00:00.123'];
      const none = [null, null, null, null];
      expect(await latest('all-accounts')).toEqual([
        [
          ...run,
          'Acme Inc. 1',
          0.5,
          -0.25,
          '2013-01-20 00:00:00.123',
          '2013-02-07 00:00:00.000',
          51,
          'Active',
          ACME,
          null,
          null,
        ],
        [...run, 'Joined', ...none, null, null, NONE, '2014-05-13 16:53:20.001', { minActions: '5' }],
        [...run, 'Moved', ...none, 2, null, NONE, null, null],
        [...run, NASTY, null, 0.75, null, null, null, null, { ...NONE, region: '' }, null, null],
        [...run, 'Twice', ...none, 2, null, NONE, null, null],
        [...run, null, ...none, 7, null, NONE, null, null],
        [...run, null, ...none, 7, null, NONE, null, null],
      ]);
    });

    it('gives of CSV the same types, nothing for empty texts, and every account without a name', async () => {
      const run = ['sheet', '2026-08-21', 'csv-1', '2026-08-21 03:00:00.000'];
      const none = [null, null, null, null];
      expect(await latest('sheet')).toEqual([
        [
          ...run,
          'Comma, "quoted" C:\\temp',
          0.5,
          null,
          '2013-01-20 00:00:00.123',
          null,
          51,
          'Active',
          COMMA,
          null,
          null,
        ],
        [...run, 'Moved', ...none, 2, null, MOVED, '2014-05-13 16:53:20.001', null],
        [...run, 'Twice', ...none, 2, null, NONE, null, null],
        [...run, null, ...none, 3, null, RETAIL, null, null],
        [...run, null, ...none, 4, null, RETAIL, null, null],
        [...run, null, ...none, 5, null, RETAIL, null, null],
      ]);
    });

    it('gives of an export that went over to Parquet the Parquet run alone', async () => {
      const run = ['switched', '2026-08-21', 'switched-parquet', '2026-08-21 04:00:00.000'];
      const none = [null, null, null, null];
      expect(await latest('switched')).toEqual([
        [...run, 'Far away', ...none, null, null, NONE, null, null],
        [...run, 'Typed', ...none, 10, null, NONE, null, null],
        [...run, null, ...none, 1, null, NONE, null, null],
        [...run, null, ...none, 2, null, NONE, null, null],
      ]);
    });
  });

  it('accounts_history has all published runs, and none whose last partition is missing', async () => {
    expect(
      await rows(
        'SELECT export_name, export_date, run_id, count(*) FROM accounts_history GROUP BY 1, 2, 3 ORDER BY 1, 2, 3',
      ),
    ).toEqual([
      ['all-accounts', '2026-08-10', 'json-filled-in', 1],
      ['all-accounts', '2026-08-20', 'json-1', 1],
      ['all-accounts', '2026-08-21', 'json-2', 3],
      ['all-accounts', '2026-08-21', 'json-2-again', 7],
      ['sheet', '2026-08-21', 'csv-1', 6],
      ['switched', '2026-08-20', 'switched-json', 1],
      ['switched', '2026-08-21', 'switched-parquet', 4],
    ]);
  });

  // At most these: which of them the join spares besides depends on how soon Trino knows its other side.
  describe('opens no parts but those', () => {
    it.each([
      [
        'of runs that are, or were left, in the tables of the newest',
        'SELECT name FROM accounts_latest',
        ['csv-1', 'json-2', 'json-2-again', 'json-not-yet', 'switched-json', 'switched-parquet'],
      ],
      ['of one export only', "SELECT name FROM accounts_latest WHERE export_name = 'sheet'", ['csv-1']],
      ['of one run only', "SELECT name FROM accounts_history WHERE run_id = 'json-1'", ['json-1']],
      [
        'of one day only',
        "SELECT name FROM accounts_history WHERE export_date = '2026-08-20'",
        ['json-1', 'switched-json'],
      ],
      ['of days from one on', "SELECT name FROM accounts_history WHERE export_date >= '2026-08-22'", ['json-not-yet']],
    ])('%s', async (_which, sql, runs) => {
      expect((await runsRead(sql)).filter((run) => !runs.includes(run))).toEqual([]);
    });
  });

  it.each(SAVED_QUERIES.map(({ name, sql }) => [name, sql] as const))(
    'the saved query "%s" gives its rows',
    async (name, sql) => {
      expect(await rows(sql)).toEqual(SAVED_ROWS[name]);
    },
  );

  it('each query of docs/athena.md gives its rows', async () => {
    const page = await readFile('docs/athena.md', 'utf8');
    const queries = [...page.matchAll(/^(.+):\n\n```sql\n([\s\S]*?)```/gm)];
    expect(queries.map(([, title]) => title)).toEqual(Object.keys(DOCUMENTED_ROWS));
    for (const [, title = '', sql = ''] of queries) expect(await rows(sql), title).toEqual(DOCUMENTED_ROWS[title]);
  });

  it('shows the CSV values of earlier runs under the wrong column once one was put in before others', async () => {
    await rows(`CREATE TABLE shifted (a varchar, b varchar, run_id varchar) WITH (
      format = 'CSV', partitioned_by = ARRAY['run_id'], external_location = 's3://exports/shifted/')`);
    s3.put('exports', 'shifted/run_id=r/part.csv.gz', gzipSync('"of a","of b"\n'));
    await rows("CALL hive.system.register_partition('exports', 'shifted', ARRAY['run_id'], ARRAY['r'])");
    // As a deployment with one more attribute does: the table changes, the partition keeps its columns.
    const key = 'metastore/exports/shifted/.trinoSchema';
    const schema = (await (await fetch(`${s3.url}/exports/${key}`)).json()) as { dataColumns: { name: string }[] };
    const [first, second] = schema.dataColumns;
    const changedTo = (dataColumns: unknown[]) =>
      s3.put('exports', key, Buffer.from(JSON.stringify({ ...schema, dataColumns })));
    changedTo([first, second, { ...first, name: 'more' }]);
    expect(await rows('SELECT a, b, more FROM shifted')).toEqual([['of a', 'of b', null]]);
    changedTo([first, { ...first, name: 'more' }, second]);
    expect(await rows('SELECT a, more, b FROM shifted')).toEqual([['of a', 'of b', null]]);
  });

  /** A table of its own over one object. */
  async function tableOf(name: string, columns: string, properties: string, text: string): Promise<unknown[][]> {
    s3.put('exports', `facts/${name}/part.gz`, gzipSync(text));
    await rows(
      `CREATE TABLE ${name} (${columns}) WITH (${properties}, external_location = 's3://exports/facts/${name}/')`,
    );
    return rows(`SELECT * FROM ${name}`);
  }

  it.each(JSON_FACTS.map((fact, i) => [...fact, i] as const))('JSON: %s', async (_what, line, expected, i) => {
    const read = tableOf(
      `json_${i}`,
      's varchar, n bigint, d double, m map(varchar, varchar), b boolean',
      "format = 'JSON'",
      `${line}\n`,
    );
    if (expected === 'fails') await expect(read).rejects.toThrow('Failed to read file');
    else expect(await read).toEqual(expected);
  });

  it.each(CSV_FACTS.map((fact, i) => [...fact, i] as const))('CSV: %s', async (_what, line, expected, i) => {
    const properties =
      "format = 'CSV', csv_separator = ',', csv_quote = '\"', csv_escape = '\\', skip_header_line_count = 1";
    expect(await tableOf(`csv_${i}`, 'a varchar, b varchar, c varchar', properties, `"a","b","c"\n${line}\n`)).toEqual(
      expected,
    );
  });
});
