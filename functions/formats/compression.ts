/** Compression of JSON and CSV parts, off the main thread. */
import { promisify } from 'node:util';
// By namespace: CDK apps load this file, too, and can run on a Node.js whose zlib has no zstd.
import * as zlib from 'node:zlib';
import type { Compression } from '../model/export-format.ts';

/**
 * For JSON, takes half the CPU time of level 8, for parts that are 5 to 6 % larger: about half a cent for a million accounts
 * that are stored for a year and scanned every day (docs/decisions/0008-defaults.md).
 */
export const GZIP_LEVEL = 6;

/**
 * For parts of every format. It makes JSON parts 6 to 12 % smaller than gzip, and takes 10 to 40 % longer. Level 15 makes
 * parts 5 to 9 % smaller for two to four times the CPU time; level 3 saves nothing (docs/decisions/0008-defaults.md).
 */
export const ZSTD_LEVEL = 9;

/** Compresses a part. Equal input gives equal bytes: Node writes no time into the header of gzip. */
export async function compress(part: Uint8Array | string, compression: Compression = 'gzip'): Promise<Buffer> {
  if (compression === 'gzip') {
    return promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.gzip)(part, { level: GZIP_LEVEL });
  }
  const bytes = typeof part === 'string' ? Buffer.from(part) : part;
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = zlib.constants;
  return promisify<zlib.InputType, zlib.ZstdOptions, Buffer>(zlib.zstdCompress)(bytes, {
    // As with gzip, a checksum shows a reader that a part is damaged.
    params: { [ZSTD_c_compressionLevel]: ZSTD_LEVEL, [ZSTD_c_checksumFlag]: 1 },
    // With its size known, zstd allocates smaller tables.
    pledgedSrcSize: bytes.length,
  });
}

/** Decompresses a JSON or CSV part; its first byte shows how it was compressed. */
export async function decompress(part: Uint8Array): Promise<Buffer> {
  const unpack = part[0] === GZIP_FIRST_BYTE ? zlib.gunzip : zlib.zstdDecompress;
  return promisify<zlib.InputType, Buffer>(unpack)(part);
}

/** Source: RFC 1952, `ID1`. Source of zstd's, which is 0x28: RFC 8878, "Zstandard Frames". */
const GZIP_FIRST_BYTE = 0x1f;
