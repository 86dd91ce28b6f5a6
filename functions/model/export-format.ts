/** The formats of an export, and what belongs to each. */
import * as z from 'zod';

/**
 * The endpoint that the pages of each format come from (`accounts.json` or `accounts.csv`), and what follows `part-00000.`
 * in the key of a part.
 */
export const FORMAT_DETAILS = {
  json: { endpoint: 'json', partExtension: 'json.gz' },
  csv: { endpoint: 'csv', partExtension: 'csv.gz' },
  parquet: { endpoint: 'json', partExtension: 'parquet' },
} as const;

export type ExportFormat = keyof typeof FORMAT_DETAILS;

export const EXPORT_FORMATS = Object.keys(FORMAT_DETAILS) as readonly ExportFormat[];

export const ExportFormatSchema = z.enum(EXPORT_FORMATS, { error: 'must be "json", "csv" or "parquet"' });
