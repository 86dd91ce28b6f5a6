import { promisify } from 'node:util';
import { gunzip as gunzipCallback, gzip as gzipCallback } from 'node:zlib';

const compress = promisify(gzipCallback);
const decompress = promisify(gunzipCallback);

/**
 * The cheapest level over a year of storage and scans (docs/benchmarks.md). Level 9 saves nothing more; level 6 saves 1 to
 * 3 ms a page, but its parts are 5% larger.
 */
export const GZIP_LEVEL = 8;

/** Compresses a part. Equal input gives equal bytes: Node writes no time into the header. */
export async function gzip(bytes: Uint8Array | string): Promise<Buffer> {
  return compress(bytes, { level: GZIP_LEVEL });
}

/** Decompresses a part. */
export async function gunzip(part: Uint8Array): Promise<Buffer> {
  return decompress(part);
}
