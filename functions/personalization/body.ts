/** Reading an answer's body: whole, decompressed, and never more than fits. */
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

/** The body is larger than the limit; reading stopped there. */
export class BodyTooLarge extends Error {}

const DECOMPRESSORS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * Reads a body to its end. The limit counts decompressed bytes, so that a small body that unpacks to a huge one stops
 * there too.
 *
 * @throws BodyTooLarge over `limitBytes`; the stream's or the decompressor's error when the body breaks off
 */
export async function readBody(
  body: Readable,
  encoding: string | undefined,
  limitBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const collect = async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) {
      size += chunk.length;
      if (size > limitBytes) throw new BodyTooLarge();
      chunks.push(chunk);
    }
  };
  const decompressor = DECOMPRESSORS[encoding?.trim().toLowerCase() ?? ''];
  if (decompressor) await pipeline(body, decompressor(), collect, { signal });
  else await pipeline(body, collect, { signal });
  return Buffer.concat(chunks, size);
}
