/** One request, and what its answer means. */
import type { Dispatcher } from 'undici';
import { ExportError, isExportError } from '../errors.ts';
import type { Decode } from '../export/ports.ts';
import { BodyTooLarge, readBody } from './body.ts';
import { type Asked, type FailedTry, networkFailure, pageName, refusal, tooLarge, wrongBody } from './failures.ts';

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

export interface PageRequest extends Asked {
  readonly path: string;
  readonly authorization: string;
  readonly limits: RequestLimits;
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
}

/** A body that came whole, as far as the network can tell. */
export interface ReceivedBody {
  readonly outcome: 'received';
  readonly body: Buffer;
  readonly contentType: string;
  readonly latencyMs: number;
}

const USER_AGENT = 'account-export';

/** Sends one request and reads its answer; whatever comes of it is a value, not an exception. */
export async function requestPage(agent: Dispatcher, request: PageRequest): Promise<ReceivedBody | FailedTry> {
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
        'accept-encoding': 'gzip, deflate, br',
        'user-agent': USER_AGENT,
      },
      headersTimeout: limits.headersTimeoutMs,
      bodyTimeout: limits.bodyTimeoutMs,
      signal,
    });
  } catch (error) {
    return networkFailure(request, error, limits.totalTimeoutMs, 0);
  }
  if (response.statusCode !== 200) {
    // The body of a refusal is never read: it may hold anything, and the connection is worth less than the risk.
    response.body.on('error', () => undefined).destroy();
    return refusal(request, response, now());
  }
  const encoding = headerText(response, 'content-encoding');
  try {
    const body = await readBody(response.body, encoding, limits.bodyLimitBytes, signal);
    return {
      outcome: 'received',
      body,
      contentType: headerText(response, 'content-type') ?? '',
      latencyMs: now() - startedAt,
    };
  } catch (error) {
    response.body.on('error', () => undefined).destroy();
    if (!(error instanceof BodyTooLarge)) return networkFailure(request, error, limits.totalTimeoutMs, query.pageSize);
    const announced = encoding === undefined ? Number(headerText(response, 'content-length')) : undefined;
    return tooLarge(request, limits.bodyLimitBytes, announced);
  }
}

/** A body understood, or why it cannot be. */
export function understand<T extends { readonly records: number }>(
  asked: Asked,
  { body, contentType }: ReceivedBody,
  decode: Decode<T>,
): { readonly outcome: 'answered'; readonly records: number; readonly value: T } | FailedTry {
  const { query } = asked;
  const what = pageName(asked);
  if (/\bhtml\b/i.test(contentType)) {
    const type = JSON.stringify(contentType.slice(0, 60));
    return wrongBody(
      asked,
      `${what} came as ${type} with status 200 where ${query.endpoint.toUpperCase()} was asked for.`,
    );
  }
  if (body.length === 0 && query.endpoint === 'json') {
    return wrongBody(asked, `${what} came with status 200 and an empty body where JSON was asked for.`);
  }
  try {
    const value = decode(body);
    if (value.records <= query.pageSize) return { outcome: 'answered', records: value.records, value };
    const error = new ExportError(
      'PagingError',
      `${what} came with ${value.records} accounts where ${query.pageSize} were asked for: the API ignores the page size, so the export cannot be split into pages.`,
    );
    return { outcome: 'refused', records: value.records, cause: 'paging', error };
  } catch (error) {
    if (!isExportError(error)) throw error;
    if (error.transient) return wrongBody(asked, `${what}: ${error.message}`);
    return { outcome: 'refused', records: query.pageSize, cause: 'unusable', error };
  }
}

function headerText({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
