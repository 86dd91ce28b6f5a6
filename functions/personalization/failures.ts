/** Failed requests: the error, the records that it counts, and whether a retry may succeed. */
import { STATUS_CODES } from 'node:http';
import type { Dispatcher } from 'undici';
import { ExportError } from '../model/errors.ts';
import { PageError, type PageProblem } from '../model/page-error.ts';
import { RESUME_OR_START } from '../model/remedies.ts';
import type { PageQuery } from '../model/run.ts';
import { sentParameters } from './request-url.ts';
import { retryAfterMs } from './retry-timing.ts';

export interface FailedRequest {
  /** `keyRejected`: permanent, unless the key changed since it was read. */
  readonly outcome: 'transient' | 'permanent' | 'keyRejected';
  /** Records that the Salesforce contract counts: the whole page, unless the API certainly sent none. */
  readonly records: number;
  /** For metrics: `429`, `5xx`, `408`, `connection`, `timeout`, `broken-body`. */
  readonly cause: string;
  readonly error: ExportError;
  readonly retryAfterMs?: number | undefined;
}

/** The page that a request is for. */
export interface RequestedPage {
  readonly baseUrl: string;
  readonly query: PageQuery;
}

/** `page 17 of dataset "engage"` */
export function pageName({ query }: RequestedPage): string {
  return `page ${query.page} of dataset ${JSON.stringify(query.datasetId)}`;
}

/** An unusable body with status 200. */
export function wrongBody(page: RequestedPage, parts: PageProblem): FailedRequest {
  const error = new PageError('ApiAnswerError', { ...parts, thing: pageName(page) });
  return { outcome: 'transient', records: page.query.pageSize, cause: 'broken-body', error };
}

/** A status other than 200. */
export function wrongStatus(
  page: RequestedPage,
  { statusCode, headers }: Dispatcher.ResponseData,
  nowMs: number,
): FailedRequest {
  if (statusCode === 408 || statusCode === 429 || statusCode >= 500) {
    const throttled = statusCode === 429;
    const remedy = `${throttled ? 'lower concurrency' : 'wait until the API is available'}, then ${RESUME_OR_START}`;
    const parts = { problem: statusText(statusCode), thing: pageName(page), remedy };
    return {
      outcome: 'transient',
      records: 0,
      cause: statusCode >= 500 ? '5xx' : String(statusCode),
      error: new PageError(throttled ? 'ApiThrottledError' : 'ApiUnavailableError', parts),
      retryAfterMs: retryAfterMs(headers['retry-after'], nowMs),
    };
  }
  const error = permanentError(page, statusCode);
  const outcome = error.name === 'ApiCredentialsError' ? 'keyRejected' : 'permanent';
  return { outcome, records: 0, cause: String(statusCode), error };
}

function permanentError(page: RequestedPage, statusCode: number): ExportError {
  const { query, baseUrl } = page;
  const status = statusText(statusCode);
  const dataset = `dataset ${JSON.stringify(query.datasetId)}`;
  if (statusCode === 401) {
    return new ExportError(
      'ApiCredentialsError',
      `${status} from ${host(baseUrl)}: check that the API key is correct, enabled, and belongs to this tenant.`,
    );
  }
  if (statusCode === 403) {
    const message = `${status} for ${dataset}: check the key's permissions and its IP allowlist.`;
    return new ExportError('ApiCredentialsError', message);
  }
  if (statusCode === 404) {
    return new ExportError(
      'ApiNotFoundError',
      `${status} for ${dataset} at ${host(baseUrl)}: check the dataset, accountName and instance.`,
    );
  }
  if (statusCode >= 300 && statusCode < 400) {
    return new ExportError(
      'ApiRequestError',
      `Redirect from ${host(baseUrl)} (${statusCode}): check accountName and instance. Redirects are not followed, so that no other host receives the key.`,
    );
  }
  const sent = sentParameters(query).map((key) => (key === 'pageSize' ? `pageSize ${query.pageSize}` : key));
  return new ExportError(
    'ApiRequestError',
    `${status} for ${pageName(page)}: check the parameters (${sent.join(', ')}), then start a new run, possibly with a smaller pageSize.`,
  );
}

/** Not the text that the server sent, which may contain anything. */
function statusText(statusCode: number): string {
  return `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim();
}

/** A body over the limit. @param announcedBytes its Content-Length, if known: from it follows which page size to suggest */
export function tooLarge(page: RequestedPage, limitBytes: number, announcedBytes: number | undefined): FailedRequest {
  const { pageSize } = page.query;
  // 80%, because accounts differ in size.
  const share = announcedBytes ? (limitBytes / announcedBytes) * 0.8 : 0.5;
  return pageTooLarge(page, `Response over ${Math.floor(limitBytes / 1024 / 1024)} MiB`, pageSize * share);
}

/** A body that would take too much memory when parsed. */
export function tooMany(page: RequestedPage, problem: string): FailedRequest {
  return pageTooLarge(page, problem, page.query.pageSize / 2);
}

function pageTooLarge(page: RequestedPage, problem: string, smallerPageSize: number): FailedRequest {
  const { pageSize, page: number, datasetId } = page.query;
  const error =
    pageSize === 1
      ? new PageError('PageTooLargeError', {
          problem,
          thing: `account ${number} of dataset ${JSON.stringify(datasetId)}`,
          values: ['counted from 0'],
          remedy: 'start a new run with the filter of a segment without this account',
        })
      : new PageError('PageTooLargeError', {
          problem,
          thing: pageName(page),
          values: [`${pageSize} accounts requested`],
          remedy: `start a new run with pageSize ${Math.max(1, Math.floor(smallerPageSize))}`,
        });
  return { outcome: 'permanent', records: pageSize, cause: 'too-large', error };
}

const DAMAGED = 'the compressed body is damaged';

/** Error codes of undici, Node and zlib. Source: undici, `lib/core/errors.js`. */
const NETWORK: Readonly<Record<string, readonly [cause: string, problem: string]>> = {
  ECONNREFUSED: ['connection', 'connection refused'],
  ECONNRESET: ['connection', 'connection reset'],
  EPIPE: ['connection', 'connection reset'],
  EHOSTUNREACH: ['connection', 'host unreachable'],
  ENETUNREACH: ['connection', 'network unreachable'],
  UND_ERR_SOCKET: ['connection', 'connection closed'],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['broken-body', 'the body is incomplete'],
  ENOTFOUND: ['connection', 'host name not found'],
  EAI_AGAIN: ['connection', 'host name lookup failed'],
  UND_ERR_CONNECT_TIMEOUT: ['timeout', 'connection timed out'],
  ETIMEDOUT: ['timeout', 'connection timed out'],
  UND_ERR_HEADERS_OVERFLOW: ['connection', 'the response headers are too long'],
  Z_BUF_ERROR: ['broken-body', 'the compressed body is incomplete'],
  Z_DATA_ERROR: ['broken-body', DAMAGED],
};

/** Errors before the request is sent. Anything else may have reached the API, which then served the page. */
const NOT_SENT = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH)$/;

/** The certificate is verified before the request is sent. Source: Node.js docs, "X509 certificate error codes". */
const CERTIFICATE =
  /^(?:ERR_TLS_CERT_|CERT_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_|HOSTNAME_MISMATCH)/;

const CONNECTION_TIMEOUT = /^(?:UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/;

const BROTLI = /^ERR_(?:_|BROTLI)/;

function describeError(name: string | undefined, code: string): readonly [cause: string, problem: string] {
  const known = NETWORK[code];
  if (known) return known;
  if (CERTIFICATE.test(code)) return ['connection', `the TLS certificate was rejected (${code})`];
  // Some versions of undici set a code and some do not.
  if (name === 'HTTPParserError') return ['connection', 'the response is not HTTP'];
  if (BROTLI.test(code)) return ['broken-body', DAMAGED];
  return ['connection', `the connection failed${code === '' ? '' : ` (${code})`}`];
}

/** How long a request waits for an answer. */
export interface Timeouts {
  readonly headersTimeoutMs: number;
  /** Between two chunks of the body. */
  readonly bodyTimeoutMs: number;
  readonly totalTimeoutMs: number;
}

function slowAnswer(code: string, timeouts: Timeouts): readonly [cause: string, problem: string] | undefined {
  if (code === 'UND_ERR_HEADERS_TIMEOUT')
    return ['timeout', `no response within ${timeouts.headersTimeoutMs / 1000} s`];
  if (code === 'UND_ERR_BODY_TIMEOUT') return ['timeout', `the body stalled for ${timeouts.bodyTimeoutMs / 1000} s`];
  return undefined;
}

/** A connection that failed before or during the response, or a body that cannot be decompressed. */
export function networkFailure(page: RequestedPage, error: unknown, timeouts: Timeouts): FailedRequest {
  const { name, code = '', syscall } = error as { name?: string; code?: string; syscall?: string };
  const [cause, problem] =
    name === 'TimeoutError' || name === 'AbortError'
      ? ['timeout', `timed out after ${timeouts.totalTimeoutMs / 1000} s`]
      : (slowAnswer(code, timeouts) ?? describeError(name, code));
  // EHOSTUNREACH and ENETUNREACH may also end an established connection.
  const established = syscall === 'read' || syscall === 'write';
  const unsent = !established && (NOT_SENT.test(code) || CERTIFICATE.test(code));
  return {
    outcome: 'transient',
    records: unsent ? 0 : page.query.pageSize,
    cause,
    error: new PageError('ApiUnavailableError', {
      problem: `Cannot fetch ${pageName(page)} from ${host(page.baseUrl)}: ${problem}`,
      remedy: remedyOf(cause, code),
    }),
  };
}

function remedyOf(cause: string, code: string): string {
  if (cause === 'broken-body') return RESUME_OR_START;
  // A host that accepted the connection is reachable.
  if (cause === 'timeout' && !CONNECTION_TIMEOUT.test(code)) {
    return `wait until the API is faster, then ${RESUME_OR_START}; if it fails again, start a new run with a smaller pageSize`;
  }
  return `check the host and the network, then ${RESUME_OR_START}`;
}

function host(baseUrl: string): string {
  return new URL(baseUrl).host;
}
