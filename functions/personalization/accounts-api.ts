/** The client of the Account Export API: one request is one page, and short failures are retried at once. */

import { setTimeout } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Agent } from 'undici';
import type { AccountsApi, Activity, ApiAnswer, Decode, FetchOptions } from '../export/ports.ts';
import { ExportError, isExportError } from '../model/errors.ts';
import { PageError } from '../model/page-error.ts';
import type { PageQuery } from '../model/run.ts';
import { addUsage, NO_USAGE } from '../model/usage.ts';
import { basicAuthorization, type CredentialsSource, sharedKey } from './credentials.ts';
import type { FailedRequest } from './failures.ts';
import { type RequestLimits, readPage, requestPage } from './request-page.ts';
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
  /** Receives requests and waits. */
  readonly observe?: ((activity: Activity) => void) | undefined;
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
  const { random = Math.random, sleep = sleepMs, now = Date.now, observe } = options;
  const agent = new Agent({ connect: { timeout: limits.connectTimeoutMs }, keepAliveTimeout: 10_000 });
  const keys = sharedKey(options.credentials);
  const inFlight = pLimit(options.concurrency ?? Number.POSITIVE_INFINITY);

  async function fetchPage<T extends { readonly records: number }>(
    query: PageQuery,
    decode: Decode<T>,
    { signal, budget }: FetchOptions = {},
  ): Promise<ApiAnswer<T>> {
    const path = pagePath(query);
    let usage = NO_USAGE;
    const countRetry = (cause: string) => {
      usage = addUsage(usage, { ...NO_USAGE, retries: { [cause]: 1 } });
    };
    let startedAt: number | undefined;
    let freshKeyRead = false;
    try {
      let current = await keys.get();
      for (;;) {
        const authorization = basicAuthorization(current.key);
        const request = { baseUrl: options.baseUrl, path, query, authorization, limits, now, signal };
        if (signal?.aborted) throw aborted(query);
        await budget?.take(query.pageSize);
        const received = await inFlight(async () => {
          startedAt ??= now();
          if (signal?.aborted) return undefined;
          observe?.({ activity: 'requested' });
          return requestPage(agent, request).finally(() => observe?.({ activity: 'answered' }));
        });
        if (!received) {
          // The request was never sent.
          budget?.giveBack(query.pageSize);
          throw aborted(query);
        }
        const result = received.outcome === 'received' ? await readPage(request, received, decode) : received;
        usage = addUsage(usage, { apiRequests: 1, recordsFetched: result.records, retries: {} });
        budget?.giveBack(query.pageSize - result.records);
        if (result.outcome === 'read') return { value: result.value, latencyMs: result.latencyMs, ...usage };
        if (signal?.aborted) throw aborted(query);

        if (result.outcome === 'keyRejected' && !freshKeyRead) {
          // The key may have been rotated since it was read: one fresh read finds out, and a wrong key fails within seconds.
          freshKeyRead = true;
          const fresh = await keys.newerThan(current);
          if (basicAuthorization(fresh.key) !== authorization) {
            current = fresh;
            countRetry('key-changed');
            continue;
          }
        }
        const requests = usage.apiRequests;
        // The clock may have been set back since.
        const elapsed = Math.max(0, now() - (startedAt ?? now()));
        const wait = Math.max(backoffMs(requests - 1, random()), result.retryAfterMs ?? 0);
        const retry =
          result.outcome === 'transient' && requests < limits.maxRequests && elapsed + wait <= limits.retryWindowMs;
        if (!retry) throw withAttempts(result, requests, elapsed);
        countRetry(result.cause);
        const { maxRequests } = limits;
        observe?.({ activity: 'waiting', ms: wait, cause: result.cause, request: requests, maxRequests });
        await sleep(wait, signal);
      }
    } catch (error) {
      if (isExportError(error)) error.usage = usage;
      throw error;
    }
  }

  return { host: new URL(options.baseUrl).hostname, fetchPage, close: () => agent.destroy() };
}

/** Adds to a transient error how often the request was sent. */
function withAttempts({ error }: FailedRequest, requests: number, elapsedMs: number): ExportError {
  if (!(error instanceof PageError) || !error.transient || requests === 1) return error;
  return error.withValue(`${requests} requests in ${(elapsedMs / 1000).toFixed(1)} s`);
}

function aborted({ page }: PageQuery): ExportError {
  return new ExportError(
    'ApiUnavailableError',
    `Request for page ${page} aborted (the run was stopped, or its time limit was reached): resume the run.`,
  );
}

/** Waits; an abort ends the wait. */
async function sleepMs(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
}
