import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { openLocalDatabase } from '../../cli/query/local-database.ts';
import { accounts, arrayApi } from '../support/array-api.ts';
import { commandLine, temporaryFolder } from '../support/command-line.ts';
import { runSteps } from '../support/run-steps.ts';

/** A folder with one run of each format. */
async function exported(name = ''): Promise<string> {
  const folder = join(await temporaryFolder(), name);
  for (const format of ['json', 'csv', 'parquet']) {
    const { api } = arrayApi({ list: accounts(3) });
    await runSteps(api, directoryStore(folder), format).all({ format, exportName: format });
  }
  return folder;
}

/** All files of a folder with their content. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return [name, (await stat(path)).isFile() ? await readFile(path, 'hex') : 'folder'] as const;
    }),
  );
  return Object.fromEntries(files);
}

const query = (folder: string, sql: string) => commandLine(['query', sql, '--json', '--out', folder]);

describe('a query writes nothing', () => {
  /** Statements that write to `part`, a part of a published run, to `other`, or to the database. */
  const WRITING: readonly ((part: string, other: string) => string)[] = [
    (part) => `COPY (SELECT 1) TO '${part}'`,
    (part) => `EXPLAIN ANALYZE COPY (SELECT 1) TO '${part}'`,
    (part) => `/* SELECT */ EXPLAIN ANALYZE COPY (SELECT 1) TO '${part}'`,
    (part) => `EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '${part}'`,
    (_part, other) => `COPY accounts_latest TO '${other}' (FORMAT csv)`,
    (_part, other) => `EXPORT DATABASE '${other}'`,
    (_part, other) => `IMPORT DATABASE '${other}'`,
    (_part, other) => `ATTACH '${other}' AS other`,
    () => 'CREATE TABLE t AS SELECT 1',
    () => 'EXPLAIN ANALYZE DELETE FROM export_runs',
    () => 'EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1',
    () => 'INSERT INTO export_runs SELECT * FROM export_runs',
    () => 'UPDATE export_runs SET records = 0',
    () => 'DELETE FROM export_runs',
    () => 'WITH gone AS (DELETE FROM export_runs RETURNING *) SELECT * FROM gone',
    () => 'INSTALL httpfs',
    () => 'LOAD httpfs',
    () => "SET temp_directory = '/tmp'",
    () => 'PRAGMA enable_profiling',
    () => 'CALL force_checkpoint()',
    () => 'PREPARE p AS SELECT 1',
    () => 'SELECT 1; DELETE FROM export_runs',
    () => '',
    () => '/* SELECT 1 */',
    // These table functions have side effects, although the statement is a SELECT.
    (part) => `SELECT * FROM enable_profiling(save_location = '${part}')`,
    (part) => `SELECT 1 WHERE EXISTS (FROM system.main.ENABLE_PROFILING(save_location := '${part}'))`,
    (part) => `FROM query('SELECT * FROM enable_profiling(save_location = ''${part}'')')`,
    (_part, other) => `SELECT * FROM enable_logging(storage = 'file', storage_path = '${other}')`,
    () => `SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))`,
  ];

  it('by any statement, in one sentence each', async () => {
    const folder = await exported();
    const before = await contentOf(folder);
    const outside = await temporaryFolder();
    const part = join(folder, Object.keys(before).find((name) => name.endsWith('.json.gz')) ?? '');
    for (const writing of WRITING) {
      const sql = writing(part, join(outside, 'other'));
      const { code, stdout, stderr } = await query(folder, sql);
      expect({ sql, code, stdout }).toEqual({ sql, code: 2, stdout: '' });
      expect(stderr, sql).toMatch(
        /^error: (Invalid query: only SELECT is allowed\.|Expected one SQL statement, got [02]\.|The table function \w+ is not allowed in a query: .*|Query failed: Parser Error: A CTE needs a SELECT)\n$/,
      );
    }
    expect(await contentOf(folder)).toEqual(before);
    expect(await readdir(outside)).toEqual([]);
  });

  it('also without the check of the statement, outside the parts', async () => {
    const folder = await exported();
    const before = await contentOf(folder);
    const connection = await openLocalDatabase(folder);
    for (const place of [join(folder, 'new'), join(folder, 'export_runs/run_id=json/manifest.json')]) {
      await expect(connection.run(`COPY (SELECT 1) TO '${place}'`)).rejects.toThrow(/^Permission Error/);
    }
    connection.closeSync();
    expect(await contentOf(folder)).toEqual(before);
  });
});

describe('a query reads', () => {
  it.each([
    "SELECT count(*)::INT AS n FROM accounts_latest WHERE export_name = 'json'",
    "/* a comment */ WITH a AS (SELECT * FROM accounts_history) SELECT count(*)::INT AS n FROM a WHERE run_id = 'json' -- end",
    'FROM accounts_json SELECT count(*)::INT AS n;',
    'SELECT count(*)::INT AS n FROM range(3), unnest([1]), json_each(\'["x"]\')',
    'VALUES (3)',
    'SELECT column_count::INT AS n FROM (SELECT 3 AS column_count)',
  ])('with any SELECT: %s', async (sql) => {
    const { code, stdout } = await query(await exported(), sql);
    expect(code).toBe(0);
    expect(Object.values(JSON.parse(stdout)[0])).toEqual([3]);
  });

  it.each(['DESCRIBE accounts_latest', 'SHOW TABLES', 'SUMMARIZE export_runs'])('the schema: %s', async (sql) => {
    expect((await query(await exported(), sql)).code).toBe(0);
  });

  it('a folder with any name', async () => {
    const folder = await exported(`o'ut [1],*?{a}`);
    expect((await query(folder, 'SELECT count(*) AS n FROM accounts_latest')).stdout).toContain('"n": 9');
  });

  it('no file but the parts of published runs', async () => {
    const folder = await exported();
    await writeFile(join(folder, 'notes.csv'), 'a,b\n1,2\n');
    for (const file of [
      '/etc/hostname.csv',
      join(folder, 'notes.csv'),
      join(folder, '*.csv'),
      'https://127.0.0.1:1/x.csv',
    ]) {
      expect(await query(folder, `SELECT * FROM '${file}'`)).toEqual({
        code: 2,
        stdout: '',
        stderr: 'error: Query failed: a query reads only the tables and views of --out, no other files.\n',
      });
    }
    for (const call of ["read_text('/etc/passwd')", "glob('/etc/*')", "read_parquet('s3://bucket/key')"]) {
      expect((await query(folder, `SELECT * FROM ${call}`)).stderr).toMatch(
        /^error: The table function \w+ is not allowed in a query: use unnest, range, generate_series, json_each, json_tree, or a table\.\n$/,
      );
    }
  });

  it('with a locked configuration, in which DuckDB loads no extensions', async () => {
    const names = [
      'allow_community_extensions',
      'autoinstall_known_extensions',
      'autoload_known_extensions',
      'enable_external_access',
      'lock_configuration',
    ];
    const sql = `SELECT name, value FROM duckdb_settings WHERE name IN (${names.map((name) => `'${name}'`)}) ORDER BY name`;
    const connection = await openLocalDatabase(await exported());
    const reader = await connection.runAndReadAll(sql.replace('duckdb_settings', 'duckdb_settings()'));
    expect(reader.getRows()).toEqual(names.map((name) => [name, name === 'lock_configuration' ? 'true' : 'false']));
    for (const statement of ['SET autoload_known_extensions = true', 'RESET lock_configuration', 'LOAD httpfs']) {
      await expect(connection.run(statement)).rejects.toThrow();
    }
    connection.closeSync();
  });
});

describe('a file that cannot be read is named in one sentence', () => {
  const countIn = (folder: string) => query(folder, 'SELECT count(*) AS n FROM accounts_latest');

  it.each(['json', 'csv', 'parquet'])('a missing or damaged %s part', async (format) => {
    const folder = await exported();
    const name = Object.keys(await contentOf(folder)).find((file) => file.includes(`part-00000.${format}`)) ?? '';
    const sentence = { code: 2, stdout: '', stderr: expect.stringMatching(/^error: .*part-00000.*\n$/) };
    await writeFile(join(folder, name), 'damaged');
    expect(await countIn(folder)).toEqual(sentence);
    await rm(join(folder, name));
    expect(await countIn(folder)).toEqual(sentence);
  });

  it('a damaged manifest, and a folder in its place', async () => {
    const folder = await exported();
    const manifest = join(folder, 'export_runs/run_id=csv/manifest.json');
    await writeFile(manifest, '{"version":');
    expect((await countIn(folder)).stderr).toMatch(
      /^error: Invalid object export_runs\/run_id=csv\/manifest\.json .*\n$/,
    );
    await rm(manifest);
    await mkdir(manifest);
    expect(await countIn(folder)).toEqual({
      code: 2,
      stdout: '',
      stderr: `error: Cannot read ${manifest} (EISDIR): check the folder and its permissions.\n`,
    });
  });

  it('a file in place of the folder', async () => {
    const folder = join(await temporaryFolder(), 'out');
    await writeFile(folder, '');
    expect((await countIn(folder)).stderr).toMatch(/^error: No published run in .*\n$/);
  });

  it('unlike a draft of a run that was killed, which is ignored', async () => {
    const folder = await exported();
    for (const name of Object.keys(await contentOf(folder)).filter((file) => /part-|manifest/.test(file))) {
      await writeFile(join(folder, dirname(name), '.4a1b.tmp'), 'half');
    }
    await mkdir(join(folder, 'export_runs/run_id=killed'));
    await writeFile(join(folder, 'export_runs/run_id=killed/.4a1b.tmp'), 'half');
    expect(JSON.parse((await countIn(folder)).stdout)).toEqual([{ n: 9 }]);
  });
});
