import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, type InputType, inflate, type ZlibOptions } from 'node:zlib';

/** The body exceeds the limit. */
export class BodyTooLarge extends Error {}

type Unpack = (body: InputType, options: ZlibOptions) => Promise<Buffer>;

/** A Map, because an object would know an encoding named `constructor`. */
const UNPACKING: ReadonlyMap<string, Unpack> = new Map<string, Unpack>([
  ['gzip', promisify<InputType, ZlibOptions, Buffer>(gunzip)],
  ['x-gzip', promisify<InputType, ZlibOptions, Buffer>(gunzip)],
  ['deflate', promisify<InputType, ZlibOptions, Buffer>(inflate)],
  ['br', promisify<InputType, ZlibOptions, Buffer>(brotliDecompress)],
]);

/** The Accept-Encoding header. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/** With the default of 16 KiB, a page of 1,000 accounts takes 20 trips through the thread pool. */
const CHUNK_BYTES = 64 * 1024;

/** @param encoding the Content-Encoding header */
export function isKnownEncoding(encoding: string | undefined): boolean {
  const name = nameOf(encoding);
  return name === '' || name === 'identity' || UNPACKING.has(name);
}

/**
 * Reads a body without decompressing it.
 * @throws BodyTooLarge beyond `limitBytes`; the error of the stream if it ends early
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
 * Decompresses a body.
 * @throws BodyTooLarge if the decompressed body exceeds `limitBytes`; the error of zlib for a damaged body
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
