/** The timeline of the pages of a run: when each was fetched, how long it took, and how many were in flight. */
import type { Receipt } from '../../model/receipt.ts';

/** What a report needs of a receipt. */
export interface PageFacts extends Pick<Receipt, 'page' | 'records' | 'bytes' | 'usage' | 'latencyMs'> {
  /** ISO 8601, when the attempt began; receipts of earlier versions lack it. */
  readonly startedAt?: string;
}

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
  const timed = facts
    .flatMap(({ page, records, startedAt, latencyMs, usage }) => {
      const start = Date.parse(startedAt ?? '');
      if (Number.isNaN(start)) return [];
      return [{ page, records, start, latencyMs, retries: countOf(usage.retries) }];
    })
    .sort((a, b) => a.start - b.start || a.page - b.page);
  if (timed.length === 0) return undefined;
  const ends: number[] = [];
  const pages = timed.map((page): TimedPage => {
    // The first lane that is free; a new one if none is.
    const free = ends.findIndex((end) => end <= page.start);
    const lane = free === -1 ? ends.length : free;
    ends[lane] = page.start + page.latencyMs;
    return { ...page, lane };
  });
  const firstPage = pages[0]?.start ?? started;
  const lastPage = pages.reduce((latest, { start, latencyMs }) => Math.max(latest, start + latencyMs), 0);
  return {
    from: Math.min(started, firstPage),
    to: Math.max(ended ?? 0, lastPage),
    firstPage,
    lastPage,
    lanes: ends.length,
    pages,
    latency: latencyOf(timed.map(({ latencyMs }) => latencyMs)),
  };
}

export function latencyOf(milliseconds: readonly number[]): Latency {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), max: sorted.at(-1) ?? 0 };
}

/** The value that so large a part of the others does not exceed. */
function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

export function countOf(retries: Readonly<Record<string, number>>): number {
  return Object.values(retries).reduce((sum, count) => sum + count, 0);
}

/** Pages that took longest, the slowest first. */
export function slowestPages<T extends Pick<PageFacts, 'page' | 'latencyMs'>>(pages: readonly T[], count: number): T[] {
  return [...pages].sort((a, b) => b.latencyMs - a.latencyMs || a.page - b.page).slice(0, count);
}
