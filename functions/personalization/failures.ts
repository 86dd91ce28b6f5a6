/** What a try that did not end well means: which error, what it counts, and whether another try may do. */
import type { Dispatcher } from 'undici';
import { ApiThrottledError, ExportError } from '../model/errors.ts';
import type { PageQuery } from '../model/page-query.ts';
import { sentParameters } from './request-url.ts';
import { retryAfterMs } from './retry-timing.ts';

/** A try without an answer, and what it counts against the contract. */
export interface FailedTry {
  /** `failed` may be tried again, `refused-key` with another key, `refused` not. */
  readonly outcome: 'failed' | 'refused-key' | 'refused';
  /** Records that were sent, as far as anyone can tell. */
  readonly records: number;
  /** For counting: `429`, `5xx`, `408`, `connection`, `timeout`, `broken-body`. */
  readonly cause: string;
  readonly error: ExportError;
  readonly retryAfterMs?: number | undefined;
}

/** What the sentences need to know of a request. */
export interface Asked {
  readonly baseUrl: string;
  readonly query: PageQuery;
}

/** `Page 17 of dataset "engage"` */
export function pageName({ query }: Asked): string {
  return `Page ${query.page} of dataset ${JSON.stringify(query.datasetId)}`;
}

/** A body with status 200 that is not what was asked for; its records count all the same. */
export function wrongBody({ query }: Asked, message: string): FailedTry {
  const error = new ExportError('ApiAnswerError', message);
  return { outcome: 'failed', records: query.pageSize, cause: 'broken-body', error };
}

/** A status other than 200. */
export function refusal(asked: Asked, { statusCode, headers }: Dispatcher.ResponseData, nowMs: number): FailedTry {
  const { query, baseUrl } = asked;
  const what = pageName(asked);
  const dataset = JSON.stringify(query.datasetId);
  const failed = (cause: string, error: ExportError, wait?: number): FailedTry => ({
    outcome: 'failed',
    records: 0,
    cause,
    error,
    retryAfterMs: wait,
  });
  const refused = (name: ExportError['name'], message: string): FailedTry => ({
    outcome: name === 'ApiCredentialsError' ? 'refused-key' : 'refused',
    records: 0,
    cause: String(statusCode),
    error: new ExportError(name, message),
  });
  const wait = retryAfterMs(headers['retry-after'], nowMs);
  if (statusCode === 429) {
    return failed('429', new ApiThrottledError(`${what} was refused with 429 (too many requests).`, wait), wait);
  }
  if (statusCode === 408)
    return failed('408', new ExportError('ApiUnavailableError', `${what} was answered with 408.`), wait);
  if (statusCode >= 500) {
    return failed('5xx', new ExportError('ApiUnavailableError', `${what} was answered with ${statusCode}.`), wait);
  }
  if (statusCode === 401) {
    return refused(
      'ApiCredentialsError',
      `The API refused the key with 401 at ${host(baseUrl)}: check that both halves are right and the key is enabled, and that the account is the key's.`,
    );
  }
  if (statusCode === 403) {
    return refused(
      'ApiCredentialsError',
      `The API refused dataset ${dataset} to the key with 403: check the key's datasets and roles, and whether its list of IP addresses holds this one.`,
    );
  }
  if (statusCode === 404) {
    return refused(
      'ApiNotFoundError',
      `The API at ${host(baseUrl)} knows no dataset ${dataset} (404): check the dataset, the account name and the instance.`,
    );
  }
  if (statusCode >= 300 && statusCode < 400) {
    return refused(
      'ApiRequestError',
      `The API at ${host(baseUrl)} answered with a redirect (${statusCode}), which is not followed lest the key goes elsewhere: check the account name and the instance.`,
    );
  }
  const sent = sentParameters(query).map((key) => (key === 'pageSize' ? `pageSize ${query.pageSize}` : key));
  return refused(
    'ApiRequestError',
    `The API refused the request for page ${query.page} of dataset ${dataset} with ${statusCode}: check the parameters sent (${sent.join(', ')}); a smaller page size may be needed.`,
  );
}

/** A body over the limit: names a page size that would do. */
export function tooLarge(asked: Asked, limitBytes: number, announcedBytes: number | undefined): FailedTry {
  const { pageSize } = asked.query;
  const limit = `${Math.floor(limitBytes / 1024 / 1024)} MiB`;
  // With some room, since accounts differ; without a length to go by, half as many is the next guess.
  const share = announcedBytes ? (limitBytes / announcedBytes) * 0.8 : 0.5;
  const message =
    pageSize === 1
      ? `${pageName(asked)} is one account and larger than ${limit}, more than a page may be.`
      : `${pageName(asked)} is larger than ${limit} with ${pageSize} accounts: try a page size of ${Math.max(1, Math.floor(pageSize * share))}.`;
  return refusedForSize(pageSize, message);
}

/** A body that fits and holds more than memory does, parsed. @param problem a sentence that says more than what */
export function tooMany(asked: Asked, problem: string): FailedTry {
  const { pageSize } = asked.query;
  const advice =
    pageSize === 1
      ? `${problem.replace(/\.$/, '')}, and it is one account.`
      : `${problem.replace(/\.$/, '')} with ${pageSize} accounts asked for: try a page size of ${Math.floor(pageSize / 2)}.`;
  return refusedForSize(pageSize, `${pageName(asked)}: ${advice}`);
}

function refusedForSize(records: number, message: string): FailedTry {
  return { outcome: 'refused', records, cause: 'too-large', error: new ExportError('PageTooLargeError', message) };
}

const DAMAGED = 'the compressed body is damaged';

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
  UND_ERR_HEADERS_OVERFLOW: ['connection', 'its headers were longer than any should be'],
  UND_ERR_BODY_TIMEOUT: ['timeout', 'the body stalled'],
  Z_BUF_ERROR: ['broken-body', 'the compressed body broke off'],
  Z_DATA_ERROR: ['broken-body', DAMAGED],
};

/** Where Node's zlib puts the codes of Brotli, which are many. */
const BROTLI = /^ERR_(?:_|BROTLI)/;

function inWords(name: string | undefined, code: string): readonly [cause: string, words: string] {
  const known = NETWORK[code];
  if (known) return known;
  // undici gives it the parser's code in some versions and none in others.
  if (name === 'HTTPParserError') return ['connection', 'the answer was not HTTP'];
  if (BROTLI.test(code)) return ['broken-body', DAMAGED];
  return ['connection', `the connection failed${code === '' ? '' : ` (${code})`}`];
}

/** A connection that failed, before the answer or within its body. */
export function networkFailure(asked: Asked, error: unknown, totalTimeoutMs: number, records: number): FailedTry {
  const { name, code = '' } = error as { name?: string; code?: string };
  const [cause, words] =
    name === 'TimeoutError' || name === 'AbortError'
      ? ['timeout', `it took longer than ${totalTimeoutMs / 1000} s`]
      : inWords(name, code);
  const message = `${pageName(asked)} could not be fetched from ${host(asked.baseUrl)}: ${words}.`;
  return { outcome: 'failed', records, cause, error: new ExportError('ApiUnavailableError', message) };
}

function host(baseUrl: string): string {
  return new URL(baseUrl).host;
}
