/** Tables, views and queries on Trino, on which Athena engine version 3 is based. */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { gzipSync } from 'node:zlib';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { s3ObjectStore } from '../../functions/aws/s3-object-store.ts';
import { SAVED_QUERIES } from '../../functions/catalog/saved-queries.ts';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import { VIEW_COLUMNS, viewDefinitions } from '../../functions/catalog/views.ts';
import type { AccountsApi, ObjectStore, PublishedRun } from '../../functions/export/ports.ts';
import { COMPRESSIONS, EXPORT_FORMATS, type PartEncoding, partExtension } from '../../functions/model/export-format.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { ATTRIBUTES } from '../../simulator/accounts.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { account, accounts, arrayApi } from '../support/array-api.ts';
import { expectedFromCsv, expectedFromJson } from '../support/expected-account.ts';
import { ODD_ROWS_FROM_CSV, ODD_ROWS_FROM_JSON } from '../support/odd-accounts.ts';
import { runSteps } from '../support/run-steps.ts';
import { type SmallS3, startSmallS3 } from '../support/small-s3.ts';
import { CSV_FACTS, type Fact, JSON_FACTS } from '../trino/serde-facts.ts';
import { startTrino, type Trino, trinoMissing } from '../trino/trino.ts';
import { createTableInTrino } from '../trino/trino-ddl.ts';
import { ACME, COMMA, DOCUMENTED_ROWS, DRIFTED_RUN, MOVED, NASTY, NONE, RETAIL, SAVED_ROWS } from './expected-rows.ts';
import {
  ATTRIBUTE_COLUMNS,
  ATTRIBUTE_NAMES,
  ODD_RUNS,
  PAGE_COLUMNS,
  PAGE_RUN,
  publishAll,
  WIDE_COLUMNS,
  WIDE_NAMES,
  WIDE_RUNS,
} from './published-runs.ts';

const documentedQueries = Array.from(
  (await readFile('docs/athena.md', 'utf8')).matchAll(/^```sql\n([\s\S]*?)```/gm),
  ([, sql = '']) => sql,
);

vi.setConfig({ testTimeout: 180_000, hookTimeout: 600_000 });

const missing = await trinoMissing();
if (missing !== undefined) process.stdout.write(`Skipping the tests on Trino: ${missing}.\n`);

const BUCKETS = ['exports', 'simulated', 'wide', 'odd', 'pages'];

describe.skipIf(missing !== undefined)('on Trino', () => {
  let s3: SmallS3;
  let trino: Trino;

  beforeAll(async () => {
    s3 = await startSmallS3(BUCKETS);
    trino = await startTrino(s3.url, BUCKETS);
  });

  afterAll(async () => {
    await trino?.close();
    await s3?.close();
  });

  async function createTablesAndViews(schema: string, columns: readonly string[], names: readonly string[]) {
    for (const table of tableDefinitions(columns)) await trino.query(createTableInTrino(table, schema), schema);
    for (const { name, sql } of viewDefinitions(columns, names))
      await trino.query(`CREATE VIEW ${name} AS ${sql}`, schema);
  }

  describe('hand-made runs', () => {
    beforeAll(async () => {
      await createTablesAndViews('exports', ATTRIBUTE_COLUMNS, ATTRIBUTE_NAMES);
      await publishAll(s3, trino);
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
        rows(
          `SELECT * FROM accounts_latest WHERE export_name = '${exportName}' ORDER BY name NULLS LAST, total_actions`,
        );
      const none = [null, null, null, null];

      it('shows the last published JSON run of the latest day, each account once, its later record', async () => {
        const run = ['all-accounts', '2026-08-21', 'json-2-again', '2026-08-21 09:00:00.123'];
        const [first, last] = ['2013-01-20 00:00:00.123', '2013-02-07 00:00:00.000'];
        expect(await latest('all-accounts')).toEqual([
          [...run, 'Acme Inc. 1', 0.5, -0.25, first, last, 51, 'Active', ACME, null, null],
          [...run, 'Joined', ...none, null, null, NONE, '2014-05-13 16:53:20.001', { minActions: '5' }],
          [...run, 'Moved', ...none, 2, null, NONE, null, null],
          [...run, NASTY, null, 0.75, null, null, null, null, { ...NONE, region: '' }, null, null],
          [...run, 'Twice', ...none, 2, null, NONE, null, null],
          [...run, null, ...none, 7, null, NONE, null, null],
          [...run, null, ...none, 7, null, NONE, null, null],
        ]);
      });

      it('shows CSV with the same types, NULL for empty values, and every account without a name', async () => {
        const run = ['sheet', '2026-08-21', 'csv-1', '2026-08-21 03:00:00.000'];
        const [name, first] = ['Comma, "quoted" C:\\temp', '2013-01-20 00:00:00.123'];
        expect(await latest('sheet')).toEqual([
          [...run, name, 0.5, null, first, null, 51, 'Active', COMMA, null, null],
          [...run, 'Moved', ...none, 2, null, MOVED, '2014-05-13 16:53:20.001', null],
          [...run, 'Twice', ...none, 2, null, NONE, null, null],
          [...run, null, ...none, 3, null, RETAIL, null, null],
          [...run, null, ...none, 4, null, RETAIL, null, null],
          [...run, null, ...none, 5, null, RETAIL, null, null],
        ]);
      });

      it('shows only the Parquet run of an export that switched to Parquet', async () => {
        const run = ['switched', '2026-08-21', 'switched-parquet', '2026-08-21 04:00:00.000'];
        expect(await latest('switched')).toEqual([
          [...run, 'Far away', ...none, null, null, NONE, null, null],
          [...run, 'Typed', ...none, 10, null, NONE, null, null],
          [...run, null, ...none, 1, null, NONE, null, null],
          [...run, null, ...none, 2, null, NONE, null, null],
        ]);
      });
    });

    it('accounts_history shows all published runs, and none without a partition of export_runs', async () => {
      const sql = 'SELECT export_name, export_date, run_id, count(*) FROM accounts_history GROUP BY 1, 2, 3';
      expect(await rows(`${sql} ORDER BY 1, 2, 3`)).toEqual([
        ['all-accounts', '2026-08-10', 'json-filled-in', 1],
        ['all-accounts', '2026-08-20', 'json-1', 1],
        ['all-accounts', '2026-08-21', 'json-2', 3],
        ['all-accounts', '2026-08-21', 'json-2-again', 7],
        ['sheet', '2026-08-21', 'csv-1', 6],
        ['switched', '2026-08-20', 'switched-json', 1],
        ['switched', '2026-08-21', 'switched-parquet', 4],
      ]);
    });

    it('runs shows the figures of each run under one name each, with timestamps', async () => {
      const columns = Object.keys(DRIFTED_RUN).join(', ');
      expect(await rows(`SELECT ${columns} FROM runs WHERE run_id = 'json-1'`)).toEqual([Object.values(DRIFTED_RUN)]);
      const order = await rows('SELECT run_id, seconds FROM runs ORDER BY published_at DESC LIMIT 2');
      expect(order).toEqual([
        ['json-filled-in', 1_072_800],
        ['json-2-again', 25_200.123],
      ]);
    });

    it('runs has the columns and types declared in Glue', async () => {
      const view = viewDefinitions([]).find(({ name }) => name === 'runs');
      expect(view?.columns.map(({ name }) => name)).toEqual(Object.keys(DRIFTED_RUN));
      const columns = await rows('SHOW COLUMNS FROM runs');
      expect(columns.map(([name, type]) => `${name} ${String(type).replaceAll(' ', '')}`)).toEqual(
        view?.columns.map(({ name, type }) => `${name} ${type.replaceAll(' ', '')}`),
      );
    });

    // An upper limit: Trino may skip more, depending on when it knows the other side of the join.
    it.each([
      [
        'the tables of the newest runs',
        'SELECT name FROM accounts_latest',
        ['csv-1', 'json-2', 'json-2-again', 'json-not-yet', 'switched-json', 'switched-parquet'],
      ],
      ['one export', "SELECT name FROM accounts_latest WHERE export_name = 'sheet'", ['csv-1']],
      ['one run', "SELECT name FROM accounts_history WHERE run_id = 'json-1'", ['json-1']],
      ['one day', "SELECT name FROM accounts_history WHERE export_date = '2026-08-20'", ['json-1', 'switched-json']],
      ['recent days', "SELECT name FROM accounts_history WHERE export_date >= '2026-08-22'", ['json-not-yet']],
    ])('opens only parts of %s', async (_which, sql, runs) => {
      expect((await runsRead(sql)).filter((run) => !runs.includes(run))).toEqual([]);
    });

    it.each(SAVED_QUERIES.map(({ name, sql }) => [name, sql] as const))(
      'returns the expected rows for the saved query "%s"',
      async (name, sql) => {
        expect(await rows(sql)).toEqual(SAVED_ROWS[name]);
      },
    );

    it.each(documentedQueries.map((sql, i) => [i + 1, sql] as const))(
      'returns the expected rows for query %i of docs/athena.md',
      async (number, sql) => {
        expect(await rows(sql)).toEqual(DOCUMENTED_ROWS[number - 1]);
      },
    );

    it('has expected rows for all queries of docs/athena.md', () => {
      expect(documentedQueries).toHaveLength(DOCUMENTED_ROWS.length);
    });

    it('shows CSV values of earlier runs under the wrong column if a column is inserted before others', async () => {
      await rows(`CREATE TABLE shifted (a varchar, b varchar, run_id varchar) WITH (
        format = 'CSV', partitioned_by = ARRAY['run_id'], external_location = 's3://exports/shifted/')`);
      s3.put('exports', 'shifted/run_id=r/part.csv.gz', gzipSync('"of a","of b"\n'));
      await rows("CALL hive.system.register_partition('exports', 'shifted', ARRAY['run_id'], ARRAY['r'])");
      // Changes the table as a deployment does; the partition keeps its columns.
      const key = 'metastore/exports/shifted/.trinoSchema';
      const schema = JSON.parse(String(s3.object('exports', key))) as { dataColumns: { name: string }[] };
      const [first, second] = schema.dataColumns;
      const changeTo = (dataColumns: unknown[]) =>
        s3.put('exports', key, Buffer.from(JSON.stringify({ ...schema, dataColumns })));
      changeTo([first, second, { ...first, name: 'more' }]);
      expect(await rows('SELECT a, b, more FROM shifted')).toEqual([['of a', 'of b', null]]);
      changeTo([first, { ...first, name: 'more' }, second]);
      expect(await rows('SELECT a, more, b FROM shifted')).toEqual([['of a', 'of b', null]]);
    });
  });

  describe('600 attribute names, 500 of them columns of the CSV table', () => {
    beforeAll(async () => {
      await createTablesAndViews('wide', WIDE_COLUMNS, WIDE_NAMES);
      await publishAll(s3, trino, WIDE_RUNS, 'wide');
    });

    it.each(['accounts_latest', 'accounts_history'])('are in the map of every account in %s', async (view) => {
      const rows = await trino.query(`SELECT export_name, attributes FROM ${view} ORDER BY 1`, 'wide');
      const none = Object.fromEntries(WIDE_NAMES.map((name) => [name, null]));
      const csv = Object.fromEntries(WIDE_COLUMNS.map((name, i) => [name, i % 2 === 0 ? `${i}` : null]));
      expect(rows).toEqual([
        ['wide-csv', { ...none, ...csv }],
        ['wide-json', { ...none, 'It\'s "99"': 'last', other: 'unknown' }],
      ]);
    });

    it('can be filters', async () => {
      const sql = `SELECT name FROM accounts_latest WHERE attributes['Column 498'] = '498'`;
      expect(await trino.query(sql, 'wide')).toEqual([['Wide']]);
    });
  });

  describe('odd values', () => {
    beforeAll(async () => {
      await createTablesAndViews('odd', [], []);
      await publishAll(s3, trino, ODD_RUNS, 'odd');
    });

    it.each(EXPORT_FORMATS)('are the same in every format: %s', async (format) => {
      const sql = `SELECT name, engagement_score + 0, last_activity, CAST(total_actions AS varchar), attributes
        FROM accounts_latest WHERE export_name = 'odd-${format}'`;
      const found = new Map((await trino.query(sql, 'odd')).map((row) => [row[0], row]));
      const expected = format === 'csv' ? ODD_ROWS_FROM_CSV : ODD_ROWS_FROM_JSON;
      for (const row of expected) expect([format, ...(found.get(row[0]) ?? [])]).toEqual([format, ...row]);
      expect(found.size).toBe(expected.length);
    });
  });

  it('reads CSV whose columns depend on the page', async () => {
    await createTablesAndViews('pages', PAGE_COLUMNS, []);
    await publishAll(s3, trino, [PAGE_RUN], 'pages');
    const sql =
      "SELECT name, total_actions, attributes['tier'], attributes['Region'] FROM accounts_latest ORDER BY name";
    expect(await trino.query(sql, 'pages')).toEqual([
      ['both', null, 'silver', 'APAC'],
      ['first attribute', 2, 'gold', null],
      ['none', 1, null, null],
      ['second attribute', null, null, 'EMEA'],
    ]);
  });

  describe.each<[string, { facts: readonly Fact[]; header: string; columns: string; properties: string }]>([
    [
      'JSON',
      {
        facts: JSON_FACTS,
        header: '',
        columns: 's varchar, n bigint, d double, m map(varchar, varchar), b boolean',
        properties: "format = 'JSON'",
      },
    ],
    [
      'CSV',
      {
        facts: CSV_FACTS,
        header: '"a","b","c"\n',
        columns: 'a varchar, b varchar, c varchar',
        properties:
          "format = 'CSV', csv_separator = ',', csv_quote = '\"', csv_escape = '\\', skip_header_line_count = 1",
      },
    ],
  ])('the %s SerDe', (format, { facts, header, columns, properties }) => {
    const table = `facts_${format}`.toLowerCase();
    let read: unknown[][];

    beforeAll(async () => {
      for (const [i, [, text]] of facts.entries())
        s3.put('exports', `${table}/fact=${i}/part.gz`, gzipSync(`${header}${text}\n`));
      const location = `partitioned_by = ARRAY['fact'], external_location = 's3://exports/${table}/'`;
      await trino.query(`CREATE TABLE ${table} (${columns}, fact varchar) WITH (${properties}, ${location})`);
      await trino.query(`CALL hive.system.sync_partition_metadata('exports', '${table}', 'ADD')`);
      const readable = facts.flatMap(([, , rows], i) => (rows === 'fails' ? [] : [`'${i}'`]));
      read = await trino.query(`SELECT * FROM ${table} WHERE fact IN (${readable.join(', ')})`);
    });

    it.each(facts.map(([what, , rows], i) => [what, i, rows] as const))('%s', async (_what, i, rows) => {
      if (rows === 'fails') {
        const query = trino.query(`SELECT * FROM ${table} WHERE fact = '${i}'`);
        await expect(query).rejects.toThrow('Failed to read file');
      } else {
        expect(read.filter((row) => row.at(-1) === `${i}`)).toEqual(rows.map((row) => [...row, `${i}`]));
      }
    });
  });

  describe('simulated runs', () => {
    const ACCOUNTS = 12_431;
    const COLUMNS = VIEW_COLUMNS.slice(4, 12).map(({ name }) => name);
    let client: S3Client;
    let store: ObjectStore;
    let simulator: Simulator;
    let api: AccountsApi & { close(): Promise<void> };
    const rows = (sql: string) => trino.query(sql, 'simulated');

    beforeAll(async () => {
      const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
      client = new S3Client({ endpoint: s3.url, region: 'us-east-1', forcePathStyle: true, credentials });
      store = s3ObjectStore({ client, bucket: 'simulated' });
      simulator = await startSimulator({ accounts: ACCOUNTS });
      const key = { keyId: 'demo-key', secret: 'demo:secret' };
      api = createAccountsApi({ baseUrl: simulator.url, credentials: { get: async () => key } });
      await createTablesAndViews('simulated', ATTRIBUTES, ATTRIBUTES);
    });

    afterAll(async () => {
      client?.destroy();
      await api?.close();
      await simulator?.close();
    });

    /** Runs an export without adding its partitions. */
    async function exported(runId: string, request: object, from: AccountsApi = api): Promise<PublishedRun> {
      const steps = runSteps(from, store, runId);
      await steps.all({ pageSize: 1000, ...request });
      return steps.partitions[0] as PublishedRun;
    }

    /** Adds partitions as the Glue catalog does, which has its own tests. */
    const partition = ({ format, exportName, exportDate, runId }: PublishedRun, table: string) =>
      `'simulated', '${table}_${format}', ARRAY['export_name', 'export_date', 'run_id'], ARRAY['${exportName}', '${exportDate}', '${runId}']`;
    async function addAccounts(run: PublishedRun): Promise<void> {
      const { format, exportName, exportDate, runId } = run;
      const location = `s3://simulated/accounts_${format}/export_name=${exportName}/export_date=${exportDate}/run_id=${runId}`;
      for (const table of ['accounts', 'newest'])
        await rows(`CALL hive.system.register_partition(${partition(run, table)}, '${location}')`);
    }
    const addRunRow = ({ runId }: PublishedRun) =>
      rows(`CALL hive.system.register_partition('simulated', 'export_runs', ARRAY['run_id'], ARRAY['${runId}'])`);
    async function publish(run: PublishedRun): Promise<void> {
      await addAccounts(run);
      await addRunRow(run);
    }

    /** Views show configured attributes that an account lacks as NULL. */
    const withoutNulls = (row: object) => {
      const { attributes = {}, ...others } = row as { attributes?: object };
      const present = Object.entries(attributes).filter(([, value]) => value !== null);
      return { ...others, attributes: Object.fromEntries(present) };
    };

    const ENCODINGS = EXPORT_FORMATS.flatMap((format): readonly PartEncoding[] =>
      format === 'parquet' ? [{ format }] : COMPRESSIONS.map((compression) => ({ format, compression })),
    );

    it.each(ENCODINGS.map((encoding) => [partExtension(encoding), encoding] as const))(
      'returns every value as sent: %s',
      async (extension, { format, compression }) => {
        const exportName = `nasty-${extension}`;
        // A JSON part of all accounts exceeds the window of zstd.
        const pageSize = compression === 'zstd' ? ACCOUNTS : 1000;
        const request = { exportName, format, compression, pageSize, attributeColumns: [...ATTRIBUTES] };
        await publish(await exported(exportName, request));
        const found = await rows(
          `SELECT ${COLUMNS.join(', ')} FROM accounts_latest WHERE export_name = '${exportName}'`,
        );
        const byName = new Map(
          found.map((row) => [row[0], withoutNulls(Object.fromEntries(row.map((value, i) => [COLUMNS[i], value])))]),
        );
        expect(byName.size).toBe(ACCOUNTS);
        for (let i = 0; i < ACCOUNTS; i++) {
          const expected =
            format === 'csv' ? expectedFromCsv(simulator.tenant, i, ATTRIBUTES) : expectedFromJson(simulator.tenant, i);
          const [actual, wanted] = [byName.get(expected.name), withoutNulls(expected)];
          if (!isDeepStrictEqual(actual, wanted)) expect(actual, `account ${i}`).toEqual(wanted);
        }
      },
    );

    it.each(['json', 'csv'])('reads gzip and zstd parts of one table in one query: %s', async (format) => {
      const sql = `SELECT run_id, count(*), count(DISTINCT "$path") FROM accounts_${format} WHERE export_name LIKE 'nasty-%'`;
      expect(await rows(`${sql} GROUP BY 1 ORDER BY 1`)).toEqual([
        [`nasty-${format}.gz`, ACCOUNTS, 13],
        [`nasty-${format}.zst`, ACCOUNTS, 1],
      ]);
    });

    it("accepts attributes['x'] for configured attributes that some accounts lack", async () => {
      const notes = await rows("SELECT attributes['note'], count(*) FROM accounts_latest GROUP BY 1");
      expect(notes.length).toBeGreaterThan(5);
      await expect(rows("SELECT attributes['unknown'] FROM accounts_latest")).rejects.toThrow('Key not present in map');
      expect(await rows("SELECT count(element_at(attributes, 'unknown')) FROM accounts_latest")).toEqual([[0]]);
    });

    it.each(['accounts_latest', 'accounts_history'])('%s has the columns and types declared in Glue', async (view) => {
      const columns = await rows(`SHOW COLUMNS FROM ${view}`);
      expect(columns.map(([name, type]) => `${name} ${String(type).replaceAll(' ', '')}`)).toEqual(
        VIEW_COLUMNS.map(({ name, type }) => `${name} ${type}`),
      );
    });

    it('shows a run when its last partition is added, complete', async () => {
      const counted = () =>
        rows("SELECT run_id, count(*) FROM accounts_latest WHERE export_name = 'steps' GROUP BY run_id");
      const request = { exportName: 'steps', filter: 'Tier 1 & 2/EMEA' };
      const before = await exported('steps-1', request);
      await publish(before);
      // The segment has grown.
      const grown: AccountsApi = {
        host: api.host,
        fetchPage: (query, ...rest) => api.fetchPage({ ...query, filter: 'Tier 1 & 2/EMEA + ü%' }, ...rest),
      };
      const run = await exported('steps-2', request, grown);
      expect(await counted()).toEqual([['steps-1', 1243]]);
      await addAccounts(run);
      expect(await counted()).toEqual([['steps-1', 1243]]);
      await addRunRow(run);
      expect(await counted()).toEqual([['steps-2', 3107]]);
      await rows(`CALL hive.system.unregister_partition(${partition(before, 'newest')})`);
      expect(await counted()).toEqual([['steps-2', 3107]]);
      expect(await rows("SELECT count(*) FROM accounts_history WHERE export_name = 'steps'")).toEqual([[4350]]);
    });

    it('reads only parts of the newest runs', async () => {
      const partsRead = () => s3.reads.splice(0).filter((key) => key.startsWith('accounts_'));
      partsRead();
      await rows("SELECT name, engagement_score FROM accounts_latest WHERE export_name = 'steps'");
      expect(new Set(partsRead().map((key) => /export_name=.*(?=\/)/.exec(key)?.[0]))).toEqual(
        new Set(['export_name=steps/export_date=2026-08-22/run_id=steps-2']),
      );
      await rows('SELECT name FROM accounts_latest');
      expect(partsRead().filter((key) => key.includes('run_id=steps-1/'))).toEqual([]);
    });

    it.each(EXPORT_FORMATS)('shows the later record of an account that appears twice: %s', async (format) => {
      const list = [
        ...accounts(9),
        account('between pages', ',"accountStatus":"old"'),
        account('within a page', ',"accountStatus":"old"'),
        account('between pages', ',"accountStatus":"new"'),
        account('within a page', ',"accountStatus":"new"'),
      ];
      const exportName = `twice-${format}`;
      await publish(await exported(exportName, { exportName, format, pageSize: 10 }, arrayApi({ list }).api));
      const found = await rows(
        `SELECT name, account_status FROM accounts_latest WHERE export_name = '${exportName}' ORDER BY name LIMIT 100`,
      );
      expect(found).toHaveLength(11);
      const status = format === 'csv' ? null : 'new';
      expect(found.slice(-2)).toEqual([
        ['between pages', status],
        ['within a page', status],
      ]);
    });

    it('reads manifests, including structs and arrays', async () => {
      const sql = `SELECT exportname, records, consistency.verdict, consistency.accountsbefore, consistency.boundariesmoved,
        parameters.pagesize, parts[1].records, cardinality(parts), unmappedcolumns FROM export_runs`;
      expect(await rows(`${sql} WHERE run_id = 'nasty-json.gz'`)).toEqual([
        ['nasty-json.gz', ACCOUNTS, 'consistent', ACCOUNTS, 0, 1000, 1000, 13, ['healthIndex']],
      ]);
      const fields = `SELECT f.name, f.present FROM runs CROSS JOIN UNNEST(fields) AS f (name, present)`;
      const found = await rows(
        `${fields} WHERE run_id = 'nasty-json.gz' AND name IN ('name', 'attributes.owner') ORDER BY 1`,
      );
      expect(found).toEqual([
        ['attributes.owner', expect.any(Number)],
        ['name', ACCOUNTS],
      ]);
      expect(found[0]?.[1]).toBeGreaterThan(ACCOUNTS * 0.9);
    });
  });
});
