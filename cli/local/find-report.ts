/** Finds run reports in a store. */
import pLimit from 'p-limit';
import type { ObjectStore } from '../../functions/export/ports.ts';
import {
  publishedReportKey,
  retryIdOf,
  runIdOfFolder,
  unpublishedReportKey,
} from '../../functions/export/storage/bucket-layout.ts';
import { allPublishedRuns, isPublished } from '../../functions/export/storage/published-runs.ts';
import { RunFolder } from '../../functions/export/storage/run-folder.ts';
import { ExportError } from '../../functions/model/errors.ts';

export interface FoundReport {
  readonly runId: string;
  readonly key: string;
}

/**
 * The report of a run; if the run is not published, that of the run that repeats it. `undefined` if there is none.
 * The name of a run does not say whether it repeats another one: its plan does.
 */
export async function reportOfRun(store: ObjectStore, runId: string): Promise<FoundReport | undefined> {
  const published = await reportAt(store, runId, publishedReportKey);
  if (published) return published;
  const retry = retryIdOf(runId);
  const repeated =
    (await reportAt(store, retry, publishedReportKey)) ?? (await reportAt(store, retry, unpublishedReportKey));
  if (repeated && (await isRepeatOf(store, retry, runId))) return repeated;
  return reportAt(store, runId, unpublishedReportKey);
}

async function reportAt(
  store: ObjectStore,
  runId: string,
  keyOf: (runId: string) => string,
): Promise<FoundReport | undefined> {
  const key = keyOf(runId);
  return (await store.get(key)) ? { runId, key } : undefined;
}

/** Without a plan, which expires, the name decides. */
async function isRepeatOf(store: ObjectStore, retry: string, runId: string): Promise<boolean> {
  const plan = await new RunFolder(store, retry).plan().catch(() => undefined);
  return plan === undefined || plan.run.retryOf === runId;
}

/**
 * The report of a run, or of the latest run that has one that can be read.
 * @throws ExportError `ConfigError` that says why there is none
 */
export async function findReport(store: ObjectStore, runId: string | undefined): Promise<FoundReport> {
  if (runId !== undefined) {
    const found = await reportOfRun(store, runId);
    if (found) return found;
    throw new ExportError(
      'ConfigError',
      `No report of run "${runId}" in ${store.location} (${await whyNone(store, runId)}.`,
    );
  }
  const runs = await runsIn(store);
  let unreadable: unknown;
  for (const run of runs) {
    const found = await reportOfRun(store, run).catch((error: unknown) => {
      unreadable ??= error;
      return undefined;
    });
    if (found) return found;
  }
  if (unreadable !== undefined) throw unreadable;
  const why =
    runs.length === 0
      ? 'there are no runs): run an export first, or pass another place with --out'
      : 'the runs were interrupted or are still running, or an earlier version without reports made them): run an export';
  throw new ExportError('ConfigError', `No report in ${store.location} (${why}.`);
}

async function whyNone(store: ObjectStore, runId: string): Promise<string> {
  if (await isPublished(store, runId))
    return 'an earlier version without reports published it): query its manifest in export_runs instead';
  const plan = await new RunFolder(store, runId).plan().catch(() => undefined);
  if (plan)
    return 'the run was interrupted or is still running, or an earlier version without reports made it): if it is not running, resume it';
  return 'there is no such run, or it failed before it was planned): check the run id and --out';
}

const PARALLEL_READS = 8;

/** Runs that were planned, the latest first: by when they were published, or else started. */
async function runsIn(store: ObjectStore): Promise<string[]> {
  const published = await allPublishedRuns(store);
  const known = new Set(published.map(({ runId }) => runId));
  const folders = (await store.listFolders('work/')).filter((folder) => folder.startsWith('run_id='));
  const others = folders.map(runIdOfFolder).filter((runId) => !known.has(runId));
  const limit = pLimit(PARALLEL_READS);
  const startOf = async (runId: string) => {
    const plan = await new RunFolder(store, runId).plan().catch(() => undefined);
    return plan ? [{ runId, at: plan.run.startedAt }] : [];
  };
  const unpublished = await Promise.all(others.map((runId) => limit(startOf, runId)));
  return [...published.map(({ runId, publishedAt }) => ({ runId, at: publishedAt })), ...unpublished.flat()]
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .map(({ runId }) => runId);
}
