/** The client of the Account Export API: one request is one page, and short failures are retried at once. */

import { setTimeout } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Dispatcher } from 'undici';
import type { AccountsApi, Activity, ApiAnswer, Decode, FetchOptions } from '../export/ports.ts';
import { ExportError, isExportError } from '../model/errors.ts';
import { PageError } from '../model/page-error.ts';
import type { PageQuery } from '../model/run.ts';
import { addUsage, NO_USAGE } from '../model/usage.ts';
import { askedWaits } from './asked-waits.ts';
import { basicAuthorization, type CredentialsSource, sharedKey } from './credentials.ts';
import { expectsHttps, type FailedRequest } from './failures.ts';
import { type RequestLimits, type ResponseHead, readPage, requestPage } from './request-page.ts';
import { pagePath } from './request-url.ts';
import { backoffMs } from './retry-timing.ts';
import { speaksTls } from './speaks-tls.ts';
import { Agent, ProxyAgent } from './undici.ts';

export type { ResponseHead } from './request-page.ts';
export { evergageBaseUrl } from './request-url.ts';

export interface AccountsApiOptions {
  /** Scheme, host and port, without a path. */
  readonly baseUrl: string;
  readonly credentials: CredentialsSource;
  /** The proxy to use, see `proxyFor`. @default none */
  readonly proxy?: URL | undefined;
  /** Requests in flight at once, over all calls. @default no limit: on AWS, the callers limit themselves */
  readonly concurrency?: number;
  readonly limits?: Partial<ClientLimits>;
  /** Whether a person waits: then only an answer to this client shows that the address is right. @default false */
  readonly isAttended?: boolean;
  /** Receives requests and waits. */
  readonly observe?: ((activity: Activity) => void) | undefined;
  /** Receives what each response says before its body, for diagnosis. */
  readonly onResponse?: ((head: ResponseHead) => void) | undefined;
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
  /**
   * No retry starts later than this after the first request of the call, waits that the API asked for left out: longer waits
   * belong to the state machine, where they cost nothing.
   */
  readonly retryWindowMs: number;
  /** How long a call tries to reach an API that has never answered. */
  readonly reachWindowMs: number;
  /** The longest wait within a call that the API asks for; longer waits belong to the state machine, too. */
  readonly maxWaitMs: number;
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
  reachWindowMs: 30_000,
  maxWaitMs: 20_000,
};

/** The client; `close` ends its connections. */
export function createAccountsApi(options: AccountsApiOptions): AccountsApi & { close(): Promise<void> } {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const {
    baseUrl,
    proxy,
    isAttended = false,
    random = Math.random,
    sleep = sleepMs,
    now = Date.now,
    observe,
    onResponse,
  } = options;
  const agent = dispatcher(limits, proxy);
  const keyHolder = sharedKey(options.credentials);
  const inFlight = pLimit(options.concurrency ?? Number.POSITIVE_INFINITY);
  const largeBodies = pLimit(1);
  /** Whether a page or a probe has been received. */
  let hasAnswered = false;
  /** The last failure to reach the API that was not retried, and how many there were. */
  let givenUp: { readonly error: ExportError; readonly times: number } | undefined;
  let isTls: Promise<boolean> | undefined;
  /** Whether a failed request should have been sent with https. Checked once, and not after an answer. */
  const needsHttps = async (result: FailedRequest): Promise<boolean> => {
    if (hasAnswered || proxy || !baseUrl.startsWith('http:')) return false;
    const isBroken = result.cause === 'connection' && (result.outcome === 'transient' || result.outcome === 'confirm');
    if (!isBroken && result.cause !== '400') return false;
    isTls ??= speaksTls(baseUrl, limits.connectTimeoutMs);
    return isTls;
  };
  const isAlone = options.concurrency !== undefined;
  const waitsOfCall = askedWaits({ now, random, maxWaitMs: limits.maxWaitMs, isAlone });

  async function fetchPage<T extends { readonly records: number }>(
    query: PageQuery,
    decode: Decode<T>,
    { signal, budget, wait: shared, answeredBefore = false }: FetchOptions = {},
  ): Promise<ApiAnswer<T>> {
    const path = pagePath(query);
    const requested = { baseUrl, proxy: proxy?.host, query };
    let usage = NO_USAGE;
    const countRetry = (cause: string) => {
      usage = addUsage(usage, { ...NO_USAGE, retries: { [cause]: 1 } });
    };
    const waits = waitsOfCall(requested, shared);
    const pause = async (ms: number, cause: string, request = usage.apiRequests) => {
      const { maxRequests } = limits;
      observe?.({ activity: 'waiting', ms, cause, request, maxRequests });
      await sleep(ms, signal);
      if (signal?.aborted) throw aborted(query);
    };
    const givenUpBefore = givenUp?.times;
    let startedAt: number | undefined;
    let freshKeyRead = false;
    let confirmed = false;
    let lastCause = 'asked';
    try {
      let current = await keyHolder.get();
      for (;;) {
        const authorization = basicAuthorization(current.key);
        const large = turnOf(largeBodies);
        const request = { ...requested, path, authorization, limits, now, signal, turn: large.turn, onResponse };
        if (signal?.aborted) throw aborted(query);
        // Nothing that another request may need is held meanwhile.
        for (let wait = await waits.next(); wait; wait = await waits.next()) {
          await budget?.returnTickets();
          // Other calls may have been those that did not reach the API.
          await (wait.isAsked ? pause(wait.ms, lastCause) : pause(wait.ms, 'connection', 0));
          // One call finds out for all that wait for it.
          if (givenUp && givenUp.times !== givenUpBefore) throw copyOf(givenUp.error);
        }
        await budget?.reserve(query.pageSize);
        let result = await inFlight(async () => {
          if (signal?.aborted || waits.mustWait()) return undefined;
          startedAt ??= now();
          observe?.({ activity: 'requested' });
          const received = await requestPage(agent, request).finally(() => observe?.({ activity: 'answered' }));
          // Before the slot is free for the next request.
          if (received.outcome === 'received') {
            waits.answered();
            hasAnswered = true;
            return received;
          }
          if (received.outcome === 'unreached') waits.unreached();
          else waits.reached();
          const asked = received.retryAfterMs ?? (received.cause === '429' ? waits.throttledMs() : 0);
          waits.hold(asked);
          return { ...received, retryAfterMs: asked };
        })
          .then((received) => (received?.outcome === 'received' ? readPage(request, received, decode) : received))
          .finally(large.end);
        if (!result) {
          // The request was never sent.
          budget?.release(query.pageSize);
          continue;
        }
        if (result.outcome !== 'read' && (await needsHttps(result))) result = expectsHttps(requested);
        usage = addUsage(usage, { apiRequests: 1, recordsFetched: result.records, retries: {} });
        budget?.release(query.pageSize - result.records);
        if (result.outcome === 'read') return { value: result.value, latencyMs: result.latencyMs, usage };
        const { retryAfterMs = 0, cause } = result;
        const canWait = retryAfterMs === 0 || (await waits.share(retryAfterMs));
        if (signal?.aborted) throw aborted(query);

        if (result.outcome === 'keyRejected' && !freshKeyRead) {
          // The key may have been rotated since it was read: one fresh read finds out, and a wrong key fails within seconds.
          freshKeyRead = true;
          const fresh = await keyHolder.newerThan(current);
          if (basicAuthorization(fresh.key) !== authorization) {
            current = fresh;
            countRetry('key-changed');
            continue;
          }
        }
        const requests = usage.apiRequests;
        const isOutage = hasAnswered || (answeredBefore && !isAttended);
        // The clock may have been set back since. Waits that the API asks for have a limit of their own.
        const elapsed = Math.max(0, now() - (startedAt ?? now()));
        const busyMs = elapsed - waits.waitedMs();
        const isUnreached = result.outcome === 'unreached';
        const backoff = isUnreached ? waits.restMs() : backoffMs(requests - 1, random());
        const isWorthIt = {
          transient: requests < limits.maxRequests && busyMs + backoff <= limits.retryWindowMs,
          confirm: !confirmed,
          unreached: busyMs + backoff <= (isOutage ? limits.retryWindowMs : limits.reachWindowMs),
          permanent: false,
          keyRejected: false,
        };
        if (!isWorthIt[result.outcome] || !canWait) {
          const error = withAttempts(result, requests, elapsed);
          if (!isUnreached) throw error;
          givenUp = { error: isOutage ? error : asWrongAddress(error), times: (givenUp?.times ?? 0) + 1 };
          throw copyOf(givenUp.error);
        }
        confirmed ||= result.outcome === 'confirm';
        countRetry(cause);
        lastCause = cause;
        if (retryAfterMs === 0 && !isUnreached) await pause(backoff, cause);
      }
    } catch (error) {
      if (isExportError(error)) error.usage = usage;
      throw error;
    }
  }

  return { host: new URL(baseUrl).hostname, fetchPage, close: () => agent.destroy() };
}

function dispatcher({ connectTimeoutMs }: ClientLimits, proxy: URL | undefined): Dispatcher {
  const connections = { keepAliveTimeout: 10_000 };
  if (!proxy) return new Agent({ ...connections, connect: { timeout: connectTimeoutMs } });
  return new ProxyAgent({ ...connections, uri: proxy.href, connectTimeout: connectTimeoutMs });
}

/** The turn of one request among large bodies, which are read and decoded one at a time. */
function turnOf(oneByOne: ReturnType<typeof pLimit>) {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let turn: Promise<void> | undefined;
  return {
    turn: () => {
      turn ??= new Promise((resolve) => {
        void oneByOne(() => {
          resolve();
          return ended;
        });
      });
      return turn;
    },
    end,
  };
}

/** Nothing shows that the address is right. Not retried by the workflow. */
function asWrongAddress(error: ExportError): ExportError {
  return error instanceof PageError ? error.as('ApiConnectionError') : error;
}

/** Of an error that several calls end with: each has a usage of its own. */
function copyOf(error: ExportError): ExportError {
  return new ExportError(error.name, error.message);
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
