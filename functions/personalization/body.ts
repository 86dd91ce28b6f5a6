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

/** How much of a body may be read. */
export interface BodyLimits {
  readonly limitBytes: number;
  /** Beyond this size, a body waits for its turn. */
  readonly freeBytes: number;
  /** Resolves when the turn of this body has come; at once if it has already. */
  readonly turn: () => Promise<void>;
}

/**
 * Reads a body without decompressing it.
 * @throws BodyTooLarge beyond `limitBytes`; the error of the stream if it ends early
 */
export async function readBody(body: Readable, { limitBytes, freeBytes, turn }: BodyLimits): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) throw new BodyTooLarge();
    if (size > freeBytes) await turn();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/**
 * Decompresses a body.
 * @throws BodyTooLarge if the decompressed body exceeds `limitBytes`; the error of zlib for a damaged body
 */
export async function unpackBody(body: Buffer, encoding: string | undefined, limits: BodyLimits): Promise<Buffer> {
  const unpack = UNPACKING.get(nameOf(encoding));
  if (!unpack || body.length === 0) return body;
  const { limitBytes, freeBytes, turn } = limits;
  const within = (maxOutputLength: number) =>
    unpack(body, { maxOutputLength, chunkSize: CHUNK_BYTES }).catch((error: { code?: string }) => {
      if (error.code === 'ERR_BUFFER_TOO_LARGE') return undefined;
      throw error;
    });
  const small = freeBytes < limitBytes ? await within(freeBytes) : undefined;
  if (small) return small;
  if (freeBytes < limitBytes) await turn();
  const unpacked = await within(limitBytes);
  if (!unpacked) throw new BodyTooLarge();
  return unpacked;
}

function nameOf(encoding: string | undefined): string {
  return encoding?.trim().toLowerCase() ?? '';
}
