/** Retention: a run goes as a whole, and the newest of each export stays, whatever its age. */
import type { ExportFormat } from '../../model/export-settings.ts';
import { type Manifest, ManifestSchema } from '../../model/manifest.ts';
import type { Catalog, Clock, ObjectStore } from '../ports.ts';
import { manifestKey, partsPrefix, planKey, tablePrefix } from '../storage/bucket-layout.ts';
import { getJson } from '../storage/stored-json.ts';

export interface ExpirePorts {
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  readonly clock: Clock;
}

export interface Expired {
  /** Published runs that were removed. */
  readonly runs: number;
  /** Runs that were never published and whose parts were removed. */
  readonly leftovers: number;
  /** Published runs that stay. */
  readonly kept: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Removes published runs that are older than `retentionDays`, but never the newest of an export, and the parts of runs
 * that were never published and cannot be taken up again.
 *
 * First a run becomes invisible, then its parts go, then its manifest: stopped in between, the next call goes on, and no
 * partition ever points at nothing.
 */
export async function expireRuns({ store, catalog, clock }: ExpirePorts, retentionDays: number): Promise<Expired> {
  const manifests = await allManifests(store);
  const newest = new Map<string, Manifest>();
  for (const manifest of manifests) {
    const before = newest.get(manifest.exportName);
    if (!before || isNewer(manifest, before)) newest.set(manifest.exportName, manifest);
  }
  const oldest = clock.now() - retentionDays * DAY_MS;
  const expired = manifests.filter(
    (manifest) => newest.get(manifest.exportName) !== manifest && Date.parse(manifest.publishedAt) < oldest,
  );
  for (const manifest of expired) {
    const run = { ...manifest, exportDate: manifest.dueAt.slice(0, 10) };
    await catalog.removeRun(run);
    await removeAll(store, partsPrefix(run));
    await store.delete(manifestKey(manifest.runId));
  }
  const published = new Set(manifests.map(({ runId }) => runId));
  return {
    runs: expired.length,
    leftovers: await removeLeftovers(store, published),
    kept: manifests.length - expired.length,
  };
}

/** By the day a run was due, then by when it was published: as the view `accounts_latest` has it. */
function isNewer(a: Manifest, b: Manifest): boolean {
  const [dayOfA, dayOfB] = [a.dueAt.slice(0, 10), b.dueAt.slice(0, 10)];
  return dayOfA === dayOfB ? a.publishedAt > b.publishedAt : dayOfA > dayOfB;
}

async function allManifests(store: ObjectStore): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const folder of await store.listFolders('export_runs/')) {
    const manifest = await getJson(store, manifestKey(folder.replace(/^run_id=/, '')), ManifestSchema);
    if (manifest) manifests.push(manifest);
  }
  return manifests;
}

const FORMATS: readonly ExportFormat[] = ['json', 'csv', 'parquet'];

/** Parts without a manifest belong to a run in progress or to one that failed: while its plan is kept, it may go on. */
async function removeLeftovers(store: ObjectStore, published: ReadonlySet<string>): Promise<number> {
  let removed = 0;
  for (const format of FORMATS) {
    for (const exportName of await store.listFolders(tablePrefix(format))) {
      for (const day of await store.listFolders(`${tablePrefix(format)}${exportName}/`)) {
        const prefix = `${tablePrefix(format)}${exportName}/${day}/`;
        for (const run of await store.listFolders(prefix)) {
          const runId = run.replace(/^run_id=/, '');
          if (published.has(runId) || (await store.get(planKey(runId))) !== undefined) continue;
          await removeAll(store, `${prefix}${run}/`);
          removed++;
        }
      }
    }
  }
  return removed;
}

async function removeAll(store: ObjectStore, prefix: string): Promise<void> {
  for (const { key } of await store.list(prefix)) await store.delete(key);
}
