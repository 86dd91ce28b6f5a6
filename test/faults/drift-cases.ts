/** Data that changes during a run, or shrinks between two runs, under each policy. */
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import { type Case, ONLY_COLUMN } from './cells.ts';
import { must, mustEqual } from './guarantees.ts';
import { removeWhileReading } from './scenarios.ts';
import { checkEnded, type Expectations, endedText, publishedText } from './trial.ts';
import { ACCOUNTS, EARLIER_RUN, inWorld, PAGE_SIZE, REQUEST, RUN, type World } from './world.ts';

/** Two accounts are added at the end while page 3 is read: they are exported, and the verdict is `drifted`. */
const growing = (): SimulatorOptions => ({
  onRequest: ({ page, pageSize }, tenant) => {
    if (pageSize === PAGE_SIZE && page === 3) tenant.setTotal(ACCOUNTS + 2);
  },
});

interface Drift extends Expectations {
  readonly row: string;
  readonly data: SimulatorOptions;
  readonly onDrift?: 'fail' | 'retry';
  /** The error of a quarantined run. With a verdict, the run is complete, and is published. */
  readonly error?: string;
}

const RETRIED = { verdict: 'consistent', publishedAs: `${RUN.runId}-retry` } as const;
const DROPPED = { error: 'QuarantinedError', verdict: 'consistent' } as const;
const drifts = (): readonly Drift[] => [
  { row: 'an account is added, onDrift publish', data: growing(), verdict: 'drifted' },
  {
    row: 'an account is added, onDrift fail',
    data: growing(),
    onDrift: 'fail',
    error: 'DriftedError',
    verdict: 'drifted',
  },
  { row: 'an account is deleted, onDrift fail', data: removeWhileReading(), onDrift: 'fail', error: 'DriftedError' },
  { row: 'an account is deleted, onDrift retry', data: removeWhileReading(), onDrift: 'retry', ...RETRIED },
  { row: 'four of five accounts are gone since the last run', data: { accounts: 20 }, ...DROPPED },
  { row: 'all accounts are gone since the last run', data: { accounts: 0 }, ...DROPPED },
];

export function driftCases(): Case[] {
  return drifts().map((drift) => ({
    table: 'drift',
    row: drift.row,
    column: ONLY_COLUMN,
    run: () => inWorld(drift.data, (world) => runUnder(world, drift)),
  }));
}

async function runUnder(world: World, drift: Drift): Promise<string> {
  const ended = await world.run(RUN.runId, { ...REQUEST, ...(drift.onDrift && { onDrift: drift.onDrift }) });
  await checkEnded(world, ended, drift);
  if (drift.error === undefined) {
    must(ended.status === 'published', `the run ended ${JSON.stringify(ended)}`);
    return `${publishedText(ended)}, ${drift.verdict}`;
  }
  mustEqual(endedText(ended), `failed: ${drift.error}`, 'end of the run');
  mustEqual(world.latest(), EARLIER_RUN.runId, 'run in accounts_latest while the run is quarantined');
  if (!drift.verdict) return endedText(ended);
  const since = world.source.requestsSoFar();
  const published = await world.run('publishing', { publish: RUN.runId });
  await checkEnded(world, published, drift);
  mustEqual(published.status, 'published', 'end of publishing the quarantined run');
  mustEqual(world.source.requestsSoFar(), since, 'API requests after publishing the quarantined run');
  return `${endedText(ended)}; published with {"publish": …}`;
}
