import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { type ExportError, isExportError } from '../../functions/model/errors.ts';
import type { PageQuery } from '../../functions/model/run.ts';
import {
  type AccountsApiOptions,
  createAccountsApi,
  type ResponseHead,
} from '../../functions/personalization/accounts-api.ts';
import type { CredentialsSource } from '../../functions/personalization/credentials.ts';
import { type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { addressOfNobody } from '../support/closed-port.ts';
import { propertyRuns } from '../support/property-runs.ts';

const KEY = { keyId: 'demo-key', secret: 'demo:secret' };
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A client that records its waits instead of waiting. */
function client(baseUrl: string, options: Partial<AccountsApiOptions> = {}) {
  const waits: number[] = [];
  let time = 1_000_000;
  const api = createAccountsApi({
    baseUrl,
    credentials: { get: async () => KEY },
    random: () => 1,
    sleep: async (ms) => {
      waits.push(ms);
      time += ms;
    },
    now: () => time,
    ...options,
  });
  closing.push(() => api.close());
  return { api, waits };
}

async function simulated(simulator: SimulatorOptions, options: Partial<AccountsApiOptions> = {}) {
  const running = await startSimulator({ accounts: 50, ...simulator });
  closing.push(() => running.close());
  return { ...client(running.url, options), simulator: running };
}

async function serving(listener: RequestListener, options: Partial<AccountsApiOptions> = {}) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
}

const query = (more: Partial<PageQuery> = {}): PageQuery => ({
  datasetId: 'engage',
  endpoint: 'json',
  pageSize: 10,
  page: 0,
  ...more,
});

async function errorOf(work: Promise<unknown>): Promise<ExportError> {
  const error = await work.then(
    () => new Error('No error was thrown'),
    (thrown: unknown) => thrown,
  );
  if (!isExportError(error)) throw error;
  return error;
}

describe('a request', () => {
  it('shows what each response says before its body, also of those that are retried', async () => {
    const heads: ResponseHead[] = [];
    const { api } = await simulated(
      { faults: [{ fault: { status: 503 } }] },
      { onResponse: (head) => heads.push({ ...head, serverTimeMs: head.serverTimeMs === undefined ? 0 : 1 }) },
    );
    await api.fetchPage(query(), decodeJson);
    const head = { endpoint: 'json', pageSize: 10, serverTimeMs: 1 };
    expect(heads).toEqual([
      { ...head, status: 503, contentType: 'text/plain', encoding: undefined },
      { ...head, status: 200, contentType: 'application/json; charset=utf-8', encoding: 'gzip' },
    ]);
  });

  it('sends page, page size and all parameters exactly as given', async () => {
    let seen = '';
    let authorization = '';
    const { api } = await serving(
      (request, response) => {
        seen = request.url ?? '';
        authorization = request.headers.authorization ?? '';
        response.end('[]');
      },
      { credentials: { get: async () => ({ keyId: 'key', secret: 'se:cret/ü+' }) } },
    );
    await api.fetchPage(
      query({ filter: 'Tier 1 & 2/EMEA + ü%', start: 1, end: 2, segmentId: 'a=b', page: 3 }),
      decodeJson,
    );
    expect(seen).toBe(
      '/api/dataset/engage/accounts.json?filter=Tier%201%20%26%202%2FEMEA%20%2B%20%C3%BC%25&start=1&end=2&segmentId=a%3Db&pageSize=10&page=3',
    );
    expect(authorization).toBe('Basic a2V5OnNlOmNyZXQvw7wr');
  });

  it('sends any filter unchanged', async () => {
    let seen: string | null = null;
    const { api } = await serving((request, response) => {
      seen = new URL(request.url ?? '', 'http://localhost').searchParams.get('filter');
      response.end('[]');
    });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), async (filter) => {
        if (!filter.isWellFormed()) {
          expect((await errorOf(api.fetchPage(query({ filter }), decodeJson))).message).toBe(
            'Invalid filter: it contains a damaged character (unpaired Unicode surrogate). Retype the value.',
          );
          return;
        }
        await api.fetchPage(query({ filter }), decodeJson);
        expect(seen).toBe(filter);
      }),
      { numRuns: propertyRuns(30, 100) },
    );
  });

  it.each([{ pageSize: 0 }, { pageSize: Number.NaN }, { pageSize: 1.5 }, { page: -1 }])(
    'fails without a request for %j',
    async (more) => {
      let requests = 0;
      const { api } = await serving((_request, response) => {
        requests++;
        response.end('[]');
      });
      expect((await errorOf(api.fetchPage(query(more), decodeJson))).name).toBe('RequestError');
      expect(requests).toBe(0);
    },
  );

  it('accepts compressed responses', async () => {
    const { api, simulator } = await simulated({ accounts: 50 });
    const { value } = await api.fetchPage(query({ pageSize: 50 }), decodeJson);
    expect(value.lines[49]).toContain('"name"');
    expect(simulator.requests[0]?.records).toBe(50);
  });

  it('reuses connections', async () => {
    const sockets = new Set<unknown>();
    const { api } = await serving((request, response) => {
      sockets.add(request.socket);
      response.end('[]');
    });
    for (let page = 0; page < 5; page++) await api.fetchPage(query({ page }), decodeJson);
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it('limits requests in flight over all calls and retries', async () => {
    const { api, simulator } = await simulated(
      { latencyMs: 5, faults: [{ fault: { status: 503 } }] },
      { concurrency: 3 },
    );
    await Promise.all(Array.from({ length: 12 }, (_, page) => api.fetchPage(query({ pageSize: 4, page }), decodeJson)));
    expect(simulator.maxInFlight()).toBe(3);
    expect(simulator.requests).toHaveLength(24);
  });
});

describe('a transient fault', () => {
  it.each([
    ['429', { status: 429 }, { '429': 1 }, 10, [3000]],
    ['429 with Retry-After', { status: 429, retryAfter: '2' }, { '429': 1 }, 10, [4000]],
    ['500', { status: 500 }, { '5xx': 1 }, 10, [250]],
    ['503 with Retry-After', { status: 503, retryAfter: '1' }, { '5xx': 1 }, 10, [3000]],
    ['408', { status: 408 }, { '408': 1 }, 10, [250]],
    ['a reset before the response', 'reset', { connection: 1 }, 20, [250]],
    ['a reset during the body', 'reset-mid-body', { connection: 1 }, 20, [250]],
    ['a truncated body', 'truncate', { 'broken-body': 1 }, 20, [250]],
    ['a body shorter than Content-Length', 'truncate-content-length', { connection: 1 }, 20, [250]],
    ['an HTML page with status 200', 'html', { 'broken-body': 1 }, 10, [250]],
    ['invalid JSON', 'garbage', { 'broken-body': 1 }, 20, [250]],
    ['an empty body', 'empty-body', { 'broken-body': 1 }, 20, [250]],
    ['invalid UTF-8', 'invalid-utf8', { 'broken-body': 1 }, 20, [250]],
  ] as const)('is retried: %s', async (...[_name, fault, retries, recordsFetched, waited]) => {
    const { api, waits } = await simulated({ faults: [{ fault }] });
    const answer = await api.fetchPage(query(), decodeJson);
    expect(answer.value.records).toBe(10);
    expect(answer.usage.apiRequests).toBe(2);
    expect(answer.usage.recordsFetched).toBe(recordsFetched);
    expect(Object.values(answer.usage.retries)).toEqual([1]);
    if (fault !== 'truncate-content-length') expect(answer.usage.retries).toEqual(retries);
    expect(waits).toEqual(waited);
  });

  it('waits until a date in Retry-After, on the clock of the server', async () => {
    const headers = { 'retry-after': 'Sat, 22 Aug 2026 02:00:03 GMT', date: 'Sat, 22 Aug 2026 02:00:00 GMT' };
    let requests = 0;
    const { api, waits } = await serving(
      (_request, response) => response.writeHead(++requests === 1 ? 429 : 200, headers).end('[]'),
      { random: () => 0 },
    );
    await api.fetchPage(query(), decodeJson);
    expect(waits).toEqual([3000]);
  });
});

describe('a clock that is set back during a request', () => {
  it('makes no duration negative', async () => {
    let time = 10_000_000;
    const now = () => {
      time -= 3_600_000;
      return time;
    };
    const { api } = await simulated({ faults: [{ fault: { status: 500 }, pages: [1], times: 4 }] }, { now });
    expect(await api.fetchPage(query(), decodeJson)).toMatchObject({ latencyMs: 0 });
    const { message } = await errorOf(api.fetchPage(query({ page: 1 }), decodeJson));
    expect(message).toContain('(4 requests in 0.0 s)');
  });
});

describe('a permanent fault', () => {
  const always = Number.POSITIVE_INFINITY;

  it.each([
    [
      '500',
      { status: 500 },
      'ApiUnavailableError',
      '500 Internal Server Error for page 0 of dataset "engage" (4 requests in 1.8 s): wait until the API is available, then resume the run, or start a new run if it was never planned.',
    ],
    [
      '429',
      { status: 429 },
      'ApiThrottledError',
      '429 Too Many Requests for page 0 of dataset "engage" (4 requests in 13.0 s): lower concurrency, then resume the run, or start a new run if it was never planned.',
    ],
    [
      'truncate',
      'truncate',
      'ApiAnswerError',
      /^Invalid JSON for page 0 of dataset "engage" \(\d+ bytes, probably truncated; 4 requests in 1\.8 s\): resume the run, or start a new run if it was never planned; if it fails again, contact Salesforce\.$/,
    ],
  ] as const)('fails after four requests: %s', async (_name, fault, name, message) => {
    const { api, simulator, waits } = await simulated({ faults: [{ fault, times: always }] });
    const error = await errorOf(api.fetchPage(query(), decodeJson));
    expect(error).toMatchObject({
      name,
      transient: true,
      message: expect.stringMatching(message instanceof RegExp ? message : new RegExp(RegExp.escape(message))),
    });
    expect(simulator.requests).toHaveLength(4);
    // After a 429, all requests wait: for 1, 2 and 4 s, and up to 2 s more.
    expect(waits).toEqual(name === 'ApiThrottledError' ? [3000, 4000, 6000] : [250, 500, 1000]);
    expect(error.usage).toMatchObject({ apiRequests: 4 });
  });

  it('leaves a long Retry-After to the workflow', async () => {
    const { api, simulator, waits } = await simulated({
      faults: [{ fault: { status: 429, retryAfter: '60' }, times: always }],
    });
    expect(await errorOf(api.fetchPage(query(), decodeJson))).toMatchObject({ name: 'ApiThrottledError' });
    expect(await errorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiThrottledError',
      message: expect.stringMatching(
        /^127\.0\.0\.1:\d+ asks to wait 60 s \(Retry-After\) before page 0 of dataset "engage" may be requested: lower concurrency,/,
      ),
      usage: { apiRequests: 0, recordsFetched: 0 },
    });
    expect(simulator.requests).toHaveLength(1);
    expect(waits).toEqual([]);
  });

  it.each([
    [
      400,
      'ApiRequestError',
      '400 Bad Request for page 0 of dataset "engage": check the parameters (filter, pageSize 10, page), then start a new run, possibly with a smaller pageSize.',
    ],
    [
      404,
      'ApiNotFoundError',
      /^404 Not Found for dataset "engage" at 127\.0\.0\.1:\d+: check the dataset, accountName and instance\.$/,
    ],
    [
      403,
      'ApiCredentialsError',
      '403 Forbidden for dataset "engage": check the key\'s permissions and its IP Accept List.',
    ],
    [302, 'ApiRequestError', /^Redirect from \S+ \(302\): check accountName and instance/],
  ])('with status %i is not retried', async (status, name, message) => {
    const { api, simulator } = await simulated({ faults: [{ fault: { status }, times: always }] });
    expect(await errorOf(api.fetchPage(query({ filter: 'secret segment' }), decodeJson))).toMatchObject({
      name,
      transient: false,
      message: expect.stringMatching(message instanceof RegExp ? message : new RegExp(RegExp.escape(message))),
    });
    expect(simulator.requests).toHaveLength(1);
  });

  it('reports a host that refuses connections, and counts no records', async () => {
    const address = await addressOfNobody();
    const { api } = client(address);
    expect(await errorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiConnectionError',
      message: expect.stringMatching(
        `^Cannot fetch page 0 of dataset "engage" from ${address.slice(7)} \\(connection refused; \\d+ requests in `,
      ),
      usage: { recordsFetched: 0 },
    });
  });

  it.each([
    ['no response', 'hang', { headersTimeoutMs: 50 }, /no response within 0.05 s/],
    ['a body that stalls', 'hang-body', { bodyTimeoutMs: 50 }, /the body stalled/],
    ['a slow body', 'slow-drip', { totalTimeoutMs: 100 }, /timed out after 0.1 s/],
  ])('times out and counts the page: %s', async (_name, fault, limits, message) => {
    const { api } = await serving(
      (_request, response) => {
        if (fault === 'hang') return;
        response.write('[');
        if (fault === 'hang-body') return;
        const timer = setInterval(() => response.write(' '), 10);
        response.once('close', () => clearInterval(timer));
      },
      { limits: { ...limits, maxRequests: 1 } },
    );
    expect(await errorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiUnavailableError',
      message: expect.stringMatching(message),
      usage: { apiRequests: 1, recordsFetched: 10 },
    });
  });

  it('rejects an API that returns more accounts than requested', async () => {
    const { api } = await serving((_request, response) => response.end('[{},{},{}]'));
    expect(await errorOf(api.fetchPage(query({ pageSize: 2 }), decodeJson))).toMatchObject({
      name: 'PagingError',
      usage: { apiRequests: 1, recordsFetched: 3 },
    });
  });
});

describe('a body over the limit', () => {
  const limits = { bodyLimitBytes: 1024 * 1024 };

  it('suggests a page size from Content-Length', async () => {
    const { api } = await serving(
      (_request, response) => {
        response.setHeader('content-length', 4 * 1024 * 1024);
        response.end(Buffer.alloc(4 * 1024 * 1024, 0x20));
      },
      { limits },
    );
    expect(await errorOf(api.fetchPage(query({ pageSize: 1000 }), decodeJson))).toMatchObject({
      name: 'PageTooLargeError',
      transient: false,
      message:
        'Response over 1 MiB for page 0 of dataset "engage" (1000 accounts requested): start a new run with pageSize 200.',
    });
  });

  it('stops decompressing a small body that expands to a huge one', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const { api } = await serving(
      (_request, response) => {
        response.setHeader('content-encoding', 'gzip');
        response.end(bomb);
      },
      { limits },
    );
    expect((await errorOf(api.fetchPage(query({ pageSize: 1000 }), decodeJson))).message).toContain(
      'start a new run with pageSize 500.',
    );
  });

  it('reports a single account that is too large', async () => {
    const { api } = await serving((_request, response) => response.end(Buffer.alloc(2 * 1024 * 1024, 0x20)), {
      limits,
    });
    expect((await errorOf(api.fetchPage(query({ pageSize: 1 }), decodeJson))).message).toBe(
      'One account of dataset "engage" is too large (response over 1 MiB; position 0 in the list that the API returns, counted from 0): start a new run with a segment that does not contain it.',
    );
  });
});

describe('a rejected key', () => {
  function source(...keys: (typeof KEY)[]): CredentialsSource & { fresh: number } {
    const state = {
      fresh: 0,
      async get(options?: { fresh?: boolean }) {
        if (options?.fresh) state.fresh++;
        return keys[Math.min(state.fresh, keys.length - 1)] ?? KEY;
      },
    };
    return state;
  }

  it('is read again, and the call continues if it changed', async () => {
    const credentials = source({ keyId: 'old', secret: 'old' }, KEY);
    const { api } = await simulated({}, { credentials });
    const answer = await api.fetchPage(query(), decodeJson);
    expect(answer.usage).toEqual({ apiRequests: 2, retries: { 'key-changed': 1 }, recordsFetched: 10 });
    expect(credentials.fresh).toBe(1);
  });

  it('fails the call if it did not change', async () => {
    const credentials = source({ keyId: 'wrong', secret: 'top-secret' });
    const { api, simulator } = await simulated({}, { credentials });
    const error = await errorOf(api.fetchPage(query(), decodeJson));
    expect(error).toMatchObject({
      name: 'ApiCredentialsError',
      transient: false,
      message: expect.stringContaining('check that the API key is correct'),
    });
    expect(error.message).not.toContain('top-secret');
    expect(simulator.requests).toHaveLength(1);
    expect(credentials.fresh).toBe(1);
  });

  it('fails the call if the new key is rejected, too', async () => {
    const credentials = source({ keyId: 'old', secret: 'old' }, { keyId: 'new', secret: 'new' });
    const { api, simulator } = await simulated({}, { credentials });
    expect((await errorOf(api.fetchPage(query(), decodeJson))).name).toBe('ApiCredentialsError');
    expect(simulator.requests).toHaveLength(2);
  });
});

describe('an abort', () => {
  it('cancels a request in flight and counts its page', async () => {
    const { api } = await serving(() => undefined);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 30);
    expect(await errorOf(api.fetchPage(query(), decodeJson, { signal: stop.signal }))).toMatchObject({
      name: 'ApiUnavailableError',
      usage: { apiRequests: 1, recordsFetched: 10 },
    });
  });
});

it('times out on a connection that is accepted but never answered', async () => {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { api } = client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    limits: { headersTimeoutMs: 50, maxRequests: 1 },
  });
  expect((await errorOf(api.fetchPage(query(), decodeJson))).message).toContain('no response within 0.05 s');
});
