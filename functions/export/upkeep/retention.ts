/** Retention: a run is removed as a whole, and the newest visible run of each export is kept whatever its age. */
import pLimit from 'p-limit';
import { EXPORT_FORMATS } from '../../model/export-format.ts';
import type { Catalog, Clock, ObjectStore, PublishedRun } from '../ports.ts';
import {
  manifestKey,
  partsPrefix,
  planKey,
  publishedRunPrefix,
  runIdOfFolder,
  tablePrefix,
} from '../storage/bucket-layout.ts';
import {
  exportDateOf,
  newestFirst,
  publishedRunFolders,
  type RunSummary,
  readSummaries,
} from '../storage/published-runs.ts';

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
  /** Runs that are left for the next call, because time ran out: if it ran out before all were read, all of them. */
  readonly postponed: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Objects per request. Source: Amazon S3 API reference, "DeleteObjects". */
const BATCH = 1000;
/** Runs removed at the same time: a run waits for one request after another. */
const PARALLEL_RUNS = 4;
/** Folders listed at the same time. */
const PARALLEL_LISTS = 8;

/**
 * Removes published runs that are older than `retentionDays`, but never the newest visible run of an export or a newer one,
 * and the parts of runs that were never published and can no longer be resumed.
 *
 * A run first becomes invisible, then its parts are removed, then its manifest: if it is interrupted, the next call
 * continues, and no partition ever points to nothing. The oldest run comes first.
 *
 * @param signal stops between two requests; the next call continues
 */
export async function expireRuns(ports: ExpirePorts, retentionDays: number, signal?: AbortSignal): Promise<Expired> {
  const { store, catalog, clock } = ports;
  const folders = await publishedRunFolders(store);
  const published = await readSummaries(store, folders, signal);
  // Only all manifests together say which run is the newest.
  if (signal?.aborted) return { runs: 0, leftovers: 0, kept: 0, postponed: folders.length };
  const newest = await newestRuns(catalog, published);
  const oldest = clock.now() - retentionDays * DAY_MS;
  const expired = published
    .filter((run) => !newest.has(run) && Date.parse(run.publishedAt) < oldest)
    .sort((a, b) => (a.publishedAt < b.publishedAt ? -1 : 1));
  const runs = await countDone(expired, (run) => removeRun(ports, { ...run, exportDate: exportDateOf(run) }, signal));
  const leftovers = await leftoverPrefixes(store, new Set(published.map(({ runId }) => runId)), signal);
  const removed = await countDone(leftovers, async (prefix) =>
    signal?.aborted ? false : removeAll(store, await keysBelow(store, prefix), signal),
  );
  return {
    runs,
    leftovers: removed,
    kept: published.length - expired.length,
    postponed: expired.length - runs + leftovers.length - removed,
  };
}

/** Works on a few items at a time, the first ones first; after an error, on no others. @returns how many were done */
async function countDone<T>(items: readonly T[], work: (item: T) => Promise<boolean>): Promise<number> {
  const limit = pLimit(PARALLEL_RUNS);
  try {
    const done = await Promise.all(items.map((item) => limit(work, item)));
    return done.filter(Boolean).length;
  } finally {
    limit.clearQueue();
  }
}

/** The newest visible run of each export, and newer ones: a run whose partition could not be added is newer than what queries see. */
async function newestRuns(catalog: Catalog, published: readonly RunSummary[]): Promise<Set<RunSummary>> {
  const newest = new Set<RunSummary>();
  for (const runs of Map.groupBy(published, ({ exportName }) => exportName).values()) {
    for (const run of newestFirst(runs)) {
      newest.add(run);
      if (await catalog.isVisible(run.runId)) break;
    }
  }
  return newest;
}

/** @returns whether the whole run was removed before `signal` aborted */
async function removeRun(
  { store, catalog }: ExpirePorts,
  run: PublishedRun,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (signal?.aborted) return false;
  await catalog.removeRun(run);
  const manifest = manifestKey(run.runId);
  const prefixes = [partsPrefix(run), publishedRunPrefix(run.runId)];
  const keys = (await Promise.all(prefixes.map((prefix) => keysBelow(store, prefix)))).flat();
  if (
    !(await removeAll(
      store,
      keys.filter((key) => key !== manifest),
      signal,
    ))
  )
    return false;
  await store.delete(manifest);
  return true;
}

/**
 * The folders with parts of runs that are not published and have no plan. Parts without a manifest belong to a run that is
 * running or failed: while its plan is kept, it can be resumed.
 */
async function leftoverPrefixes(
  store: ObjectStore,
  published: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const limit = pLimit(PARALLEL_LISTS);
  const foldersOf = async (prefix: string) => {
    const folders = await limit(async () => (signal?.aborted ? [] : await store.listFolders(prefix)));
    return folders.map((folder) => `${prefix}${folder}/`);
  };
  const below = async (prefixes: readonly string[]) => (await Promise.all(prefixes.map(foldersOf))).flat();
  const runs = await below(await below(await below(EXPORT_FORMATS.map(tablePrefix))));
  const unpublished = runs.filter((prefix) => !published.has(runIdOfPrefix(prefix)));
  const leftover = await Promise.all(
    unpublished.map((prefix) =>
      limit(async () => !signal?.aborted && (await store.get(planKey(runIdOfPrefix(prefix)))) === undefined),
    ),
  );
  return unpublished.filter((_prefix, i) => leftover[i]);
}

function runIdOfPrefix(prefix: string): string {
  return runIdOfFolder(prefix.split('/').at(-2) ?? '');
}

async function keysBelow(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await store.list(prefix)).map(({ key }) => key);
}

/** Deletes objects in this order. @returns whether all were removed before `signal` aborted */
async function removeAll(
  store: ObjectStore,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (let at = 0; at < keys.length; at += BATCH) {
    if (signal?.aborted) return false;
    await store.delete(...keys.slice(at, at + BATCH));
  }
  return true;
}
