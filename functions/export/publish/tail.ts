/**
 * The tail: accounts that were added at the end while the run was reading.
 *
 * Publishing exports it when all pages are there. A page cannot do it itself: the last page is rarely the last to be
 * fetched, and later additions would be lost (`docs/decisions/0003-tail.md`).
 */
import type { DecodedPage } from '../../formats/page-format.ts';
import type { PublishEvent } from '../../model/events.ts';
import type { Receipt } from '../../model/receipt.ts';
import { writePart } from '../page/export-page.ts';
import type { PagePorts } from '../ports.ts';
import { countAccounts, refuseTooManyPages } from '../source/count-accounts.ts';
import type { Source } from '../source/source.ts';
import { RunFolder } from '../storage/run-folder.ts';

/** Data that still grows after so many rounds grows faster than it can be read: the verdict says so. */
const MAX_ROUNDS = 5;

/** What publishing works with: the ports, the event, the API bound to the run, and the abort signal. */
export interface Publishing {
  readonly ports: PagePorts;
  readonly event: Pick<PublishEvent, 'run' | 'execution' | 'concurrency'>;
  readonly source: Source<DecodedPage>;
  readonly signal: AbortSignal | undefined;
}

/** What the end of the data is found with. */
type PageEnd = Pick<Receipt, 'page' | 'records'>;

/**
 * Counts again and exports what follows the last account read, until nothing does.
 * @returns how many accounts the API has now, and the pages written after or over the last one
 */
export async function exportTail(
  publishing: Publishing,
  receipts: readonly PageEnd[],
): Promise<{ readonly accounts: number; readonly pages: readonly number[] }> {
  const { ports, event, signal } = publishing;
  const { run, execution } = event;
  const { pageSize } = run.parameters;
  const folder = new RunFolder(ports.store, run.runId);
  const current = new Map(receipts.map((receipt) => [receipt.page, receipt]));
  const pages = new Set<number>();
  for (let round = 1; ; round++) {
    const end = endOf([...current.values()], pageSize);
    const accounts = await countAgain(publishing, end);
    if (accounts <= end || round === MAX_ROUNDS) return { accounts, pages: [...pages] };
    const lastPage = Math.ceil(accounts / pageSize) - 1;
    refuseTooManyPages(accounts, pageSize, 'sample');
    for (let page = Math.floor(end / pageSize); page <= lastPage; page++) {
      const stored = await folder.page(run, page);
      current.set(page, await writePart(ports, { run, page, execution }, stored, signal));
      pages.add(page);
    }
  }
}

/** The offset after the last account read. */
export function endOf(receipts: readonly PageEnd[], pageSize: number): number {
  return receipts.reduce((end, { page, records }) => (records > 0 ? Math.max(end, page * pageSize + records) : end), 0);
}

async function countAgain({ event, source }: Publishing, end: number): Promise<number> {
  const { run, concurrency } = event;
  const { pageSize } = run.parameters;
  if (run.countedBy === 'offsets') {
    if (end === 0 && !(await source.exists(0))) return 0;
    const probe = (size: number, page: number) => source.probe(size, page);
    const options = { probe, pageSize, concurrency, expected: end, pageSizeServed: true };
    return (await countAccounts(options)).accounts;
  }
  // Without offsets each check costs a page: the next one must be empty.
  const next = Math.floor(end / pageSize);
  const { records } = await source.probe(pageSize, next);
  return next * pageSize + records;
}
