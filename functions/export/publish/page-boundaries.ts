/** The verdict: whether the source held still under a run, with the figures that it rests on. */

import { formatForRun } from '../../formats/format-for-run.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Run } from '../../model/run.ts';
import { HASH_BYTES, hashAccounts } from '../page/account-hashes.ts';
import type { PagePorts } from '../page/export-page.ts';
import { allSettled } from '../source/all-settled.ts';
import { askApi, pageQuery } from '../source/source.ts';
import type { UsageMeter } from '../source/usage-meter.ts';

/** Accounts that come or go move every boundary behind them, so a few spread evenly find most. */
const MAX_BOUNDARIES = 16;

/**
 * Probes boundaries from both sides: a page must still begin with the account it began with, and the page before it must still
 * end with the account it ended with. One side alone would miss an account that moved back over a boundary just read, and two
 * requests one that moves between them, so one request asks for both.
 *
 * `steady` only when counts before and after, the records read and every boundary agree, and no account came twice.
 */
export async function checkConsistency(
  { api }: PagePorts,
  run: Run,
  records: readonly Receipt[],
  counted: { readonly accountsAfter: number; readonly distinct: number },
  ledger: UsageMeter,
  signal: AbortSignal | undefined,
): Promise<Manifest['consistency']> {
  const { decode } = formatForRun(run);
  const { pageSize } = run.parameters;
  /** Whether the accounts from an offset on are still those that these hashes, one after the other, were made of. */
  const hold = async (offset: number, hashes: readonly string[]) => {
    if (hashes.length === 0) return true;
    const { size, page, skip } = smallestPage(offset, hashes.length);
    const { value } = await askApi(api, ledger, pageQuery(run, size, page), decode, signal);
    const found = value.identities.slice(skip, skip + hashes.length);
    return found.length === hashes.length && hashAccounts(run.runId, found) === joined(hashes);
  };
  const filled = records.filter((record) => record.records > 0);
  const boundaries = run.countedBy === 'offsets' ? chooseBoundaries(filled.length) : [];
  const moved = await allSettled(
    boundaries.map(async (boundary) => {
      const [before, after] = [filled[boundary - 1], filled[boundary]];
      const [left, right] = [before && hashAt(before, before.records - 1), after && hashAt(after, 0)];
      const leftAt = before ? before.page * pageSize + before.records - 1 : 0;
      const rightAt = after ? after.page * pageSize : 0;
      if (left && right && leftAt + 1 === rightAt) return !(await hold(leftAt, [left, right]));
      // At either end there is one side, and behind a page that came short the sides lie apart.
      const sides = await allSettled([hold(leftAt, left ? [left] : []), hold(rightAt, right ? [right] : [])]);
      return sides.includes(false);
    }),
  );
  const boundariesMoved = moved.filter(Boolean).length;
  const read = records.reduce((sum, record) => sum + record.records, 0);
  const steady =
    run.accounts === counted.accountsAfter &&
    read === run.accounts &&
    counted.distinct === read &&
    boundariesMoved === 0;
  return {
    verdict: steady ? 'consistent' : 'drifted',
    accountsBefore: run.accounts,
    accountsAfter: counted.accountsAfter,
    boundariesChecked: boundaries.length,
    boundariesMoved,
  };
}

/**
 * Which borders to probe, of those between pages and the two ends: boundary `k` lies before page `k`, the last one behind the
 * last page. All of them where there are few, else spread evenly, both ends among them.
 */
export function chooseBoundaries(pages: number): readonly number[] {
  if (pages === 0) return [];
  const borders = pages + 1;
  if (borders <= MAX_BOUNDARIES) return Array.from({ length: borders }, (_, boundary) => boundary);
  return Array.from({ length: MAX_BOUNDARIES }, (_, i) => Math.round((i * pages) / (MAX_BOUNDARIES - 1)));
}

/**
 * The smallest page that holds so many accounts from an offset on: pages begin at multiples of their size.
 * Two accounts need a page of two to a few records, whatever the offset.
 */
export function smallestPage(offset: number, count: number): { size: number; page: number; skip: number } {
  for (let size = count; ; size++) {
    const page = Math.floor(offset / size);
    const skip = offset - page * size;
    if (skip + count <= size) return { size, page, skip };
  }
}

function joined(hashes: readonly string[]): string {
  return Buffer.concat(hashes.map((hash) => Buffer.from(hash, 'base64'))).toString('base64');
}

/** The hash of the account at a place on its page. */
function hashAt({ accountHashes }: Receipt, place: number): string {
  return Buffer.from(accountHashes, 'base64')
    .subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES)
    .toString('base64');
}
