import * as z from 'zod';
import { ConsistencySchema } from './consistency.ts';
import { ExportFormatSchema } from './export-format.ts';
import { RunParametersSchema } from './run.ts';

/** `export_runs/run_id=<id>/manifest.json`, version 1: a contract. No secret, no account's data. */
export const ManifestSchema = z.object({
  version: z.literal(1),
  runId: z.string(),
  exportName: z.string(),
  datasetId: z.string(),
  format: ExportFormatSchema,
  parameters: RunParametersSchema,
  dueAt: z.string(),
  startedAt: z.string(),
  publishedAt: z.string(),
  pages: z.int(),
  records: z.int(),
  distinctAccounts: z.int(),
  duplicates: z.int(),
  bytes: z.int(),
  parts: z.array(z.object({ key: z.string(), page: z.int(), records: z.int(), bytes: z.int(), sha256: z.string() })),
  plannedRecords: z.int(),
  recordsFetched: z.int(),
  apiRequests: z.int(),
  retries: z.int(),
  consistency: ConsistencySchema,
  unmappedColumns: z.array(z.string()),
  escapedLineBreaks: z.int(),
});

export type Manifest = z.infer<typeof ManifestSchema>;
