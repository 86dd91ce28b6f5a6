/** Proving a run whole: every page there as it was written, none twice, nothing behind the last one. */
import { hash } from 'node:crypto';
import { ExportError } from '../../model/errors.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { Receipt } from '../../model/receipt.ts';
import { type Run, type StoredPlan, StoredPlanSchema } from '../../model/run.ts';
import type { Usage } from '../../model/usage.ts';
import { countDistinct } from '../page/account-hashes.ts';
import type { PagePorts } from '../page/export-page.ts';
import type { ObjectStore } from '../ports.ts';
import type { UsageMeter } from '../source/usage-meter.ts';
import { partsPrefix, planKey } from '../storage/bucket-layout.ts';
import { readReceipts, sha256, usageSoFar } from '../storage/run-folder.ts';
import { getJson } from '../storage/stored-json.ts';
import { checkConsistency } from './page-boundaries.ts';
import { exportTail } from './tail.ts';

/** A run that is whole, and what the whole of it cost. */
export interface VerifiedRun {
  readonly manifest: Manifest;
  /** In all, over every attempt. */
  readonly usage: Usage;
  /** The run's record budget. */
  readonly maxRecords: number | undefined;
}

/**
 * Proves a run whole from what lies in the store, reading on behind its last page first.
 *
 * @throws ExportError `RunIncompleteError` when a page is missing or is not as recorded, `PagingError` when two pages
 * hold the same accounts, and what reading on behind the last page gives rise to
 */
export async function verifyRun(
  ports: PagePorts,
  run: Run,
  ledger: UsageMeter,
  signal: AbortSignal | undefined,
): Promise<VerifiedRun> {
  const { store } = ports;
  const plan = await getJson(store, planKey(run.runId), StoredPlanSchema);
  if (!plan)
    throw new ExportError(
      'RunIncompleteError',
      `The plan of run "${run.runId}" is gone from ${planKey(run.runId)}: start a new run.`,
    );
  const before = await readReceipts(store, run);
  refuseMissingPages(run, before);
  const counted = await exportTail(ports, run, before, ledger, signal);
  const records = counted.addedPages.length === 0 ? before : await readReceipts(store, run);
  await refuseChangedParts(store, run, records);
  refuseEqualPages(records);

  const distinct = countDistinct(records.map((record) => record.accountHashes));
  const consistency = await checkConsistency(
    ports,
    run,
    records,
    { accountsAfter: counted.accounts, distinct },
    ledger,
    signal,
  );
  const usage = await usageSoFar(store, plan, [...records, ...counted.replaced], ledger.total);
  return { manifest: describe(run, plan, records, distinct, consistency, usage), usage, maxRecords: plan.maxRecords };
}

function refuseMissingPages(run: Run, records: readonly Receipt[]): void {
  const there = new Set(records.map((record) => record.page));
  const last = Math.max(run.pages - 1, ...there);
  const missing: number[] = [];
  for (let page = 0; page <= last; page++) if (!there.has(page)) missing.push(page);
  if (missing.length === 0) return;
  const named = missing.slice(0, 5).join(', ') + (missing.length > 5 ? ' …' : '');
  throw new ExportError(
    'RunIncompleteError',
    `${missing.length} of ${last + 1} pages of run "${run.runId}" have no part (${named}): go on with it (redrive, or run --run-id) to export them.`,
  );
}

/**
 * The store is the truth: each part must lie there as it was written, and nothing else beside them. What the listing says
 * of a part is enough, unless it was written again; then it is read, and must be the same.
 */
export async function refuseChangedParts(store: ObjectStore, run: Run, records: readonly Receipt[]): Promise<void> {
  const objects = new Map((await store.list(partsPrefix(run))).map((object) => [object.key, object]));
  for (const record of records) {
    const { key, bytes, page } = record;
    const object = objects.get(key);
    if (object?.bytes !== bytes) {
      throw new ExportError(
        'RunIncompleteError',
        `The part of page ${page} (${key}) has ${object?.bytes ?? 'no'} bytes where ${bytes} were written: go on with the run (redrive, or run --run-id) to export it again.`,
      );
    }
    if (object.etag !== record.etag) await refuseOtherContent(store, record);
    objects.delete(key);
  }
  const [stranger] = objects.keys();
  if (stranger !== undefined) {
    throw new ExportError(
      'RunIncompleteError',
      `${stranger} lies among the parts of run "${run.runId}" and belongs to no page: a query would read it too. Remove it and go on with the run (redrive, or run --run-id).`,
    );
  }
}

async function refuseOtherContent(store: ObjectStore, { key, page, sha256: written }: Receipt): Promise<void> {
  const part = await store.get(key);
  if (part !== undefined && sha256(part) === written) return;
  throw new ExportError(
    'RunIncompleteError',
    `The part of page ${page} (${key}) does not hold what was written: go on with the run (redrive, or run --run-id) to export it again.`,
  );
}

/**
 * An API that ignores `page` serves the same page again and again. One account alone may well have moved.
 *
 * Told apart by a digest: V8 takes its length for the hash of a string of 16 KiB, so that a map of the hashes of 30,000
 * pages of 2,000 accounts took ten seconds.
 */
function refuseEqualPages(records: readonly Receipt[]): void {
  const seen = new Map<string, number>();
  for (const { page, records: count, accountHashes } of records) {
    if (count < 2) continue;
    const digest = hash('sha256', accountHashes);
    const twin = seen.get(digest);
    if (twin !== undefined) {
      throw new ExportError(
        'PagingError',
        `Pages ${twin} and ${page} hold the same ${count} accounts: the API did not serve the page it was asked for, so the run is not complete.`,
      );
    }
    seen.set(digest, page);
  }
}

function describe(
  run: Run,
  plan: StoredPlan,
  records: readonly Receipt[],
  distinct: number,
  consistency: Manifest['consistency'],
  usage: Awaited<ReturnType<typeof usageSoFar>>,
): Manifest {
  const sum = (of: (record: Receipt) => number) => records.reduce((total, record) => total + of(record), 0);
  const accounts = sum((record) => record.records);
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
    pages: records.length,
    records: accounts,
    distinctAccounts: distinct,
    duplicates: accounts - distinct,
    bytes: sum((record) => record.bytes),
    parts: records.map(({ key, page, records, bytes, sha256 }) => ({ key, page, records, bytes, sha256 })),
    plannedRecords: plan.run.accounts,
    recordsFetched: usage.recordsFetched,
    apiRequests: usage.apiRequests,
    retries: usage.retriesInAll,
    consistency,
    unmappedColumns: [...new Set(records.flatMap((record) => record.unmappedColumns))].sort(),
    escapedLineBreaks: sum((record) => record.escapedLineBreaks),
  };
}
