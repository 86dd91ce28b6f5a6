/**
 * Measured runs for `docs/cost.md`: what a dry run estimates and what the run then uses. The functions are bundled as for a
 * deployment and read from a simulated tenant; stand-ins for the AWS services count their requests.
 */

import { quantitiesOf } from '../../functions/export/plan/estimate.ts';
import type { PublishResult, RunEstimate } from '../../functions/model/outcomes.ts';
import { count, type GeneratedBlocks, markdownTable } from '../../tools/docs/markdown.ts';
import { startDeployedFunctions, type Taken } from '../support/deployed-run.ts';

/** The stack's defaults. */
const CONCURRENCY = 20;
const PAGE_SIZE = 1000;

export interface MeasuredItem {
  readonly item: string;
  readonly estimated: number;
  readonly used: number;
}

export interface MeasuredRun {
  readonly accounts: number;
  readonly run: 'first' | 'later';
  readonly estimate: RunEstimate;
  readonly used: Taken;
  /** From the start of the run to its manifest. */
  readonly seconds: number;
  readonly items: readonly MeasuredItem[];
}

/** Measures the first run of an export and a later one, each after a dry run. */
export async function measureRuns(accounts: number, latencyMs = 0): Promise<MeasuredRun[]> {
  const functions = await startDeployedFunctions({ accounts, latencyMs, nasty: false });
  const execute = async (runId: string, more: object): Promise<Taken> => {
    const request = { exportName: 'all-accounts', datasetId: 'engage', scheduled: true, ...more };
    const used = await functions.execute({ runId, request, concurrency: CONCURRENCY });
    if (used.failure) throw new Error(`${used.failure.name}: ${used.failure.message}`);
    return used;
  };
  try {
    const measured: MeasuredRun[] = [];
    for (const [i, run] of (['first', 'later'] as const).entries()) {
      const dueAt = `2026-08-2${i}`;
      const { estimate } = (await execute(`dry-${run}`, { dueAt, dryRun: true })).output as { estimate: RunEstimate };
      const used = await execute(run, { dueAt });
      const { seconds } = used.output as PublishResult;
      measured.push({ accounts, run, estimate, used, seconds, items: itemsOf(accounts, estimate, used) });
    }
    return measured;
  } finally {
    await functions.close();
  }
}

function itemsOf(accounts: number, estimate: RunEstimate, used: Taken): MeasuredItem[] {
  const pages = Math.ceil(accounts / PAGE_SIZE);
  const run = {
    accounts,
    pages,
    pageSize: PAGE_SIZE,
    countedBy: 'offsets',
    format: 'json',
    concurrency: CONCURRENCY,
    planned: { apiRequests: 0, recordsFetched: 0, seconds: 0 },
    probeSeconds: 0,
  } as const;
  const quantities = quantitiesOf(run, 0);
  const { PUT = 0, LIST = 0, GET = 0, HEAD = 0 } = used.s3;
  // Every execution, of the run and of each page, starts with one transition.
  const transitions = Object.values(used.states).reduce((sum, times) => sum + times, 1 + pages);
  return [
    { item: 'requests to the API', estimated: estimate.apiRequests, used: used.apiRequests },
    { item: 'records fetched', estimated: estimate.recordsFetched, used: used.records },
    { item: 'state transitions', estimated: quantities.stateTransition, used: transitions },
    { item: 'Lambda invocations', estimated: quantities.lambdaRequest, used: used.invocations },
    { item: 'S3 PUT and LIST requests', estimated: quantities.s3Put, used: PUT + LIST },
    { item: 'S3 GET and HEAD requests', estimated: quantities.s3Get, used: GET + HEAD },
    { item: 'custom metrics', estimated: quantities.metricHour, used: metricsIn(used.printed).size },
  ];
}

/** The custom metrics in the log lines, each by its dimensions and its name. */
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

/** The counts, which are the same on every machine. */
export function countsTable(measured: readonly MeasuredRun[]): string {
  const [first] = measured;
  return markdownTable(
    ['item', ...measured.map(({ accounts, run }) => `${count(accounts)} accounts, ${run} run`)],
    (first?.items ?? []).map(({ item }, i) => [
      item,
      ...measured.map(({ items }) => `${count(items[i]?.estimated ?? 0)} → ${count(items[i]?.used ?? 0)}`),
    ]),
    `l${'r'.repeat(measured.length)}`,
  );
}

function secondsTable(measured: readonly MeasuredRun[]): string {
  return markdownTable(
    ['accounts', 'run', 'estimated from', 'estimated, s', 'measured until the manifest, s', 'measured in total, s'],
    measured.map(({ accounts, run, estimate, seconds, used }) => [
      count(accounts),
      run,
      estimate.secondsFrom === 'probes' ? 'probes' : 'the last run',
      String(estimate.seconds),
      seconds.toFixed(1),
      used.seconds.toFixed(1),
    ]),
    'rllrrr',
  );
}

export const COUNTED = [10_000, 100_000] as const;
const TIMED = [10_000, 100_000, 1_000_000] as const;
/** A typical answer time of an API on the internet. */
const LATENCY_MS = 200;

/** Measures both tables. Takes about a minute. */
export async function measuredBlocks(): Promise<GeneratedBlocks> {
  const counted: MeasuredRun[] = [];
  for (const accounts of COUNTED) counted.push(...(await measureRuns(accounts)));
  const timed: MeasuredRun[] = [];
  for (const accounts of TIMED) timed.push(...(await measureRuns(accounts, LATENCY_MS)));
  return { counted: countsTable(counted), timed: secondsTable(timed) };
}
