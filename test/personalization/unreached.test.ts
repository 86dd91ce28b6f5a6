/** An API that cannot be reached: a wrong address until it has answered, an outage afterwards. Time is simulated. */
import dns from 'node:dns';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runLocal } from '../../cli/local/run-local.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { type AccountsApiOptions, createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { query, safeErrorOf } from '../hostile/servers.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';
import { simulatedClock } from '../support/simulated-clock.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  vi.restoreAllMocks();
});

/** An API of 95 accounts, which cannot be reached while `fails` returns the code of an error. */
async function api(
  fails: (atMs: number, answers: number) => string | undefined,
  options: Partial<AccountsApiOptions> = {},
) {
  const clock = simulatedClock(0);
  const count = { answers: 0, attempts: 0 };
  const server = createServer((request, response) => {
    count.answers++;
    const { searchParams } = new URL(request.url ?? '', 'http://localhost');
    const [page, size] = [Number(searchParams.get('page')), Number(searchParams.get('pageSize'))];
    const [from, to] = [Math.min(95, page * size), Math.min(95, (page + 1) * size)];
    // Each request has a connection of its own, which may fail.
    response.setHeader('connection', 'close');
    response.end(JSON.stringify(Array.from({ length: to - from }, (_, i) => ({ name: `account ${from + i}` }))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  vi.spyOn(dns, 'lookup').mockImplementation(((
    host: string,
    { all }: { all?: boolean },
    callback: (...found: unknown[]) => void,
  ) => {
    const isApi = host.endsWith('.test');
    if (isApi) count.attempts++;
    const code = isApi ? fails(clock.now(), count.answers) : undefined;
    if (code !== undefined) callback(Object.assign(new Error(`${code} ${host}`), { code }));
    else callback(null, all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4);
  }) as never);
  const created = createAccountsApi({
    baseUrl: `http://acme.us-5.evergage.test:${(server.address() as AddressInfo).port}`,
    credentials: { get: async () => ({ keyId: 'hidden', secret: 'hidden' }) },
    random: () => 0.5,
    now: clock.now,
    sleep: clock.sleep,
    ...options,
  });
  closing.push(() => created.close());
  return { api: created, count, clock };
}

/** A run on one machine, with the options of the command. */
async function runOf(fails: Parameters<typeof api>[0]) {
  const limits = { maxWaitMs: 900_000, reachWindowMs: 6000 };
  const started = await api(fails, { concurrency: 8, isAttended: true, limits });
  const outcome = await runLocal({
    api: started.api,
    store: memoryStore().store,
    runId: 'run-1',
    request: { exportName: 'all', datasetId: 'engage', pageSize: 10 },
    concurrency: 8,
    retryIntervalMs: 1,
    signal: new AbortController().signal,
  });
  return { outcome, ...started };
}

const CODES = ['ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT', 'ENOTFOUND', 'EAI_AGAIN'];

describe('an API that has never answered', () => {
  it.each(CODES)('fails a call after 30 s, for good, without records: %s', async (code) => {
    const { api: client, count, clock } = await api(() => code);
    const error = await safeErrorOf(client.fetchPage(query(), decodeJson));
    expect(error).toMatchObject({
      name: 'ApiConnectionError',
      message: expect.stringMatching(/acme\.us-5\.evergage\.test:\d+ \(.*; \d+ requests in 2\d\.\d s\): check /),
      usage: { recordsFetched: 0 },
    });
    expect(clock.now()).toBeGreaterThan(25_000);
    expect(clock.now()).toBeLessThanOrEqual(30_000);
    expect(count.attempts).toBeLessThanOrEqual(20);
  });

  it.each(CODES)('fails a run on one machine within 10 s and 20 requests: %s', async (code) => {
    const { outcome, count, clock } = await runOf(() => code);
    expect(outcome).toMatchObject({ outcome: 'failed', failure: { error: 'ApiConnectionError' } });
    expect(clock.now()).toBeLessThan(10_000);
    expect(count.attempts).toBeLessThanOrEqual(20);
  });

  it('costs nothing if it answers within that time', async () => {
    const { outcome, clock } = await runOf((at) => (at < 4000 ? 'ECONNREFUSED' : undefined));
    expect(outcome).toMatchObject({ outcome: 'published', result: { verdict: 'consistent' } });
    expect(clock.now()).toBeLessThan(10_000);
  });
});

describe('an API that has answered', () => {
  it('survives an outage of 30 s in the middle of a run on one machine', async () => {
    let downUntil: number | undefined;
    const { outcome, count } = await runOf((at, answers) => {
      if (answers >= 12) downUntil ??= at + 30_000;
      return downUntil !== undefined && at < downUntil ? 'ECONNREFUSED' : undefined;
    });
    expect(outcome).toMatchObject({ outcome: 'published', result: { verdict: 'consistent' } });
    expect(downUntil).toBeGreaterThan(0);
    // One request at a time finds out whether the API is back.
    expect(count.attempts - count.answers).toBeLessThan(40);
  });

  it.each(CODES)('is retried by the workflow: %s', async (code) => {
    const { api: client } = await api((_at, answers) => (answers === 0 ? undefined : code));
    await client.fetchPage(query(), decodeJson);
    expect(await safeErrorOf(client.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiUnavailableError',
      transient: true,
    });
  });

  it('an earlier run of the export is retried by the workflow, except for a person who waits', async () => {
    const { store } = memoryStore();
    await runSteps((await api(() => undefined)).api, store, 'run-1').plan();
    // A Lambda function has a client of its own.
    const { api: next } = await api(() => 'ECONNREFUSED');
    await expect(runSteps(next, store, 'run-2').plan()).rejects.toMatchObject({ name: 'ApiUnavailableError' });
    const { api: attended } = await api(() => 'ECONNREFUSED', { isAttended: true });
    await expect(runSteps(attended, store, 'run-3').plan()).rejects.toMatchObject({ name: 'ApiConnectionError' });
  });

  it('this run makes a page of another Lambda function be retried by the workflow', async () => {
    const { store } = memoryStore();
    const plan = await runSteps((await api(() => undefined)).api, store).plan();
    const { api: next } = await api(() => 'ECONNREFUSED');
    await expect(runSteps(next, store).pages(plan)).rejects.toMatchObject({ name: 'ApiUnavailableError' });
    await expect(runSteps(next, store).publish(plan)).rejects.not.toMatchObject({ name: 'ApiConnectionError' });
  });
});
