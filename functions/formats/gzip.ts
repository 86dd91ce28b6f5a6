import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';

const compress = promisify(gzipCallback);

/**
 * The cheapest (docs/benchmarks.md): a part is packed once, and stored and scanned for a year. 9 packs no smaller; 6 takes
 * half the time, which is a millisecond or three of a page, and its parts are a twentieth larger.
 */
export const GZIP_LEVEL = 8;

/** Packs a part; the same bytes give the same part, since Node writes no time into the header. */
export async function gzip(bytes: Uint8Array | string): Promise<Buffer> {
  return compress(bytes, { level: GZIP_LEVEL });
}
