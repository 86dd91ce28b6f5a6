/**
 * `Retry-After`: no request is sent inside the window, by any call of any process of the run. Time is simulated: it passes
 * only while something waits.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { localCatalog, runLocal } from '../../cli/local/run-local.ts';
import { exportPage } from '../../functions/export/page/export-page.ts';
import type { Activity, ObjectStore } from '../../functions/export/ports.ts';
import { sharedWait } from '../../functions/export/source/shared-wait.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { isExportError } from '../../functions/model/errors.ts';
import { MAX_API_WAIT_SECONDS } from '../../functions/model/retry-policy.ts';
import { type AccountsApiOptions, createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';
import { simulatedClock } from '../support/simulated-clock.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Seen {
  readonly at: number;
  readonly page: number;
  readonly pageSize: number;
}

/** An API of 95 accounts that answers 429 when `refuses` says so, with the seconds of `Retry-After`, or without if empty. */
async function throttlingApi(refuses: (request: Seen, nth: number) => string | undefined) {
  const clock = simulatedClock();
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams;
    const one = { at: clock.now(), page: Number(query.get('page')), pageSize: Number(query.get('pageSize')) };
    seen.push(one);
    const retryAfter = refuses(one, seen.length);
    if (retryAfter !== undefined) {
      response.writeHead(429, retryAfter === '' ? {} : { 'retry-after': retryAfter }).end();
      return;
    }
    const from = Math.min(95, one.page * one.pageSize);
    const to = Math.min(95, from + one.pageSize);
    response.end(JSON.stringify(Array.from({ length: to - from }, (_, i) => ({ name: `account ${from + i}` }))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const waits: Extract<Activity, { activity: 'waiting' }>[] = [];
  /** The client of a process: each Lambda has its own. */
  const process = (options: Partial<AccountsApiOptions> = {}) => {
    const api = createAccountsApi({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { get: async () => ({ keyId: 'k', secret: 's' }) },
      random: () => 0.5,
      now: clock.now,
      sleep: clock.sleep,
      observe: (seen) => {
        if (seen.activity === 'waiting') waits.push(seen);
      },
      ...options,
    });
    closing.push(() => api.close());
    return api;
  };
  return { clock, seen, waits, process };
}

const query = (page: number) => ({ datasetId: 'engage', endpoint: 'json' as const, pageSize: 10, page });
const outcomeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (isExportError(error) ? error.name : error),
  );

/** Plans a run without a fault, and returns how one Lambda exports one page. */
async function plannedPages(
  store: ObjectStore,
  process: (options?: Partial<AccountsApiOptions>) => ReturnType<typeof createAccountsApi>,
) {
  const { run, execution } = await runSteps(process(), store).plan({ maxRecords: 1000 });
  const lambda = () => {
    const api = process();
    return (page: number) => exportPage({ api, store, clock: { now: () => 0 } }, { run, page, execution });
  };
  return { run, lambda };
}

describe('a 429 without Retry-After', () => {
  it('makes all requests of the process wait, longer each time, instead of asking a throttled API again and again', async () => {
    const start = Date.parse('2026-08-22T02:00:00Z');
    const { clock, seen, process } = await throttlingApi(({ at }) => (at < start + 8_000 ? '' : undefined));
    const api = process({ concurrency: 8 });
    const pages = Array.from({ length: 9 }, (_, page) => api.fetchPage(query(page), decodeJson));
    for (const page of await Promise.all(pages)) expect(page.value.records).toBeGreaterThan(0);
    const refused = seen.filter(({ at }) => at < start + 8_000);
    expect(new Set(refused.map(({ at }) => at)).size).toBeLessThanOrEqual(4);
    expect(clock.now()).toBeGreaterThanOrEqual(start + 8_000);
  });
});

describe('requests of a process that sends all requests of the run', () => {
  it('start within 250 ms of the moment that the API named', async () => {
    const start = Date.parse('2026-08-22T02:00:00Z');
    const { seen, process } = await throttlingApi(({ at }) => (at === start ? '2' : undefined));
    const api = process({ concurrency: 8, random: () => 1 });
    await Promise.all(Array.from({ length: 9 }, (_, page) => api.fetchPage(query(page), decodeJson)));
    const later = seen.filter(({ at }) => at > start).map(({ at }) => at - start);
    expect(Math.min(...later)).toBeGreaterThanOrEqual(2000);
    expect(Math.max(...later)).toBeLessThanOrEqual(2250);
  });
});

describe('a page that is asked to wait', () => {
  it('keeps the pages in all other Lambdas of the run waiting until then, and no longer', async () => {
    let throttles = false;
    const { clock, seen, process } = await throttlingApi(() => (throttles ? '60' : undefined));
    const { store } = memoryStore();
    const { lambda } = await plannedPages(store, process);
    throttles = true;
    const before = seen.length;
    expect(await outcomeOf(lambda()(0))).toBe('ApiThrottledError');
    expect(seen.length - before).toBe(1);
    throttles = false;

    for (let second = 0; second < 40; second += 5) {
      const attempts = await Promise.all([1, 2, 3].map((page) => outcomeOf(lambda()(page))));
      expect(attempts).toEqual(['ApiThrottledError', 'ApiThrottledError', 'ApiThrottledError']);
      clock.advance(5000);
    }
    expect(seen.length - before).toBe(1);

    // 20 s are left: short enough to wait in the Lambda.
    const resumedAt = clock.now();
    expect(await outcomeOf(lambda()(1))).toBe('done');
    expect(seen.at(-1)?.at).toBeGreaterThanOrEqual(resumedAt + 20_000);
    expect(await outcomeOf(lambda()(0))).toBe('done');
    expect(seen.length - before).toBe(3);
  });

  it('holds no ticket of the record budget while it waits', async () => {
    let throttles = true;
    const { clock, process } = await throttlingApi(({ pageSize }) => (pageSize === 10 && throttles ? '12' : undefined));
    throttles = false;
    const { store } = memoryStore();
    const { lambda } = await plannedPages(store, process);
    const tickets = async () => (await store.list('work/run_id=run-1/tickets/')).length;
    throttles = true;
    const held: number[] = [];
    clock.onWait(async () => {
      held.push(await tickets());
      throttles = false;
    });
    expect(await outcomeOf(lambda()(3))).toBe('done');
    expect(held).toEqual([0]);
    expect(await tickets()).toBe(1);
  });

  it('holds no slot of the concurrency limit while it waits, and a page that got its slot before then is not sent', async () => {
    const { seen, process, waits } = await throttlingApi((_request, nth) => (nth === 1 ? '12' : undefined));
    const api = process({ concurrency: 1 });
    await Promise.all([0, 1, 2, 3].map((page) => api.fetchPage(query(page), decodeJson)));
    const [first, ...others] = seen;
    expect(others).toHaveLength(4);
    for (const { at } of others) expect(at - (first?.at ?? 0)).toBeGreaterThanOrEqual(12_000);
    expect(waits.map(({ cause }) => cause).sort()).toEqual(['429', 'asked', 'asked', 'asked']);
  });

  it('does not start at the same moment as the others', async () => {
    const { seen, process } = await throttlingApi((_request, nth) => (nth === 1 ? '10' : undefined));
    let random = 0;
    const next = () => {
      random = (random + 0.07) % 1;
      return random;
    };
    const api = process({ random: next, concurrency: 1 });
    await Promise.all(Array.from({ length: 12 }, (_, page) => api.fetchPage(query(page), decodeJson)));
    const starts = seen.slice(1).map(({ at }) => at);
    expect(new Set(starts).size).toBe(12);
    expect(Math.max(...starts) - Math.min(...starts)).toBeLessThanOrEqual(2000);
  });

  it('waits again if the API asks again, and the run survives it', async () => {
    const { seen, process } = await throttlingApi((_request, nth) => (nth <= 3 ? '5' : undefined));
    await process().fetchPage(query(0), decodeJson);
    const gaps = seen.slice(1).map(({ at }, i) => at - (seen[i]?.at ?? 0));
    expect(gaps.every((gap) => gap >= 5000)).toBe(true);
  });

  it('does not wait for a moment in the past when the run is resumed', async () => {
    const { clock, process, waits } = await throttlingApi(() => undefined);
    const { store } = memoryStore();
    await sharedWait(store, 'run-1').holdUntil(clock.now() - 1);
    expect((await runSteps(process(), store).all()).accounts).toBe(95);
    expect(waits).toEqual([]);
  });

  it('waits once, even if the clock is set back meanwhile', async () => {
    const { clock, seen, process } = await throttlingApi((_request, nth) => (nth === 1 ? '5' : undefined));
    clock.onWait(() => clock.advance(-3_600_000));
    await process().fetchPage(query(0), decodeJson);
    expect(seen).toHaveLength(2);
  });

  it('waits if the store that shares the wait fails', async () => {
    const { seen, process } = await throttlingApi((_request, nth) => (nth === 1 ? '5' : undefined));
    const wait = { notBefore: async () => 0, holdUntil: () => Promise.reject(new Error('no store')) };
    await process().fetchPage(query(0), decodeJson, { wait });
    expect((seen[1]?.at ?? 0) - (seen[0]?.at ?? 0)).toBeGreaterThanOrEqual(5000);
  });
});

describe('a wait beyond the limit', () => {
  it('fails at once and states both, and no page of the run is sent until then', async () => {
    let throttles = true;
    const { clock, seen, process } = await throttlingApi(({ pageSize }) =>
      pageSize === 10 && throttles ? '3600' : undefined,
    );
    throttles = false;
    const { store } = memoryStore();
    const { lambda } = await plannedPages(store, process);
    throttles = true;
    const before = seen.length;
    const error = await lambda()(0).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: 'ApiWaitError',
      transient: false,
      message: expect.stringMatching(
        /^A run waits at most 900 s, but 127\.0\.0\.1:\d+ asks to wait 3,600 s \(Retry-After\): when that time is over, resume the run/,
      ),
    });
    throttles = false;
    clock.advance(600_000);
    expect(await lambda()(1).catch((thrown: unknown) => thrown)).toMatchObject({
      name: 'ApiWaitError',
      message: expect.stringContaining('asks to wait 3,000 s'),
    });
    expect(seen.length - before).toBe(1);
    clock.advance(3_000_000);
    expect(await outcomeOf(lambda()(1))).toBe('done');
  });

  it('is at most a day, so that a run is not lost to an absurd header', async () => {
    const { clock, process } = await throttlingApi((_request, nth) => (nth === 1 ? '9'.repeat(30) : undefined));
    const { store } = memoryStore();
    const wait = sharedWait(store, 'run-1');
    expect(await outcomeOf(process().fetchPage(query(0), decodeJson, { wait }))).toBe('ApiWaitError');
    clock.advance(86_400_000);
    expect(await outcomeOf(process().fetchPage(query(0), decodeJson, { wait }))).toBe('done');
  });
});

describe('a run on one machine', () => {
  const local = async (concurrency: number, refuses: Parameters<typeof throttlingApi>[0]) => {
    const world = await throttlingApi(refuses);
    const { store } = memoryStore();
    const outcome = await runLocal({
      api: world.process({ concurrency, limits: { maxWaitMs: MAX_API_WAIT_SECONDS * 1000 } }),
      store,
      catalog: localCatalog(),
      clock: world.clock,
      runId: 'run-1',
      request: { exportName: 'all', datasetId: 'engage', pageSize: 10 },
      concurrency,
      retryIntervalMs: 1,
      signal: new AbortController().signal,
    });
    return { ...world, outcome };
  };

  it.each([
    [1, 12, 0],
    // Seven requests were on their way when the eighth was refused.
    [8, 300, 7],
  ])(
    'with %i requests in flight waits %i s when it is asked to, sends none meanwhile, and publishes',
    async (concurrency, seconds, onTheirWay) => {
      let until = 0;
      let inside = 0;
      const { outcome } = await local(concurrency, ({ at, pageSize, page }) => {
        if (at < until) inside++;
        if (pageSize !== 10 || page !== 3 || until !== 0) return undefined;
        until = at + seconds * 1000;
        return String(seconds);
      });
      expect(outcome).toMatchObject({ outcome: 'published', result: { accounts: 95, verdict: 'consistent' } });
      expect(inside).toBeLessThanOrEqual(onTheirWay);
    },
  );

  it('waits while planning and while publishing, too', async () => {
    const until: number[] = [];
    let inside = 0;
    const pages = new Set<number>();
    const { outcome } = await local(1, ({ at, page, pageSize }, nth) => {
      if (at < (until.at(-1) ?? 0)) inside++;
      const publishes = pages.size === 10 && until.length < 2;
      if (pageSize === 10 && page < 10) pages.add(page);
      if (nth !== 1 && !publishes) return undefined;
      until.push(at + 12_000);
      return '12';
    });
    expect(outcome).toMatchObject({ outcome: 'published' });
    expect(until).toHaveLength(2);
    expect(inside).toBe(0);
  });

  it('fails at once when it is asked to wait longer, after the requests that were in flight', async () => {
    const { outcome, seen } = await local(8, () => '3600');
    expect(outcome).toMatchObject({
      outcome: 'failed',
      failure: { error: 'ApiWaitError', cause: expect.stringContaining('A run waits at most 900 s') },
    });
    expect(seen.length).toBeLessThanOrEqual(8);
  });
});
