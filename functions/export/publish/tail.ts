/**
 * Reading on: accounts that were added while a run read its pages lie behind the last of them.
 *
 * This is done when all pages are there, and not by whoever exports the last page: that page is rarely the last to be
 * fetched, and what comes after it would be lost (`docs/decisions/0003-reading-on.md`).
 */

import { formatForRun } from '../../formats/format-for-run.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Run } from '../../model/run.ts';
import { fetchAndStore, type PagePorts } from '../page/export-page.ts';
import { refuseOverPages } from '../plan/make-plan.ts';
import { countAccounts } from '../source/count-accounts.ts';
import { askApi, pageQuery } from '../source/source.ts';
import type { UsageMeter } from '../source/usage-meter.ts';

/** A source that still grows after so many looks grows faster than it can be read: the verdict says so. */
const MAX_LOOKS = 5;
const CONCURRENCY = 8;

export interface Tail {
  /** How many accounts the API has now. */
  readonly accounts: number;
  /** Pages written behind or over the last one. */
  readonly addedPages: readonly number[];
  /** The records that pages had before they were written again: what those cost still counts. */
  readonly replaced: readonly Receipt[];
}

/** Counts again and exports what lies behind the last account read, until nothing does. */
export async function exportTail(
  ports: PagePorts,
  run: Run,
  records: readonly Receipt[],
  ledger: UsageMeter,
  signal: AbortSignal | undefined,
): Promise<Tail> {
  const { pageSize } = run.parameters;
  const current = new Map(records.map((record) => [record.page, record]));
  const replaced: Receipt[] = [];
  const added = new Set<number>();
  for (let look = 1; ; look++) {
    const end = endOf([...current.values()], pageSize);
    const accounts = await countAgain(ports, run, end, ledger, signal);
    if (accounts <= end || look === MAX_LOOKS) return { accounts, addedPages: [...added], replaced };
    const lastPage = Math.ceil(accounts / pageSize) - 1;
    refuseOverPages(accounts, pageSize);
    for (let page = Math.floor(end / pageSize); page <= lastPage; page++) {
      const before = current.get(page);
      if (before) replaced.push(before);
      current.set(page, await fetchAndStore(ports, run, page, signal));
      added.add(page);
    }
  }
}

/** The offset behind the last account read. */
export function endOf(records: readonly Receipt[], pageSize: number): number {
  return records.reduce(
    (end, { page, records: count }) => (count > 0 ? Math.max(end, page * pageSize + count) : end),
    0,
  );
}

async function countAgain(
  { api }: PagePorts,
  run: Run,
  end: number,
  ledger: UsageMeter,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { pageSize } = run.parameters;
  const { decode } = formatForRun(run);
  const probe = async (size: number, page: number) =>
    (await askApi(api, ledger, pageQuery(run, size, page), decode, signal)).value;
  if (run.countedBy === 'offsets') {
    return (await countAccounts({ probe, pageSize, concurrency: CONCURRENCY, expected: end })).accounts;
  }
  // Without offsets each look costs a page: the one that would be next must be empty.
  const next = Math.floor(end / pageSize);
  const { records } = await probe(pageSize, next);
  return next * pageSize + records;
}
