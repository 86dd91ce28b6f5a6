import * as z from 'zod';
import { CompressionSchema, ExportFormatSchema } from './export-format.ts';
import { BoundaryChecksSchema, NAME_PATTERN } from './export-settings.ts';
import { UsageSchema } from './usage.ts';

/** What a run asks the API for, resolved once and equal for all its pages and retries. */
export const RunParametersSchema = z.object({
  /** Name or id of a segment, which is a group of accounts in Personalization: only its accounts are exported. */
  filter: z.string().optional(),
  /** `start` to `end`, in epoch ms: the time that the engagement statistics cover. It filters no accounts. */
  start: z.int().optional(),
  end: z.int().optional(),
  /** As `segmentId`, an id in Personalization, sent as it is. The API does not document how the two differ from `filter`. */
  segmentationId: z.string().optional(),
  segmentId: z.string().optional(),
  pageSize: z.int().min(1),
});
export type RunParameters = z.infer<typeof RunParametersSchema>;

/** One request to the API. `pageSize` and `page` are required: without them the API returns all accounts. */
export interface PageQuery extends RunParameters {
  readonly datasetId: string;
  /** Which endpoint: `accounts.json` or `accounts.csv`. Parquet is made from JSON. */
  readonly endpoint: 'json' | 'csv';
  /** From 0. */
  readonly page: number;
}

/** A run as its plan pins it: what all its pages and its publishing share. */
export const RunSchema = z.object({
  runId: z.string().regex(NAME_PATTERN),
  exportName: z.string().regex(NAME_PATTERN),
  datasetId: z.string().regex(NAME_PATTERN),
  /**
   * `<accountName>.<instance>.evergage.com`. The account name is the name of the tenant, not one of the exported accounts. A
   * run is never continued with another tenant's API.
   */
  apiHost: z.string(),
  format: ExportFormatSchema,
  /** JSON and CSV only. Plans of earlier versions have none, which is gzip. */
  compression: CompressionSchema.optional(),
  parameters: RunParametersSchema,
  /** When the run was due, ISO 8601. */
  dueAt: z.string(),
  /** The day (UTC) the run was due. */
  exportDate: z.iso.date(),
  startedAt: z.string(),
  /** Accounts counted by the plan. */
  accounts: z.int().min(0),
  pages: z.int().min(1),
  /**
   * `offsets`: page p of size s starts at account p × s for every s. `pages`: it does not, so whole pages are counted, and
   * nobody can ask for the account at an offset.
   */
  countedBy: z.enum(['offsets', 'pages']),
  onDrift: z.enum(['publish', 'fail', 'retry']),
  /** `sample`: all page boundaries up to 64 pages, 16 of a larger run. */
  boundaryChecks: BoundaryChecksSchema.default('sample'),
  /** The accepted drop in accounts since the last published run. */
  maxDropPercent: z.int(),
  /** The run that this one repeats because its data changed. */
  retryOf: z.string().optional(),
  /**
   * With a record budget: the highest number that a ticket may have, not how many there are. Each ticket reserves the records
   * of one page.
   */
  ticketLimit: z.int().min(0).optional(),
  /** CSV only. */
  csv: z
    .object({
      /** The header of every part. */
      columns: z.array(z.string()),
      /** A count: how many of `columns`, from the first, the Glue table declares. */
      tableColumns: z.int(),
      /** Whether the API's answers end in a newline. If so, an answer without one is truncated. */
      finalNewline: z.boolean(),
    })
    .optional(),
});
export type Run = z.infer<typeof RunSchema>;
export type BoundaryChecks = Run['boundaryChecks'];

/** `work/run_id=<id>/plan.json`: a resumed run reads it instead of planning again. */
export const StoredPlanSchema = z.object({
  version: z.literal(1),
  run: RunSchema,
  /** The record budget of the run and of the run it repeats. */
  maxRecords: z.int().optional(),
  /** Usage of the planning that succeeded. */
  usage: UsageSchema,
  /** Rounds of parallel requests that planning took. */
  rounds: z.int(),
  /** Usage of the run that this one repeats. */
  earlierUsage: UsageSchema.optional(),
  /** Records of `maxRecords` that no ticket counts: of the run it repeats, and those fetched before the run had a budget. */
  earlierRecords: z.int().default(0),
});
export type StoredPlan = z.infer<typeof StoredPlanSchema>;
