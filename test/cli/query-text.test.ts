import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/command-line.ts';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { text, wellFormedJson } from '../../cli/query/sql-text.ts';
import { account, accounts, arrayApi } from '../support/array-api.ts';
import { commandLine, temporaryFolder } from '../support/command-line.ts';
import { randomFrom } from '../support/random.ts';
import { runSteps } from '../support/run-steps.ts';

/** Exports accounts as run `odd` into a folder that has a run `good`. */
async function exported(list: readonly string[], format = 'json') {
  const folder = await temporaryFolder();
  const store = directoryStore(folder);
  await runSteps(arrayApi({ list: accounts(3) }).api, store, 'good').all({ exportName: 'good' });
  await runSteps(arrayApi({ list: [...list] }).api, store, 'odd').all({ exportName: 'odd', format });
  return folder;
}

async function rowsOf(folder: string, sql: string): Promise<unknown> {
  const { code, stdout, stderr } = await commandLine(['query', sql, '--json', '--out', folder]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('half a surrogate pair', () => {
  const HALF = [
    account(
      'half \ud800',
      ',"attributes":{"key \udc00":"value \ud83d","whole":"\ud83d\ude00","escaped":"\\\\ud800","digits":1.10}',
    ),
    account('unknown field', ',"unknown \ud800":["\udfff"],"totalActions":51'),
  ].map((raw) => raw.replaceAll(/[\ud800-\udfff]/g, (half) => `\\u${half.charCodeAt(0).toString(16)}`));

  it.each(['json', 'parquet'])('in a %s part is U+FFFD in a query, and leaves all else readable', async (format) => {
    const folder = await exported(HALF, format);
    expect(
      await rowsOf(
        folder,
        "SELECT name, attributes, total_actions FROM accounts_latest WHERE export_name = 'odd' ORDER BY name",
      ),
    ).toEqual([
      {
        name: 'half \ufffd',
        attributes: { 'key \ufffd': 'value \ufffd', whole: '\ud83d\ude00', escaped: '\\ud800', digits: '1.10' },
        total_actions: null,
      },
      { name: 'unknown field', attributes: null, total_actions: 51 },
    ]);
    expect(await rowsOf(folder, "SELECT count(*) AS n FROM accounts_latest WHERE export_name = 'good'")).toEqual([
      { n: 3 },
    ]);
    expect(await rowsOf(folder, "SELECT unmappedcolumns AS names FROM export_runs WHERE run_id = 'odd'")).toEqual([
      { names: ['unknown \ufffd'] },
    ]);
  });

  it('stays as sent in a JSON part, which Athena reads', async () => {
    const folder = await exported(HALF);
    const part = join(folder, 'accounts_json/export_name=odd/export_date=2026-08-22/run_id=odd/part-00000.json.gz');
    expect(gunzipSync(await readFile(part)).toString()).toBe(`${HALF.join('\n')}\n`);
  });

  it('in a manifest leaves all runs readable', async () => {
    const folder = await exported(HALF);
    const path = join(folder, 'export_runs/run_id=odd/manifest.json');
    const manifest = await readFile(path, 'utf8');
    expect(JSON.parse(manifest).unmappedColumns).toEqual(['unknown \ufffd']);
    await writeFile(path, manifest.replace('\ufffd', '\\ud800'));
    expect(await rowsOf(folder, 'SELECT run_id, unmappedcolumns FROM export_runs ORDER BY run_id')).toEqual([
      { run_id: 'good', unmappedcolumns: [] },
      { run_id: 'odd', unmappedcolumns: ['unknown \ufffd'] },
    ]);
  });

  it('is replaced wherever it stands in JSON, and nothing else is', async () => {
    const units = ['\\', '"', 'u', 'd', '8', 'a', 'é', '\n', '\u0000', '\ud83d', '\ude00', '\ud800', '\udfff'];
    const next = randomFrom(14);
    const values = Array.from({ length: 500 }, () =>
      Array.from({ length: 12 }, () => units[Math.floor(next() * units.length)]).join(''),
    );
    const escaped = (value: string) =>
      value.replaceAll(/./gsu, (character) =>
        Array.from({ length: character.length }, (_, i) => {
          const hex = character.charCodeAt(i).toString(16).padStart(4, '0');
          return `\\u${i === 0 ? hex : hex.toUpperCase()}`;
        }).join(''),
      );
    const json = values.flatMap((value) => [JSON.stringify(value), `"${escaped(value)}"`]);
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const reader = await connection.runAndReadAll(
      `SELECT json_extract_string(${wellFormedJson('j')}, '$') FROM (VALUES ${json.map((j) => `(${text(j)})`).join(', ')}) t(j)`,
    );
    connection.closeSync();
    expect(reader.getRows().flat()).toEqual(values.flatMap((value) => [value.toWellFormed(), value.toWellFormed()]));
  });
});

describe('control characters', () => {
  const EVIL = 'evil\u001b[2J\u009b31m\u202e\u0007\r\nerror: none';
  const list = [account(EVIL, ',"totalActions":1')];
  const sql = "SELECT name FROM accounts_latest WHERE export_name = 'odd'";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be printed
  const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

  it('of a value are escaped in a table', async () => {
    const { stdout } = await commandLine(['query', sql, '--out', await exported(list)]);
    expect(stdout).not.toMatch(RAW);
    expect(stdout).toContain('evil\\u001b[2J\\u009b31m\\u202e\\u0007\\u000d\\u000aerror: none');
  });

  it('of a value are escaped in JSON, which stays equal', async () => {
    const { stdout } = await commandLine(['query', sql, '--json', '--out', await exported(list)]);
    expect(stdout).not.toMatch(RAW);
    expect(JSON.parse(stdout)).toEqual([{ name: EVIL }]);
  });

  it.each([
    [true, 'name\n"evil\\u001b[2J\\u009b31m\\u202e\\u0007\\u000d\\u000aerror: none"\n'],
    [false, `name\n"${EVIL}"\n`],
  ])('of a value are escaped in CSV on a terminal (%s), never in a file', async (isTTY, expected) => {
    let stdout = '';
    const stream = {
      isTTY,
      write: (more: string) => {
        stdout += more;
      },
    };
    const argv = ['query', sql, '--csv', '--out', await exported(list)];
    expect(await runCommandLine({ argv, stdout: stream, stderr: stream, env: {} })).toBe(0);
    expect(stdout).toBe(expected);
  });

  it('of a value are not in an error, and those of the statement are escaped', async () => {
    const folder = await exported(list);
    const { stderr } = await commandLine(['query', sql.replace('name', 'name::INT'), '--out', folder]);
    expect(stderr).toBe(
      'error: Query failed: a value cannot be converted to the type in the query: use try_cast, which returns NULL instead.\n',
    );
    const ofStatement = await commandLine(['query', 'SELECT "evil\u001b[2J"', '--out', folder]);
    expect(ofStatement.stderr).toMatch(/^error: Query failed: Binder Error: .*evil\\u001b.*\n$/);
  });
});
