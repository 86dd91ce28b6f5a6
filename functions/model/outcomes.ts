import type { Verdict } from './consistency.ts';
import type { ExportFormat } from './export-settings.ts';
import type { Manifest } from './manifest.ts';
import type { Run } from './run.ts';

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
  readonly expected: RunEstimate;
}

/** What a run would take, planning included (`docs/cost.md`). */
export interface RunEstimate {
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
  readonly verdict: Verdict;
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
