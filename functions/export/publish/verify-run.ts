/** Verifying a run: every page is present and unmodified, none is duplicated, and nothing follows the last one. */
import { hash } from 'node:crypto';
import { ExportError } from '../../model/errors.ts';
import type { Consistency, Manifest } from '../../model/manifest.ts';
import type { Run, StoredPlan } from '../../model/run.ts';
import type { Usage } from '../../model/usage.ts';
import { hashAccounts } from '../page/account-hashes.ts';
import type { ObjectStore } from '../ports.ts';
import { samePageAgain } from '../source/paging-errors.ts';
import { partsPrefix, planKey } from '../storage/bucket-layout.ts';
import { type PageReceipt, RunFolder, sha256 } from '../storage/run-folder.ts';
import { type BoundaryCheck, checkPageBoundaries, filledPages } from './page-boundaries.ts';
import { RunContents } from './run-contents.ts';
import { endOf, exportTail, type Publishing } from './tail.ts';

/** A complete run, described. `publishedAt` is filled in when it is published. */
export interface VerifiedRun {
  readonly manifest: Manifest;
  readonly plan: StoredPlan;
  readonly receipts: readonly PageReceipt[];
}

/**
 * Exports the tail, then verifies a run from what is in the store.
 *
 * @returns its plan, and its manifest, whose `publishedAt` is filled in when the run is published
 * @throws ExportError `RunIncompleteError` when a page is missing or modified, `RequestError` without a plan, `PagingError` when the API repeats a page,
 * and what exporting the tail throws
 */
export async function verifyRun(publishing: Publishing): Promise<VerifiedRun> {
  const { ports, event, source } = publishing;
  const { run } = event;
  const folder = new RunFolder(ports.store, run.runId);
  const plan = await folder.plan();
  if (!plan) {
    throw new ExportError(
      'RequestError',
      `The plan of run "${run.runId}" is missing (${planKey(run.runId)}): start a new run.`,
    );
  }
  const contents = new RunContents(run);
  const readReceipts = () => {
    contents.clear();
    return folder.receipts((receipt) => contents.add(receipt));
  };
  const before = await readReceipts();
  refuseMissingPages(run, before);
  ports.observe?.({ activity: 'checking', what: 'page boundaries', pages: before.length });
  const toCheck = { source, run, contents, concurrency: event.concurrency };
  const planned = await checkPageBoundaries(toCheck, before);
  const moved = new Map(planned.moved);
  let accountsAfter = endOf(before, run.parameters.pageSize);
  let receipts = before;
  if (!planned.isEndUnchanged) {
    ports.observe?.({ activity: 'checking', what: 'new accounts', pages: run.pages });
    const tail = await exportTail(publishing, before);
    accountsAfter = tail.accounts;
    if (tail.pages.length > 0) {
      receipts = await readReceipts();
      // A last page that has grown is read again, so the boundary before it is checked again, too.
      const filled = filledPages(before);
      const start = Math.min(...tail.pages);
      const from = filled.filter(({ page }) => page < start).length;
      const tailCheck = await checkPageBoundaries(toCheck, receipts, from);
      moved.delete(filled.length);
      for (const [boundary, isMoved] of tailCheck.moved) moved.set(boundary, isMoved || moved.get(boundary) === true);
    }
  }
  ports.observe?.({ activity: 'checking', what: 'pages', pages: receipts.length });
  await refuseModifiedParts(ports.store, run, receipts);
  await refuseRepeatedPages(publishing, receipts, contents);
  const usage = await folder.usage(receipts, source.usage);
  const manifest = manifestOf({ run, receipts, contents, accountsAfter, moved, usage });
  return { plan, receipts, manifest };
}

function refuseMissingPages(run: Run, receipts: readonly PageReceipt[]): void {
  const present = new Set(receipts.map(({ page }) => page));
  const last = Math.max(run.pages - 1, ...present);
  const missing: number[] = [];
  for (let page = 0; page <= last; page++) if (!present.has(page)) missing.push(page);
  if (missing.length === 0) return;
  const named = missing.slice(0, 5).join(', ') + (missing.length > 5 ? ', …' : '');
  throw new ExportError(
    'RunIncompleteError',
    `${missing.length} of ${last + 1} pages of run "${run.runId}" are missing (${named}). Resume the run to export them.`,
  );
}

/**
 * The store is the source of truth: each part must be there as it was written, and nothing else beside them. The listing
 * shows that, except for a part that was written again: it is read and compared.
 */
export async function refuseModifiedParts(
  store: ObjectStore,
  run: Run,
  receipts: readonly PageReceipt[],
): Promise<void> {
  const objects = new Map((await store.list(partsPrefix(run))).map((object) => [object.key, object]));
  for (const { key, page, bytes, etag, sha256: written } of receipts) {
    const object = objects.get(key);
    objects.delete(key);
    if (object?.bytes === bytes && object.etag === etag) continue;
    const part = object?.bytes === bytes ? await store.get(key) : undefined;
    if (part && sha256(part.body) === written) continue;
    const sizes =
      object?.bytes === bytes ? 'different content, same size' : `${object?.bytes} bytes now, ${bytes} when exported`;
    throw new ExportError(
      'RunIncompleteError',
      `The part of page ${page} of run "${run.runId}" ${object ? `was modified (${key}: ${sizes})` : `is missing (${key})`}: resume the run to export it again.`,
    );
  }
  const [stranger] = objects.keys();
  if (stranger !== undefined) {
    throw new ExportError(
      'RunIncompleteError',
      `Unexpected object in the folder of run "${run.runId}" (${stranger}): delete it, because queries would read it, then resume the run.`,
    );
  }
}

/** Fetches of two pages that must agree before the API is said to repeat a page. */
const REPEAT_CHECKS = 3;

/**
 * An API that ignores `page` returns the same page every time. Data that moved by exactly one page during the run looks the
 * same in the receipts, so the first two equal pages are fetched again: more than once, since data may move between the two
 * requests. A single account may well have moved.
 */
async function refuseRepeatedPages(
  publishing: Publishing,
  receipts: readonly PageReceipt[],
  contents: RunContents,
): Promise<void> {
  const seen = new Map<string, number>();
  for (const { page, records } of receipts) {
    if (records < 2) continue;
    const digest = hash('sha256', contents.hashesOf(page), 'base64');
    const twin = seen.get(digest);
    if (twin !== undefined) {
      if (await isRepeated(publishing, twin, page)) throw samePageAgain(`pages ${twin} and ${page} have`);
      return;
    }
    seen.set(digest, page);
  }
}

async function isRepeated({ event, source }: Publishing, a: number, b: number): Promise<boolean> {
  const accountsOf = async (page: number) => hashAccounts(event.run.runId, (await source.page(page)).value.names);
  for (let check = 0; check < REPEAT_CHECKS; check++) {
    const accounts = await accountsOf(a);
    if (accounts === '' || accounts !== (await accountsOf(b))) return false;
  }
  return true;
}

/** What the verdict and the manifest rest on. */
interface Evidence {
  readonly run: Run;
  readonly receipts: readonly PageReceipt[];
  readonly contents: RunContents;
  readonly accountsAfter: number;
  /** Whether an account crossed a page boundary that was checked. */
  readonly moved: BoundaryCheck['moved'];
  readonly usage: Usage & { readonly totalRetries: number };
}

/** `consistent` when counts before and after, accounts read, page boundaries and duplicates all agree. */
function judge({ run, accountsAfter, moved }: Evidence, read: number, distinct: number): Consistency {
  const boundariesMoved = [...moved.values()].filter(Boolean).length;
  const agrees = run.accounts === accountsAfter && read === run.accounts && distinct === read && boundariesMoved === 0;
  const verified = run.countedBy === 'offsets' || run.accounts === 0;
  return {
    verdict: !agrees ? 'drifted' : verified ? 'consistent' : 'unverified',
    accountsBefore: run.accounts,
    accountsAfter,
    boundariesChecked: moved.size,
    boundariesMoved,
  };
}

function manifestOf(evidence: Evidence): Manifest {
  const { run, receipts, contents, usage } = evidence;
  const sum = (of: (receipt: PageReceipt) => number) => receipts.reduce((total, receipt) => total + of(receipt), 0);
  const accounts = sum(({ records }) => records);
  const distinct = contents.countDistinct();
  return {
    version: 1,
    runId: run.runId,
    exportName: run.exportName,
    datasetId: run.datasetId,
    format: run.format,
    parameters: run.parameters,
    dueAt: run.dueAt,
    startedAt: run.startedAt,
    publishedAt: run.startedAt,
    pages: receipts.length,
    records: accounts,
    distinctAccounts: distinct,
    duplicates: accounts - distinct,
    bytes: sum(({ bytes }) => bytes),
    parts: receipts.map(({ key, page, records, bytes, sha256 }) => ({ key, page, records, bytes, sha256 })),
    plannedRecords: run.accounts,
    recordsFetched: usage.recordsFetched,
    apiRequests: usage.apiRequests,
    retries: usage.totalRetries,
    consistency: judge(evidence, accounts, distinct),
    fields: contents.fields,
    unmappedColumns: [...new Set(receipts.flatMap(({ unmappedColumns }) => unmappedColumns))].sort(),
    escapedLineBreaks: sum(({ escapedLineBreaks }) => escapedLineBreaks),
  };
}
