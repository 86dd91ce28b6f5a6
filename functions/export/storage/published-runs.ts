/** Published runs: their manifests, and which one is the newest. */
import pLimit from 'p-limit';
import type { z } from 'zod';
import { EXPORT_FORMATS } from '../../model/export-format.ts';
import { type Manifest, ManifestSchema } from '../../model/manifest.ts';
import type { ObjectStore } from '../ports.ts';
import { manifestKey, PUBLISHED_RUNS_PREFIX, runIdOfFolder, tablePrefix } from './bucket-layout.ts';
import { getJson } from './stored-json.ts';

/** Days read in parallel, the newest first: usually the first of them has a published run. */
const PARALLEL_DAYS = 8;
/** Enough to read 9,600 manifests in less than a minute, few enough to hold those of the largest runs in memory. */
const PARALLEL_MANIFESTS = 8;

/** Without its manifest, a run is no longer published, and its parts are deleted as leftovers. */
const RESTORE = [
  'RunIncompleteError',
  'restore it from a copy; delete it only if you give up this published run',
] as const;

/**
 * The manifest of a published run; `undefined` if there is none.
 * @throws ExportError `RunIncompleteError` when it is damaged
 */
export function readManifest(store: ObjectStore, runId: string): Promise<Manifest | undefined> {
  return getJson(store, manifestKey(runId), ManifestSchema, RESTORE);
}

/** Whether a run is published: from then on nothing is written to it. */
export async function isPublished(store: ObjectStore, runId: string): Promise<boolean> {
  return (await store.get(manifestKey(runId))) !== undefined;
}

/** What is kept of a manifest when those of all runs are read: a manifest names up to 30,000 parts. */
const SummarySchema = ManifestSchema.pick({
  runId: true,
  exportName: true,
  format: true,
  dueAt: true,
  publishedAt: true,
  pages: true,
  unmappedColumns: true,
});

export type RunSummary = z.infer<typeof SummarySchema>;

/**
 * All published runs, sorted by run id. Reads a few manifests at a time.
 * @throws ExportError `RunIncompleteError` for a damaged manifest
 */
export async function allPublishedRuns(store: ObjectStore): Promise<RunSummary[]> {
  return readSummaries(store, await publishedRunFolders(store));
}

/** The folders of published runs. A folder whose manifest is missing belongs to a run that is being removed. */
export function publishedRunFolders(store: ObjectStore): Promise<readonly string[]> {
  return store.listFolders(PUBLISHED_RUNS_PREFIX);
}

/**
 * The published runs in these folders, in this order, those that are read before `signal` aborts.
 * @throws ExportError `RunIncompleteError` for a damaged manifest
 */
export async function readSummaries(
  store: ObjectStore,
  folders: readonly string[],
  signal?: AbortSignal,
): Promise<RunSummary[]> {
  const limit = pLimit(PARALLEL_MANIFESTS);
  const read = async (folder: string) =>
    signal?.aborted ? undefined : getJson(store, manifestKey(runIdOfFolder(folder)), SummarySchema, RESTORE);
  const runs = await Promise.all(folders.map((folder) => limit(read, folder)));
  return runs.filter((run) => run !== undefined);
}

/** `YYYY-MM-DD` (UTC), the day a run was due. */
export function exportDateOf({ dueAt }: Pick<Manifest, 'dueAt'>): string {
  return dueAt.slice(0, 10);
}

/** The newest run first: the latest day due, and of one day the run published last. The views use the same rule. */
export function newestFirst<T extends Pick<Manifest, 'dueAt' | 'publishedAt'>>(manifests: readonly T[]): T[] {
  const rankOf = (run: T) => `${exportDateOf(run)} ${run.publishedAt}`;
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
