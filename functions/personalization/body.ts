/** Reading an answer's body: whole, decompressed, and never more than fits. */
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, type InputType, inflate, type ZlibOptions } from 'node:zlib';

/** The body is larger than the limit; reading stopped there. */
export class BodyTooLarge extends Error {}

type Unpack = (body: InputType, options: ZlibOptions) => Promise<Buffer>;

/** A map, since an encoding called `constructor` must be as unknown as any. */
const UNPACKING: ReadonlyMap<string, Unpack> = new Map<string, Unpack>([
  ['gzip', promisify<InputType, ZlibOptions, Buffer>(gunzip)],
  ['x-gzip', promisify<InputType, ZlibOptions, Buffer>(gunzip)],
  ['deflate', promisify<InputType, ZlibOptions, Buffer>(inflate)],
  ['br', promisify<InputType, ZlibOptions, Buffer>(brotliDecompress)],
]);

/** What can be unpacked, for the header that asks for it. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/** Node's own 16 KiB would take a page of a thousand accounts through its thread pool twenty times. */
const CHUNK_BYTES = 64 * 1024;

/** Whether a body that is packed so can be unpacked. @param encoding the header `content-encoding` */
export function isKnownEncoding(encoding: string | undefined): boolean {
  const name = nameOf(encoding);
  return name === '' || name === 'identity' || UNPACKING.has(name);
}

/**
 * Reads a body to its end, packed as it is.
 * @throws BodyTooLarge over `limitBytes`; the stream's error when the body breaks off
 */
export async function readBody(body: Readable, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) throw new BodyTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/**
 * Unpacks a body. The limit counts what comes out, so that a small body that unpacks to a huge one stops there.
 * @throws BodyTooLarge over `limitBytes`; the decompressor's error when the body is no such thing, or broke off
 */
export async function unpackBody(body: Buffer, encoding: string | undefined, limitBytes: number): Promise<Buffer> {
  const unpack = UNPACKING.get(nameOf(encoding));
  if (!unpack || body.length === 0) return body;
  try {
    return await unpack(body, { maxOutputLength: limitBytes, chunkSize: CHUNK_BYTES });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw new BodyTooLarge();
    throw error;
  }
}

function nameOf(encoding: string | undefined): string {
  return encoding?.trim().toLowerCase() ?? '';
}
