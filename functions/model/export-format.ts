/** The formats of an export, how parts are compressed, and what belongs to each. */
import * as z from 'zod';

/** The endpoint that the pages of each format come from: `accounts.json` or `accounts.csv`. */
export const FORMAT_DETAILS = {
  json: { endpoint: 'json' },
  csv: { endpoint: 'csv' },
  parquet: { endpoint: 'json' },
} as const;

export type ExportFormat = keyof typeof FORMAT_DETAILS;

export const EXPORT_FORMATS = Object.keys(FORMAT_DETAILS) as readonly ExportFormat[];

export const ExportFormatSchema = z.enum(EXPORT_FORMATS, { error: 'must be "json", "csv" or "parquet"' });

/** How JSON and CSV parts can be compressed, and how the name of such a part ends. Parquet compresses its columns itself. */
const COMPRESSION_SUFFIXES = { gzip: 'gz', zstd: 'zst' } as const;

export type Compression = keyof typeof COMPRESSION_SUFFIXES;

export const COMPRESSIONS = Object.keys(COMPRESSION_SUFFIXES) as readonly Compression[];

export const CompressionSchema = z.enum(COMPRESSIONS, { error: 'must be "gzip" or "zstd"' });

/** A format and a compression as settings and plans have them: without one, JSON and CSV are gzipped. */
export interface PartEncoding {
  readonly format: ExportFormat;
  readonly compression?: Compression | undefined;
}

/** How the file of a part is compressed; `undefined` for Parquet. */
export function compressionOf({ format, compression = 'gzip' }: PartEncoding): Compression | undefined {
  return format === 'parquet' ? undefined : compression;
}

/** What follows `part-00000.` in the key of a part: `json.gz`, `csv.zst`, `parquet`. Readers decide by it how to decompress. */
export function partExtension(encoding: PartEncoding): string {
  const compression = compressionOf(encoding);
  return compression === undefined ? encoding.format : `${encoding.format}.${COMPRESSION_SUFFIXES[compression]}`;
}

/** The compression of a JSON or CSV part, by its key or path. */
export function compressionOfPart(key: string): Compression {
  return key.endsWith(`.${COMPRESSION_SUFFIXES.zstd}`) ? 'zstd' : 'gzip';
}
