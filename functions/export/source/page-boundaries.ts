/** Which page boundaries a run checks, and how many records that takes. */
import type { Run } from '../../model/run.ts';
import { RECORDS_TO_COUNT } from './count-accounts.ts';

/** All boundaries of 64 pages. Accounts that come or go move every later boundary, so more pages need no more checks. */
const MAX_BOUNDARIES = 65;

/**
 * Which boundaries to check: boundary `k` is before page `k`, and the last one is after the last page. All of them up to 64
 * pages, else a sample spread evenly that includes both ends.
 */
export function chooseBoundaries(pages: number): readonly number[] {
  if (pages === 0) return [];
  const boundaries = pages + 1;
  if (boundaries <= MAX_BOUNDARIES) return Array.from({ length: boundaries }, (_, boundary) => boundary);
  return Array.from({ length: MAX_BOUNDARIES }, (_, i) => Math.round((i * pages) / (MAX_BOUNDARIES - 1)));
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
export type VerifiedSize = Pick<Run, 'pages' | 'countedBy'> & { readonly parameters: { readonly pageSize: number } };

/** The tickets that verifying a run may need: for the boundaries of its planned pages, and for counting again. */
export function verificationTickets({ pages, countedBy, parameters: { pageSize } }: VerifiedSize): number {
  // Without offsets, the page after the last one is fetched, which must be empty.
  if (countedBy === 'pages') return 1;
  return Math.ceil((boundaryRecords(pages, pageSize) + RECORDS_TO_COUNT) / pageSize);
}

/** The records that checking the page boundaries of full pages fetches. */
export function boundaryRecords(pages: number, pageSize: number): number {
  return chooseBoundaries(pages).reduce((sum, boundary) => {
    return sum + (boundary === 0 ? 1 : smallestPage(boundary * pageSize - 1, 2).size);
  }, 0);
}
