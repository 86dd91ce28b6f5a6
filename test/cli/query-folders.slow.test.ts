/** Where the folder is must not change what a query returns, and what other runs are must not either. */
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directoryStore } from '../../cli/local/directory-store.ts';
import type { ExportFormat } from '../../functions/model/export-format.ts';
import { accounts, arrayApi } from '../support/array-api.ts';
import { commandLine, temporaryFolder } from '../support/command-line.ts';
import { queryRows } from '../support/query-rows.ts';
import { runSteps } from '../support/run-steps.ts';

const FORMATS: readonly ExportFormat[] = ['json', 'csv', 'parquet'];

async function export3(folder: string, count: number): Promise<void> {
  for (const format of FORMATS) {
    const { api } = arrayApi({ list: accounts(count) });
    await runSteps(api, directoryStore(folder), format).all({ format, exportName: format });
  }
}

describe('a query reads a folder of any name, and no folder beside it', () => {
  /** The folder, and a sibling that a pattern of this name would match. */
  const NAMES: readonly (readonly [string, string])[] = [
    ['export_date=2020-01-01', 'export_name=x'],
    ['run_id=other', 'run_id=other2'],
    ['a?', 'ab'],
    ['a*', 'ab'],
    ['**', 'ab'],
    ['[ab]', 'a'],
    ['[!x]', 'a'],
    ['[', ']'],
    ['{a,b}', 'a'],
    [`o'ut "x"`, 'out'],
    ['two  words ', 'two'],
    ['ünï 株 🦄', 'uni'],
    ['a%20b#c$HOME', 'a b#c'],
    ['back\\slash', 'back'],
    ['part.csv.gz?x=1', 'part.csv.gz'],
    ['http://x', 'http:'],
    ['-- comment', '--'],
    ['~', '~root'],
  ];

  it.each(NAMES)('%j', async (name, sibling) => {
    const root = await temporaryFolder();
    await export3(join(root, name), 2);
    await export3(join(root, sibling), 5);
    const folder = join(root, name);
    const runs = 'SELECT export_name, export_date, run_id, count(*)';
    const expected = ['csv', 'json', 'parquet'].map((format) => [format, '2026-08-22', format, 2]);
    for (const view of ['accounts_latest', 'accounts_history']) {
      expect(await queryRows(folder, `${runs} FROM ${view} GROUP BY 1, 2, 3 ORDER BY 1`)).toEqual(expected);
    }
    expect(
      await queryRows(
        folder,
        "SELECT name FROM accounts_latest WHERE run_id = 'csv' AND export_date = '2026-08-22' ORDER BY name",
      ),
    ).toEqual([['account 0'], ['account 1']]);
    expect(await queryRows(folder, `${runs} FROM accounts_csv GROUP BY 1, 2, 3`)).toEqual([expected[0]]);
    expect(await queryRows(folder, 'SELECT run_id FROM export_runs ORDER BY 1')).toEqual([
      ['csv'],
      ['json'],
      ['parquet'],
    ]);
  });

  it('that was moved, whose path in the parts is another', async () => {
    const root = await temporaryFolder();
    await export3(join(root, 'before'), 2);
    await cp(join(root, 'before'), join(root, 'run_id=moved'), { recursive: true });
    await rm(join(root, 'before'), { recursive: true });
    expect(await queryRows(join(root, 'run_id=moved'), 'SELECT count(*) FROM accounts_latest')).toEqual([[6]]);
  });
});

/** The part of a run. */
async function partOf(folder: string, runId: string): Promise<string> {
  const names = await readdir(folder, { recursive: true });
  return join(folder, names.find((name) => name.includes(`run_id=${runId}/part-00000`)) ?? '');
}

/** An old run and a newer one of one export, of 3 and 4 accounts, and of another export. */
async function twoRuns(format: ExportFormat): Promise<string> {
  const folder = await temporaryFolder();
  const run = (runId: string, count: number, request: object) =>
    runSteps(arrayApi({ list: accounts(count) }).api, directoryStore(folder), runId).all({ format, ...request });
  await run('old', 3, { exportName: 'daily', dueAt: '2026-08-20' });
  await run('new', 4, { exportName: 'daily', dueAt: '2026-08-21' });
  await run('other', 2, { exportName: 'other' });
  return folder;
}

describe.each(FORMATS)('a damaged part of an old %s run', (format) => {
  const DAMAGES: readonly (readonly [string, (path: string) => Promise<unknown>])[] = [
    ['removed', (path) => rm(path)],
    ['cut off', async (path) => truncate(path, 20)],
    ['overwritten', async (path) => writeFile(path, Buffer.alloc((await readFile(path)).length, 'x'))],
  ];

  it.each(DAMAGES)('(%s) does not affect queries on later runs, and is named if it is read', async (_how, damage) => {
    const folder = await twoRuns(format);
    const part = await partOf(folder, 'old');
    await damage(part);
    expect(await queryRows(folder, 'SELECT run_id, count(*) FROM accounts_latest GROUP BY 1 ORDER BY 1')).toEqual([
      ['new', 4],
      ['other', 2],
    ]);
    expect(await queryRows(folder, 'SELECT count(*) FROM export_runs')).toEqual([[3]]);
    expect(await queryRows(folder, 'DESCRIBE accounts_latest')).toHaveLength(14);
    const { code, stdout, stderr } = await commandLine([
      'query',
      'SELECT count(name) AS n FROM accounts_history',
      '--json',
      '--out',
      folder,
    ]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(part);
    expect(stderr).toMatch(
      /^error: Cannot read .* of run "old" \((missing|changed since it was published)\): restore it from a copy, or delete the run and export again\.\n$/,
    );
  });
});

it.each(['json', 'parquet'] as const)(
  'a %s part is not opened by a query that selects another run, day or export',
  async (format) => {
    const folder = await twoRuns(format);
    const part = await partOf(folder, 'old');
    await writeFile(part, Buffer.alloc((await readFile(part)).length, 'x'));
    const count = (where: string) => queryRows(folder, `SELECT count(name) FROM accounts_history WHERE ${where}`);
    expect(await count("run_id = 'new'")).toEqual([[4]]);
    expect(await count("export_date >= '2026-08-21'")).toEqual([[6]]);
    expect(await count("export_name IN ('other') AND name <> ''")).toEqual([[2]]);
    expect(await queryRows(folder, `SELECT count(name) FROM accounts_${format} WHERE run_id = 'new'`)).toEqual([[4]]);
  },
);
