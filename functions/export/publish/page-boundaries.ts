/** Page boundaries: whether pages still start and end with the accounts that the run read there. */
import pLimit from 'p-limit';
import type { DecodedPage } from '../../formats/page-format.ts';
import { HASH_BYTES } from '../../model/receipt.ts';
import type { Run } from '../../model/run.ts';
import { hashAccounts } from '../page/account-hashes.ts';
import { chooseBoundaries, smallestPage } from '../source/page-boundaries.ts';
import { allSettled, type Source } from '../source/source.ts';
import type { PageReceipt } from '../storage/run-folder.ts';
import type { RunContents } from './run-contents.ts';

/** The boundaries that were checked, and whether an account crossed them. */
export interface BoundaryCheck {
  readonly moved: ReadonlyMap<number, boolean>;
  /** Whether the last account read is still there and none follows it: then as many accounts exist as were read. */
  readonly isEndUnchanged: boolean;
}

/** What checking page boundaries needs. */
export interface BoundariesToCheck {
  readonly source: Source<DecodedPage>;
  readonly run: Run;
  readonly contents: RunContents;
  /** Requests in flight at once. */
  readonly concurrency: number;
}

/**
 * Checks page boundaries from both sides: a page must still start with its first account, and the page before it must
 * still end with its last. One side alone misses an account that moved back across a boundary just read. One request
 * fetches both sides, because an account could move between two. After the last page, no account may follow. Other
 * accounts of the same answer are compared, too, because they cost nothing.
 * @param from the first boundary to check
 */
export async function checkPageBoundaries(
  { source, run, contents, concurrency }: BoundariesToCheck,
  receipts: readonly PageReceipt[],
  from = 0,
): Promise<BoundaryCheck> {
  if (run.countedBy === 'pages') return { moved: new Map(), isEndUnchanged: false };
  const { pageSize } = run.parameters;
  const filled = filledPages(receipts);
  const limit = pLimit(concurrency);
  /** The hash of the account at a place on a page; empty after its last account. */
  const hashAt = (page: number, place: number) =>
    contents.hashesOf(page).toString('base64', place * HASH_BYTES, (place + 1) * HASH_BYTES);
  /** The hash of the account that the run read at an offset. */
  const readAt = (offset: number) => hashAt(Math.floor(offset / pageSize), offset % pageSize);
  /** Whether the accounts from an offset on still have these hashes, and, at the end, no other account follows them. */
  const unchanged = async (offset: number, hashes: readonly string[], isEnd = false) => {
    if (hashes.length === 0) return true;
    const count = hashes.length + (isEnd ? 1 : 0);
    const { size, page, skip } = smallestPage(offset, count);
    const { names } = await limit(() => source.probe(size, page));
    const found = names.map((name) => hashAccounts(run.runId, [name]));
    const isAsRead = found.every((hash, i) => (readAt(page * size + i) || hash) === hash);
    return isAsRead && found.slice(skip, skip + count).join() === hashes.join();
  };
  const boundaries = chooseBoundaries(filled.length, run.boundaryChecks, from);
  const isUnchanged = await allSettled(
    boundaries.map(async (boundary) => {
      const [before, after] = [filled[boundary - 1], filled[boundary]];
      const [left, right] = [before && hashAt(before.page, before.records - 1), after && hashAt(after.page, 0)];
      const leftAt = before ? before.page * pageSize + before.records - 1 : 0;
      const rightAt = after ? after.page * pageSize : 0;
      if (left && right && leftAt + 1 === rightAt) return unchanged(leftAt, [left, right]);
      if (left && !after) return unchanged(leftAt, [left], true);
      // The first boundary has one side, and after a short page the sides are apart.
      const sides = await allSettled([unchanged(leftAt, left ? [left] : []), unchanged(rightAt, right ? [right] : [])]);
      return !sides.includes(false);
    }),
  );
  return {
    moved: new Map(boundaries.map((boundary, i) => [boundary, isUnchanged[i] !== true])),
    isEndUnchanged: isUnchanged.at(-1) === true,
  };
}

/** The pages that have accounts. Boundary `k` is before the page at place `k` of them. */
export function filledPages(receipts: readonly PageReceipt[]): readonly PageReceipt[] {
  return receipts.filter(({ records }) => records > 0);
}
