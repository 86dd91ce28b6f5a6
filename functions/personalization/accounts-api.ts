/** The client of the Account Export API: one request is one page, and short failures are retried at once. */

import { setImmediate } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Agent } from 'undici';
import type { AccountsApi, ApiAnswer, Decode, FetchOptions } from '../export/ports.ts';
import { ApiThrottledError, ExportError, isExportError } from '../model/errors.ts';
import type { PageQuery } from '../model/page-query.ts';
import type { Usage } from '../model/usage.ts';
import { type ApiKey, basicAuthorization, type CredentialsSource, SharedKey } from './credentials.ts';
import type { FailedRequest } from './failures.ts';
import { type RequestLimits, requestPage, understand, unpackReceived } from './request-page.ts';
import { pagePath } from './request-url.ts';
import { backoffMs } from './retry-timing.ts';

export { evergageBaseUrl } from './request-url.ts';

export interface AccountsApiOptions {
  /** Scheme, host and port, without a path. */
  readonly baseUrl: string;
  readonly credentials: CredentialsSource;
  /** Requests in flight at once, over all calls. @default no limit: a Lambda sends one request at a time */
  readonly concurrency?: number;
  readonly limits?: Partial<ClientLimits>;
  /** For tests. */
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly now?: () => number;
}

export interface ClientLimits extends RequestLimits {
  /** TCP and TLS. */
  readonly connectTimeoutMs: number;
  /** Requests per call, the first one included. */
  readonly maxRequests: number;
  /** Retries and waits of one call end within this; longer waits belong to the state machine, where they cost nothing. */
  readonly retryWindowMs: number;
}

export const DEFAULT_LIMITS: ClientLimits = {
  connectTimeoutMs: 3_000,
  headersTimeoutMs: 120_000,
  bodyTimeoutMs: 30_000,
  totalTimeoutMs: 240_000,
  // A page takes about 15 times its body's size in memory, which fits into a function of 1,024 MB.
  bodyLimitBytes: 32 * 1024 * 1024,
  maxRequests: 4,
  retryWindowMs: 6_000,
};

/** The client; `close` ends its connections. */
export function createAccountsApi(options: AccountsApiOptions): AccountsApi & { close(): Promise<void> } {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { random = Math.random, sleep = sleepMs, now = Date.now } = options;
  const agent = new Agent({ connect: { timeout: limits.connectTimeoutMs }, keepAliveTimeout: 10_000 });
  const keys = new SharedKey(options.credentials);
  const inFlight = pLimit(options.concurrency ?? Number.POSITIVE_INFINITY);

  async function fetchPage<T extends { readonly records: number }>(
    query: PageQuery,
    decode: Decode<T>,
    { signal, budget }: FetchOptions = {},
  ): Promise<ApiAnswer<T>> {
    const path = pagePath(query);
    const call = new CallUsage();
    let held = await keys.get();
    let startedAt: number | undefined;
    let freshKeyRead = false;

    for (;;) {
      const authorization = basicAuthorization(held.key);
      const request = { baseUrl: options.baseUrl, path, query, authorization, limits, now, signal };
      if (signal?.aborted) throw aborted(query, call);
      await budget?.take(query.pageSize).catch((error: unknown) => {
        throw isExportError(error) ? call.attachTo(error) : error;
      });
      const packed = await inFlight(async () => {
        startedAt ??= now();
        return signal?.aborted ? undefined : requestPage(agent, request);
      });
      if (!packed) {
        // The request was never sent.
        budget?.giveBack(query.pageSize);
        throw aborted(query, call);
      }
      // Unpacking and decoding an answer hold no place among the requests in flight, and let the next one leave first.
      if (packed.outcome === 'received') await setImmediate();
      const received = packed.outcome === 'received' ? await unpackReceived(request, packed) : packed;
      const attempt = received.outcome === 'received' ? understand(request, received, decode) : received;
      call.add(attempt.records);
      budget?.giveBack(query.pageSize - attempt.records);
      if (attempt.outcome === 'answered') {
        const latencyMs = received.outcome === 'received' ? received.latencyMs : 0;
        return { value: attempt.value, latencyMs, ...call.usage };
      }
      if (signal?.aborted) throw aborted(query, call);

      if (attempt.outcome === 'refused-key' && !freshKeyRead) {
        // The key may have been rotated since it was read: one fresh read finds out, and a wrong key fails within seconds.
        freshKeyRead = true;
        const fresh = await keys.newerThan(held).catch((error: unknown) => {
          throw isExportError(error) ? call.attachTo(error) : error;
        });
        if (!sameKey(fresh.key, held.key)) {
          held = fresh;
          call.retry('key-changed');
          continue;
        }
      }
      // The clock may have been set back since.
      const elapsed = Math.max(0, now() - (startedAt ?? now()));
      const wait = Math.max(backoffMs(call.requests - 1, random()), attempt.retryAfterMs ?? 0);
      const retry =
        attempt.outcome === 'failed' && call.requests < limits.maxRequests && elapsed + wait <= limits.retryWindowMs;
      if (!retry) throw call.attachTo(withEffort(attempt, call.requests, elapsed));
      call.retry(attempt.cause);
      await sleep(wait, signal);
    }
  }

  return { host: new URL(options.baseUrl).hostname, fetchPage, close: () => agent.destroy() };
}

/** The usage of one call so far. */
class CallUsage {
  #requests = 0;
  #records = 0;
  readonly #retries: Record<string, number> = {};

  get requests(): number {
    return this.#requests;
  }

  get usage(): Usage {
    return { apiRequests: this.#requests, recordsFetched: this.#records, retries: { ...this.#retries } };
  }

  /** Counts one request and the records that it fetched or may have fetched. */
  add(records: number): void {
    this.#requests++;
    this.#records += records;
  }

  retry(cause: string): void {
    this.#retries[cause] = (this.#retries[cause] ?? 0) + 1;
  }

  attachTo(error: ExportError): ExportError {
    error.usage = this.usage;
    return error;
  }
}

function sameKey(a: ApiKey, b: ApiKey): boolean {
  return a.keyId === b.keyId && a.secret === b.secret;
}

/** Adds to a transient error how often the request was sent, and what to do. */
function withEffort({ error, remedy }: FailedRequest, requests: number, elapsedMs: number): ExportError {
  if (!error.transient) return error;
  const effort = requests === 1 ? '' : ` (${requests} requests in ${(elapsedMs / 1000).toFixed(1)} s)`;
  const message = `${error.message.replace(/\.$/, '')}${effort}${remedy === undefined ? '' : `: ${remedy}`}.`;
  return error instanceof ApiThrottledError
    ? new ApiThrottledError(message, error.retryAfterMs)
    : new ExportError(error.name, message);
}

function aborted({ page }: PageQuery, call: CallUsage): ExportError {
  return call.attachTo(
    new ExportError(
      'ApiUnavailableError',
      `Request for page ${page} aborted (the run was stopped, or the time was up): resume the run.`,
    ),
  );
}

function sleepMs(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done, { once: true });
  });
}
