/** Publishing: a run that is proven whole becomes visible, or is held back for somebody to look at. */

import { ExportError } from '../../model/errors.ts';
import { PublishEventSchema } from '../../model/events.ts';
import { parseOrThrow } from '../../model/export-settings.ts';
import { type Manifest, ManifestSchema } from '../../model/manifest.ts';
import type { DriftedRun, PublishOutcome, PublishResult } from '../../model/outcomes.ts';
import { type Run, type StoredDrift, StoredDriftSchema } from '../../model/run.ts';
import type { PagePorts } from '../page/export-page.ts';
import type { AccountsApi, Catalog, Clock, ObjectStore } from '../ports.ts';
import { runAllowance } from '../source/record-budget.ts';
import { UsageMeter } from '../source/usage-meter.ts';
import { driftKey, manifestKey, partsPrefix, quarantinedManifestKey } from '../storage/bucket-layout.ts';
import { lastPublishedRun } from '../storage/published-runs.ts';
import { keepingWhatItSpends, readReceipts } from '../storage/run-folder.ts';
import { createJson, getJson, putJson } from '../storage/stored-json.ts';
import { beginAgain, goesAgain, refusalOf } from './policies.ts';
import { refuseChangedParts, verifyRun } from './verify-run.ts';

export interface PublishPorts {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly measure?: PagePorts['measure'];
}

/**
 * Publishes a run whose pages are exported. Doing it again changes nothing and returns the same.
 *
 * @param event a `PublishEvent`
 * @returns the published run, or that the export is to be made once more because the source moved under it
 * @throws ExportError `RunIncompleteError` when a page is missing or is not as recorded, `PagingError` when two pages
 * hold the same accounts, `DriftedError` and `QuarantinedError` when the run is held back, and what reading on behind the
 * last page gives rise to; nothing is published then
 */
export async function publishRun(ports: PublishPorts, event: unknown, signal?: AbortSignal): Promise<PublishOutcome> {
  const { run, release } = parseOrThrow(PublishEventSchema, event, 'The event of Publish run');
  const { store, clock } = ports;
  let manifest = await getJson(store, manifestKey(run.runId), ManifestSchema);
  if (!manifest) {
    const ledger = new UsageMeter({ allowance: runAllowance(store, run, 'publish') });
    const settled = await keepingWhatItSpends(store, run.runId, 'publish', ledger, async () => {
      const ready = release ? await quarantinedManifest(ports, run) : await prove(ports, run, ledger, signal);
      if ('status' in ready) return ready;
      return commit(store, { ...ready, publishedAt: new Date(clock.now()).toISOString() });
    });
    if ('status' in settled) return settled;
    manifest = settled;
  }
  await ports.catalog.addRun({
    format: run.format,
    exportName: run.exportName,
    exportDate: run.exportDate,
    runId: run.runId,
    publishedAt: manifest.publishedAt,
    csvColumns: run.csv?.columns.slice(0, run.csv.tableColumns),
  });
  return summarize(manifest, run, ports);
}

/** Writes the manifest, the one commit mark there is: whoever else publishes the same run at this moment has the same. */
async function commit(store: ObjectStore, manifest: Manifest): Promise<Manifest> {
  const key = manifestKey(manifest.runId);
  if (await createJson(store, key, manifest)) return manifest;
  return (await getJson(store, key, ManifestSchema)) ?? manifest;
}

/** Proves the run, and decides by its policies whether it may be published as it is. */
async function prove(
  ports: PublishPorts,
  run: Run,
  ledger: UsageMeter,
  signal: AbortSignal | undefined,
): Promise<Manifest | DriftedRun> {
  const { store } = ports;
  const begun = await driftBegun(store, run);
  if (begun) return beginAgain(store, run, begun);

  const proven = await verifyRun(ports, run, ledger, signal);
  const { manifest } = proven;
  if (goesAgain(run, proven)) {
    const { records: accounts, consistency } = manifest;
    const { attempt } = run;
    const drift = { version: 1 as const, attempt, usage: proven.usage, accounts, consistency, cleared: false };
    return beginAgain(store, run, drift);
  }
  const refusal = refusalOf(run, manifest, await lastPublishedRun(store, run.exportName));
  if (refusal) {
    await putJson(store, quarantinedManifestKey(run.runId), manifest);
    throw refusal;
  }
  return manifest;
}

/** Whether this attempt is to be made again already, and only its traces may still be there. */
async function driftBegun(store: ObjectStore, run: Run): Promise<StoredDrift | undefined> {
  const drift = await getJson(store, driftKey(run.runId), StoredDriftSchema);
  return drift?.attempt === run.attempt ? drift : undefined;
}

/** A run that was held back, still as it was then; or one whose way to another attempt is still to be cleared. */
async function quarantinedManifest({ store }: PublishPorts, run: Run): Promise<Manifest | DriftedRun> {
  const begun = await driftBegun(store, run);
  if (begun) return beginAgain(store, run, begun);
  const manifest = await getJson(store, quarantinedManifestKey(run.runId), ManifestSchema);
  if (!manifest) {
    throw new ExportError(
      'RequestError',
      `Run "${run.runId}" was not held back, so there is nothing to publish: {"resume":"${run.runId}"} goes on with it.`,
    );
  }
  await refuseChangedParts(store, run, await readReceipts(store, run));
  return manifest;
}
/** The summary is the execution's output and stays small; the manifest names them all. */
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

/** The names are ones that need no quotes inside. */
function queryOf({ exportName, exportDate, runId }: Run, database: string | undefined): string {
  const view = `${database === undefined ? '' : `${database}.`}accounts_history`;
  return `SELECT * FROM ${view} WHERE export_name = '${exportName}' AND export_date = '${exportDate}' AND run_id = '${runId}' LIMIT 10`;
}
