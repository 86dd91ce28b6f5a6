/** Runs that are started again while they run, after they were published, or after they were quarantined. */
import type { Case } from './cells.ts';
import { DAMAGES, type Damage, PARTS } from './damage-cases.ts';
import type { Attempt, Ended } from './execute.ts';
import { manifestOf, must, mustEqual, objectsIn } from './guarantees.ts';
import { isWrite, type Operation, operationName, rowOf } from './operations.ts';
import { quarantineRun } from './scenarios.ts';
import { modesFor, operationsOf } from './store-cases.ts';
import { checkEnded, endedText, publishedText } from './trial.ts';
import { EARLIER_RUN, inWorld, makeWorld, REQUEST, RUN, type Source, type World } from './world.ts';

const WORK = `work/run_id=${RUN.runId}/`;
/** What queries read of the run, its plan and its receipts. */
const RUN_OBJECTS = [`export_runs/run_id=${RUN.runId}/`, PARTS, `${WORK}receipts/`];

const STARTS = ['started again', 'resumed', 'published again'] as const;

function start(world: World, how: (typeof STARTS)[number]): Promise<Ended> {
  if (how === 'started again') return world.run(RUN.runId, REQUEST);
  return world.run('another', how === 'resumed' ? { resume: RUN.runId } : { publish: RUN.runId });
}

/** The operations after which a second execution starts, by the column of the matrix. */
const MOMENTS = [
  ['plan', 'put plan'],
  ['export page', 'put part'],
  ['publish: verify', 'list part'],
] as const;

/** A second execution is skipped while the first one runs. */
export function runningCases(source: Source): Case[] {
  return STARTS.flatMap((how) =>
    MOMENTS.map(([column, name]) => ({
      table: 'restart, running',
      row: how,
      column,
      run: async () => {
        const world = await makeWorld(source);
        let second: Ended | undefined;
        const done = async (operation: Operation) => {
          if (second || operationName(operation) !== name) return;
          second = { status: 'hung' };
          const since = source.requestsSoFar();
          second = await start(world, how);
          mustEqual(source.requestsSoFar(), since, 'API requests after the second execution');
        };
        const first = await world.run(RUN.runId, REQUEST, { store: { done } });
        await checkEnded(world, first);
        must(first.status === 'published', `the first execution ended ${JSON.stringify(first)}`);
        mustEqual(second?.status, 'skipped', 'end of the second execution');
        return `second execution skipped; ${publishedText(first)}`;
      },
    })),
  );
}

const MODIFICATIONS: readonly Damage[] = [
  ...DAMAGES,
  {
    row: 'its work has expired',
    modify: async (store) => {
      for (const { key } of await store.list(WORK)) await store.delete(key);
    },
  },
];

/** Whatever was modified after publishing: starting the run again fetches no page and writes nothing to the run. */
export function publishedCases(source: Source, every: boolean): Case[] {
  return MODIFICATIONS.slice(0, every ? undefined : 2).flatMap(({ row, modify }) =>
    [...STARTS, 'late attempt at a page' as const].map((how) => ({
      table: 'restart, published',
      row,
      column: how,
      run: async () => {
        const world = await makeWorld(source);
        const pages: Attempt[] = [];
        await world.run(RUN.runId, REQUEST, {
          invoke: (step, attempt, signal) => {
            if (step === 'page') pages.push(attempt);
            return attempt(signal);
          },
        });
        await modify(world.store);
        const before = await objectsIn(world.store, RUN_OBJECTS);
        const since = source.requestsSoFar();
        const text =
          how === 'late attempt at a page' ? await lateAttempt(pages[2]) : endedText(await start(world, how));
        must((await objectsIn(world.store, RUN_OBJECTS)) === before, `${text}, and the published run was changed`);
        mustEqual(world.latest(), RUN.runId, 'run in accounts_latest');
        if (how === 'late attempt at a page') return `${text}; nothing written`;
        mustEqual(source.requestsSoFar(), since, 'API requests');
        return `${text}; nothing fetched or written`;
      },
    })),
  );
}

/** An attempt at page 2 that outlives its execution. */
async function lateAttempt(attempt: Attempt | undefined): Promise<string> {
  try {
    await attempt?.(new AbortController().signal);
    return 'succeeded';
  } catch (error) {
    return `failed: ${(error as Error).name}`;
  }
}

const QUARANTINED_ACCOUNTS = 33;
const GROWN = 40;

/**
 * A quarantined run is resumed after accounts were added, and killed at each operation. Publishing it then publishes parts
 * that match its manifest, or fails until the run is resumed again.
 */
export async function quarantinedCases(every: boolean): Promise<Case[]> {
  const operations = await inQuarantine((world) => operationsOf(world, { resume: RUN.runId }));
  return operations
    .filter(({ step, verb }) => every || (step === 'publish' && isWrite(verb)))
    .flatMap((operation) =>
      modesFor(isWrite(operation.verb), true)
        .filter(({ name }) => name.startsWith('killed'))
        .map(({ name, strike }) => ({
          table: 'restart, quarantined',
          row: rowOf(operation),
          column: name,
          at: `operation ${operation.nth}`,
          run: () =>
            inQuarantine(async (world) => {
              const store = { strike: ({ nth }: Operation) => (nth === operation.nth ? strike : undefined) };
              await world.run('resuming', { resume: RUN.runId }, { store });
              return publishQuarantined(world);
            }),
        })),
    );
}

/** In a world with a quarantined run and with accounts that were added since. */
function inQuarantine<T>(work: (world: World) => Promise<T>): Promise<T> {
  return inWorld({ accounts: QUARANTINED_ACCOUNTS }, async (world) => {
    await quarantineRun(world);
    world.source.simulator.tenant.setTotal(GROWN);
    return work(world);
  });
}

async function publishQuarantined(world: World): Promise<string> {
  const ended = await start(world, 'published again');
  if (ended.status === 'published') {
    const accounts = (await manifestOf(world.store, RUN.runId))?.records;
    must(accounts === QUARANTINED_ACCOUNTS || accounts === GROWN, `${accounts} accounts are published`);
    await checkEnded(world, ended, { accounts, verdict: 'either' });
    return accounts === GROWN ? 'published as resumed' : 'published as quarantined';
  }
  mustEqual(endedText(ended), 'failed: RunIncompleteError', 'end of publishing');
  mustEqual(world.latest(), EARLIER_RUN.runId, 'run in accounts_latest');
  mustEqual(endedText(await start(world, 'resumed')), 'failed: QuarantinedError', 'end of the resumed run');
  await checkEnded(world, await start(world, 'published again'), { accounts: GROWN, verdict: 'either' });
  mustEqual(world.latest(), RUN.runId, 'run in accounts_latest');
  return `${endedText(ended)}; published after it was resumed`;
}
