/** Runs on one machine, as the command line starts them. */
import { type LocalOutcome, localCatalog, runLocal } from '../../cli/local/run-local.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { createClient, REQUEST } from './world.ts';

export interface LocalRun {
  readonly store: ObjectStore;
  readonly url: string;
  readonly runId: string;
  readonly dueAt: string;
  readonly maxRecords?: number;
  /** Stops the run, as Ctrl-C does. */
  readonly signal?: AbortSignal;
}

/** One request at a time: the operations have the same order in every run. */
export async function localRunIn(run: LocalRun): Promise<LocalOutcome> {
  const { store, url, runId, dueAt, maxRecords, signal = new AbortController().signal } = run;
  const api = createClient(url, { concurrency: 1 });
  try {
    return await runLocal({
      api,
      store,
      catalog: localCatalog(),
      clock: { now: Date.now },
      runId,
      request: { ...REQUEST, dueAt, ...(maxRecords && { maxRecords }) },
      exports: [],
      concurrency: 1,
      retryIntervalMs: 1,
      signal,
    });
  } finally {
    await api.close();
  }
}
