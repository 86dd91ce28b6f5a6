/** Publishing: proves a run whole from what lies in the store, writes its manifest, makes it visible. In that order. */
import {
  type Manifest,
  ManifestSchema,
  type PageRecord,
  PublishEventSchema,
  type PublishResult,
  type Run,
  type StoredPlan,
  StoredPlanSchema,
} from '../contracts.ts';
import { ExportError } from '../errors.ts';
import { countDistinct } from './account-hashes.ts';
import { checkConsistency } from './consistency.ts';
import { parseOrThrow } from './export-config.ts';
import { manifestKey, partsPrefix, planKey } from './layout.ts';
import { failedAttempts, pageRecords } from './page-records.ts';
import type { AccountsApi, Catalogue, Clock, ObjectStore } from './ports.ts';
import { readOn } from './read-on.ts';
import { addSpent, SpentLedger } from './spent-ledger.ts';
import { getJson, putJson } from './stored-json.ts';

export interface PublishPorts {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
}

/**
 * Publishes a run whose pages are exported. Doing it again changes nothing and returns the same.
 *
 * @param event a `PublishEvent`
 * @throws ExportError `RunIncompleteError` when a page is missing or is not as recorded, `PagingError` when two pages
 * hold the same accounts, and what reading on behind the last page gives rise to; nothing is published then
 */
export async function publishRun(ports: PublishPorts, event: unknown, signal?: AbortSignal): Promise<PublishResult> {
  const { run } = parseOrThrow(PublishEventSchema, event, 'The event of Publish run');
  const { store, clock } = ports;
  const published = await getJson(store, manifestKey(run.runId), ManifestSchema);
  const manifest = published ?? (await proveAndDescribe(ports, run, signal));
  if (!published) {
    manifest.publishedAt = new Date(clock.now()).toISOString();
    await putJson(store, manifestKey(run.runId), manifest);
  }
  await ports.catalogue.addRun({
    format: run.format,
    exportName: run.exportName,
    exportDate: run.exportDate,
    runId: run.runId,
    publishedAt: manifest.publishedAt,
    csvColumns: run.csv?.columns.slice(0, run.csv.tableColumns),
  });
  return summarise(manifest, run, ports);
}

async function proveAndDescribe(ports: PublishPorts, run: Run, signal: AbortSignal | undefined): Promise<Manifest> {
  const { store } = ports;
  const plan = await getJson(store, planKey(run.runId), StoredPlanSchema);
  if (!plan)
    throw new ExportError(
      'RunIncompleteError',
      `The plan of run "${run.runId}" is gone from ${planKey(run.runId)}: start a new run.`,
    );

  const ledger = new SpentLedger();
  const before = await pageRecords(store, run.runId);
  refuseMissingPages(run, before);
  const counted = await readOn(ports, run, before, ledger, signal);
  const records = counted.addedPages.length === 0 ? before : await pageRecords(store, run.runId);
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
  return describe(
    run,
    plan,
    records,
    distinct,
    consistency,
    await totalSpent(store, run, plan, records, counted.replaced, ledger),
  );
}

function refuseMissingPages(run: Run, records: readonly PageRecord[]): void {
  const there = new Set(records.map((record) => record.page));
  const last = Math.max(run.pages - 1, ...there);
  const missing: number[] = [];
  for (let page = 0; page <= last; page++) if (!there.has(page)) missing.push(page);
  if (missing.length === 0) return;
  const named = missing.slice(0, 5).join(', ') + (missing.length > 5 ? ' …' : '');
  throw new ExportError(
    'RunIncompleteError',
    `${missing.length} of ${last + 1} pages of run "${run.runId}" have no part (${named}): start the run again under the same id to export them.`,
  );
}

/** The store is the truth: each part must lie there, as long as its record says, and nothing else beside them. */
async function refuseChangedParts(store: ObjectStore, run: Run, records: readonly PageRecord[]): Promise<void> {
  const sizes = new Map((await store.list(partsPrefix(run))).map(({ key, bytes }) => [key, bytes]));
  for (const { key, bytes, page } of records) {
    if (sizes.get(key) !== bytes) {
      throw new ExportError(
        'RunIncompleteError',
        `The part of page ${page} (${key}) has ${sizes.get(key) ?? 'no'} bytes where ${bytes} were written: start the run again under the same id.`,
      );
    }
    sizes.delete(key);
  }
  const [stranger] = sizes.keys();
  if (stranger !== undefined) {
    throw new ExportError(
      'RunIncompleteError',
      `${stranger} lies among the parts of run "${run.runId}" and belongs to no page: a query would read it too. Remove it and start the run again under the same id.`,
    );
  }
}

/** An API that ignores `page` serves the same page again and again. One account alone may well have moved. */
function refuseEqualPages(records: readonly PageRecord[]): void {
  const seen = new Map<string, number>();
  for (const { page, records: count, accountHashes } of records) {
    if (count < 2) continue;
    const twin = seen.get(accountHashes);
    if (twin !== undefined) {
      throw new ExportError(
        'PagingError',
        `Pages ${twin} and ${page} hold the same ${count} accounts: the API did not serve the page it was asked for, so the run is not complete.`,
      );
    }
    seen.set(accountHashes, page);
  }
}

async function totalSpent(
  store: ObjectStore,
  run: Run,
  plan: StoredPlan,
  records: readonly PageRecord[],
  replaced: readonly PageRecord[],
  ledger: SpentLedger,
) {
  const failures = await failedAttempts(store, run.runId);
  const all = [plan, ...records, ...replaced, ...failures].map(({ spent }) => spent);
  const total = [...all, ledger.total].reduce(addSpent);
  const attempts = failures.reduce((sum, failure) => sum + failure.attempts, 0);
  return { ...total, retriesInAll: attempts + Object.values(total.retries).reduce((sum, count) => sum + count, 0) };
}

function describe(
  run: Run,
  plan: StoredPlan,
  records: readonly PageRecord[],
  distinct: number,
  consistency: Manifest['consistency'],
  spent: Awaited<ReturnType<typeof totalSpent>>,
): Manifest {
  const sum = (of: (record: PageRecord) => number) => records.reduce((total, record) => total + of(record), 0);
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
    recordsFetched: spent.recordsFetched,
    apiRequests: spent.apiRequests,
    retries: spent.retriesInAll,
    consistency,
    unmappedColumns: [...new Set(records.flatMap((record) => record.unmappedColumns))].sort(),
    escapedLineBreaks: sum((record) => record.escapedLineBreaks),
  };
}

/** The summary is the execution's output and stays small; the manifest names them all. */
const MAX_NAMED_COLUMNS = 50;

function summarise(manifest: Manifest, run: Run, { store, catalogue }: PublishPorts): PublishResult {
  return {
    status: 'published',
    runId: manifest.runId,
    exportName: manifest.exportName,
    datasetId: manifest.datasetId,
    format: manifest.format,
    dueAt: manifest.dueAt,
    exportDate: run.exportDate,
    publishedAt: manifest.publishedAt,
    accounts: manifest.records,
    distinctAccounts: manifest.distinctAccounts,
    pages: manifest.pages,
    bytes: manifest.bytes,
    verdict: manifest.consistency.verdict,
    recordsFetched: manifest.recordsFetched,
    seconds: Math.round((Date.parse(manifest.publishedAt) - Date.parse(manifest.startedAt)) / 100) / 10,
    unmappedColumns: manifest.unmappedColumns.slice(0, MAX_NAMED_COLUMNS),
    parts: `${store.location}${partsPrefix(run)}`,
    manifest: `${store.location}${manifestKey(manifest.runId)}`,
    query: queryOf(run, catalogue.database),
  };
}

/** The names are ones that need no quotes inside. */
function queryOf({ exportName, exportDate, runId }: Run, database: string | undefined): string {
  const view = `${database === undefined ? '' : `${database}.`}accounts_history`;
  return `SELECT * FROM ${view} WHERE export_name = '${exportName}' AND export_date = '${exportDate}' AND run_id = '${runId}' LIMIT 10`;
}
