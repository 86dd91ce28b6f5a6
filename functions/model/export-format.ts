/** The formats of an export, and what belongs to each. */
import * as z from 'zod';

interface FormatDetails {
  /** The endpoint that its pages come from: `accounts.json` or `accounts.csv`. */
  readonly endpoint: 'json' | 'csv';
  /** Follows `part-00000.` in the key of a part. */
  readonly partExtension: string;
  readonly contentType: string;
}

export const FORMAT_DETAILS = {
  json: { endpoint: 'json', partExtension: 'json.gz', contentType: 'application/gzip' },
  csv: { endpoint: 'csv', partExtension: 'csv.gz', contentType: 'application/gzip' },
  parquet: { endpoint: 'json', partExtension: 'parquet', contentType: 'application/vnd.apache.parquet' },
} as const satisfies Record<string, FormatDetails>;

export type ExportFormat = keyof typeof FORMAT_DETAILS;

export const EXPORT_FORMATS = Object.keys(FORMAT_DETAILS) as readonly ExportFormat[];

export const ExportFormatSchema = z.enum(EXPORT_FORMATS, { error: 'must be "json", "csv" or "parquet"' });
