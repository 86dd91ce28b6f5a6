/**
 * What a run would take on AWS: time from what was measured, money from list prices (`docs/cost.md`).
 *
 * The prices are those of us-east-1 without a free tier; other regions differ by up to a third.
 */

import type { Manifest } from '../../model/manifest.ts';
import type { RunEstimate } from '../../model/outcomes.ts';
import { recordsOfPages } from '../source/record-budget.ts';

/** When the prices below were looked up, `YYYY-MM-DD`. */
export const PRICES_AS_OF = '2026-11-23';

/** USD. Sources: the price pages of AWS Step Functions, Lambda, S3, CloudWatch, X-Ray and EventBridge. */
export const PRICES = {
  /** AWS Step Functions, Standard. */
  stateTransition: 0.025 / 1000,
  /** AWS Lambda, arm64. */
  lambdaGbSecond: 0.000_013_333_4,
  lambdaRequest: 0.2 / 1e6,
  s3Put: 0.005 / 1000,
  s3Get: 0.0004 / 1000,
  /** Amazon CloudWatch Logs, ingestion. */
  logsGb: 0.5,
  /** AWS X-Ray, per trace recorded. */
  trace: 5 / 1e6,
  /** Amazon EventBridge, custom events. */
  event: 1 / 1e6,
  /** Amazon CloudWatch, a custom metric in an hour in which it was written: 0.30 a month of 730 hours. */
  metricHour: 0.3 / 730,
} as const;

/**
 * The memory of each function, in MB. A page mostly waits, and waiting costs more with more memory; so it has the least that
 * bears large and hard bodies with something to spare (docs/decisions/0008-defaults.md, test/hostile/memory.test.ts).
 * Planning asks for one page of the real size, too.
 */
export const MEMORY_MB = { plan: 1024, page: 1024, publish: 2048, report: 256, expire: 512 } as const;

/** The start, Plan export, Planned?, Export pages, Publish run, Published or drifted?, Announce, Published. */
const TRANSITIONS_OF_A_RUN = 8;
/** Start and Export page. */
const TRANSITIONS_OF_A_PAGE = 2;
/** A part and its record; the looks for a finished one and its part; the record read again to publish. */
const PUTS_OF_A_PAGE = 2;
const GETS_OF_A_PAGE = 3;
/** Two claims, a tick, the plan, the manifest, and 14 listings, which cost as much. */
const PUTS_OF_A_RUN = 19;
/** The looks for claims, for the last published run, for what the run left behind before. */
const GETS_OF_A_RUN = 12;
/** A line of ours and two of metrics (950), three of Lambda (some 400), seven of Step Functions (some 350 each). */
const LOG_BYTES_OF_A_PAGE = 4_000;
/** The same of planning and publishing, and the workflow's own states. */
const LOG_BYTES_OF_A_RUN = 10_000;
/** Seven figures of the run and three of its pages, each by export and over all; one more of each cause of a retry. */
const METRICS_OF_A_RUN = 20;
/** Glue partitions are added with two pauses of five seconds, and the boundaries are probed. */
const PUBLISH_SECONDS = 13;

/**
 * How long the API takes for each account of a page, beside what it takes for a probe: what is assumed until a run has
 * been measured.
 */
export const SECONDS_PER_ACCOUNT = 0.000_5;
/** Turning an account into a part, at the memory above: JSON takes less, CSV a little more, Parquet twice as much. */
export const TRANSFORM_SECONDS_PER_ACCOUNT = 0.000_03;
/** 16 boundaries, both sides of each within a page of some four records, and counting again from a number that is known. */
const REQUESTS_TO_VERIFY = 16 + 10;
const RECORDS_TO_VERIFY = 16 * 4 + 8;

/** Than the probes promise; beyond it, the last run's time says something else. */
const MOST_TIMES_LONGER = 10;

export interface RunToEstimate {
  readonly accounts: number;
  readonly pages: number;
  readonly pageSize: number;
  readonly format: Manifest['format'];
  /** Pages in flight at once. */
  readonly concurrency: number;
  /** What planning took so far. */
  readonly planned: { readonly apiRequests: number; readonly recordsFetched: number; readonly seconds: number };
  /** The median time of a probe. */
  readonly probeSeconds: number;
  /** The export's last published run. */
  readonly last?: Manifest | undefined;
}

/** Reckons a run from its plan, and from the last run of the same export where that was alike. */
export function estimateRun(run: RunToEstimate): RunEstimate {
  const waves = Math.ceil(run.pages / run.concurrency);
  const fromProbes =
    run.probeSeconds + Math.min(run.pageSize, run.accounts) * (SECONDS_PER_ACCOUNT + TRANSFORM_SECONDS_PER_ACCOUNT);
  const { last } = run;
  const lastSeconds = last === undefined ? 0 : (Date.parse(last.publishedAt) - Date.parse(last.startedAt)) / 1000;
  const lastWaves = Math.ceil((last?.pages ?? 0) / run.concurrency);
  const alike =
    last !== undefined &&
    last.format === run.format &&
    last.parameters.pageSize === run.pageSize &&
    // A run that was taken up days later, or published after a look, took no such time.
    lastSeconds <= MOST_TIMES_LONGER * (run.planned.seconds + lastWaves * fromProbes);
  const seconds = alike ? (lastSeconds * waves) / lastWaves : run.planned.seconds + waves * fromProbes;
  const pageSeconds = alike ? Math.max(run.probeSeconds, seconds / waves) : fromProbes;
  return {
    apiRequests: run.planned.apiRequests + run.pages + REQUESTS_TO_VERIFY,
    recordsFetched: run.planned.recordsFetched + run.accounts + Math.min(RECORDS_TO_VERIFY, 3 * run.accounts),
    maxRecordsNeeded: run.planned.recordsFetched + recordsOfPages(run.pages, run.pageSize),
    seconds: Math.max(1, Math.round(seconds)),
    secondsFrom: alike ? 'last run' : 'probes',
    usd: Number(priceOf(run, pageSeconds).toPrecision(2)),
  };
}

/** How much a run takes of each thing that has a price. */
export function quantitiesOf(
  { pages, planned }: RunToEstimate,
  pageSeconds: number,
): Record<keyof typeof PRICES, number> {
  const gbSeconds =
    (planned.seconds * MEMORY_MB.plan + pages * pageSeconds * MEMORY_MB.page + PUBLISH_SECONDS * MEMORY_MB.publish) /
    1024;
  return {
    stateTransition: TRANSITIONS_OF_A_RUN + TRANSITIONS_OF_A_PAGE * pages,
    lambdaGbSecond: gbSeconds,
    lambdaRequest: pages + 2,
    s3Put: PUTS_OF_A_RUN + PUTS_OF_A_PAGE * pages,
    s3Get: GETS_OF_A_RUN + GETS_OF_A_PAGE * pages,
    logsGb: (LOG_BYTES_OF_A_RUN + LOG_BYTES_OF_A_PAGE * pages) / 1e9,
    trace: pages + 2,
    event: 1,
    metricHour: METRICS_OF_A_RUN,
  };
}

function priceOf(run: RunToEstimate, pageSeconds: number): number {
  const quantities = Object.entries(quantitiesOf(run, pageSeconds)) as [keyof typeof PRICES, number][];
  return quantities.reduce((usd, [what, quantity]) => usd + quantity * PRICES[what], 0);
}
