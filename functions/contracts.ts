/** The shapes that cross a border: events and results of the Lambdas, and what lies under `work/` and `export_runs/`. */
import * as z from 'zod';
import { type ExportFormat, ExportFormatSchema, ExportSettingsSchema, NAME_PATTERN } from './export/export-config.ts';

export { type ExportFormat, ExportFormatSchema } from './export/export-config.ts';

/** One request to the API. Without `pageSize` the API would answer with everything, so both numbers are required. */
export interface PageQuery {
  readonly datasetId: string;
  /** Which endpoint: `accounts.json` or `accounts.csv`. Parquet is made from JSON. */
  readonly endpoint: 'json' | 'csv';
  /** Segment name or id. */
  readonly filter?: string | undefined;
  /** Epoch ms; the window of the engagement statistics, it does not filter accounts. */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly segmentationId?: string | undefined;
  readonly segmentId?: string | undefined;
  readonly pageSize: number;
  /** From 0. */
  readonly page: number;
}

/** What `Plan export` receives: the execution's input, its name and start, and the configured exports. */
export const PlanEventSchema = z.object({
  /** The state machine's execution name. */
  runId: z.string(),
  /** The execution itself, as `Executions` knows it: an ARN on AWS. */
  execution: z.string(),
  startedAt: z.string(),
  /** Whatever the execution was started with; checked by `resolveRequest`. */
  request: z.unknown(),
  exports: z.array(ExportSettingsSchema),
  /** Requests that a plan may have in flight. */
  concurrency: z.int().min(1),
});
export type PlanEvent = z.infer<typeof PlanEventSchema>;

/** `work/export_name=<n>/…`: which run took a tick, or an export. */
export const ClaimSchema = z.object({
  version: z.literal(1),
  runId: z.string(),
  execution: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
});
export type Claim = z.infer<typeof ClaimSchema>;

const SpentSchema = z.object({
  apiRequests: z.int(),
  recordsFetched: z.int(),
  retries: z.record(z.string(), z.int()),
});

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
  counting: SpentSchema,
  spent: SpentSchema,
  /** Rounds of requests that counting took: with several probes at once, what its duration is made of. */
  rounds: z.int(),
});
export type StoredPlan = z.infer<typeof StoredPlanSchema>;

export const ConsistencySchema = z.object({
  /** `steady`: nothing was seen to move under the run. `drifted`: something was. */
  verdict: z.enum(['steady', 'drifted']),
  accountsBefore: z.int(),
  accountsAfter: z.int(),
  seamsProbed: z.int(),
  seamsMoved: z.int(),
});

/** `work/run_id=<id>/drift.json`: the source moved under an attempt, and its pages are to be exported once more. */
export const StoredDriftSchema = z.object({
  version: z.literal(1),
  attempt: z.int(),
  /** Of the run so far. */
  spent: SpentSchema,
  accounts: z.int(),
  consistency: ConsistencySchema,
  /** Whether what the attempt wrote is gone. */
  cleared: z.boolean(),
});
export type StoredDrift = z.infer<typeof StoredDriftSchema>;

/** What `Plan export` returns: the state of the workflow, or the output of an execution that ends there. */
export type PlanOutcome = PlanResult | DryRunResult | SkippedRun;

/** A run that is to be exported. */
export interface PlanResult {
  readonly runId: string;
  readonly exportName: string;
  readonly dryRun: false;
  readonly skipped: false;
  /** Whether no page is to be exported: the run goes straight to *Publish run*. */
  readonly release: boolean;
  readonly accounts: number;
  readonly pages: number;
  readonly pageSize: number;
  readonly plan: PlanFigures;
  readonly run: Run;
  /** The pages of the run. */
  readonly pageNumbers: readonly number[];
}

export interface PlanFigures {
  readonly countedBy: 'offsets' | 'pages';
  readonly apiRequests: number;
  readonly recordsFetched: number;
  readonly rounds: number;
  /** Whether this run was planned before and goes on where it stopped. */
  readonly resumed: boolean;
}

/** The output of a dry run: nothing was exported. */
export interface DryRunResult {
  readonly status: 'planned';
  readonly runId: string;
  readonly exportName: string;
  readonly dryRun: true;
  readonly skipped: false;
  readonly accounts: number;
  readonly pages: number;
  readonly pageSize: number;
  readonly plan: PlanFigures;
  readonly expected: ExpectedRun;
}

/** What a run would take, planning included (`docs/cost.md`). */
export interface ExpectedRun {
  readonly apiRequests: number;
  /** Records that the contract would count. */
  readonly recordsFetched: number;
  /** The least `maxRecords` that would let the run begin: every page a full one, and what proving may take. */
  readonly maxRecordsNeeded: number;
  readonly seconds: number;
  /** What the duration was reckoned from. */
  readonly secondsFrom: 'last run' | 'probes';
  /** Of the run on AWS, at list prices, without storage and queries. */
  readonly usd: number;
}

/** The output of a run that yields to another. */
export interface SkippedRun {
  readonly status: 'skipped';
  readonly runId: string;
  readonly exportName: string;
  readonly dryRun: false;
  readonly skipped: true;
  readonly dueAt: string;
  /** The run that it yields to. */
  readonly yieldsTo: string;
  readonly reason: string;
}

/** What `Export page` receives. */
export const PageTaskSchema = z.object({ page: z.int().min(0), run: RunSchema });
export type PageTask = z.infer<typeof PageTaskSchema>;

/** `work/run_id=<id>/pages/00000.json`: what is known of a part once it is written. */
export const PageRecordSchema = z.object({
  version: z.literal(1),
  page: z.int().min(0),
  /** Of the run: what an earlier attempt left is not part of this one. */
  attempt: z.int().min(1),
  key: z.string(),
  /** What the store called this version of the part. */
  etag: z.string(),
  records: z.int().min(0),
  bytes: z.int().min(0),
  /** Hex, of the part as stored. */
  sha256: z.string(),
  /** Eight bytes of a hash for each account, in page order, Base64 of all: no names. */
  accountHashes: z.string(),
  unmappedColumns: z.array(z.string()),
  escapedLineBreaks: z.int(),
  spent: SpentSchema,
  latencyMs: z.number(),
});
export type PageRecord = z.infer<typeof PageRecordSchema>;

/** `work/run_id=<id>/failures/00000.json`: what failed attempts at a page cost, and how the last one ended. */
export const PageFailureSchema = z.object({
  version: z.literal(1),
  page: z.int().min(0),
  error: z.string(),
  message: z.string(),
  /** Of the run, when it failed last. */
  start: z.int(),
  attempts: z.int(),
  spent: SpentSchema,
});
export type PageFailure = z.infer<typeof PageFailureSchema>;

/** `work/run_id=<id>/failures/{plan,publish}.json`: what failed attempts at the task cost. */
export const TaskFailureSchema = z.object({ version: z.literal(1), attempts: z.int(), spent: SpentSchema });

/** What `Publish run` receives. */
export const PublishEventSchema = z.object({ run: RunSchema, release: z.boolean() });
export type PublishEvent = z.infer<typeof PublishEventSchema>;

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

/** What `Publish run` returns. */
export type PublishOutcome = PublishResult | DriftedRun;

/** Nothing was published: the export is to be made once more. */
export interface DriftedRun {
  readonly status: 'drifted';
  readonly runId: string;
  readonly exportName: string;
  readonly accounts: number;
  readonly consistency: Manifest['consistency'];
}

/** What the execution of a published run ends with: a summary for people, small whatever the run's size. */
export interface PublishResult {
  readonly status: 'published';
  readonly runId: string;
  readonly exportName: string;
  readonly datasetId: string;
  readonly format: ExportFormat;
  /** ISO 8601. */
  readonly dueAt: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly exportDate: string;
  readonly publishedAt: string;
  readonly accounts: number;
  readonly distinctAccounts: number;
  readonly pages: number;
  readonly bytes: number;
  readonly verdict: 'steady' | 'drifted';
  /** What the verdict rests on. */
  readonly consistency: Manifest['consistency'];
  readonly recordsFetched: number;
  readonly seconds: number;
  /** Fields that the table does not declare: kept in the parts, and worth a warning. */
  readonly unmappedColumns: readonly string[];
  readonly parts: string;
  readonly manifest: string;
  /** SQL that shows the run, ready to paste. */
  readonly query: string;
}

/** What `Report failure` receives: the execution and its input, and what Catch caught. */
export const FailureEventSchema = z.object({
  runId: z.string(),
  execution: z.string(),
  request: z.unknown(),
  failure: z.object({ Error: z.string().default('Error'), Cause: z.string().default('') }),
});
export type FailureEvent = z.infer<typeof FailureEventSchema>;

/** What the execution fails with, and what is said of it elsewhere. */
export interface FailureReport {
  readonly error: string;
  readonly cause: string;
  /** Of the mail: ASCII, less than 100 characters (Amazon SNS API reference, "Publish"). */
  readonly subject: string;
  /** The mail's text. */
  readonly message: string;
  /** The detail of the event. */
  readonly event: FailedRun;
}

/** A failed run, for machines. */
export interface FailedRun {
  /** `quarantined`: exported, and held back for somebody to look at. */
  readonly status: 'failed' | 'quarantined';
  /** The id under which the run can be taken up again. */
  readonly runId: string;
  /** When the failure came before the request was understood, there is no name to tell. */
  readonly exportName: string | null;
  readonly error: string;
  readonly message: string;
  readonly pagesDone: number;
  /** `null` when the run failed before it was planned. */
  readonly pages: number | null;
  /** Of a run that was held back: whether the source moved under it. */
  readonly consistency: Manifest['consistency'] | null;
  /** The input that goes on with this run; `null` when there is nothing to go on with. */
  readonly resume: { readonly resume: string } | null;
  /** The input that publishes the run as it is; `null` unless it was held back. */
  readonly publish: { readonly publish: string } | null;
  readonly executionUrl: string | null;
}
