import * as z from 'zod';
import { ConsistencySchema } from './consistency.ts';
import { ExportFormatSchema, NAME_PATTERN } from './export-settings.ts';
import { UsageSchema } from './usage.ts';

/** What a run asks the API for, resolved once and equal for all its pages and retries. */
export const RunParametersSchema = z.object({
  filter: z.string().optional(),
  start: z.int().optional(),
  end: z.int().optional(),
  segmentationId: z.string().optional(),
  segmentId: z.string().optional(),
  pageSize: z.int().min(1),
});

export type RunParameters = z.infer<typeof RunParametersSchema>;

/** A run as pinned by its plan: all that its pages and its publishing must share. */
export const RunSchema = z.object({
  runId: z.string().regex(NAME_PATTERN),
  exportName: z.string().regex(NAME_PATTERN),
  datasetId: z.string().regex(NAME_PATTERN),
  format: ExportFormatSchema,
  parameters: RunParametersSchema,
  /** When the run was due, ISO 8601. */
  dueAt: z.string(),
  /** The day (UTC) the run was due. */
  exportDate: z.iso.date(),
  startedAt: z.string(),
  /** How many accounts the plan counted, and in how many pages they lie (at least one). */
  accounts: z.int().min(0),
  pages: z.int().min(1),
  /** `offsets`: `page × pageSize` was seen to be an offset. `pages`: it was not, so accounts were counted by whole pages. */
  countedBy: z.enum(['offsets', 'pages']),
  /** 2 when the source moved under the first and the export was to be made once more. */
  attempt: z.int().min(1),
  onDrift: z.enum(['publish', 'fail', 'retry']),
  maxDropPercent: z.int(),
  /** Only with a `maxRecords`: how many pages may be fetched beyond one fetch each, before it would be passed. */
  spareFetches: z.int().min(0).optional(),
  /** Which of the run's record budgets this is: another attempt, or another `maxRecords`, has one of its own. */
  budget: z.int().min(1),
  /** How many executions have worked on the run: what failed under an earlier one is not why this one fails. */
  start: z.int().min(1),
  /** CSV only. */
  csv: z
    .object({
      /** The header of every part. */
      columns: z.array(z.string()),
      /** How many of `columns`, from the first, the table declares. */
      tableColumns: z.int(),
      /** Whether the API's answers end in a newline: one that does not has then broken off. */
      finalNewline: z.boolean(),
    })
    .optional(),
});

export type Run = z.infer<typeof RunSchema>;

/** `work/run_id=<id>/plan.json`: a run that is started again goes on with it. */
export const StoredPlanSchema = z.object({
  version: z.literal(1),
  run: RunSchema,
  maxRecords: z.int().optional(),
  /** What counting took, of `spent`, which also holds what earlier attempts took. */
  counting: UsageSchema,
  usage: UsageSchema,
  /** Rounds of requests that counting took: with several probes at once, what its duration is made of. */
  rounds: z.int(),
});

export type StoredPlan = z.infer<typeof StoredPlanSchema>;

/** `work/run_id=<id>/drift.json`: the source moved under an attempt, and its pages are to be exported once more. */
export const StoredDriftSchema = z.object({
  version: z.literal(1),
  attempt: z.int(),
  /** Of the run so far. */
  usage: UsageSchema,
  accounts: z.int(),
  consistency: ConsistencySchema,
  /** Whether what the attempt wrote is gone. */
  cleared: z.boolean(),
});

export type StoredDrift = z.infer<typeof StoredDriftSchema>;
