import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';

const compress = promisify(gzipCallback);

/** Packs a part; the same bytes give the same part, since Node writes no time into the header. */
export async function gzip(bytes: Uint8Array | string): Promise<Buffer> {
  return compress(bytes, { level: 6 });
}
