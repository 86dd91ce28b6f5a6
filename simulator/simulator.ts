/** A simulated Personalization Account Export API on 127.0.0.1. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { ATTRIBUTES } from './accounts.ts';
import type { AttributeShape } from './attribute-shapes.ts';
import { type FaultKind, type FaultRule, faultPicker } from './faults.ts';
import { type AccountMaker, Tenant } from './tenant.ts';

// Not imported, see `functions/personalization/failures.ts`.
const { createServer } = process.getBuiltinModule('node:http');

export interface SimulatorOptions {
  readonly accounts?: number;
  readonly seed?: number;
  readonly nasty?: boolean;
  /** The shape of `attributes` in JSON. @default 'flat' */
  readonly attributeShape?: AttributeShape;
  /** Some accounts have a field that no table declares: `healthIndex`. @default nasty */
  readonly unknownField?: boolean;
  /** Other names of fields and attributes. @default none */
  readonly renamed?: Readonly<Record<string, string>>;
  readonly latencyMs?: number;
  /** @default 0, any free port */
  readonly port?: number;
  readonly keyId?: string;
  readonly keySecret?: string;
  readonly datasets?: readonly string[];
  /** Existing datasets that the key must not read: 403. */
  readonly forbiddenDatasets?: readonly string[];
  /** The share of accounts in each segment, by name or id. Unknown segments are empty. */
  readonly segments?: Readonly<Record<string, number>>;
  /** Serves at most this many accounts per page, without an error. */
  readonly pageSizeCap?: number;
  /** Whether page offsets follow the requested or the capped page size. @default 'capped' */
  readonly capOffsets?: 'asked' | 'capped';
  /** The smallest page size of the API: page offsets follow it, so a 1-record page is not an offset. */
  readonly minPageSize?: number;
  /** Serves the first page for every page number. */
  readonly ignorePage?: boolean;
  readonly pretty?: boolean;
  readonly csvFinalNewline?: boolean;
  readonly csvLineEnd?: '\n' | '\r\n';
  /** The order of the CSV columns differs from page to page. */
  readonly shuffleCsvColumns?: boolean;
  /** A CSV page lacks the columns of attributes that no account on it has. */
  readonly omitEmptyCsvColumns?: boolean;
  readonly compress?: boolean;
  /** @default 'gzip' */
  readonly encoding?: Encoding;
  /** The header by endpoint. @default with the charset UTF-8 */
  readonly contentTypes?: Readonly<Record<Endpoint, string | undefined>>;
  /** Endpoints whose bodies start with a byte order mark. */
  readonly byteOrderMarks?: readonly Endpoint[];
  /** Makes the accounts instead of `seed`, `nasty`, `unknownField` and `attributeShape`. */
  readonly maker?: AccountMaker | undefined;
  /** Lists the accounts in another order for each request. */
  readonly unstableOrder?: boolean;
  /** Generates each response once and caches it, to save CPU in benchmarks. The accounts must not change. */
  readonly cacheResponses?: boolean;
  readonly faults?: readonly FaultRule[];
  /** Called before each response is generated; may change the accounts. */
  readonly onRequest?: (request: SeenRequest, tenant: Tenant) => void;
}

export type Encoding = 'gzip' | 'deflate' | 'br';
type Endpoint = 'json' | 'csv';

export interface SeenRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly rawQuery: string;
  readonly page: number;
  readonly pageSize: number;
  readonly startedAt: number;
  /** From here on, set when the response is sent. */
  status: number;
  records: number;
  endedAt: number;
}

export interface Simulator {
  readonly url: string;
  readonly tenant: Tenant;
  readonly requests: readonly SeenRequest[];
  readonly maxInFlight: () => number;
  /** Records served, in truncated responses too: what the contract counts. */
  readonly recordsServed: () => number;
  setKey(keyId: string, keySecret: string): void;
  close(): Promise<void>;
}

export const DEFAULT_KEY = { keyId: 'demo-key', keySecret: 'demo:secret' } as const;
export const DEFAULT_SEGMENTS = {
  'Tier 1 & 2/EMEA': 0.1,
  'Tier 1 & 2/EMEA + ü%': 0.25,
  everyone: 1,
  nobody: 0,
} as const;

const CONTENT_TYPES = { json: 'application/json; charset=utf-8', csv: 'text/csv; charset=utf-8' } as const;
const COMPRESS: Readonly<Record<Encoding, (body: Buffer) => Buffer>> = {
  gzip: (body) => gzipSync(body, { level: 1 }),
  deflate: deflateSync,
  br: brotliCompressSync,
};
const UNSTABLE_STEP = 7;

interface Answer {
  readonly body: Buffer;
  readonly records: number;
  readonly gzipped?: Buffer;
}

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { accounts = 12_431, seed = 1, nasty = true, unknownField, attributeShape, renamed, maker } = options;
  const tenant = new Tenant({ accounts, seed, nasty, unknownField, attributeShape, renamed, maker });
  const requests: SeenRequest[] = [];
  let key = { keyId: options.keyId ?? DEFAULT_KEY.keyId, keySecret: options.keySecret ?? DEFAULT_KEY.keySecret };
  let inFlight = 0;
  let maxInFlight = 0;
  const { encoding = 'gzip' } = options;
  const pickFault = faultPicker(options.faults ?? []);
  const cache = new Map<string, Answer>();

  const server = createServer((request, response) => {
    inFlight++;
    maxInFlight = Math.max(maxInFlight, inFlight);
    const seen = seenRequest(request);
    requests.push(seen);
    response.once('close', () => {
      inFlight--;
      seen.status = response.statusCode;
      seen.endedAt = Date.now();
    });
    answer(request, response, seen).catch(() => response.destroy());
  });
  // Clients reuse a connection after the pauses between retries.
  server.keepAliveTimeout = 30_000;

  async function answer(request: IncomingMessage, response: ServerResponse, seen: SeenRequest): Promise<void> {
    options.onRequest?.(seen, tenant);
    const refused = refuse(request, seen);
    const accepts = String(request.headers['accept-encoding'] ?? '').includes(encoding);
    const page = refused ? undefined : answerTo(seen, accepts && options.compress !== false);
    // The latency includes the time to generate the response, so that a busy machine does not add to it.
    const waitMs = (options.latencyMs ?? 0) - (Date.now() - seen.startedAt);
    if (waitMs > 0) await sleep(waitMs);
    const fault = pickFault(seen.page, seen.pageSize);
    if (fault === 'hang') return;
    if (fault === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (typeof fault === 'object') {
      if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
      return end(response, fault.status, 'text/plain', 'injected fault');
    }
    if (fault === 'html') return end(response, 200, 'text/html', '<!doctype html><title>Sign in</title>');
    if (refused) return end(response, refused.status, 'text/plain', refused.why);
    if (!page) return;
    const { body, records, gzipped } = page;
    seen.records = records;
    const type = (options.contentTypes ?? CONTENT_TYPES)[endpointOf(seen)];
    if (fault !== undefined) return breakOff(fault, response, type, body);
    if (gzipped) response.setHeader('content-encoding', encoding);
    end(response, 200, type, gzipped ?? body);
  }

  function answerTo(seen: SeenRequest, gzip: boolean): Answer {
    const key = `${seen.path}?${seen.rawQuery} ${gzip}`;
    const cached = cache.get(key);
    if (cached) return cached;
    const answer = makeBody(seen);
    const made = gzip && answer.body.length > 1000 ? { ...answer, gzipped: COMPRESS[encoding](answer.body) } : answer;
    if (options.cacheResponses) cache.set(key, made);
    return made;
  }

  function refuse(request: IncomingMessage, seen: SeenRequest): { status: number; why: string } | undefined {
    const expected = `Basic ${Buffer.from(`${key.keyId}:${key.keySecret}`).toString('base64')}`;
    if (request.headers.authorization !== expected) return { status: 401, why: 'unauthorized' };
    const [, dataset = ''] = /^\/api\/dataset\/([^/]+)\/accounts\.(?:json|csv)$/.exec(seen.path) ?? [];
    if ((options.forbiddenDatasets ?? []).includes(decodeURIComponent(dataset)))
      return { status: 403, why: 'forbidden' };
    if (!(options.datasets ?? ['engage']).includes(decodeURIComponent(dataset)))
      return { status: 404, why: 'no such dataset' };
    for (const name of ['page', 'pageSize', 'start', 'end']) {
      const value = seen.query.get(name);
      if (value !== null && !/^\d+$/.test(value)) return { status: 400, why: `${name} is not a number` };
    }
    return undefined;
  }

  function makeBody(seen: SeenRequest): Answer {
    const { body, records } = makeText(seen);
    const marked = (options.byteOrderMarks ?? []).includes(endpointOf(seen));
    return { body: Buffer.from(marked ? `\ufeff${body}` : body), records };
  }

  function makeText(seen: SeenRequest): { readonly body: string; readonly records: number } {
    const { from, to, segment } = slice(seen);
    const csv = endpointOf(seen) === 'csv';
    const at = (index: number) => {
      return options.unstableOrder ? (index + UNSTABLE_STEP * requests.indexOf(seen)) % tenant.total : index;
    };
    const rows: string[] = [];
    if (!csv) {
      for (let i = from; i < to; i++) rows.push(tenant.json(at(i), segment) ?? '');
      return { body: options.pretty ? prettyArray(rows) : `[${rows.join(',')}]`, records: rows.length };
    }
    const accounts = Array.from({ length: to - from }, (_, i) => tenant.csvCells(at(from + i), segment));
    const columns = columnsOf(seen, segment).filter((column) => isServed(column, accounts));
    for (const cells of accounts) rows.push(columns.map((column) => quote(cells?.get(column) ?? '')).join(','));
    const end = options.csvLineEnd ?? '\n';
    const last = options.csvFinalNewline === false ? '' : end;
    return { body: [columns.map(quote).join(','), ...rows].join(end) + last, records: rows.length };
  }

  function slice(seen: SeenRequest): { from: number; to: number; segment: boolean } {
    const named = seen.query.get('segmentId') ?? seen.query.get('filter');
    const segments: Readonly<Record<string, number>> = options.segments ?? DEFAULT_SEGMENTS;
    const total = named === null ? tenant.total : Math.floor(tenant.total * (segments[named] ?? 0));
    if (!seen.query.has('pageSize')) return { from: 0, to: total, segment: named !== null };
    const served = Math.min(
      Math.max(seen.pageSize, options.minPageSize ?? 0),
      options.pageSizeCap ?? Number.POSITIVE_INFINITY,
    );
    const stride = options.capOffsets === 'asked' ? seen.pageSize : served;
    const from = options.ignorePage ? 0 : Math.min(seen.page * stride, total);
    // A minimum page size changes offsets only: never more records than requested are served.
    const to = Math.min(from + Math.min(served, seen.pageSize), total);
    return { from, to, segment: named !== null };
  }

  function isServed(column: string, accounts: readonly (ReadonlyMap<string, string> | undefined)[]): boolean {
    if (!options.omitEmptyCsvColumns || !(ATTRIBUTES as readonly string[]).includes(column)) return true;
    return accounts.some((cells) => (cells?.get(column) ?? '') !== '');
  }

  function columnsOf(seen: SeenRequest, segment: boolean): readonly string[] {
    const columns = tenant.csvColumns(segment);
    if (!options.shuffleCsvColumns) return columns;
    const turn = (seen.page + seen.pageSize) % columns.length;
    return [...columns.slice(turn), ...columns.slice(0, turn)];
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tenant,
    requests,
    maxInFlight: () => maxInFlight,
    recordsServed: () => requests.reduce((sum, { records }) => sum + records, 0),
    setKey: (keyId, keySecret) => {
      key = { keyId, keySecret };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function seenRequest(request: IncomingMessage): SeenRequest {
  const [path = '', rawQuery = ''] = (request.url ?? '').split('?');
  const query = new URLSearchParams(rawQuery);
  return {
    path,
    query,
    rawQuery,
    page: Number(query.get('page') ?? 0),
    pageSize: Number(query.get('pageSize') ?? 0),
    startedAt: Date.now(),
    status: 0,
    records: 0,
    endedAt: 0,
  };
}

function endpointOf({ path }: SeenRequest): Endpoint {
  return path.endsWith('.csv') ? 'csv' : 'json';
}

/** @param type the content type; a server may send none */
function end(response: ServerResponse, status: number, type: string | undefined, body: string | Buffer): void {
  response.writeHead(status, { ...typeHeader(type), 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function typeHeader(type: string | undefined): Record<string, string> {
  return type === undefined ? {} : { 'content-type': type };
}

/** The faults of a response that has begun; the others take its place. */
type BodyFault = Exclude<FaultKind, 'hang' | 'reset' | 'html'>;

/** Sends a response that is broken as the fault says. */
function breakOff(fault: BodyFault, response: ServerResponse, type: string | undefined, body: Buffer): void {
  const half = body.subarray(0, Math.ceil(body.length / 2));
  const headers = typeHeader(type);
  switch (fault) {
    case 'truncate':
      // Chunked, with a clean end: only the content shows that it is incomplete.
      response.writeHead(200, headers);
      response.end(half);
      return;
    case 'truncate-content-length':
      response.writeHead(200, { ...headers, 'content-length': body.length });
      response.write(half, () => response.socket?.end());
      return;
    case 'reset-mid-body':
      response.writeHead(200, headers);
      response.write(half, () => setTimeout(() => response.socket?.resetAndDestroy(), 5));
      return;
    case 'garbage':
      end(response, 200, type, '[{"name": oops');
      return;
    case 'empty-body':
      end(response, 200, type, '');
      return;
    case 'invalid-utf8':
      end(response, 200, type, Buffer.from([...Buffer.from('[{"name":"'), 0xc3, 0x28, ...Buffer.from('"}]')]));
      return;
    case 'slow-drip': {
      response.writeHead(200, headers);
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
      return;
    }
    case 'huge': {
      response.writeHead(200, headers);
      const chunk = Buffer.alloc(1024 * 1024, 0x20);
      let left = 200;
      const more = (): void => {
        while (left-- > 0) {
          if (response.write(chunk)) continue;
          response.once('drain', more);
          return;
        }
        response.end(']');
      };
      response.write('[');
      more();
      return;
    }
    default:
      // A new kind of fault without a case does not compile.
      fault satisfies never;
  }
}

/** Adds white space between all tokens and leaves numbers unchanged. */
function prettyArray(rows: readonly string[]): string {
  const spread = (row: string) =>
    row.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g, (token) => (token.length > 1 ? token : `${token}\n   `));
  return `[\r\n  ${rows.map(spread).join(' ,\t\n  ')}\n]\n`;
}

function quote(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
