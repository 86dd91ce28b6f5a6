/** The details of the three events, each from a real run. */
import { type LocalOutcome, localCatalog, runLocal } from '../../cli/local/run-local.ts';
import { consoleOf, executionPage } from '../../functions/model/console-url.ts';
import type { FailedRun, PublishResult, SkippedRun } from '../../functions/model/outcomes.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { arrayApi } from '../support/array-api.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';

const RUN = '20260822T020000Z-1f3a';
const REQUEST = { exportName: 'all-accounts', datasetId: 'engage', window: 'P7D', dueAt: '2026-08-22T02:00:00Z' };
const EXECUTION = `arn:aws:states:eu-west-1:111122223333:execution:AccountExport:${RUN}`;

/** Runs an export of 12,431 accounts that starts when it is due and takes 38.2 s. */
async function run(simulated: SimulatorOptions): Promise<LocalOutcome> {
  const simulator = await startSimulator({ accounts: 12_431, ...simulated });
  const credentials = { get: async () => ({ keyId: 'demo-key', secret: 'demo:secret' }) };
  const api = createAccountsApi({ baseUrl: simulator.url, credentials, concurrency: 8 });
  const store = { ...memoryStore().store, location: 's3://example-bucket/' };
  const times = [Date.parse('2026-08-22T02:00:01.300Z')];
  const publishedAt = Date.parse('2026-08-22T02:00:39.500Z');
  try {
    return await runLocal({
      api,
      store,
      catalog: { ...localCatalog(), database: 'account_export' },
      clock: { now: () => times.shift() ?? publishedAt },
      runId: RUN,
      request: REQUEST,
      exports: [],
      concurrency: 8,
      retryIntervalMs: 1,
      signal: new AbortController().signal,
    });
  } finally {
    await api.close();
    await simulator.close();
  }
}

export async function publishedDetail(): Promise<PublishResult> {
  const outcome = await run({});
  if (outcome.outcome !== 'published') throw new Error(`Unexpected outcome: ${outcome.outcome}`);
  return outcome.result;
}

/** A run whose key loses access to the dataset while the pages are fetched. Only its execution is made up. */
export async function failedDetail(): Promise<FailedRun> {
  const outcome = await run({ faults: [{ fault: { status: 403 }, times: 99, minPageSize: 3, pages: [11] }] });
  const awsConsole = consoleOf(EXECUTION);
  if (outcome.outcome !== 'failed' || !awsConsole) throw new Error(`Unexpected outcome: ${outcome.outcome}`);
  return { ...outcome.failure.event, executionUrl: executionPage(awsConsole, EXECUTION) };
}

export async function skippedDetail(): Promise<SkippedRun> {
  const { api } = arrayApi({ list: [] });
  const { store } = memoryStore();
  const running = { isRunning: async () => true };
  await runSteps(api, store, RUN, running).start(REQUEST);
  const second = runSteps(api, store, '20260822T021500Z-77c0', running);
  return (await second.start({ ...REQUEST, dueAt: '2026-08-22T02:15:00Z' })) as SkippedRun;
}
