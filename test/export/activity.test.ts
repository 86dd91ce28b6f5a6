/** What a run reports to people who watch it: its phases, its requests and its waits; nothing about accounts. */
import { expect, it } from 'vitest';
import { runLocal } from '../../cli/local/run-local.ts';
import type { Activity } from '../../functions/export/ports.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { startSimulator } from '../../simulator/simulator.ts';
import { accounts, arrayApi } from '../support/array-api.ts';
import { memoryStore } from '../support/memory-store.ts';

it('planning names each round, and publishing each check', async () => {
  const { api } = arrayApi({ list: accounts(25) });
  const { store } = memoryStore();
  const seen: Activity[] = [];
  let rounds: number | undefined;
  const run = (request: object) =>
    runLocal({
      api,
      store,
      runId: 'run-1',
      request,
      concurrency: 8,
      observe: (activity) => seen.push(activity),
      onPlan: (plan) => {
        if (plan.outcome === 'exportPages') rounds = plan.plan.rounds;
      },
      signal: new AbortController().signal,
    });
  expect(await run({ exportName: 'all', datasetId: 'engage', pageSize: 10 })).toMatchObject({ outcome: 'published' });
  expect(seen).toEqual([
    ...Array.from({ length: rounds ?? 0 }, (_, i) => ({ activity: 'counting', round: i + 1 })),
    { activity: 'checking', what: 'page boundaries', pages: 3 },
    { activity: 'checking', what: 'pages', pages: 3 },
  ]);
});

it('publishing a quarantined run names its check', async () => {
  const { api } = arrayApi({ list: [] });
  const { store } = memoryStore();
  const seen: Activity[] = [];
  const run = (request: object, runId: string) =>
    runLocal({
      api,
      store,
      runId,
      request,
      concurrency: 8,
      observe: (activity) => seen.push(activity),
      signal: new AbortController().signal,
    });
  await run({ exportName: 'trials', datasetId: 'engage', filter: 'Trials' }, 'run-1');
  seen.length = 0;
  expect(await run({ publish: 'run-1' }, 'run-2')).toMatchObject({ outcome: 'published' });
  expect(seen).toEqual([{ activity: 'checking', what: 'pages', pages: 1 }]);
});

it('the API client reports each request, its answer, and the wait before a retry', async () => {
  const simulator = await startSimulator({
    accounts: 5,
    faults: [{ fault: { status: 429, retryAfter: '2' }, times: 1 }],
  });
  const seen: Activity[] = [];
  let time = 0;
  const api = createAccountsApi({
    baseUrl: simulator.url,
    credentials: { get: async () => ({ keyId: 'demo-key', secret: 'demo:secret' }) },
    random: () => 0,
    now: () => time,
    sleep: async (ms) => {
      time += ms;
    },
    observe: (activity) => seen.push(activity),
  });
  try {
    await api.fetchPage({ datasetId: 'engage', endpoint: 'json', pageSize: 10, page: 0 }, decodeJson);
  } finally {
    await api.close();
    await simulator.close();
  }
  expect(seen).toEqual([
    { activity: 'requested' },
    { activity: 'answered' },
    { activity: 'waiting', ms: 2000, cause: '429', request: 1, maxRequests: 4 },
    { activity: 'requested' },
    { activity: 'answered' },
  ]);
});
