/** One fault let loose on one run, and the law applied to what comes of it. */
import type { Ended } from './execute.ts';
import { LawBroken, manifestOf, must, mustBeComplete, mustNameItsCause, published, unfinishedPages } from './law.ts';
import { type Faults, GOOD, PAGE_SIZE, REQUEST, RUN, type World } from './world.ts';

export interface Trial {
  /** Of the run that the fault strikes. */
  readonly faults: Faults;
  readonly request?: object;
  /** Ends the fault, before the run is started again. */
  readonly repair?: () => void | Promise<void>;
  /** What the second start asks for in addition. */
  readonly again?: object;
  /** What it asks for instead. */
  readonly restart?: object;
  readonly verdict?: 'consistent' | 'drifted' | 'either';
  /** The id under which the run is published. @default that of the run */
  readonly publishedAs?: string;
  /** Where the source moves, pages of another attempt or another size are fetched again, and rightly so. */
  readonly countPages?: boolean;
  /** Names of failures beside our own that this fault may end with. */
  readonly accept?: RegExp;
}

/**
 * @returns what happened, in the words of the table
 * @throws LawBroken
 */
export async function tryFault(world: World, trial: Trial): Promise<string> {
  const { publishedAs = RUN.runId } = trial;
  const first = await world.run(RUN.runId, trial.request ?? REQUEST, trial.faults);
  await trial.repair?.();
  world.source.setFault(undefined);
  await mustHaveKept(world, first, trial);
  if (first.status === 'published') return `published${retriesInWords(first.retries)}`;
  const shown = world.latest() === publishedAs;
  const told = first.status === 'failed' ? `failed: ${first.error}${shown ? ', though published' : ''}` : first.status;
  return `${told}; ${await goOn(world, trial)}`;
}

/** What must hold whenever a run has ended, however it did. */
export async function mustHaveKept(
  world: World,
  ended: Ended,
  trial: Pick<Trial, 'verdict' | 'accept' | 'publishedAs'>,
): Promise<void> {
  const { store, source } = world;
  const { publishedAs = RUN.runId } = trial;
  must(ended.status !== 'hung', 'the run never ended');
  must(ended.status !== 'skipped' && ended.status !== 'planned', `the run ended ${ended.status}`);
  must((await published(store, GOOD.exportDate, GOOD.runId)) === world.good, 'the last good run was changed');
  const latest = world.latest();
  must(latest === GOOD.runId || latest === publishedAs, `accounts_latest shows ${latest}`);
  must(
    ended.status !== 'published' || latest === publishedAs,
    'it says published, and accounts_latest shows the run before',
  );
  if (latest === publishedAs) await mustBeComplete(store, expectedOf(world, trial));
  if (ended.status === 'failed' && trial.accept?.test(ended.error) !== true)
    mustNameItsCause(ended.error, ended.cause, source.simulator.tenant);
}

/** Starts the run again under its id, with nothing in its way: it must be published, at the price of what is missing. */
export async function goOn(
  world: World,
  trial: Pick<Trial, 'again' | 'restart' | 'request' | 'verdict' | 'countPages' | 'publishedAs'> = {},
): Promise<string> {
  const { store, source } = world;
  const { publishedAs = RUN.runId } = trial;
  const missing = await unfinishedPages(store, RUN.runId, PAGE_SIZE, source.simulator.tenant);
  const since = source.requestsSoFar();
  const planned = (await store.get(`work/run_id=${RUN.runId}/plan.json`)) !== undefined;
  const second = planned
    ? await world.run('another', trial.restart ?? { resume: RUN.runId, ...trial.again })
    : await world.run(RUN.runId, { ...(trial.request ?? REQUEST), ...trial.again });
  must(second.status === 'published', `started again, it ended ${JSON.stringify(second)}`);
  must(world.latest() === publishedAs, 'started again, it says published and accounts_latest shows the run before');
  await mustBeComplete(store, expectedOf(world, trial));
  must((await published(store, GOOD.exportDate, GOOD.runId)) === world.good, 'the last good run was changed');
  const fetched = source.pageRequests(since);
  if (trial.countPages !== false)
    must(fetched.join() === missing.join(), `pages ${missing} were missing and pages ${fetched} were fetched`);
  return `resumed, ${fetched.length} ${fetched.length === 1 ? 'page' : 'pages'} fetched`;
}

/**
 * What the manifest says the run cost is no less than what the API served.
 * @throws LawBroken
 */
export async function mustTellWhatItSpent(world: World, servedBefore: number): Promise<void> {
  const manifest = await manifestOf(world.store, RUN.runId);
  const served = world.source.simulator.recordsServed() - servedBefore;
  if (manifest && manifest.recordsFetched < served)
    throw new LawBroken(`the manifest tells of ${manifest.recordsFetched} records where ${served} were served`);
}

function expectedOf(world: World, { verdict, publishedAs = RUN.runId }: Pick<Trial, 'verdict' | 'publishedAs'>) {
  return {
    ...RUN,
    runId: publishedAs,
    pageSize: PAGE_SIZE,
    tenant: world.source.simulator.tenant,
    ...(verdict ? { verdict } : {}),
  };
}

export function retriesInWords(retries: number): string {
  if (retries === 0) return '';
  return ` after ${retries} ${retries === 1 ? 'retry' : 'retries'}`;
}
