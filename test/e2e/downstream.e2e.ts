/** The recipes of docs/downstream.md, on a folder that runs wrote: each returns the accounts of `accounts_latest`. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { account, accounts, arrayApi } from '../support/array-api.ts';
import { commandLine } from '../support/command-line.ts';
import { runSteps } from '../support/run-steps.ts';
import { DOWNSTREAM_REQUIREMENTS } from './downstream-requirements.ts';
import { pythonPrograms } from './python.ts';

const run = promisify(execFile);
const DRIVER = fileURLToPath(new URL('downstream.py', import.meta.url));
/** Spark starts a JVM. */
const LIMIT_MS = 600_000;

const noJava = await run('java', ['-version']).then(
  () => false,
  () => true,
);
if (noJava) process.stdout.write('Skipping the recipe for Spark: Java is not installed.\n');

let folder: string;
let python: string;

beforeAll(async () => {
  python = join(await pythonPrograms('downstream', DOWNSTREAM_REQUIREMENTS), 'python');
  folder = await mkdtemp(join(tmpdir(), 'account-export-downstream-'));
  const source = { list: accounts(15) };
  const { api } = arrayApi(source);
  const steps = (runId: string) => runSteps(api, directoryStore(folder), runId);
  const request = { exportName: 'all-accounts', format: 'parquet' };
  await steps('yesterday').all({ ...request, dueAt: '2026-08-21' });
  await steps('other').all({ ...request, exportName: 'other', dueAt: '2026-08-22' });
  source.list = [
    ...accounts(7),
    account('between pages', ',"engagementScore":0.1'),
    account('within a page', ',"engagementScore":0.1'),
    account('within a page', ',"engagementScore":0.9,"attributes":{"industry":"株式会社","note":""}'),
    account('between pages', ',"engagementScore":0.9'),
    account('large', ',"totalActions":9007199254740993,"lastActivity":1358640000123,"accountStatus":"Active"'),
    '{"totalActions":7}',
    '{"totalActions":8}',
  ];
  await steps('newest').all({ ...request, dueAt: '2026-08-22' });
  source.list = accounts(30);
  await steps('filled-in').all({ ...request, dueAt: '2026-08-01' });
  // Its parts exist, but it is not published.
  const unpublished = steps('unpublished');
  await unpublished.pages(await unpublished.plan({ ...request, dueAt: '2026-08-23' }));
}, LIMIT_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function query(sql: string): Promise<Record<string, unknown>[]> {
  return JSON.parse((await commandLine(['query', sql, '--json', '--out', folder])).stdout);
}

/** One text per account. A map has no order. */
const comparable = (rows: readonly Record<string, unknown>[]) =>
  rows.map(({ attributes, ...row }) => JSON.stringify([row, Object.entries(attributes ?? {}).sort()])).sort();

it('have a drifted run with duplicates, in which accounts_latest shows each account once', async () => {
  const [latest] = await query("SELECT * FROM runs WHERE run_id = 'newest'");
  expect(latest).toMatchObject({ verdict: 'drifted', records: 14, duplicates: 2 });
  expect(await query("SELECT count(*) AS n FROM accounts_latest WHERE export_name = 'all-accounts'")).toEqual([
    { n: 12 },
  ]);
});

it.skipIf(noJava).each(['spark'])('%s', compare, LIMIT_MS);
it.each(['duckdb', 'pandas', 'polars', 'dbt'])('%s', compare, LIMIT_MS);

async function compare(recipe: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'account-export-recipe-'));
  try {
    const { stdout } = await run(python, [DRIVER, recipe, folder, 'all-accounts', scratch], {
      env: { ...process.env, SPARK_LOCAL_IP: '127.0.0.1' },
      maxBuffer: 64 * 1024 * 1024,
    });
    const rows = JSON.parse(/^.*?ACCOUNTS (.*)$/m.exec(stdout)?.[1] ?? '[]') as Record<string, unknown>[];
    const found = rows.map((row) => ({
      name: row.name,
      score: row.engagementscore,
      actions: row.totalactions,
      status: row.accountstatus,
      last: row.lastactivity,
      attributes: row.attributes,
    }));
    const expected = await query(`SELECT name, engagement_score AS score, total_actions::VARCHAR AS actions,
      account_status AS status, epoch_ms(last_activity) AS last, attributes
      FROM accounts_latest WHERE export_name = 'all-accounts'`);
    expect(comparable(found)).toEqual(comparable(expected));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
