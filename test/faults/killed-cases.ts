/** Processes killed with SIGKILL at every operation of their store, and the same run started again. */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { openLocalDatabase } from '../../cli/query/local-database.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import type { Case } from './cells.ts';
import { must, mustBeComplete, published, unfinishedPages } from './law.ts';
import { localRunIn } from './local-world.ts';
import { ACCOUNTS, GOOD, PAGE_SIZE, RUN, type Source } from './world.ts';

const WHEN = ['before', 'halfway', 'after'] as const;
type When = (typeof WHEN)[number];

const SCRIPT = fileURLToPath(new URL('killed-process.ts', import.meta.url));

/** What a short form kills. */
const SHORT: readonly string[] = [
  'halfway export page: put part',
  'after export page: put part',
  'after export page: put receipt',
  'after publish: manifest: put manifest',
];

/** Before and in the middle of a write are the same as after the operation before it, for a read. */
const isTold = (name: string, when: When) => when === 'before' || /: (put|delete) /.test(name);

/** @param every each operation, before, in the middle of a write and after it; else some, where it matters most */
export async function killedCases(
  source: Source,
  every: boolean,
): Promise<{ cases: Case[]; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-faults-'));
  const good = join(folder, 'good');
  // In a process of its own: whether a run has ended is told by whether its process has.
  await runAndDie(source, good, GOOD, Number.POSITIVE_INFINITY, 'before');
  const operations = await operationsOf(source, good, join(folder, 'clean'));
  const cases = operations.flatMap((name, i) =>
    WHEN.filter((when) =>
      every ? isTold(name, when) : operations.indexOf(name) === i && SHORT.includes(`${when} ${name}`),
    ).map((when) => ({
      table: 'killed',
      row: name,
      column: when === 'halfway' ? 'in the middle of it' : when,
      at: `operation ${i + 1}`,
      run: () => killAt(source, good, join(folder, `${i}-${when}`), i + 1, when),
    })),
  );
  return { cases, close: () => rm(folder, { recursive: true, force: true }) };
}

async function operationsOf(source: Source, good: string, folder: string): Promise<string[]> {
  await cp(good, folder, { recursive: true });
  await runAndDie(source, folder, RUN, Number.POSITIVE_INFINITY, 'before');
  const { status, operations } = JSON.parse(await readFile(`${folder}.txt`, 'utf8')) as {
    status: string;
    operations: string[];
  };
  if (status !== 'published') throw new Error(`a run that nobody kills ended ${status}`);
  return operations;
}

async function killAt(source: Source, good: string, folder: string, nth: number, when: When): Promise<string> {
  await cp(good, folder, { recursive: true });
  const store = directoryStore(folder);
  const before = await published(store, GOOD.exportDate, GOOD.runId);
  const signal = await runAndDie(source, folder, RUN, nth, when);
  must(signal === 'SIGKILL', `the process ended with ${signal} instead of being killed`);
  const shown = await shownIn(folder);
  must(shown === `${GOOD.runId} ${ACCOUNTS}` || shown === `${RUN.runId} ${ACCOUNTS}`, `accounts_latest shows ${shown}`);
  if (shown.startsWith(RUN.runId)) await mustBeWhole(store, source);

  const missing = await unfinishedPages(store, RUN.runId, PAGE_SIZE, source.simulator.tenant);
  const since = source.requestsSoFar();
  const again = await localRunIn({ store, url: source.url, runId: RUN.runId, dueAt: RUN.exportDate });
  must(again.outcome === 'published', `started again, it ended ${JSON.stringify(again)}`);
  const fetched = source.pageRequests(since);
  must(fetched.join() === missing.join(), `pages ${missing} were missing and pages ${fetched} were fetched`);
  await mustBeWhole(store, source);
  must((await published(store, GOOD.exportDate, GOOD.runId)) === before, 'the last good run was changed');
  const last = await shownIn(folder);
  must(last === `${RUN.runId} ${ACCOUNTS}`, `started again, accounts_latest shows ${last}`);
  await rm(folder, { recursive: true, force: true });
  return `killed; resumed, ${fetched.length} ${fetched.length === 1 ? 'page' : 'pages'} fetched`;
}

const mustBeWhole = (store: ObjectStore, source: Source) =>
  mustBeComplete(store, { ...RUN, pageSize: PAGE_SIZE, tenant: source.simulator.tenant });

/** What `query` tells: the runs that `accounts_latest` shows, and how many accounts. */
async function shownIn(folder: string): Promise<string> {
  const database = await openLocalDatabase(folder);
  try {
    const reader = await database.runAndReadAll(
      'SELECT run_id, count(*)::INTEGER FROM accounts_latest GROUP BY run_id ORDER BY run_id',
    );
    return reader
      .getRows()
      .map((row) => row.join(' '))
      .join(', ');
  } finally {
    database.closeSync();
  }
}

/** @returns the signal or the code that the process ended with */
function runAndDie(
  source: Source,
  folder: string,
  { runId, exportDate }: typeof RUN | typeof GOOD,
  nth: number,
  when: When,
): Promise<string> {
  const child = spawn(
    process.execPath,
    [SCRIPT, folder, source.url, runId, exportDate, String(nth), when, `${folder}.txt`],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? String(code)));
  });
}
