import * as z from 'zod';
import { ExportFormatSchema } from './export-format.ts';
import { FieldPresenceSchema } from './field-coverage.ts';
import { RunParametersSchema } from './run.ts';

/** The verdict on a run, with its figures. */
const ConsistencySchema = z.object({
  /**
   * `consistent`: every check passed, which is evidence and not proof. `drifted`: the data changed during the run.
   * `unverified`: page boundaries could not be checked.
   */
  verdict: z.enum(['consistent', 'drifted', 'unverified']),
  accountsBefore: z.int(),
  accountsAfter: z.int(),
  boundariesChecked: z.int(),
  boundariesMoved: z.int(),
});
export type Consistency = z.infer<typeof ConsistencySchema>;
export type Verdict = Consistency['verdict'];

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
  /** Of at most 1,000 fields, how many records have a value; sorted by name. Empty in manifests of earlier versions. */
  fields: z.array(FieldPresenceSchema).default([]),
  unmappedColumns: z.array(z.string()),
  escapedLineBreaks: z.int(),
});

export type Manifest = z.infer<typeof ManifestSchema>;
