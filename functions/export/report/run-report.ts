/** What a run report shows: figures, names and settings of one run, and no account's name or value. */
import { compressionOf } from '../../model/export-format.ts';
import type { Coverage, FieldPresence } from '../../model/field-coverage.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { TaskFailure } from '../../model/receipt.ts';
import type { Run } from '../../model/run.ts';
import type { Usage } from '../../model/usage.ts';
import { priceOf } from '../plan/estimate.ts';
import type { PublishedFigures, RunHistory } from '../storage/run-history.ts';
import { type ComparedFields, compareFields } from './coverage.ts';
import { type PageFacts, slowestPages, type Timeline, timelineOf } from './page-timeline.ts';

export interface RunReport {
  readonly run: Run;
  readonly status: 'published' | 'quarantined' | 'failed';
  /** Whether several executions worked on the run: then its time includes pauses. */
  readonly isResumed: boolean;
  /** Of a complete run. */
  readonly manifest: Manifest | undefined;
  readonly ended: Ended | undefined;
  readonly pages: {
    readonly planned: number;
    readonly present: number;
    /** The first ones. */
    readonly missing: readonly number[];
    /** How many of the present ones the details of the report come from. */
    readonly described: number;
  };
  readonly figures: {
    /** Without duplicates; of a failed run those in finished pages, `undefined` if not all were read. */
    readonly accounts: number | undefined;
    readonly recordsFetched: number | undefined;
    readonly apiRequests: number | undefined;
    readonly bytes: number | undefined;
    /** From the start of the run to its end, or to the end of its last page if its end is not known. */
    readonly seconds: number | undefined;
    /** On AWS, at list prices; `undefined` on one machine. */
    readonly usd: number | undefined;
  };
  readonly timeline: Timeline | undefined;
  readonly slowest: readonly PageFacts[];
  readonly retries: {
    /** Of page requests, by cause, the most frequent first. */
    readonly byCause: readonly (readonly [cause: string, count: number])[];
    /** Of the whole run; `undefined` if they are not known. */
    readonly total: number | undefined;
  };
  /** Published runs in the order of publishing, this one included. */
  readonly history: readonly PublishedFigures[];
  /** The last published run before this one. */
  readonly last: PublishedFigures | undefined;
  readonly coverage: ComparedFields;
  /** SQL that shows a published run. */
  readonly query: string | undefined;
}

/** Why a run was not published, and what to do. */
export interface Ended {
  readonly error: string;
  readonly message: string;
  /** What to do, in a sentence. */
  readonly remedy: string;
  /** To copy. */
  readonly command: string | undefined;
  readonly executionUrl: string | undefined;
  /** What failed in the last execution. */
  readonly failures: readonly TaskFailure[];
}

/** What is known of a run. */
export interface Evidence {
  readonly run: Run;
  readonly status: RunReport['status'];
  readonly execution: string;
  /** @default false */
  readonly isResumed?: boolean;
  readonly manifest?: Manifest | undefined;
  readonly ended?: Ended | undefined;
  /** The pages that have a receipt. @default those of the manifest */
  readonly done?: ReadonlySet<number>;
  /** Of all present pages, or of some of them. */
  readonly receipts: readonly PageFacts[];
  /** Usage of a failed run, if all of it is known. */
  readonly usage?: (Usage & { readonly totalRetries: number }) | undefined;
  /** Accounts of finished pages that have each field. */
  readonly fields?: readonly FieldPresence[];
  /** Before this run. */
  readonly history?: RunHistory | undefined;
  readonly last?: Manifest | undefined;
  readonly query?: string;
}

const SLOWEST = 10;
const MISSING = 20;
/** Until the first page starts, if that is not known. */
const PLAN_SECONDS = 5;

/** Describes a run, from what is stored of it and of the runs before it. */
export function describeRun(evidence: Evidence): RunReport {
  const { run, status, manifest, receipts, ended, isResumed = false } = evidence;
  const present = manifest?.pages ?? evidence.done?.size ?? receipts.length;
  const isWhole = receipts.length === present;
  const runEnd = status === 'published' && manifest ? Date.parse(manifest.publishedAt) : undefined;
  const timeline = timelineOf(receipts, Date.parse(run.startedAt), runEnd);
  const to = runEnd ?? timeline?.to;
  const seconds = to === undefined ? undefined : Math.max(0, (to - Date.parse(run.startedAt)) / 1000);
  const sum = (of: (receipt: PageFacts) => number) => receipts.reduce((total, receipt) => total + of(receipt), 0);
  const accounts = manifest?.distinctAccounts ?? (isWhole ? sum(({ records }) => records) : undefined);
  const usage = manifest ? { ...manifest, totalRetries: manifest.retries } : evidence.usage;
  const { history, last } = historyOf(evidence);
  const records = manifest?.records ?? sum((receipt) => receipt.records);
  const covered = { format: run.format, records, fields: manifest?.fields ?? evidence.fields ?? [] };
  // Of a run without a manifest, a field may be on the pages that are missing.
  const earlier = manifest ? earlierCoverage(evidence, last) : undefined;
  const isOnAws = evidence.execution.startsWith('arn:');
  return {
    run,
    status,
    isResumed,
    manifest,
    ended,
    pages: {
      planned: run.pages,
      present,
      missing: manifest ? [] : missingPages(run, evidence.done),
      described: receipts.length,
    },
    figures: {
      accounts,
      recordsFetched: usage?.recordsFetched,
      apiRequests: usage?.apiRequests,
      bytes: manifest?.bytes ?? (isWhole ? sum(({ bytes }) => bytes) : undefined),
      seconds,
      usd: isOnAws ? priceOfRun(run, present, receipts, isResumed ? undefined : timeline) : undefined,
    },
    timeline,
    slowest: slowestPages(receipts, SLOWEST),
    retries: { byCause: retriesByCause(receipts), total: usage?.totalRetries },
    history,
    last,
    coverage: compareFields(covered, earlier, manifest?.unmappedColumns ?? []),
    query: evidence.query,
  };
}

function missingPages({ pages }: Run, done: ReadonlySet<number> = new Set()): number[] {
  const missing: number[] = [];
  for (let page = 0; page < pages && missing.length < MISSING; page++) if (!done.has(page)) missing.push(page);
  return missing;
}

function retriesByCause(receipts: readonly PageFacts[]): (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { usage } of receipts) {
    for (const cause in usage.retries) counts.set(cause, (counts.get(cause) ?? 0) + (usage.retries[cause] ?? 0));
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}

function priceOfRun(run: Run, pages: number, receipts: readonly PageFacts[], timeline: Timeline | undefined): number {
  const firstPage = timeline?.pages[0]?.start;
  const seconds = firstPage === undefined ? PLAN_SECONDS : Math.max(1, (firstPage - Date.parse(run.startedAt)) / 1000);
  const mean = receipts.reduce((total, { latencyMs }) => total + latencyMs, 0) / Math.max(1, receipts.length);
  return priceOf({ pages, planned: { seconds } }, mean / 1000);
}

/** How a published run is remembered. */
export function figuresOf({ runId, publishedAt, distinctAccounts, consistency }: Manifest): PublishedFigures {
  return { runId, publishedAt, accounts: distinctAccounts, verdict: consistency.verdict };
}

/** The history without this run, or what the last manifest shows of it. */
function historyOf({ run, status, manifest, history, last }: Evidence): Pick<RunReport, 'history' | 'last'> {
  const known = history?.runs.filter(({ runId }) => runId !== run.runId) ?? [];
  const before = last && !known.some(({ runId }) => runId === last.runId) ? [...known, figuresOf(last)] : known;
  const lastFigures = last ? figuresOf(last) : before.at(-1);
  return { history: status === 'published' && manifest ? [...before, figuresOf(manifest)] : before, last: lastFigures };
}

/** Of the last published run: its manifest, or the history, which keeps that of its last run. */
function earlierCoverage({ history, last }: Evidence, figures: PublishedFigures | undefined): Coverage | undefined {
  return last ?? (history?.runs.at(-1)?.runId === figures?.runId ? history?.coverage : undefined);
}

/** `gzipped JSON` */
export function partsOf(run: Pick<Run, 'format' | 'compression'>): string {
  const name = { json: 'JSON', csv: 'CSV', parquet: 'Parquet' }[run.format];
  const compression = compressionOf(run);
  return compression === undefined ? name : `${{ gzip: 'gzipped', zstd: 'zstd-compressed' }[compression]} ${name}`;
}
