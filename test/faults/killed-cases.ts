/** Processes killed with SIGKILL at each operation of their store, and the same run started again. */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { openLocalDatabase } from '../../cli/query/local-database.ts';
import type { Case } from './cells.ts';
import { type ExpectedRun, must, mustBeComplete, mustEqual, publishedObjects, unfinishedPages } from './guarantees.ts';
import { localRunIn } from './local-world.ts';
import { resumedText } from './trial.ts';
import { ACCOUNTS, EARLIER_RUN, PAGE_SIZE, RUN, type Source } from './world.ts';

export const MOMENTS = ['before', 'halfway', 'after'] as const;
type Moment = (typeof MOMENTS)[number];

const SCRIPT = fileURLToPath(new URL('killed-process.ts', import.meta.url));

/** What the short form kills. */
const SHORT: readonly string[] = [
  'halfway export page: put part',
  'after export page: put part',
  'after export page: put receipt',
  'after publish: manifest: put manifest',
];

/** A process that runs an export, and is killed at an operation. */
interface KilledProcess {
  readonly folder: string;
  readonly url: string;
  readonly run: typeof RUN | typeof EARLIER_RUN;
  /** From 1. @default never killed */
  readonly operation?: number;
  readonly moment?: Moment;
}

/** @param every each operation, before, halfway through and after a write; otherwise some operations */
export async function killedCases(
  source: Source,
  every: boolean,
): Promise<{ cases: Case[]; close: () => Promise<void> }> {
  const { url } = source;
  const folder = await mkdtemp(join(tmpdir(), 'account-export-faults-'));
  const earlier = join(folder, 'earlier');
  // In a process of its own, because a run holds its locks as long as its process exists.
  await runProcess({ folder: earlier, url, run: EARLIER_RUN });
  const clean = join(folder, 'clean');
  await cp(earlier, clean, { recursive: true });
  await runProcess({ folder: clean, url, run: RUN });
  const names = JSON.parse(await readFile(`${clean}.txt`, 'utf8')) as string[];
  const cases = names.flatMap((name, i) =>
    MOMENTS.filter((moment) =>
      // For a read, after it is the same as before the next operation.
      every
        ? moment === 'before' || /: (put|delete) /.test(name)
        : names.indexOf(name) === i && SHORT.includes(`${moment} ${name}`),
    ).map((moment) => ({
      table: 'killed',
      row: name,
      column: moment,
      at: `operation ${i + 1}`,
      run: async () => {
        const copy = join(folder, `${i}-${moment}`);
        await cp(earlier, copy, { recursive: true });
        const text = await killAndResume(source, { folder: copy, url, run: RUN, operation: i + 1, moment });
        await rm(copy, { recursive: true, force: true });
        return text;
      },
    })),
  );
  return { cases, close: () => rm(folder, { recursive: true, force: true }) };
}

async function killAndResume(source: Source, killed: KilledProcess): Promise<string> {
  const { folder, url } = killed;
  const store = directoryStore(folder);
  const expected: ExpectedRun = { ...RUN, pageSize: PAGE_SIZE, tenant: source.simulator.tenant };
  const earlierObjects = () => publishedObjects(store, EARLIER_RUN.exportDate, EARLIER_RUN.runId);
  const before = await earlierObjects();
  mustEqual(await runProcess(killed), 'SIGKILL', 'end of the process');
  const visible = await visibleRuns(folder);
  const isPublished = visible === `${RUN.runId} ${ACCOUNTS}`;
  must(isPublished || visible === `${EARLIER_RUN.runId} ${ACCOUNTS}`, `accounts_latest shows ${visible}`);
  if (isPublished) await mustBeComplete(store, expected);

  const unfinished = await unfinishedPages(store, expected);
  const since = source.requestsSoFar();
  const resumed = await localRunIn({ store, url, runId: RUN.runId, dueAt: RUN.exportDate });
  must(resumed.outcome === 'published', `the resumed run ended ${JSON.stringify(resumed)}`);
  const fetched = source.pageRequests(since);
  mustEqual(fetched.join(), unfinished.join(), 'pages fetched by the resumed run');
  await mustBeComplete(store, expected);
  must((await earlierObjects()) === before, 'the run that was published before was changed');
  mustEqual(await visibleRuns(folder), `${RUN.runId} ${ACCOUNTS}`, 'accounts_latest after resuming');
  return `killed; ${resumedText(fetched)}`;
}

/** The runs that `accounts_latest` shows, and how many accounts of each. */
async function visibleRuns(folder: string): Promise<string> {
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

/** @returns the signal or the exit code with which the process ended */
function runProcess({ folder, url, run, operation = 0, moment = 'before' }: KilledProcess): Promise<string> {
  const args = [folder, url, run.runId, run.exportDate, String(operation), moment, `${folder}.txt`];
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? String(code)));
  });
}
