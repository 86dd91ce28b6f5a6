/** Reading an answer's body: whole, decompressed, and never more than fits. */
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

/** The body is larger than the limit; reading stopped there. */
export class BodyTooLarge extends Error {}

/** The body is packed in a way that was not asked for, or twice; nothing of it was read. */
export class UnknownEncoding extends Error {}

/** Node's own 16 KiB would take a page of a thousand accounts through its thread pool twenty times. */
const CHUNK = { chunkSize: 64 * 1024 };

/** A map, since an encoding called `constructor` must be as unknown as any. */
const DECOMPRESSORS: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', () => createGunzip(CHUNK)],
  ['x-gzip', () => createGunzip(CHUNK)],
  ['deflate', () => createInflate(CHUNK)],
  ['br', () => createBrotliDecompress(CHUNK)],
]);

/** What `readBody` unpacks, for the header that asks for it. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/**
 * Reads a body to its end. The limit counts decompressed bytes, so that a small body that unpacks to a huge one stops
 * there too.
 *
 * @param encoding the header `content-encoding`
 * @throws UnknownEncoding; BodyTooLarge over `limitBytes`; the stream's or the decompressor's error when the body breaks off
 */
export async function readBody(
  body: Readable,
  encoding: string | undefined,
  limitBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const name = encoding?.trim().toLowerCase() ?? '';
  const decompressor = DECOMPRESSORS.get(name);
  if (!decompressor && name !== '' && name !== 'identity') throw new UnknownEncoding();
  const chunks: Buffer[] = [];
  let size = 0;
  const collect = async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) {
      size += chunk.length;
      if (size > limitBytes) throw new BodyTooLarge();
      chunks.push(chunk);
    }
  };
  if (decompressor) await pipeline(body, decompressor(), collect, { signal });
  else await pipeline(body, collect, { signal });
  return Buffer.concat(chunks, size);
}
