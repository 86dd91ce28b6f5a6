/** Reattaching: makes published runs visible again from their manifests, after a database was deleted or created again. */
import pLimit from 'p-limit';
import { csvPartHeader } from '../../formats/csv.ts';
import type { ObjectStore, PublishedRun, RepairableCatalog } from '../ports.ts';
import { partsPrefix } from '../storage/bucket-layout.ts';
import { allPublishedRuns, exportDateOf, type RunSummary } from '../storage/published-runs.ts';

export interface ReattachPorts {
  readonly store: ObjectStore;
  readonly catalog: Pick<RepairableCatalog, 'missingRuns' | 'addMissingRuns'>;
}

export interface Reattached {
  /** Published runs. */
  readonly runs: number;
  /** Ids of the runs that queries did not see, or not in all tables. */
  readonly missing: readonly string[];
  /** Ids of missing runs that were not added, because parts are missing: their deletion was interrupted. */
  readonly incomplete: readonly string[];
}

type Candidate = RunSummary & PublishedRun;

/** Runs looked at in the same time. */
const PARALLEL_RUNS = 8;

/**
 * Adds all published runs to the catalog that are not there.
 * @param dryRun only counts them
 */
export async function reattachRuns({ store, catalog }: ReattachPorts, dryRun: boolean): Promise<Reattached> {
  const published = (await allPublishedRuns(store)).map(
    (run): Candidate => ({ ...run, exportDate: exportDateOf(run) }),
  );
  const missing = await catalog.missingRuns(published);
  const limit = pLimit(PARALLEL_RUNS);
  const complete = await Promise.all(
    missing.map((run) => limit(async () => ((await isComplete(store, run)) ? [run] : []))),
  );
  const addable = complete.flat();
  const incomplete = missing.filter((run) => !addable.includes(run));
  if (!dryRun && addable.length > 0) {
    const described = await Promise.all(addable.map((run) => limit(async () => withColumns(store, run))));
    const byId = new Map(described.map((run) => [run.runId, run]));
    const visible = published.filter((run) => !incomplete.includes(run));
    await catalog.addMissingRuns(visible.map((run) => byId.get(run.runId) ?? run));
  }
  const idOf = ({ runId }: Candidate) => runId;
  return { runs: published.length, missing: missing.map(idOf), incomplete: incomplete.map(idOf) };
}

async function isComplete(store: ObjectStore, run: Candidate): Promise<boolean> {
  return (await store.list(partsPrefix(run))).length >= run.pages;
}

/** A CSV part begins with the columns that the table had when the run was planned; columns without a mapping follow. */
async function withColumns(store: ObjectStore, run: Candidate): Promise<PublishedRun> {
  if (run.format !== 'csv') return run;
  const [first] = await store.list(partsPrefix(run));
  const part = first && (await store.get(first.key));
  if (part === undefined) return run;
  const header = await csvPartHeader(part.body);
  const unmapped = header.findIndex((column) => run.unmappedColumns.includes(column));
  return { ...run, csvColumns: unmapped < 0 ? header : header.slice(0, unmapped) };
}
