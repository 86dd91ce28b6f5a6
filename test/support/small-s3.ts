/**
 * A server with the S3 operations that the object store uses: put, get, delete, DeleteObjects, and ListObjectsV2 with 1,000
 * keys per page.
 * Source: Amazon S3 API reference, "ListObjectsV2".
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SmallS3 {
  readonly url: string;
  /** Number of list requests. */
  readonly lists: () => number;
  /** The keys read, one per request, in order. */
  readonly reads: string[];
  /** The number of keys of each request that deletes several, in order. */
  readonly bulkDeletes: readonly number[];
  readonly object: (bucket: string, key: string) => Buffer | undefined;
  readonly keys: (bucket: string) => string[];
  readonly put: (bucket: string, key: string, body: Uint8Array) => void;
  close(): Promise<void>;
}

interface Failure {
  readonly status: number;
  readonly code: string;
}

const PAGE = 1000;
const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`;

/** How a store differs from Amazon S3. */
export interface StoreOddities {
  /** Conditional headers that it ignores. */
  readonly ignored?: readonly ('if-match' | 'if-none-match')[];
}

/** @param fail makes a request fail */
export async function startSmallS3(
  buckets: readonly string[],
  fail: (method: string, key: string, headers: IncomingHttpHeaders) => Failure | undefined = () => undefined,
  { ignored = [] }: StoreOddities = {},
): Promise<SmallS3> {
  const objects = new Map(buckets.map((bucket) => [bucket, new Map<string, Buffer>()]));
  const reads: string[] = [];
  const bulkDeletes: number[] = [];
  let lists = 0;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    const [, bucketName = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const key = rest.join('/');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (status: number, body: string | Buffer = '') => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(body);
    };
    const failure = (status: number, code: string) => answer(status, `<Error><Code>${code}</Code></Error>`);
    for (const header of ignored) delete request.headers[header];
    const refused = fail(request.method ?? '', key, request.headers);
    if (refused) return failure(refused.status, refused.code);
    const bucket = objects.get(bucketName);
    if (!bucket) return failure(404, 'NoSuchBucket');
    if (request.method === 'POST' && url.searchParams.has('delete')) {
      const text = plainBody(Buffer.concat(chunks), String(request.headers['content-encoding'] ?? '')).toString();
      const keys = [...text.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, name = '']) => name);
      bulkDeletes.push(keys.length);
      const failed = keys.flatMap((name) => {
        const { code } = fail('DELETE', name, request.headers) ?? {};
        if (code === undefined) bucket.delete(name);
        return code === undefined ? [] : [`<Error><Key>${name}</Key><Code>${code}</Code></Error>`];
      });
      return answer(200, `<?xml version="1.0"?><DeleteResult>${failed.join('')}</DeleteResult>`);
    }
    if (key === '') {
      lists++;
      return answer(200, list(bucket, url.searchParams));
    }
    switch (request.method) {
      case 'PUT':
        if (request.headers['if-none-match'] === '*' && bucket.has(key)) return failure(412, 'PreconditionFailed');
        if (request.headers['if-match'] !== undefined) {
          const there = bucket.get(key);
          if (!there) return failure(404, 'NoSuchKey');
          if (request.headers['if-match'] !== etagOf(there)) return failure(412, 'PreconditionFailed');
        }
        bucket.set(key, plainBody(Buffer.concat(chunks), String(request.headers['content-encoding'] ?? '')));
        response.setHeader('etag', etagOf(bucket.get(key) ?? Buffer.alloc(0)));
        return answer(200);
      case 'HEAD':
      case 'GET': {
        const body = bucket.get(key);
        if (!body) return failure(404, 'NoSuchKey');
        reads.push(key);
        return answerObject(request, response, body);
      }
      case 'DELETE':
        bucket.delete(key);
        return answer(204);
      default:
        return failure(405, 'MethodNotAllowed');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lists: () => lists,
    reads,
    bulkDeletes,
    object: (bucket, key) => objects.get(bucket)?.get(key),
    keys: (bucket) => [...(objects.get(bucket)?.keys() ?? [])],
    put: (bucket, key, body) => void objects.get(bucket)?.set(key, Buffer.from(body)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Serves a whole object or a range: readers of Parquet start at the end. */
function answerObject(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(String(request.headers.range ?? '')) ?? [];
  const ranged = from !== '' || to !== '';
  const start = from === '' ? (ranged ? Math.max(0, body.length - Number(to)) : 0) : Number(from);
  const end = from === '' || to === '' ? body.length : Math.min(body.length, Number(to) + 1);
  response.writeHead(ranged ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': end - start,
    'last-modified': 'Sat, 22 Aug 2026 02:00:00 GMT',
    etag: etagOf(body),
    ...(ranged ? { 'content-range': `bytes ${start}-${end - 1}/${body.length}` } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body.subarray(start, end));
}

function list(bucket: ReadonlyMap<string, Buffer>, query: URLSearchParams): string {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter');
  const after = query.get('continuation-token') ?? '';
  const found = new Map<string, string>();
  for (const [key, body] of [...bucket].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!key.startsWith(prefix)) continue;
    const cut = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
    if (cut < 0)
      found.set(
        key,
        `<Contents><Key>${key}</Key><LastModified>2026-08-22T02:00:00.000Z</LastModified><ETag>${etagOf(body)}</ETag><Size>${body.length}</Size></Contents>`,
      );
    else found.set(key.slice(0, cut + 1), `<CommonPrefixes><Prefix>${key.slice(0, cut + 1)}</Prefix></CommonPrefixes>`);
  }
  const left = [...found].filter(([name]) => name > after);
  const page = left.slice(0, PAGE);
  const more = left.length > PAGE;
  const token = more ? `<NextContinuationToken>${page.at(-1)?.[0]}</NextContinuationToken>` : '';
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${token}${page.map(([, xml]) => xml).join('')}</ListBucketResult>`;
}

/** The SDK may send a body in signed chunks followed by a checksum (`aws-chunked`). */
function plainBody(body: Buffer, encoding: string): Buffer {
  if (!encoding.includes('aws-chunked')) return body;
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
