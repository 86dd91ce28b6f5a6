/**
 * What dry runs say, and what the runs after them take: the tables of `docs/cost.md` that are measured. By the functions as
 * they are deployed, against a simulated tenant; the services of AWS count what they are asked for.
 */

import { quantitiesOf } from '../../functions/export/plan/estimate.ts';
import type { PublishResult, RunEstimate } from '../../functions/model/outcomes.ts';
import { type MadeBlocks, markdownTable } from '../../tools/docs/made-blocks.ts';
import { startDeployedFunctions, type Taken } from '../support/deployed-run.ts';

/** The stack's defaults. */
const CONCURRENCY = 20;
const PAGE_SIZE = 1000;

export interface MeasuredRun {
  readonly accounts: number;
  readonly run: 'first' | 'later';
  readonly expected: RunEstimate;
  readonly taken: Taken;
  /** From its start to its manifest. */
  readonly seconds: number;
  /** The custom metrics that were written, each by its dimensions and its name. */
  readonly metrics: ReadonlySet<string>;
}

/** A dry run and a run of an export that was never published, and the same again once it was. */
export async function measureRuns(accounts: number, latencyMs = 0): Promise<MeasuredRun[]> {
  const functions = await startDeployedFunctions({ accounts, latencyMs, nasty: false });
  const request = { exportName: 'all-accounts', datasetId: 'engage', dueAt: '2026-08-22', scheduled: true };
  const execute = async (runId: string, more: object): Promise<Taken> => {
    const taken = await functions.execute({ runId, request: { ...request, ...more }, concurrency: CONCURRENCY });
    if (taken.failure) throw new Error(`${taken.failure.name}: ${taken.failure.message}`);
    return taken;
  };
  try {
    const measured: MeasuredRun[] = [];
    for (const [i, run] of (['first', 'later'] as const).entries()) {
      const due = { dueAt: `2026-08-2${i}` };
      const dryRun = await execute(`dry-${run}`, { ...due, dryRun: true });
      const taken = await execute(run, due);
      const { expected } = dryRun.output as { expected: RunEstimate };
      const { seconds } = taken.output as PublishResult;
      measured.push({ accounts, run, expected, taken, seconds, metrics: metricsIn(taken.printed) });
    }
    return measured;
  } finally {
    await functions.close();
  }
}

function metricsIn(printed: string): Set<string> {
  interface Emf {
    readonly _aws?: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] };
    readonly [dimension: string]: unknown;
  }
  const lines = printed
    .split('\n')
    .filter((line) => line.includes('"_aws"'))
    .map((line) => JSON.parse(line) as Emf);
  return new Set(
    lines.flatMap((line) =>
      (line._aws?.CloudWatchMetrics ?? []).flatMap(({ Dimensions, Metrics }) =>
        Metrics.map(({ Name }) => `${Dimensions.flat().map((name) => String(line[name]))} ${Name}`),
      ),
    ),
  );
}

const count = (value: number) => value.toLocaleString('en-US');

/** What was counted: the same on every machine. */
export function countsTable(measured: readonly MeasuredRun[]): string {
  const columns = measured.map(({ accounts, run, expected, taken, metrics }) => {
    const pages = Math.ceil(accounts / PAGE_SIZE);
    const planned = { apiRequests: 0, recordsFetched: 0, seconds: 0 };
    const reckoned = quantitiesOf(
      { accounts, pages, pageSize: PAGE_SIZE, format: 'json', concurrency: CONCURRENCY, planned, probeSeconds: 0 },
      0,
    );
    const { PUT = 0, LIST = 0, GET = 0, HEAD = 0 } = taken.s3;
    // Each execution begins with one: the run's, and that of each page.
    const transitions = Object.values(taken.states).reduce((sum, times) => sum + times, 1 + pages);
    return {
      title: `${count(accounts)} accounts, ${run} run`,
      cells: [
        [expected.apiRequests, taken.apiRequests],
        [expected.recordsFetched, taken.records],
        [reckoned.stateTransition, transitions],
        [reckoned.lambdaRequest, taken.invocations],
        [reckoned.s3Put, PUT + LIST],
        [reckoned.s3Get, GET + HEAD],
        [reckoned.metricHour, metrics.size],
      ] as const,
    };
  });
  const rows = [
    'requests to the API',
    'records of the contract',
    'transitions',
    'Lambda invocations',
    'PUTs and LISTs of S3',
    'GETs and HEADs of S3',
    'custom metrics',
  ];
  return markdownTable(
    ['what', ...columns.map(({ title }) => title)],
    rows.map((what, i) => [
      what,
      ...columns.map(({ cells }) => {
        const [reckoned = 0, taken = 0] = cells[i] ?? [];
        return `${count(reckoned)} → ${count(taken)}`;
      }),
    ]),
    `l${'r'.repeat(columns.length)}`,
  );
}

/** How long it took, here and today. */
export function secondsTable(measured: readonly MeasuredRun[]): string {
  return markdownTable(
    ['accounts', 'run', 'reckoned from', 'reckoned, s', 'taken until the manifest, s', 'taken in all, s'],
    measured.map(({ accounts, run, expected, seconds, taken }) => [
      count(accounts),
      run,
      expected.secondsFrom === 'probes' ? 'the probes' : 'the last run',
      String(expected.seconds),
      seconds.toFixed(1),
      taken.seconds.toFixed(1),
    ]),
    'rllrrr',
  );
}

export const COUNTED = [10_000, 100_000] as const;
const TIMED = [10_000, 100_000, 1_000_000] as const;
/** What a probe takes of an API on the net. */
const LATENCY_MS = 200;

/** Both tables, measured now: half a minute of work, and as much of waiting. */
export async function measuredBlocks(): Promise<MadeBlocks> {
  const counted: MeasuredRun[] = [];
  for (const accounts of COUNTED) counted.push(...(await measureRuns(accounts)));
  const timed: MeasuredRun[] = [];
  for (const accounts of TIMED) timed.push(...(await measureRuns(accounts, LATENCY_MS)));
  return { counted: countsTable(counted), timed: secondsTable(timed) };
}
