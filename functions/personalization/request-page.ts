/** One request, and what its answer means. */
import { setImmediate } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { Decode } from '../export/ports.ts';
import { ExportError } from '../model/errors.ts';
import { CHECK_HOST, PageError } from '../model/page-error.ts';
import type { PageQuery } from '../model/run.ts';
import { ACCEPTED_ENCODINGS, type BodyLimits, BodyTooLarge, isKnownEncoding, readBody, unpackBody } from './body.ts';
import { usesOtherCharset } from './charset.ts';
import {
  type FailedRequest,
  networkFailure,
  notAccounts,
  pageName,
  type RequestedPage,
  tooLarge,
  tooLargeToParse,
  wrongBody,
  wrongStatus,
} from './failures.ts';
import { serverTimeMs } from './retry-timing.ts';

export interface RequestLimits {
  /** From the request to the first byte of the answer. */
  readonly headersTimeoutMs: number;
  /** Between two pieces of the body. */
  readonly bodyTimeoutMs: number;
  /** The whole answer: limits a body that arrives slowly. */
  readonly totalTimeoutMs: number;
  /** Decompressed. A Lambda must hold the body, its accounts and its part. */
  readonly bodyLimitBytes: number;
}

/** What a response says before its body. The texts are as sent: show only what is known to be harmless. */
export interface ResponseHead {
  readonly endpoint: PageQuery['endpoint'];
  readonly pageSize: number;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly encoding: string | undefined;
  /** The clock of the server, in epoch ms of whole seconds. */
  readonly serverTimeMs: number | undefined;
}

export interface PageRequest extends RequestedPage {
  readonly path: string;
  readonly authorization: string;
  readonly limits: RequestLimits;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
  /** Resolves when the turn of a large body has come. */
  readonly turn: () => Promise<void>;
  /** Receives the head of the response, of any status. */
  readonly onResponse?: ((head: ResponseHead) => void) | undefined;
}

/** A complete body, as far as the network can tell, still compressed. */
export interface ReceivedBody {
  readonly outcome: 'received';
  readonly body: Buffer;
  /** The header `content-encoding`. */
  readonly encoding: string | undefined;
  readonly contentType: string;
  readonly latencyMs: number;
}

/**
 * Per requested account, what a body may hold before it waits for its turn. *Plan export* has eight probes of one account in
 * flight, which would not fit into its memory if each had the size that a page may have.
 */
const FREE_BYTES_PER_ACCOUNT = 2 * 1024 * 1024;

const USER_AGENT = 'account-export';

/** Sends one request and reads its answer. A failure is a value, not an exception. */
export async function requestPage(agent: Dispatcher, request: PageRequest): Promise<ReceivedBody | FailedRequest> {
  const { query, limits, now } = request;
  const startedAt = now();
  const timeout = AbortSignal.timeout(limits.totalTimeoutMs);
  const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
  let response: Dispatcher.ResponseData;
  try {
    response = await agent.request({
      origin: request.baseUrl,
      path: request.path,
      method: 'GET',
      headers: {
        authorization: request.authorization,
        accept: query.endpoint === 'json' ? 'application/json' : 'text/csv',
        'accept-encoding': ACCEPTED_ENCODINGS,
        'user-agent': USER_AGENT,
      },
      headersTimeout: limits.headersTimeoutMs,
      bodyTimeout: limits.bodyTimeoutMs,
      signal,
    });
  } catch (error) {
    return networkFailure(request, error, limits);
  }
  request.onResponse?.(headOf(query, response));
  if (response.statusCode !== 200) {
    // The body of an error is never read: it may hold anything.
    discard(response);
    return wrongStatus(request, response, now());
  }
  const encoding = headerText(response, 'content-encoding');
  if (!isKnownEncoding(encoding)) {
    discard(response);
    return notAccounts(request, {
      problem: 'Unsupported content encoding',
      values: [`accepted: ${ACCEPTED_ENCODINGS}`],
      remedy: 'contact Salesforce',
    });
  }
  try {
    const body = await readBody(response.body, bodyLimits(request));
    const contentType = headerText(response, 'content-type') ?? '';
    return { outcome: 'received', body, encoding, contentType, latencyMs: since(startedAt, now) };
  } catch (error) {
    discard(response);
    if (!(error instanceof BodyTooLarge)) return networkFailure(request, error, limits);
    const announced = encoding === undefined ? Number(headerText(response, 'content-length')) : undefined;
    return tooLarge(request, limits.bodyLimitBytes, announced);
  }
}

function headOf({ endpoint, pageSize }: PageQuery, response: Dispatcher.ResponseData): ResponseHead {
  return {
    endpoint,
    pageSize,
    status: response.statusCode,
    contentType: headerText(response, 'content-type'),
    encoding: headerText(response, 'content-encoding'),
    serverTimeMs: serverTimeMs(response.headers),
  };
}

/** The clock may have been set back since. */
function since(startedAt: number, now: () => number): number {
  return Math.max(0, now() - startedAt);
}

/** Decompresses and decodes a body, or says why it cannot be read. */
export async function readPage<T extends { readonly records: number }>(
  request: PageRequest,
  { body: compressed, encoding, contentType, latencyMs }: ReceivedBody,
  decode: Decode<T>,
): Promise<
  { readonly outcome: 'read'; readonly records: number; readonly value: T; readonly latencyMs: number } | FailedRequest
> {
  const { query, limits } = request;
  const named = pageName(request);
  // Decoding blocks the thread, so waiting requests start first.
  await setImmediate();
  let body: Buffer;
  try {
    body = await unpackBody(compressed, encoding, bodyLimits(request));
  } catch (error) {
    if (error instanceof BodyTooLarge) return tooLarge(request, limits.bodyLimitBytes, undefined);
    return networkFailure(request, error, limits);
  }
  if (/\bhtml\b/i.test(contentType)) {
    // The header itself is not shown: it may hold anything.
    const problem = `HTML instead of ${query.endpoint.toUpperCase()}`;
    return notAccounts(request, { problem, values: ['status 200'], remedy: CHECK_HOST }, 0);
  }
  if (body.length === 0 && query.endpoint === 'json') {
    return wrongBody(request, { problem: 'Empty response', values: ['status 200'] });
  }
  if (usesOtherCharset(contentType, body)) {
    return notAccounts(request, { problem: 'Body is not UTF-8', remedy: 'contact Salesforce' });
  }
  try {
    const value = decode(body);
    const { records } = value;
    if (records <= query.pageSize) return { outcome: 'read', records, value, latencyMs };
    const error = new ExportError(
      'PagingError',
      `The API ignores the page size (${records} accounts for ${named}, ${query.pageSize} requested): contact Salesforce.`,
    );
    return { outcome: 'permanent', records, cause: 'paging', error };
  } catch (error) {
    if (!(error instanceof PageError)) throw error;
    if (error.name === 'PageTooLargeError') return tooLargeToParse(request, error.details.problem);
    if (error.name === 'ApiContentError') return notAccounts(request, error.details);
    if (error.transient) return wrongBody(request, error.details);
    return { outcome: 'permanent', records: query.pageSize, cause: 'unusable', error: error.about(named) };
  }
}

/** One limit for pages and probes: whether an account can be exported must not depend on its place. */
function bodyLimits({ limits, query, turn }: PageRequest): BodyLimits {
  const limitBytes = limits.bodyLimitBytes;
  return { limitBytes, freeBytes: Math.min(limitBytes, query.pageSize * FREE_BYTES_PER_ACCOUNT), turn };
}

function discard({ body }: Dispatcher.ResponseData): void {
  body.on('error', () => undefined).destroy();
}

function headerText({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
