/** Failed requests: the error, the records that it counts, and whether a retry may succeed. */
import type { Dispatcher } from 'undici';
import { ExportError } from '../model/errors.ts';
import { PageError, type PageProblem } from '../model/page-error.ts';
import { count } from '../model/readable.ts';
import { RESUME_OR_START } from '../model/remedies.ts';
import type { PageQuery } from '../model/run.ts';
import { sentParameters } from './request-url.ts';
import { retryAfterMs } from './retry-timing.ts';

// Not imported: an import reads all exports of the module, and one of them loads the copy of undici in Node.js.
const { STATUS_CODES } = process.getBuiltinModule('node:http');

/**
 * What a retry can change. `keyRejected`: nothing, unless the key changed since it was read. `confirm`: nothing, if the next
 * answer is the same. `unreached`: no request was sent, because there was no connection; transient if the API has answered
 * before, else nothing, if it stays so for a while.
 */
export type FailureKind = 'transient' | 'permanent' | 'keyRejected' | 'confirm' | 'unreached';

export interface FailedRequest {
  readonly outcome: FailureKind;
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
  /** The host and port of the proxy that the request goes through. */
  readonly proxy?: string | undefined;
  readonly query: PageQuery;
}

/** `page 17 of dataset "engage"` */
export function pageName({ query }: RequestedPage): string {
  return `page ${query.page} of dataset ${JSON.stringify(query.datasetId)}`;
}

/** An unusable body with status 200 that is probably damaged. */
export function wrongBody(requested: RequestedPage, details: PageProblem): FailedRequest {
  const error = new PageError('ApiAnswerError', { ...details, thing: pageName(requested) });
  return { outcome: 'transient', records: requested.query.pageSize, cause: 'broken-body', error };
}

/**
 * An answer with status 200 that is not what was requested, such as a login page.
 * @param records that it may hold: none, if it certainly holds no accounts
 */
export function notAccounts(
  requested: RequestedPage,
  details: PageProblem,
  records = requested.query.pageSize,
): FailedRequest {
  const error = new PageError('ApiContentError', { ...details, thing: pageName(requested) });
  return { outcome: 'confirm', records, cause: 'broken-body', error };
}

/** Statuses of the 5xx class that no retry changes. */
const PERMANENT_5XX = [501, 505, 511];

/** A status other than 200. */
export function wrongStatus(
  requested: RequestedPage,
  { statusCode, headers }: Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>,
  nowMs: number,
): FailedRequest {
  const overloaded = statusCode >= 500 && !PERMANENT_5XX.includes(statusCode);
  if (overloaded || [408, 425, 429].includes(statusCode)) {
    const throttled = statusCode === 429;
    const remedy = `${throttled ? 'lower concurrency' : 'wait until the API is available'}, then ${RESUME_OR_START}`;
    const details = { problem: statusText(statusCode), thing: pageName(requested), remedy };
    return {
      outcome: 'transient',
      records: 0,
      cause: overloaded ? '5xx' : String(statusCode),
      error: new PageError(throttled ? 'ApiThrottledError' : 'ApiUnavailableError', details),
      retryAfterMs: retryAfterMs(headers, nowMs),
    };
  }
  if (statusCode === 426 || redirectsToHttps(requested, headers)) return expectsHttps(requested);
  const error = permanentError(requested, statusCode);
  const outcome = error.name === 'ApiCredentialsError' ? 'keyRejected' : 'permanent';
  return { outcome, records: 0, cause: String(statusCode), error };
}

/** The same host, but with https. */
function redirectsToHttps({ baseUrl }: RequestedPage, { location }: Dispatcher.ResponseData['headers']): boolean {
  if (typeof location !== 'string' || !URL.canParse(location, baseUrl)) return false;
  const [from, to] = [new URL(baseUrl), new URL(location, baseUrl)];
  return from.protocol === 'http:' && to.protocol === 'https:' && to.hostname === from.hostname;
}

/** A request with `http` to a host that expects `https`: certainly no page was served. */
export function expectsHttps(requested: RequestedPage): FailedRequest {
  const error = new PageError('ApiConnectionError', {
    problem: `Cannot fetch ${pageName(requested)} from ${host(requested.baseUrl)}: the host expects https`,
    remedy: `use https instead of http, then ${RESUME_OR_START}`,
  });
  return { outcome: 'permanent', records: 0, cause: 'connection', error };
}

function permanentError(requested: RequestedPage, statusCode: number): ExportError {
  const { query, baseUrl } = requested;
  const status = statusText(statusCode);
  const dataset = `dataset ${JSON.stringify(query.datasetId)}`;
  if (statusCode === 401) {
    return new ExportError(
      'ApiCredentialsError',
      `${status} from ${host(baseUrl)}: check that the API key is correct, enabled, and belongs to this tenant.`,
    );
  }
  if (statusCode === 403) {
    const message = `${status} for ${dataset}: check the key's permissions and its IP Accept List.`;
    return new ExportError('ApiCredentialsError', message);
  }
  // An answer without content says as little about the dataset as one that was not found.
  if (statusCode === 204 || statusCode === 404 || statusCode === 410) {
    return new ExportError(
      'ApiNotFoundError',
      `${status} for ${dataset} at ${host(baseUrl)}: check the dataset, accountName and instance.`,
    );
  }
  if (statusCode === 407 || statusCode === 511) {
    const remedy =
      statusCode === 407
        ? `set the user and password of the proxy in HTTPS_PROXY or HTTP_PROXY, then ${RESUME_OR_START}`
        : `sign in to this network, then ${RESUME_OR_START}`;
    return new ExportError('ApiConnectionError', `${status} from ${requested.proxy ?? host(baseUrl)}: ${remedy}.`);
  }
  if (statusCode === 405 || statusCode === 501 || statusCode === 505) {
    return new ExportError(
      'ApiRequestError',
      `${status} from ${host(baseUrl)}, which does not serve this API: check accountName and instance.`,
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
    `${status} for ${pageName(requested)}: check the parameters (${sent.join(', ')}), then start a new run, possibly with a smaller pageSize.`,
  );
}

/**
 * The API asks to wait.
 * @param maxMs the longest wait of a run; beyond it the error is permanent
 */
export function askedToWait(requested: RequestedPage, waitMs: number, maxMs: number): ExportError {
  const asks = `${host(requested.baseUrl)} asks to wait ${seconds(waitMs)}`;
  if (waitMs > maxMs) {
    return new ExportError(
      'ApiWaitError',
      `A run waits at most ${seconds(maxMs)}, but ${asks} (Retry-After): when that time is over, ${RESUME_OR_START}.`,
    );
  }
  return new ExportError(
    'ApiThrottledError',
    `${asks} (Retry-After) before ${pageName(requested)} may be requested: lower concurrency, then ${RESUME_OR_START}.`,
  );
}

const DAY_MS = 86_400_000;

/** `3,600 s` */
function seconds(ms: number): string {
  if (ms > DAY_MS) return 'more than a day';
  return `${count(Math.ceil(ms / 1000))} s`;
}

/** Not the text that the server sent, which may contain anything. */
function statusText(statusCode: number): string {
  return `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim();
}

/** A body over the limit. @param announcedBytes its Content-Length, if known: from it follows which page size to suggest */
export function tooLarge(
  requested: RequestedPage,
  limitBytes: number,
  announcedBytes: number | undefined,
): FailedRequest {
  const { pageSize } = requested.query;
  // 80%, because accounts differ in size.
  const share = announcedBytes ? (limitBytes / announcedBytes) * 0.8 : 0.5;
  return pageTooLarge(requested, `Response over ${Math.floor(limitBytes / 1024 / 1024)} MiB`, pageSize * share);
}

/** A body that would take too much memory when parsed. */
export function tooLargeToParse(requested: RequestedPage, problem: string): FailedRequest {
  return pageTooLarge(requested, problem, requested.query.pageSize / 2);
}

function pageTooLarge(requested: RequestedPage, problem: string, smallerPageSize: number): FailedRequest {
  const { pageSize, page: pageNumber, datasetId } = requested.query;
  const error =
    pageSize === 1
      ? new PageError('PageTooLargeError', {
          problem: `One account of dataset ${JSON.stringify(datasetId)} is too large`,
          values: [
            problem.replace(/^Response/, 'response'),
            `position ${pageNumber} in the list that the API returns, counted from 0`,
          ],
          remedy: 'start a new run with a segment that does not contain it',
        })
      : new PageError('PageTooLargeError', {
          problem,
          thing: pageName(requested),
          values: [`${pageSize} accounts requested`],
          remedy: `start a new run with pageSize ${Math.max(1, Math.floor(smallerPageSize))}`,
        });
  return { outcome: 'permanent', records: pageSize, cause: 'too-large', error };
}

const DAMAGED = 'the compressed body is damaged';

interface NetworkError {
  readonly cause: string;
  readonly problem: string;
  readonly outcome: FailureKind;
  /** The request was not sent. Anything else may have reached the API, which then served the page. */
  readonly isUnsent: boolean;
  /** @default depends on the cause */
  readonly remedy?: string;
}

const unsent = (problem: string, more: Partial<NetworkError> = {}): NetworkError => ({
  cause: 'connection',
  problem,
  outcome: 'transient',
  isUnsent: true,
  ...more,
});
const sent = (problem: string, more: Partial<NetworkError> = {}) => unsent(problem, { isUnsent: false, ...more });
const brokenBody = (problem: string) => sent(problem, { cause: 'broken-body' });

const CHECK_NAME = 'check accountName and instance, and the name resolution (DNS) of this network';
const CHECK_SCHEME = 'check whether the host expects http or https';
const CHECK_PROXY = 'check HTTPS_PROXY or HTTP_PROXY';
const unreached = (problem: string, more: Partial<NetworkError> = {}) =>
  unsent(problem, { outcome: 'unreached', ...more });
const nameNotFound = unreached('host name not found', { remedy: CHECK_NAME });
const connectTimeout = unreached('connection timed out', { cause: 'timeout' });
const noTls = (problem: string) => unsent(problem, { outcome: 'permanent', remedy: CHECK_SCHEME });
const closedBeforeTls = unreached('the host closed the connection instead of starting TLS', { remedy: CHECK_SCHEME });
const notHttp = sent('the response is not HTTP', { outcome: 'confirm', remedy: CHECK_SCHEME });
const forbidden = unsent('this machine does not allow the connection', {
  outcome: 'permanent',
  remedy: 'check its firewall',
});

/**
 * Error codes of undici, Node and zlib; any other is transient. Sources: undici, `lib/core/errors.js`; Node.js docs,
 * "Common system errors"; llhttp, `HPE_`.
 */
const NETWORK: Readonly<Record<string, NetworkError>> = {
  ECONNREFUSED: unreached('connection refused'),
  EHOSTUNREACH: unreached('host unreachable'),
  EHOSTDOWN: unreached('host unreachable'),
  ENETUNREACH: unreached('network unreachable'),
  ENETDOWN: unreached('network unreachable'),
  EADDRNOTAVAIL: unreached('network unreachable'),
  EAI_AGAIN: unreached('host name lookup failed'),
  EAI_FAIL: unreached('host name lookup failed'),
  UND_ERR_CONNECT_TIMEOUT: connectTimeout,
  UND_ERR_PRX_CONN: unreached('the proxy closed the connection'),
  ENOTFOUND: nameNotFound,
  EAI_NONAME: nameNotFound,
  EAI_NODATA: nameNotFound,
  ENODATA: nameNotFound,
  EACCES: forbidden,
  EPERM: forbidden,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls('the response is not TLS'),
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls('the response is not TLS'),
  ERR_SSL_HTTP_REQUEST: noTls('the response is not TLS'),
  EPROTO: noTls('the response is not TLS'),
  UND_ERR_PRX_TLS: unsent('the TLS certificate of the proxy was rejected', {
    outcome: 'permanent',
    remedy: CHECK_PROXY,
  }),
  ECONNRESET: sent('connection reset'),
  ECONNABORTED: sent('connection reset'),
  EPIPE: sent('connection reset'),
  UND_ERR_SOCKET: sent('connection closed'),
  ETIMEDOUT: sent('connection timed out', { cause: 'timeout' }),
  UND_ERR_HEADERS_OVERFLOW: sent('the response headers are too long', { outcome: 'confirm' }),
  HPE_INVALID_CONSTANT: notHttp,
  HPE_INVALID_VERSION: notHttp,
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: brokenBody('the body is incomplete'),
  Z_BUF_ERROR: brokenBody('the compressed body is incomplete'),
  Z_DATA_ERROR: brokenBody(DAMAGED),
};

/** The certificate is verified before the request is sent. Source: Node.js docs, "X509 certificate error codes". */
const CERTIFICATE =
  /^(?:ERR_TLS_CERT_|CERT_|CRL_|ERROR_IN_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/;
const OTHER_HOST = /^(?:ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/;
const WRONG_TIME = /^(?:CERT|CRL)_(?:HAS_EXPIRED|NOT_YET_VALID)$/;

/** The server refuses to speak TLS with this client. Source: OpenSSL, `sslerr.h`. */
const HANDSHAKE =
  /^ERR_SSL_(?:UNSUPPORTED_PROTOCOL|UNKNOWN_PROTOCOL|VERSION_TOO_LOW|NO_SHARED_CIPHER|UNSAFE_LEGACY_RENEGOTIATION_DISABLED|DH_KEY_TOO_SMALL|CERTIFICATE_VERIFY_FAILED|TLSV1_UNRECOGNIZED_NAME|.*_ALERT_(?:HANDSHAKE_FAILURE|PROTOCOL_VERSION|UNRECOGNIZED_NAME|(?:BAD|UNSUPPORTED|UNKNOWN)?_?CERTIFICATE(?:_\w+)?|UNKNOWN_CA|ACCESS_DENIED|INSUFFICIENT_SECURITY))$/;

const CONNECTION_TIMEOUT = /^(?:UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/;

/** Source: Node.js, `lib/_tls_wrap.js`. It has the code of a reset, which may come after the request. */
const CLOSED_BEFORE_TLS = /before secure TLS connection was established/;

/** How a TLS alert begins, which some servers send to a client that does not speak TLS. Source: RFC 8446, 5.1. */
const TLS_ALERT = '\u0015\u0003';

/** The first bytes, other than a damaged length or chunk. Source: llhttp, `src/llhttp/http.ts`. */
const NO_HTTP = /\((?:Expected HTTP\/|Invalid HTTP version)/;

const BROTLI = /^ERR_(?:_|BROTLI)/;

function describeError({ name, code = '', message = '', syscall }: Partial<NodeJS.ErrnoException>): NetworkError {
  if (CLOSED_BEFORE_TLS.test(message)) return closedBeforeTls;
  if (code === 'ETIMEDOUT' && syscall === 'connect') return connectTimeout;
  const known = NETWORK[code];
  if (known) return known;
  if (CERTIFICATE.test(code)) {
    const remedy = certificateRemedy(code);
    return unsent(`the TLS certificate was rejected: ${code}`, { outcome: 'permanent', remedy });
  }
  if (HANDSHAKE.test(code)) {
    const remedy = 'check accountName and instance, and the proxies of this network';
    return unsent(`the TLS handshake failed: ${code}`, { outcome: 'permanent', remedy });
  }
  // undici often knows no code for it, only the reason that llhttp gives.
  if (name === 'HTTPParserError') return NO_HTTP.test(message) ? notHttp : sent('the response is not HTTP');
  if (BROTLI.test(code)) return brokenBody(DAMAGED);
  return sent(`the connection failed${code === '' ? '' : `: ${code}`}`);
}

/** Whether an error of a TLS connection comes from a server that speaks TLS. */
export function provesTls(code = ''): boolean {
  return CERTIFICATE.test(code) || HANDSHAKE.test(code);
}

function certificateRemedy(code: string): string {
  if (OTHER_HOST.test(code)) return 'check accountName and instance (the certificate is for another host)';
  if (WRONG_TIME.test(code)) return 'check the clock of this machine; if it is right, wait for a new certificate';
  return 'set NODE_EXTRA_CA_CERTS to a file with the CA certificate of your network';
}

/** Source: undici, `lib/dispatcher/proxy-agent.js`. */
const TUNNEL_STATUS = /^Proxy response \((\d{3})\)/;
const PROXY_LOGIN = /^Proxy Authentication Required/;

/** A proxy that answers for itself: it refuses the connection to the API. */
function proxyRefusal(
  { proxy }: RequestedPage,
  { code, message = '' }: Partial<NodeJS.ErrnoException>,
): NetworkError | undefined {
  if (proxy === undefined) return undefined;
  const status = code === 'UND_ERR_INVALID_ARG' && PROXY_LOGIN.test(message) ? '407' : TUNNEL_STATUS.exec(message)?.[1];
  if (status === undefined) return undefined;
  const problem = `the proxy answered ${statusText(Number(status))}`;
  if (status === '407') {
    const remedy = 'set the user and password of the proxy in HTTPS_PROXY or HTTP_PROXY';
    return unsent(problem, { outcome: 'permanent', remedy });
  }
  // 502 to 504: the proxy cannot reach the API at the moment.
  if (status >= '500' || status === '429' || status === '408') {
    return unreached(problem, { remedy: 'check the host, and whether the proxy can reach it' });
  }
  return unsent(problem, { outcome: 'permanent', remedy: 'allow the host in the proxy, or name it in NO_PROXY' });
}

/** How long a request waits for an answer. */
export interface Timeouts {
  readonly headersTimeoutMs: number;
  /** Between two chunks of the body. */
  readonly bodyTimeoutMs: number;
  readonly totalTimeoutMs: number;
}

function slowAnswer({ name, code }: Partial<NodeJS.ErrnoException>, timeouts: Timeouts): NetworkError | undefined {
  const slow = (problem: string) => sent(problem, { cause: 'timeout' });
  if (name === 'TimeoutError' || name === 'AbortError')
    return slow(`timed out after ${timeouts.totalTimeoutMs / 1000} s`);
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return slow(`no response within ${timeouts.headersTimeoutMs / 1000} s`);
  if (code === 'UND_ERR_BODY_TIMEOUT') return slow(`the body stalled for ${timeouts.bodyTimeoutMs / 1000} s`);
  return undefined;
}

/** A connection that failed before or during the response, or a body that cannot be decompressed. */
export function networkFailure(requested: RequestedPage, error: unknown, timeouts: Timeouts): FailedRequest {
  /** `data`: of a response that is not HTTP, the first bytes. */
  const thrown = error as Partial<NodeJS.ErrnoException> & { readonly data?: unknown };
  if (String(thrown.data).startsWith(TLS_ALERT)) return expectsHttps(requested);
  const { code = '', syscall } = thrown;
  const refusal = proxyRefusal(requested, thrown);
  const failure = refusal ?? slowAnswer(thrown, timeouts) ?? describeError(thrown);
  // EHOSTUNREACH and ENETUNREACH may also end an established connection.
  const established = syscall === 'read' || syscall === 'write';
  const outcome = established && failure.outcome === 'unreached' ? 'transient' : failure.outcome;
  const { cause, problem, isUnsent } = failure;
  // Without an answer of the proxy, it is the proxy that was not reached.
  const isOfProxy = requested.proxy !== undefined && refusal === undefined && outcome === 'unreached';
  const remedy = isOfProxy ? CHECK_PROXY : failure.remedy;
  const through = requested.proxy === undefined ? '' : ` through the proxy ${requested.proxy}`;
  return {
    outcome,
    records: isUnsent && !established ? 0 : requested.query.pageSize,
    cause,
    error: new PageError(
      outcome === 'transient' || outcome === 'unreached' ? 'ApiUnavailableError' : 'ApiConnectionError',
      {
        problem: `Cannot fetch ${pageName(requested)} from ${host(requested.baseUrl)}${through}`,
        values: [problem],
        remedy: remedy === undefined ? remedyOf(cause, code) : `${remedy}, then ${RESUME_OR_START}`,
      },
    ),
  };
}

function remedyOf(cause: string, code: string): string {
  if (cause === 'broken-body') return RESUME_OR_START;
  // A host that accepted the connection is reachable.
  if (cause === 'timeout' && !CONNECTION_TIMEOUT.test(code)) {
    return `when the API responds faster, ${RESUME_OR_START}. If it times out again, start a new run with a smaller pageSize`;
  }
  return `check the host and the network, then ${RESUME_OR_START}`;
}

function host(baseUrl: string): string {
  return new URL(baseUrl).host;
}
