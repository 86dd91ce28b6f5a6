/** Runs on one machine, over folders, as the command line makes them. */
import { localCatalog } from '../../cli/local/local-catalog.ts';
import { type LocalOutcome, runLocal } from '../../cli/local/run-local.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { REQUEST } from './world.ts';

export interface LocalRun {
  readonly store: ObjectStore;
  readonly url: string;
  readonly runId: string;
  readonly dueAt: string;
}

/** One request at a time, so that the operations of a run follow in the same order every time. */
export async function localRunIn({ store, url, runId, dueAt }: LocalRun): Promise<LocalOutcome> {
  const api = createAccountsApi({
    baseUrl: url,
    credentials: { get: async () => ({ keyId: 'demo-key', secret: 'demo:secret' }) },
    concurrency: 1,
  });
  try {
    return await runLocal({
      api,
      store,
      catalog: localCatalog(),
      clock: { now: Date.now },
      runId,
      request: { ...REQUEST, dueAt },
      exports: [],
      concurrency: 1,
      signal: new AbortController().signal,
    });
  } finally {
    await api.close();
  }
}
