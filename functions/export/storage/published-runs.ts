/** Published runs: their manifests, and which one is the newest. */
import { EXPORT_FORMATS } from '../../model/export-format.ts';
import { type Manifest, ManifestSchema } from '../../model/manifest.ts';
import type { ObjectStore } from '../ports.ts';
import { manifestKey, PUBLISHED_RUNS_PREFIX, runIdOfFolder, tablePrefix } from './bucket-layout.ts';
import { getJson } from './stored-json.ts';

/** Days read in parallel, the newest first: usually the first of them has a published run. */
const PARALLEL_DAYS = 8;

export function readManifest(store: ObjectStore, runId: string): Promise<Manifest | undefined> {
  return getJson(store, manifestKey(runId), ManifestSchema);
}

/** Whether a run is published: from then on nothing is written to it. */
export async function isPublished(store: ObjectStore, runId: string): Promise<boolean> {
  return (await store.get(manifestKey(runId))) !== undefined;
}

/** The manifests of all published runs, sorted by run id. */
export async function allManifests(store: ObjectStore): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const folder of await store.listFolders(PUBLISHED_RUNS_PREFIX)) {
    const manifest = await readManifest(store, runIdOfFolder(folder));
    if (manifest) manifests.push(manifest);
  }
  return manifests;
}

/** `YYYY-MM-DD` (UTC), the day a run was due. */
export function exportDateOf({ dueAt }: Pick<Manifest, 'dueAt'>): string {
  return dueAt.slice(0, 10);
}

/** The newest run first: the latest day due, and of one day the run published last. The views use the same rule. */
export function newestFirst(manifests: readonly Manifest[]): Manifest[] {
  const rankOf = (run: Manifest) => `${exportDateOf(run)} ${run.publishedAt}`;
  return [...manifests].sort((a, b) => (rankOf(a) < rankOf(b) ? 1 : -1));
}

/**
 * The manifest of the newest published run of an export, in any format.
 * Reads day by day from the newest, so that many failed runs do not hide it.
 * @param counts which runs to consider. @default all
 */
export async function lastPublishedRun(
  store: ObjectStore,
  exportName: string,
  counts: (run: Manifest) => Promise<boolean> = async () => true,
): Promise<Manifest | undefined> {
  const folders = await Promise.all(
    EXPORT_FORMATS.map(async (format) => {
      const prefix = `${tablePrefix(format)}export_name=${exportName}/`;
      return (await store.listFolders(prefix)).map((day) => ({ day, prefix: `${prefix}${day}/` }));
    }),
  );
  const byDay = Map.groupBy(folders.flat(), ({ day }) => day);
  const days = [...byDay.keys()].sort().reverse();
  for (let at = 0; at < days.length; at += PARALLEL_DAYS) {
    const below = days.slice(at, at + PARALLEL_DAYS).flatMap((day) => byDay.get(day) ?? []);
    const runs = (await Promise.all(below.map(({ prefix }) => store.listFolders(prefix)))).flat();
    const manifests = await Promise.all(runs.map((run) => readManifest(store, runIdOfFolder(run))));
    const published = manifests.filter((manifest) => manifest !== undefined);
    for (const run of newestFirst(published)) if (await counts(run)) return run;
  }
  return undefined;
}
