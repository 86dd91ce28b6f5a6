/** One request, and what its answer means. */
import type { Dispatcher } from 'undici';
import type { PageQuery } from '../contracts.ts';
import { ApiThrottledError, ExportError, isExportError } from '../errors.ts';
import type { Decode } from '../export/ports.ts';
import { BodyTooLarge, readBody } from './body.ts';
import { sentParameters } from './request-url.ts';
import { retryAfterMs } from './retry-timing.ts';

export interface RequestLimits {
  /** From the request to the first byte of the answer. */
  readonly headersTimeoutMs: number;
  /** Between two pieces of the body. */
  readonly bodyTimeoutMs: number;
  /** The whole answer: a body that drips is cut off here. */
  readonly totalTimeoutMs: number;
  /** Decompressed. A Lambda must hold the body, its accounts and its part. */
  readonly bodyLimitBytes: number;
}

export interface PageRequest<T> {
  readonly baseUrl: string;
  readonly path: string;
  readonly authorization: string;
  readonly query: PageQuery;
  readonly decode: Decode<T>;
  readonly limits: RequestLimits;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
}

/** How one try ended, and what it counts against the contract. */
export type Attempt<T> = { readonly requests: 1; readonly records: number } & (
  | { readonly outcome: 'answered'; readonly value: T; readonly latencyMs: number }
  | {
      /** `failed` may be tried again, `refused-key` with another key, `refused` not. */
      readonly outcome: 'failed' | 'refused-key' | 'refused';
      /** For counting: `429`, `5xx`, `408`, `connection`, `timeout`, `broken-body`. */
      readonly cause: string;
      readonly error: ExportError;
      readonly retryAfterMs?: number | undefined;
    }
);

const USER_AGENT = 'account-export';

/** Sends one request; whatever comes of it is a value, not an exception. */
export async function requestPage<T extends { readonly records: number }>(
  agent: Dispatcher,
  request: PageRequest<T>,
): Promise<Attempt<T>> {
  const { query, limits, now } = request;
  const startedAt = now();
  const timeout = AbortSignal.timeout(limits.totalTimeoutMs);
  const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
  const what = `Page ${query.page} of dataset ${JSON.stringify(query.datasetId)}`;
  let response: Dispatcher.ResponseData;
  try {
    response = await agent.request({
      origin: request.baseUrl,
      path: request.path,
      method: 'GET',
      headers: {
        authorization: request.authorization,
        accept: query.endpoint === 'json' ? 'application/json' : 'text/csv',
        'accept-encoding': 'gzip, deflate, br',
        'user-agent': USER_AGENT,
      },
      headersTimeout: limits.headersTimeoutMs,
      bodyTimeout: limits.bodyTimeoutMs,
      signal,
    });
  } catch (error) {
    return networkFailure(what, request, error, 0);
  }
  if (response.statusCode !== 200) {
    // The body of a refusal is never read: it may hold anything, and the connection is worth less than the risk.
    response.body.on('error', () => undefined).destroy();
    return refusal(what, request, response);
  }
  try {
    const type = String(response.headers['content-type'] ?? '');
    const body = await readBody(response.body, headerText(response, 'content-encoding'), limits.bodyLimitBytes, signal);
    if (/\bhtml\b/i.test(type))
      return wrongBody(
        query,
        `${what} came as ${shorten(type)} with status 200 where ${query.endpoint.toUpperCase()} was asked for.`,
      );
    if (body.length === 0 && query.endpoint === 'json')
      return wrongBody(query, `${what} came with status 200 and an empty body where JSON was asked for.`);
    const value = request.decode(body);
    if (value.records > query.pageSize) {
      const error = new ExportError(
        'PagingError',
        `${what} came with ${value.records} accounts where ${query.pageSize} were asked for: the API ignores the page size, so the export cannot be split into pages.`,
      );
      return { requests: 1, records: value.records, outcome: 'refused', cause: 'paging', error };
    }
    return { requests: 1, records: value.records, outcome: 'answered', value, latencyMs: now() - startedAt };
  } catch (error) {
    response.body.on('error', () => undefined).destroy();
    if (error instanceof BodyTooLarge) {
      return {
        requests: 1,
        records: query.pageSize,
        outcome: 'refused',
        cause: 'too-large',
        error: tooLarge(what, request, response),
      };
    }
    if (isExportError(error)) {
      if (error.transient) return wrongBody(query, `${what}: ${error.message}`);
      return { requests: 1, records: query.pageSize, outcome: 'refused', cause: 'unusable', error };
    }
    return networkFailure(what, request, error, query.pageSize);
  }
}

function wrongBody<T>({ pageSize }: PageQuery, message: string): Attempt<T> {
  // Its records were sent, as far as anyone can tell: they count.
  return {
    requests: 1,
    records: pageSize,
    outcome: 'failed',
    cause: 'broken-body',
    error: new ExportError('ApiAnswerError', message),
  };
}

function refusal<T>(
  what: string,
  { query, now, baseUrl }: PageRequest<T>,
  { statusCode, headers }: Dispatcher.ResponseData,
): Attempt<T> {
  const cost = { requests: 1, records: 0 } as const;
  if (statusCode === 429) {
    const wait = retryAfterMs(headers['retry-after'], now());
    return {
      ...cost,
      outcome: 'failed',
      cause: '429',
      error: new ApiThrottledError(`${what} was refused with 429 (too many requests).`, wait),
      retryAfterMs: wait,
    };
  }
  if (statusCode >= 500 || statusCode === 408) {
    const wait = retryAfterMs(headers['retry-after'], now());
    const cause = statusCode === 408 ? '408' : '5xx';
    return {
      ...cost,
      outcome: 'failed',
      cause,
      error: new ExportError('ApiUnavailableError', `${what} was answered with ${statusCode}.`),
      retryAfterMs: wait,
    };
  }
  if (statusCode === 401) {
    const error = new ExportError(
      'ApiCredentialsError',
      `The API refused the key with 401 at ${host(baseUrl)}: check that both halves are right and the key is enabled, and that the account is the key's.`,
    );
    return { ...cost, outcome: 'refused-key', cause: '401', error };
  }
  if (statusCode === 403) {
    const error = new ExportError(
      'ApiCredentialsError',
      `The API refused dataset ${JSON.stringify(query.datasetId)} to the key with 403: check the key's datasets and roles, and whether its list of IP addresses holds this one.`,
    );
    return { ...cost, outcome: 'refused-key', cause: '403', error };
  }
  if (statusCode === 404) {
    const error = new ExportError(
      'ApiNotFoundError',
      `The API at ${host(baseUrl)} knows no dataset ${JSON.stringify(query.datasetId)} (404): check the dataset, the account name and the instance.`,
    );
    return { ...cost, outcome: 'refused', cause: '404', error };
  }
  if (statusCode >= 300 && statusCode < 400) {
    const error = new ExportError(
      'ApiRequestError',
      `The API at ${host(baseUrl)} answered with a redirect (${statusCode}), which is not followed lest the key goes elsewhere: check the account name and the instance.`,
    );
    return { ...cost, outcome: 'refused', cause: 'redirect', error };
  }
  const sent = sentParameters(query).map((key) => (key === 'pageSize' ? `pageSize ${query.pageSize}` : key));
  const error = new ExportError(
    'ApiRequestError',
    `The API refused the request for ${what.toLowerCase().slice(0, 1)}${what.slice(1)} with ${statusCode}: check the parameters sent (${sent.join(', ')}); a smaller page size may be needed.`,
  );
  return { ...cost, outcome: 'refused', cause: String(statusCode), error };
}

function tooLarge<T>(what: string, { query, limits }: PageRequest<T>, response: Dispatcher.ResponseData): ExportError {
  const limit = `${Math.floor(limits.bodyLimitBytes / 1024 / 1024)} MiB`;
  if (query.pageSize === 1)
    return new ExportError(
      'PageTooLargeError',
      `${what} is one account and larger than ${limit}, more than a page may be.`,
    );
  const length =
    headerText(response, 'content-encoding') === undefined
      ? Number(headerText(response, 'content-length'))
      : Number.NaN;
  const share = length > 0 ? (limits.bodyLimitBytes / length) * 0.8 : 0.5;
  const size = Math.max(1, Math.floor(query.pageSize * share));
  return new ExportError(
    'PageTooLargeError',
    `${what} is larger than ${limit} with ${query.pageSize} accounts: try a page size of ${size}.`,
  );
}

/** Codes of undici and the system, in words. Source: undici, `lib/core/errors.js`. */
const NETWORK: Readonly<Record<string, readonly [cause: string, words: string]>> = {
  ECONNREFUSED: ['connection', 'the connection was refused'],
  ECONNRESET: ['connection', 'the connection was reset'],
  EPIPE: ['connection', 'the connection was reset'],
  UND_ERR_SOCKET: ['connection', 'the connection broke off'],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['broken-body', 'the body broke off'],
  ENOTFOUND: ['connection', 'the host name was not found'],
  EAI_AGAIN: ['connection', 'the host name could not be looked up'],
  UND_ERR_CONNECT_TIMEOUT: ['timeout', 'no connection came about in time'],
  ETIMEDOUT: ['timeout', 'no connection came about in time'],
  UND_ERR_HEADERS_TIMEOUT: ['timeout', 'no answer came in time'],
  UND_ERR_BODY_TIMEOUT: ['timeout', 'the body stalled'],
  Z_BUF_ERROR: ['broken-body', 'the compressed body broke off'],
  Z_DATA_ERROR: ['broken-body', 'the compressed body is damaged'],
};

function networkFailure<T>(
  what: string,
  { baseUrl, limits }: PageRequest<T>,
  error: unknown,
  records: number,
): Attempt<T> {
  const { name, code = '' } = error as { name?: string; code?: string };
  const [cause, words] =
    name === 'TimeoutError' || name === 'AbortError'
      ? ['timeout', `it took longer than ${limits.totalTimeoutMs / 1000} s`]
      : (NETWORK[code] ?? ['connection', `the connection failed${code === '' ? '' : ` (${code})`}`]);
  const failure = new ExportError(
    'ApiUnavailableError',
    `${what} could not be fetched from ${host(baseUrl)}: ${words}.`,
  );
  return { requests: 1, records, outcome: 'failed', cause, error: failure };
}

function headerText({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function host(baseUrl: string): string {
  return new URL(baseUrl).host;
}

function shorten(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
