/**
 * Estimates what a run takes on AWS: time from measurements, cost from list prices (`docs/cost.md`).
 *
 * The prices are those of us-east-1 without a free tier; other regions differ by up to a third.
 */

import type { Manifest } from '../../model/manifest.ts';
import type { RunEstimate } from '../../model/outcomes.ts';
import type { BoundaryChecks, Run } from '../../model/run.ts';
import { boundaryRecords, chooseBoundaries, verificationTickets } from '../source/page-boundaries.ts';

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
 * The memory of each function, in MB. A page mostly waits, and waiting costs more with more memory, so it has the minimum
 * that large and hard bodies need, with a reserve (`docs/decisions/0008-defaults.md`). Planning fetches one page of the
 * real size, too.
 */
export const MEMORY_MB = { plan: 1024, page: 1024, publish: 2048, report: 256, expire: 512 } as const;

/** The start, Plan export, Plan outcome?, Export pages, Publish run, Published or drifted?, Announce published, Published. */
const TRANSITIONS_PER_RUN = 8;
/** Start and Export page. */
const TRANSITIONS_PER_PAGE = 2;
/** A part and its receipt. */
const PUTS_PER_PAGE = 2;
/** Looks for a finished part, its receipt, a shared wait and a manifest; the receipt read again to publish. */
const GETS_PER_PAGE = 5;
/** Three locks, the export's host, the plan, the manifest, the report, the history, and 16 listings, which cost as much. */
const PUTS_PER_RUN = 24;
/** Looks for locks, for the export's host, for the last published run and the history, for shared waits, and for what the run wrote before. */
const GETS_PER_RUN = 16;
/** A line of ours and two of metrics (950), three of Lambda (about 400), seven of Step Functions (about 350 each). */
const LOG_BYTES_PER_PAGE = 4_000;
/** The same of planning and publishing, and the workflow's own states. */
const LOG_BYTES_PER_RUN = 10_000;
/** Seven figures of the run and three of its pages, each by export and in total; one more for each cause of a retry. */
const METRICS_PER_RUN = 20;
/** Adding Glue partitions includes two pauses of five seconds; page boundaries are checked. */
const PUBLISH_SECONDS = 13;

/** How long the API takes for each account of a page, besides the time of a probe: assumed until a run was measured. */
export const SECONDS_PER_ACCOUNT = 0.000_5;
/** Turning an account into a part, at the memory above: JSON takes less, CSV a little more, Parquet twice as much. */
export const TRANSFORM_SECONDS_PER_ACCOUNT = 0.000_03;
/** Without offsets, planning may have three further pages in flight, after records that fill part of another. */
const PAGES_IN_FLIGHT_TO_COUNT = 4;

/** A last run that took more times longer than the probes suggest was interrupted, so its time says nothing. */
const MAX_TIMES_LONGER = 10;

export interface RunToEstimate extends Pick<Run, 'accounts' | 'pages' | 'countedBy' | 'format'> {
  /** @default 'sample' */
  readonly boundaryChecks?: BoundaryChecks;
  readonly pageSize: number;
  /** Pages in flight at once. */
  readonly concurrency: number;
  /** What planning used. */
  readonly planned: { readonly apiRequests: number; readonly recordsFetched: number; readonly seconds: number };
  /** The median time of a probe. */
  readonly probeSeconds: number;
  /** The export's last published run. */
  readonly last?: Manifest | undefined;
}

/** What the price of a run depends on. */
export interface RunToPrice extends Pick<Run, 'pages'> {
  readonly planned: { readonly seconds: number };
}

/** Estimates a run from its plan, and from the last run of the same export if that was similar. */
export function estimateRun(run: RunToEstimate): RunEstimate {
  const { accounts, pages, pageSize, countedBy, concurrency, planned, probeSeconds, last } = run;
  const { boundaryChecks = 'sample' } = run;
  const size = { pages, countedBy, boundaryChecks, parameters: { pageSize } };
  const waves = Math.ceil(pages / concurrency);
  const fromProbes =
    probeSeconds + Math.min(pageSize, accounts) * (SECONDS_PER_ACCOUNT + TRANSFORM_SECONDS_PER_ACCOUNT);
  const lastSeconds = last === undefined ? 0 : (Date.parse(last.publishedAt) - Date.parse(last.startedAt)) / 1000;
  const lastWaves = Math.ceil((last?.pages ?? 0) / concurrency);
  const similar =
    last !== undefined &&
    last.format === run.format &&
    last.parameters.pageSize === pageSize &&
    lastSeconds <= MAX_TIMES_LONGER * (planned.seconds + lastWaves * fromProbes);
  const boundaries = countedBy === 'offsets' ? chooseBoundaries(pages, boundaryChecks).length : 0;
  // The last boundary counts again. Without boundaries, one request does.
  const checks = Math.max(1, boundaries);
  const verifySeconds = Math.ceil(checks / concurrency) * probeSeconds;
  const seconds = similar ? (lastSeconds * waves) / lastWaves : planned.seconds + waves * fromProbes + verifySeconds;
  const pageSeconds = similar ? Math.max(probeSeconds, seconds / waves) : fromProbes;
  const toVerify = boundaries > 0 ? boundaryRecords(size) : 0;
  const tickets = Math.max(pages + verificationTickets(size), countedBy === 'pages' ? PAGES_IN_FLIGHT_TO_COUNT : 0);
  return {
    apiRequests: planned.apiRequests + pages + checks,
    recordsFetched: planned.recordsFetched + accounts + Math.min(toVerify, 3 * accounts),
    maxRecordsNeeded: planned.recordsFetched + tickets * pageSize,
    seconds: Math.max(1, Math.round(seconds)),
    secondsFrom: similar ? 'last run' : 'probes',
    usd: Number(priceOf(run, pageSeconds).toPrecision(2)),
  };
}

/** How much a run uses of each thing that has a price. */
export function quantitiesOf({ pages, planned }: RunToPrice, pageSeconds: number): Record<keyof typeof PRICES, number> {
  const gbSeconds =
    (planned.seconds * MEMORY_MB.plan + pages * pageSeconds * MEMORY_MB.page + PUBLISH_SECONDS * MEMORY_MB.publish) /
    1024;
  return {
    stateTransition: TRANSITIONS_PER_RUN + TRANSITIONS_PER_PAGE * pages,
    lambdaGbSecond: gbSeconds,
    lambdaRequest: pages + 2,
    s3Put: PUTS_PER_RUN + PUTS_PER_PAGE * pages,
    s3Get: GETS_PER_RUN + GETS_PER_PAGE * pages,
    logsGb: (LOG_BYTES_PER_RUN + LOG_BYTES_PER_PAGE * pages) / 1e9,
    trace: pages + 2,
    event: 1,
    metricHour: METRICS_PER_RUN,
  };
}

/** What a run costs on AWS, in USD at list prices, without storage and queries. @param pageSeconds the mean time of a page */
export function priceOf(run: RunToPrice, pageSeconds: number): number {
  const quantities = Object.entries(quantitiesOf(run, pageSeconds)) as [keyof typeof PRICES, number][];
  return quantities.reduce((usd, [what, quantity]) => usd + quantity * PRICES[what], 0);
}
