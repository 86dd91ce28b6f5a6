/** The timeline of the pages of a run: when each was fetched, how long it took, and how many were in flight. */
import type { Receipt } from '../../model/receipt.ts';
import { assignLanes } from './lanes.ts';

/** What a report needs of a receipt. Retries come before `startedAt`. */
export type PageFacts = Pick<Receipt, 'page' | 'records' | 'bytes' | 'usage' | 'startedAt' | 'latencyMs'>;

export interface TimedPage {
  readonly page: number;
  readonly records: number;
  /** Epoch ms. */
  readonly start: number;
  readonly latencyMs: number;
  readonly retries: number;
  /** From 0: pages on one lane do not overlap. */
  readonly lane: number;
}

export interface Timeline {
  /** Epoch ms. The run may begin before its first page, and end after its last. */
  readonly from: number;
  readonly to: number;
  readonly firstPage: number;
  /** When the last page was read. */
  readonly lastPage: number;
  /** How many pages were in flight at once, at most. */
  readonly lanes: number;
  /** In the order in which they were started. */
  readonly pages: readonly TimedPage[];
  readonly latency: Latency;
}

/** In ms: half of the pages took no longer, 95 % of them took no longer, the slowest. */
export interface Latency {
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

/**
 * @param ended epoch ms; `undefined` if the end of the run is not known: then it is the end of its last page
 * @returns `undefined` if no page says when it was started
 */
export function timelineOf(facts: readonly PageFacts[], started: number, ended?: number): Timeline | undefined {
  // Changed in place: runs have up to 30,000 pages.
  const pages: { -readonly [Key in keyof TimedPage]: TimedPage[Key] }[] = [];
  for (const { page, records, startedAt, latencyMs, usage } of facts) {
    const start = startedAt === undefined ? Number.NaN : Date.parse(startedAt);
    if (!Number.isNaN(start)) {
      pages.push({ page, records, start, latencyMs, retries: countOf(usage.retries), lane: -1 });
    }
  }
  pages.sort((a, b) => a.start - b.start || a.page - b.page);
  if (pages.length === 0) return undefined;
  const lanes = assignLanes(pages);
  const firstPage = pages[0]?.start ?? started;
  const lastPage = pages.reduce((latest, { start, latencyMs }) => Math.max(latest, start + latencyMs), 0);
  return {
    from: Math.min(started, firstPage),
    to: Math.max(ended ?? 0, lastPage),
    firstPage,
    lastPage,
    lanes,
    pages,
    latency: latencyOf(pages.map(({ latencyMs }) => latencyMs)),
  };
}

export function latencyOf(milliseconds: readonly number[]): Latency {
  const sorted = Float64Array.from(milliseconds).sort();
  return { median: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), max: sorted.at(-1) ?? 0 };
}

/** The value that so large a part of the others does not exceed. */
function quantile(sorted: Float64Array, part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

export function countOf(retries: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const cause in retries) sum += retries[cause] ?? 0;
  return sum;
}

/** Pages that took longest, the slowest first; of equal ones, the first. */
export function slowestPages<T extends Pick<PageFacts, 'latencyMs'>>(pages: readonly T[], count: number): T[] {
  const slowest: T[] = [];
  for (const page of pages) {
    if (slowest.length === count && page.latencyMs <= (slowest.at(-1)?.latencyMs ?? 0)) continue;
    const at = slowest.findIndex(({ latencyMs }) => latencyMs < page.latencyMs);
    slowest.splice(at === -1 ? slowest.length : at, 0, page);
    if (slowest.length > count) slowest.pop();
  }
  return slowest;
}
