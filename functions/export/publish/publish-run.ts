/** Publishing: a verified run becomes visible, or is quarantined for a person to look at. */
import { formatForRun } from '../../formats/format-for-run.ts';
import { ExportError } from '../../model/errors.ts';
import { type PublishEvent, PublishEventSchema } from '../../model/events.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { DriftedRun, PublishOutcome, PublishResult } from '../../model/outcomes.ts';
import { parseOrThrow } from '../../model/parse-input.ts';
import type { Run } from '../../model/run.ts';
import type { Catalog, Clock, RunPorts } from '../ports.ts';
import { budgetOf } from '../source/record-budget.ts';
import { mayRetry } from '../source/retry-after-drift.ts';
import { Source } from '../source/source.ts';
import { manifestKey, partsPrefix } from '../storage/bucket-layout.ts';
import { lastPublishedRun, readManifest } from '../storage/published-runs.ts';
import { RunFolder } from '../storage/run-folder.ts';
import { createJson } from '../storage/stored-json.ts';
import { driftedError, quarantineReason } from './policies.ts';
import { refuseModifiedParts, verifyRun } from './verify-run.ts';

export interface PublishPorts extends RunPorts {
  readonly catalog: Catalog;
  readonly clock: Clock;
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
  let manifest = await readManifest(ports.store, run.runId);
  if (!manifest) {
    const ready =
      outcome === 'publishOnly'
        ? await commit(ports, await quarantinedManifest(ports, run))
        : await verifyAndCommit(ports, publish, signal);
    if ('status' in ready) return ready;
    manifest = ready;
  }
  const { format, exportName, exportDate, runId, csv } = run;
  const { publishedAt } = manifest;
  const csvColumns = csv?.columns.slice(0, csv.tableColumns);
  await ports.catalog.addRun({ format, exportName, exportDate, runId, publishedAt, csvColumns });
  return summarize(manifest, run, ports);
}

/** Writes the manifest, the only commit mark. Of several attempts at the same moment, all return the one that was written. */
async function commit({ store, clock }: PublishPorts, verified: Manifest): Promise<Manifest> {
  const manifest = { ...verified, publishedAt: new Date(clock.now()).toISOString() };
  if (await createJson(store, manifestKey(manifest.runId), manifest)) return manifest;
  return (await readManifest(store, manifest.runId)) ?? manifest;
}

/** Verifies the run within its record budget, applies the policies of its export, and writes the manifest. */
async function verifyAndCommit(
  ports: PublishPorts,
  event: PublishEvent,
  signal: AbortSignal | undefined,
): Promise<Manifest | DriftedRun> {
  const { store, api } = ports;
  const { run, execution } = event;
  const folder = new RunFolder(store, run.runId);
  const budget = budgetOf(store, run);
  const source = new Source(api, run, formatForRun(run).decode, { signal, budget });
  const recordFailure = async (error: unknown) => {
    const { usage } = source;
    if (usage.apiRequests > 0) await folder.recordFailure('publish', execution, { error, usage });
  };
  try {
    const [planned, quarantined] = [await folder.plan(), await folder.quarantined()];
    // An earlier attempt left the run to a retry, and its answer was lost.
    if (planned && quarantined && mayRetry(planned, quarantined)) return driftedRun(quarantined);
    const { manifest, plan } = await verifyRun({ ports, event, source, signal });
    if (mayRetry(plan, manifest)) {
      await recordFailure(driftedError(manifest));
      await folder.quarantine(manifest);
      return driftedRun(manifest);
    }
    const reason = quarantineReason(run, manifest, await lastPublishedRun(store, run.exportName));
    if (!reason) return await commit(ports, manifest);
    await folder.quarantine(manifest);
    throw reason;
  } catch (error) {
    // A failure to record the failure must not hide it.
    await recordFailure(error).catch(() => undefined);
    throw error;
  } finally {
    await budget?.returnUnused().catch(() => undefined);
  }
}

function driftedRun({ runId, exportName, records: accounts, consistency }: Manifest): DriftedRun {
  return { status: 'drifted', runId, exportName, accounts, consistency };
}

/** The manifest of a quarantined run whose parts are still those it describes. */
async function quarantinedManifest({ store }: PublishPorts, run: Run): Promise<Manifest> {
  const folder = new RunFolder(store, run.runId);
  const manifest = await folder.quarantined();
  if (!manifest) {
    throw new ExportError(
      'RequestError',
      `Cannot publish run "${run.runId}": it is not quarantined. If it failed, resume it.`,
    );
  }
  const receipts = await folder.receipts();
  await refuseModifiedParts(store, run, receipts);
  const described = new Map(manifest.parts.map(({ key, sha256 }) => [key, sha256]));
  if (receipts.length === described.size && receipts.every(({ key, sha256 }) => described.get(key) === sha256)) {
    return manifest;
  }
  throw new ExportError(
    'RunIncompleteError',
    `Cannot publish run "${run.runId}": its parts changed after it was quarantined. Resume it to verify them again.`,
  );
}

/** The summary is the execution's output and stays small; the manifest names all columns. */
const MAX_NAMED_COLUMNS = 50;

function summarize(manifest: Manifest, run: Run, { store, catalog }: PublishPorts): PublishResult {
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
    seconds: Math.round((Date.parse(manifest.publishedAt) - Date.parse(manifest.startedAt)) / 100) / 10,
    unmappedColumns: manifest.unmappedColumns.slice(0, MAX_NAMED_COLUMNS),
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
