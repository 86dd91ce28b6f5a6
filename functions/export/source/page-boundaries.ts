/** Which page boundaries a run checks, and how many records that takes. */
import type { BoundaryChecks, Run } from '../../model/run.ts';
import { RECORDS_TO_COUNT } from './count-accounts.ts';

/** Up to so many pages, all boundaries are checked in any case. */
const FEW_PAGES = 64;

/**
 * The boundaries of a larger run that are checked by default: two rounds of requests with the local concurrency of 8. An
 * account that is added or removed moves every later boundary; one that moves shifts all boundaries between its positions.
 */
const SAMPLE = 16;

/**
 * Which boundaries to check: boundary `k` is before page `k`, and the last one is after the last page. All of them up to 64
 * pages or on request, else a sample spread evenly that includes both ends.
 * @param from the first one
 */
export function chooseBoundaries(pages: number, checks: BoundaryChecks, from = 0): readonly number[] {
  if (pages === 0) return [];
  const rest = pages - from;
  if (checks === 'all' || rest <= FEW_PAGES) return Array.from({ length: rest + 1 }, (_, i) => from + i);
  return Array.from({ length: SAMPLE }, (_, i) => from + Math.round((i * rest) / (SAMPLE - 1)));
}

/**
 * The smallest page that contains `count` accounts from an offset on: pages start at multiples of their size.
 * Two accounts need a page of two to a few records, whatever the offset.
 */
export function smallestPage(offset: number, count: number): { size: number; page: number; skip: number } {
  for (let size = count; ; size++) {
    const page = Math.floor(offset / size);
    const skip = offset - page * size;
    if (skip + count <= size) return { size, page, skip };
  }
}

/** What the cost of verifying a run depends on. */
export type VerifiedSize = Pick<Run, 'pages' | 'countedBy' | 'boundaryChecks'> & {
  readonly parameters: { readonly pageSize: number };
};

/** The tickets that verifying a run may need: for the boundaries of its planned pages, and for counting again. */
export function verificationTickets(run: VerifiedSize): number {
  // Without offsets, the page after the last one is fetched, which must be empty.
  if (run.countedBy === 'pages') return 1;
  return Math.ceil((boundaryRecords(run) + RECORDS_TO_COUNT) / run.parameters.pageSize);
}

/** The records that checking the page boundaries of full pages fetches. */
export function boundaryRecords({ pages, boundaryChecks, parameters: { pageSize } }: VerifiedSize): number {
  return chooseBoundaries(pages, boundaryChecks).reduce((sum, boundary) => {
    return sum + (boundary === 0 ? 1 : smallestPage(boundary * pageSize - 1, 2).size);
  }, 0);
}
