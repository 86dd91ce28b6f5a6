/** Injects one fault into one run, and checks what a run guarantees. */
import { counted } from './cells.ts';
import type { Ended } from './execute.ts';
import {
  type ExpectedRun,
  manifestOf,
  must,
  mustBeComplete,
  mustEqual,
  mustNameItsCause,
  publishedObjects,
  unfinishedPages,
} from './guarantees.ts';
import { EARLIER_RUN, type Faults, PAGE_SIZE, REQUEST, RUN, type World } from './world.ts';

/** What is expected of a run under a fault. */
export interface Expectations extends Pick<ExpectedRun, 'verdict' | 'accounts'> {
  /** The id under which the run is published. @default its own */
  readonly publishedAs?: string;
  /** Errors of AWS that the run may fail with. */
  readonly accept?: RegExp;
  /** `false` if resuming may fetch finished pages again, because the data or the page size changed. */
  readonly countPages?: boolean;
}

export interface Trial extends Expectations {
  readonly faults: Faults;
  readonly request?: object;
  /** Ends the fault, before the run is resumed. */
  readonly repair?: () => void | Promise<void>;
  /** The request that resumes the run. @default its id */
  readonly resumeRequest?: object;
  /** The record budget with which the run is resumed. */
  readonly maxRecords?: number;
}

/**
 * Runs under a fault, then resumes the run without it.
 * @returns the text of a cell
 * @throws GuaranteeBroken
 */
export async function injectFault(world: World, trial: Trial): Promise<string> {
  const { faults, request = REQUEST, publishedAs = RUN.runId } = trial;
  const ended = await world.run(RUN.runId, request, faults);
  await trial.repair?.();
  world.source.setFault(undefined);
  await checkEnded(world, ended, trial);
  if (ended.status === 'published') return publishedText(ended);
  return `${endedText(ended)}${world.latest() === publishedAs ? ', though published' : ''}; ${await resumeRun(world, trial)}`;
}

/** Checks what must be true however a run ended. */
export async function checkEnded(world: World, ended: Ended, expectations: Expectations = {}): Promise<void> {
  const { publishedAs = RUN.runId, accept } = expectations;
  must(['published', 'failed', 'killed'].includes(ended.status), `the run ended ${ended.status}`);
  await checkEarlierRun(world);
  const latest = world.latest();
  must(latest === EARLIER_RUN.runId || latest === publishedAs, `accounts_latest shows ${latest}`);
  if (ended.status === 'published') mustEqual(latest, publishedAs, 'run in accounts_latest after publishing');
  if (latest === publishedAs) await mustBeComplete(world.store, expectedRun(world, expectations));
  if (ended.status === 'failed' && !accept?.test(ended.error))
    mustNameItsCause(ended.error, ended.cause, world.source.simulator.tenant);
}

async function checkEarlierRun({ store, earlier }: World): Promise<void> {
  const now = await publishedObjects(store, EARLIER_RUN.exportDate, EARLIER_RUN.runId);
  must(now === earlier, 'the run that was published before was changed');
}

/** Resumes the run without a fault: it must be published, and fetch exactly the unfinished pages. */
export async function resumeRun(world: World, trial: Omit<Trial, 'faults'> = {}): Promise<string> {
  const { store, source } = world;
  const { maxRecords, request = REQUEST, resumeRequest = { resume: RUN.runId } } = trial;
  const budget = maxRecords === undefined ? {} : { maxRecords };
  const unfinished = await unfinishedPages(store, expectedRun(world, {}));
  const since = source.requestsSoFar();
  const isPlanned = (await store.get(`work/run_id=${RUN.runId}/plan.json`)) !== undefined;
  const ended = isPlanned
    ? await world.run('another', { ...resumeRequest, ...budget })
    : await world.run(RUN.runId, { ...request, ...budget });
  must(ended.status === 'published', `the resumed run ended ${JSON.stringify(ended)}`);
  await checkEnded(world, ended, trial);
  const fetched = source.pageRequests(since);
  if (trial.countPages !== false) mustEqual(fetched.join(), unfinished.join(), 'pages fetched by the resumed run');
  return resumedText(fetched);
}

/** The manifest reports at least the records that the API served. @throws GuaranteeBroken */
export async function mustReportUsage({ store, source }: World, servedBefore: number): Promise<void> {
  const reported = (await manifestOf(store, RUN.runId))?.recordsFetched ?? Number.POSITIVE_INFINITY;
  const served = source.simulator.recordsServed() - servedBefore;
  must(reported >= served, `the manifest reports ${reported} records, and ${served} were served`);
}

export function expectedRun({ source }: World, { verdict, accounts, publishedAs }: Expectations): ExpectedRun {
  const { tenant } = source.simulator;
  return { ...RUN, runId: publishedAs ?? RUN.runId, pageSize: PAGE_SIZE, tenant, accounts, verdict };
}

export function publishedText({ retries }: Extract<Ended, { status: 'published' }>): string {
  return retries === 0 ? 'published' : `published after ${counted(retries, 'retry')}`;
}

export function endedText(ended: Ended): string {
  return ended.status === 'failed' ? `failed: ${ended.error}` : ended.status;
}

export function resumedText(pages: readonly number[]): string {
  return `resumed, ${counted(pages.length, 'page')} fetched`;
}
