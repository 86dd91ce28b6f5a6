/** The verdict: whether the source held still under a run, with the figures that it rests on. */
import type { Manifest, PageRecord, Run } from '../contracts.ts';
import { formatForRun } from '../formats/format-for-run.ts';
import { HASH_BYTES, hashAccounts } from './account-hashes.ts';
import { allEnded } from './all-ended.ts';
import { askApi, pageQuery } from './ask-api.ts';
import type { PagePorts } from './export-page.ts';
import type { SpentLedger } from './spent-ledger.ts';

/** Accounts that come or go move every seam behind them, so a few spread evenly find most. */
const MAX_SEAMS = 16;

/**
 * Probes seams from both sides: a page must still begin with the account it began with, and the page before it must still
 * end with the account it ended with. One side alone would miss an account that moved back over a seam just read, and two
 * requests one that moves between them, so one request asks for both.
 *
 * `steady` only when counts before and after, the records read and every seam agree, and no account came twice.
 */
export async function checkConsistency(
  { api }: PagePorts,
  run: Run,
  records: readonly PageRecord[],
  counted: { readonly accountsAfter: number; readonly distinct: number },
  ledger: SpentLedger,
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
  const seams = run.countedBy === 'offsets' ? chooseSeams(filled.length) : [];
  const moved = await allEnded(
    seams.map(async (seam) => {
      const [before, after] = [filled[seam - 1], filled[seam]];
      const [left, right] = [before && hashAt(before, before.records - 1), after && hashAt(after, 0)];
      const leftAt = before ? before.page * pageSize + before.records - 1 : 0;
      const rightAt = after ? after.page * pageSize : 0;
      if (left && right && leftAt + 1 === rightAt) return !(await hold(leftAt, [left, right]));
      // At either end there is one side, and behind a page that came short the sides lie apart.
      const sides = await allEnded([hold(leftAt, left ? [left] : []), hold(rightAt, right ? [right] : [])]);
      return sides.includes(false);
    }),
  );
  const seamsMoved = moved.filter(Boolean).length;
  const read = records.reduce((sum, record) => sum + record.records, 0);
  const steady =
    run.accounts === counted.accountsAfter && read === run.accounts && counted.distinct === read && seamsMoved === 0;
  return {
    verdict: steady ? 'steady' : 'drifted',
    accountsBefore: run.accounts,
    accountsAfter: counted.accountsAfter,
    seamsProbed: seams.length,
    seamsMoved,
  };
}

/**
 * Which borders to probe, of those between pages and the two ends: seam `k` lies before page `k`, the last one behind the
 * last page. All of them where there are few, else spread evenly, both ends among them.
 */
export function chooseSeams(pages: number): readonly number[] {
  if (pages === 0) return [];
  const borders = pages + 1;
  if (borders <= MAX_SEAMS) return Array.from({ length: borders }, (_, seam) => seam);
  return Array.from({ length: MAX_SEAMS }, (_, i) => Math.round((i * pages) / (MAX_SEAMS - 1)));
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
function hashAt({ accountHashes }: PageRecord, place: number): string {
  return Buffer.from(accountHashes, 'base64')
    .subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES)
    .toString('base64');
}
