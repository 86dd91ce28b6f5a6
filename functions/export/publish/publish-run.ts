/** Publishing: a verified run becomes visible, or is quarantined for a person to look at. */
import { formatForRun } from '../../formats/format-for-run.ts';
import { ExportError } from '../../model/errors.ts';
import { type PublishEvent, PublishEventSchema } from '../../model/events.ts';
import { vanishedFields } from '../../model/field-coverage.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { DriftedRun, PublishOutcome, PublishResult } from '../../model/outcomes.ts';
import { parseOrThrow } from '../../model/parse-input.ts';
import type { Run } from '../../model/run.ts';
import type { Catalog, ObjectStore, PagePorts, RunToReport } from '../ports.ts';
import { budgetOf } from '../source/record-budget.ts';
import { mayRetry } from '../source/retry-after-drift.ts';
import { sharedWait } from '../source/shared-wait.ts';
import { Source } from '../source/source.ts';
import { manifestKey, partsPrefix } from '../storage/bucket-layout.ts';
import { exportDateOf, lastPublishedRun, readManifest } from '../storage/published-runs.ts';
import { type PageReceipt, RunFolder } from '../storage/run-folder.ts';
import { createJson } from '../storage/stored-json.ts';
import { driftedError, quarantineReason } from './policies.ts';
import { refuseModifiedParts, verifyRun } from './verify-run.ts';

export interface PublishPorts extends PagePorts {
  readonly catalog: Catalog;
  /** Receives a published run, to write the report about it. It never throws. @default there is none */
  readonly onPublished?: ((published: RunToReport) => Promise<unknown>) | undefined;
}

/**
 * Publishes a run whose pages are exported. Doing it again changes nothing and returns the same.
 *
 * @param event a `PublishEvent`
 * @returns the published run, or that the workflow exports it again because its data changed
 * @throws ExportError `RunIncompleteError` when a page is missing or modified, `PagingError` when the API repeats a page,
 * `DriftedError` and `QuarantinedError` when the run is quarantined, and what exporting the tail throws; nothing is
 * published then
 */
export async function publishRun(ports: PublishPorts, event: unknown, signal?: AbortSignal): Promise<PublishOutcome> {
  const publish = parseOrThrow(PublishEventSchema, event, 'event of Publish run');
  const { run, outcome } = publish;
  let published = await alreadyPublished(ports.store, run);
  if (!published) {
    const ready =
      outcome === 'publishOnly'
        ? await commit(ports, run, await quarantinedRun(ports, publish))
        : await verifyAndCommit(ports, publish, signal);
    if ('status' in ready) return ready;
    published = ready;
  }
  const { format, exportName, exportDate, runId, csv } = run;
  const { publishedAt } = published.manifest;
  const csvColumns = csv?.columns.slice(0, csv.tableColumns);
  await ports.catalog.addRun({ format, exportName, exportDate, runId, publishedAt, csvColumns });
  const result = summarize(published, run, ports);
  await ports.onPublished?.({ ...published, run, execution: publish.execution, query: result.query });
  return result;
}

/** A published run, and the run of the export that was the last one until then. */
interface PublishedPair {
  readonly manifest: Manifest;
  readonly last: Manifest | undefined;
  /** Those of the manifest; left out if an earlier attempt published the run. */
  readonly receipts?: readonly PageReceipt[];
}

async function alreadyPublished(store: ObjectStore, { runId, exportName }: Run): Promise<PublishedPair | undefined> {
  const manifest = await readManifest(store, runId);
  if (!manifest) return undefined;
  const isEarlier = async (other: Manifest) => other.publishedAt < manifest.publishedAt;
  return { manifest, last: await lastPublishedRun(store, exportName, isEarlier) };
}

/** A run that may be published, and the receipts of its parts. */
interface CompleteRun extends PublishedPair {
  readonly receipts: readonly PageReceipt[];
}

/**
 * Writes the manifest, the only commit mark. Of several attempts at the same moment, all return the one that was written.
 * @throws ExportError `RunIncompleteError` when an attempt that outlived its execution modified a part in the meantime
 */
async function commit({ store, clock }: PublishPorts, run: Run, complete: CompleteRun): Promise<PublishedPair> {
  const manifest = { ...complete.manifest, publishedAt: publishedAt(complete, clock.now()) };
  const key = manifestKey(run.runId);
  const isWritten = await createJson(store, key, manifest);
  try {
    // An attempt that writes a part from now on sees the manifest; this shows what was written before.
    await refuseModifiedParts(store, run, complete.receipts);
  } catch (error) {
    if (isWritten) await store.delete(key);
    throw error;
  }
  return { ...complete, manifest: isWritten ? manifest : ((await readManifest(store, run.runId)) ?? manifest) };
}

/** After the start of the run and after the run that it replaces as the newest, even if the clock was set back since. */
function publishedAt({ manifest, last }: CompleteRun, now: number): string {
  const replaces = last !== undefined && exportDateOf(last) === exportDateOf(manifest);
  const earliest = Math.max(Date.parse(manifest.startedAt), replaces ? Date.parse(last.publishedAt) + 1 : 0);
  return new Date(Math.max(now, earliest)).toISOString();
}

/** Verifies the run within its record budget, applies the policies of its export, and writes the manifest. */
async function verifyAndCommit(
  ports: PublishPorts,
  event: PublishEvent,
  signal: AbortSignal | undefined,
): Promise<PublishedPair | DriftedRun> {
  const { store, api, measure } = ports;
  const { run, execution } = event;
  const folder = new RunFolder(store, run.runId);
  const budget = budgetOf(store, run);
  const wait = sharedWait(store, run.runId);
  const source = new Source(api, run, formatForRun(run).decode, { signal, budget, wait, answeredBefore: true });
  const recordFailure = async (error: unknown) => {
    const { usage } = source;
    if (usage.apiRequests > 0) await folder.recordFailure('publish', execution, { error, usage });
  };
  try {
    const [planned, quarantined] = [await folder.plan(), await folder.quarantined()];
    // An earlier attempt left the run to a retry, and its answer was lost.
    if (planned && quarantined && mayRetry(planned, quarantined)) return driftedRun(quarantined);
    const verified = await verifyRun({ ports, event, source, signal });
    const { manifest, plan } = verified;
    if (mayRetry(plan, manifest)) {
      await recordFailure(driftedError(manifest));
      await folder.quarantine(manifest);
      return driftedRun(manifest);
    }
    const last = await lastPublishedRun(store, run.exportName);
    const reason = quarantineReason(run, manifest, last);
    if (!reason) return await commit(ports, run, { ...verified, last });
    await folder.quarantine(manifest);
    throw reason;
  } catch (error) {
    // A failure to record the failure must not hide it.
    await recordFailure(error).catch(() => undefined);
    throw error;
  } finally {
    const { usage } = source;
    // Pages of the tail are measured as pages.
    if (usage.apiRequests > 0) measure?.({ exportName: run.exportName, usage });
    await budget?.returnTickets().catch(() => undefined);
  }
}

function driftedRun({ runId, exportName, records: accounts, consistency }: Manifest): DriftedRun {
  return { status: 'drifted', runId, exportName, accounts, consistency };
}

/** A quarantined run whose parts are still those that its manifest describes. */
async function quarantinedRun({ store, observe }: PublishPorts, { run }: PublishEvent): Promise<CompleteRun> {
  const folder = new RunFolder(store, run.runId);
  const manifest = await folder.quarantined();
  if (!manifest) {
    throw new ExportError(
      'RequestError',
      `Cannot publish run "${run.runId}": it is not quarantined. If it failed, resume it.`,
    );
  }
  const receipts = await folder.receipts();
  observe?.({ activity: 'checking', what: 'pages', pages: receipts.length });
  await refuseModifiedParts(store, run, receipts);
  const described = new Map(manifest.parts.map(({ key, sha256 }) => [key, sha256]));
  if (receipts.length === described.size && receipts.every(({ key, sha256 }) => described.get(key) === sha256)) {
    return { manifest, receipts, last: await lastPublishedRun(store, run.exportName) };
  }
  throw new ExportError(
    'RunIncompleteError',
    `Cannot publish run "${run.runId}": its parts changed after it was quarantined. Resume it, then publish it again.`,
  );
}

/** Of each list of fields. The summary is the execution's output and stays small; the manifest has all. */
const MAX_NAMED_FIELDS = 50;

function summarize({ manifest, last }: PublishedPair, run: Run, { store, catalog }: PublishPorts): PublishResult {
  const vanished = last === undefined ? [] : vanishedFields(last, manifest);
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
    consistency: manifest.consistency,
    recordsFetched: manifest.recordsFetched,
    apiRequests: manifest.apiRequests,
    retries: manifest.retries,
    seconds: Math.round((Date.parse(manifest.publishedAt) - Date.parse(manifest.startedAt)) / 100) / 10,
    unmappedColumns: manifest.unmappedColumns.slice(0, MAX_NAMED_FIELDS),
    vanishedFields: vanished.slice(0, MAX_NAMED_FIELDS).map(({ name }) => name),
    parts: `${store.location}${partsPrefix(run)}`,
    manifest: `${store.location}${manifestKey(manifest.runId)}`,
    query: queryOf(run, catalog.database),
  };
}

/** Names and ids need no escaping: their pattern allows no quotes. */
function queryOf({ exportName, exportDate, runId }: Run, database: string | undefined): string {
  const view = `${database === undefined ? '' : `${database}.`}accounts_history`;
  return `SELECT * FROM ${view} WHERE export_name = '${exportName}' AND export_date = '${exportDate}' AND run_id = '${runId}' LIMIT 10`;
}
