/** The client of the Account Export API: one request is one page, and quick failures are tried again quickly. */
import { setImmediate } from 'node:timers/promises';
import pLimit from 'p-limit';
import { Agent } from 'undici';
import type { AccountsApi, Allowance, ApiAnswer, Decode } from '../export/ports.ts';
import { ApiThrottledError, ExportError, isExportError } from '../model/errors.ts';
import type { PageQuery } from '../model/page-query.ts';
import type { Usage } from '../model/usage.ts';
import { type ApiKey, basicAuthorization, type CredentialsSource, SharedKey } from './credentials.ts';
import { type RequestLimits, requestPage, understand, unpackReceived } from './request-page.ts';
import { pagePath } from './request-url.ts';
import { backoffMs } from './retry-timing.ts';

export { evergageBaseUrl } from './request-url.ts';

export interface AccountsApiOptions {
  /** Scheme, host and port, without a path. */
  readonly baseUrl: string;
  readonly credentials: CredentialsSource;
  /** Requests in flight at once, over all calls; unbounded by default, where one Lambda sends one request anyway. */
  readonly concurrency?: number;
  readonly limits?: Partial<ClientLimits>;
  /** For tests. */
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  readonly now?: () => number;
}

export interface ClientLimits extends RequestLimits {
  /** TCP and TLS: a host that does not answer within this is down. */
  readonly connectTimeoutMs: number;
  /** In all, the first one included. */
  readonly tries: number;
  /** Tries and waits of one call end within this; longer waits belong to the state machine, which pays nothing for them. */
  readonly retryBudgetMs: number;
}

export const DEFAULT_LIMITS: ClientLimits = {
  connectTimeoutMs: 3_000,
  headersTimeoutMs: 120_000,
  bodyTimeoutMs: 30_000,
  totalTimeoutMs: 240_000,
  // A page takes some 15 times its body's size in memory: a function of 1024 MB holds this with room to spare. A page of
  // few accounts may take less.
  bodyLimitBytes: 32 * 1024 * 1024,
  tries: 4,
  retryBudgetMs: 6_000,
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
    signal?: AbortSignal,
    allowance?: Allowance,
  ): Promise<ApiAnswer<T>> {
    const path = pagePath(query);
    const usage = new CallSpent();
    let held = await keys.get();
    let startedAt: number | undefined;
    let freshKeyAsked = false;

    for (;;) {
      const request = {
        baseUrl: options.baseUrl,
        path,
        query,
        authorization: basicAuthorization(held.key),
        limits,
        now,
        signal,
      };
      await allowance?.take(query.pageSize).catch((error: unknown) => {
        throw isExportError(error) ? usage.attachTo(error) : error;
      });
      const packed = await inFlight(() => {
        startedAt ??= now();
        if (signal?.aborted) throw stopped(query, usage);
        return requestPage(agent, request);
      });
      // Unpacking and understanding an answer hold no place among the requests in flight, and let the next one leave first.
      if (packed.outcome === 'received') await setImmediate();
      const received = packed.outcome === 'received' ? await unpackReceived(request, packed) : packed;
      const attempt = received.outcome === 'received' ? understand(request, received, decode) : received;
      usage.enter(1, attempt.records);
      allowance?.giveBack(query.pageSize - attempt.records);
      if (attempt.outcome === 'answered') {
        const latencyMs = received.outcome === 'received' ? received.latencyMs : 0;
        return { value: attempt.value, latencyMs, ...usage.total };
      }
      if (signal?.aborted) throw stopped(query, usage);

      if (attempt.outcome === 'refused-key' && !freshKeyAsked) {
        // The key may have been rotated since it was read: one fresh read tells, and a wrong key fails within seconds.
        freshKeyAsked = true;
        const fresh = await keys.newerThan(held).catch((error: unknown) => {
          throw isExportError(error) ? usage.attachTo(error) : error;
        });
        if (!sameKey(fresh.key, held.key)) {
          held = fresh;
          usage.retry('key-changed');
          continue;
        }
      }
      const elapsed = now() - (startedAt ?? now());
      const wait = Math.max(backoffMs(usage.tries - 1, random()), attempt.retryAfterMs ?? 0);
      const again =
        attempt.outcome === 'failed' && usage.tries < limits.tries && elapsed + wait <= limits.retryBudgetMs;
      if (!again) throw usage.attachTo(withEffort(attempt.error, usage.tries, elapsed));
      usage.retry(attempt.cause);
      await sleep(wait, signal);
      if (signal?.aborted) throw stopped(query, usage);
    }
  }

  return { fetchPage, close: () => agent.destroy() };
}

/** What one call has cost so far. */
class CallSpent {
  #requests = 0;
  #records = 0;
  readonly #retries: Record<string, number> = {};

  get tries(): number {
    return this.#requests;
  }

  get total(): Usage {
    return { apiRequests: this.#requests, recordsFetched: this.#records, retries: { ...this.#retries } };
  }

  enter(requests: number, records: number): void {
    this.#requests += requests;
    this.#records += records;
  }

  retry(cause: string): void {
    this.#retries[cause] = (this.#retries[cause] ?? 0) + 1;
  }

  attachTo(error: ExportError): ExportError {
    error.usage = this.total;
    return error;
  }
}

function sameKey(a: ApiKey, b: ApiKey): boolean {
  return a.keyId === b.keyId && a.secret === b.secret;
}

/** Says of a transient failure how hard it was tried, and that this was not the last word. */
function withEffort(error: ExportError, tries: number, elapsedMs: number): ExportError {
  if (!error.transient) return error;
  const effort = tries === 1 ? '' : ` after ${tries} tries in ${(elapsedMs / 1000).toFixed(1)} s`;
  const message = `${error.message.replace(/\.$/, '')}${effort}; it can be tried again later.`;
  return error instanceof ApiThrottledError
    ? new ApiThrottledError(message, error.retryAfterMs)
    : new ExportError(error.name, message);
}

function stopped(query: PageQuery, usage: CallSpent): ExportError {
  return usage.attachTo(
    new ExportError(
      'ApiUnavailableError',
      `Page ${query.page} was given up before the API had answered; it can be tried again later.`,
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
