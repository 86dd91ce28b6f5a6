/** Retention: a run is removed as a whole, and the newest visible run of each export is kept whatever its age. */

import { EXPORT_FORMATS } from '../../model/export-format.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { Catalog, Clock, ObjectStore } from '../ports.ts';
import { manifestKey, partsPrefix, planKey, runIdOfFolder, tablePrefix } from '../storage/bucket-layout.ts';
import { allManifests, exportDateOf, newestFirst } from '../storage/published-runs.ts';

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
  /** Published runs that are kept. */
  readonly kept: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Removes published runs that are older than `retentionDays`, but never the newest visible run of an export or a newer one,
 * and the parts of runs that were never published and can no longer be resumed.
 *
 * A run first becomes invisible, then its parts are removed, then its manifest: if it is interrupted, the next call
 * continues, and no partition ever points to nothing.
 */
export async function expireRuns({ store, catalog, clock }: ExpirePorts, retentionDays: number): Promise<Expired> {
  const manifests = await allManifests(store);
  const byExport = Map.groupBy(manifests, ({ exportName }) => exportName);
  const newest = new Set<Manifest>();
  for (const runs of byExport.values()) {
    // A run whose partition could not be added is newer than what queries see.
    for (const run of newestFirst(runs)) {
      newest.add(run);
      if (await catalog.isVisible(run.runId)) break;
    }
  }
  const oldest = clock.now() - retentionDays * DAY_MS;
  const expired = manifests.filter((manifest) => !newest.has(manifest) && Date.parse(manifest.publishedAt) < oldest);
  for (const manifest of expired) {
    const run = { ...manifest, exportDate: exportDateOf(manifest) };
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

/** Parts without a manifest belong to a run that is running or failed: while its plan is kept, it can be resumed. */
async function removeLeftovers(store: ObjectStore, published: ReadonlySet<string>): Promise<number> {
  let removed = 0;
  for (const format of EXPORT_FORMATS) {
    for (const exportName of await store.listFolders(tablePrefix(format))) {
      for (const day of await store.listFolders(`${tablePrefix(format)}${exportName}/`)) {
        const prefix = `${tablePrefix(format)}${exportName}/${day}/`;
        for (const run of await store.listFolders(prefix)) {
          const runId = runIdOfFolder(run);
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
