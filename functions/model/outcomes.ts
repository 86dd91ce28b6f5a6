/** What the Lambdas return: the state of the workflow and the output of its executions. */
import type { Consistency, Manifest, Verdict } from './manifest.ts';
import type { Run } from './run.ts';
import type { Usage } from './usage.ts';

/** What *Plan export* returns. `outcome` decides the workflow's next state. */
export type PlanOutcome = PlanResult | DryRunResult | SkippedRun;

export interface PlanFigures extends Pick<Run, 'countedBy'>, Pick<Usage, 'apiRequests' | 'recordsFetched'> {
  /** Rounds of parallel requests. */
  readonly rounds: number;
  /** Whether the run was planned before and is resumed. */
  readonly resumed: boolean;
}

/** A plan without its pages. */
export interface PlanSummary extends Pick<Run, 'runId' | 'exportName' | 'accounts' | 'pages'> {
  readonly pageSize: number;
  readonly plan: PlanFigures;
}

/** A run to export, or, with `publishOnly`, to publish. */
export interface PlanResult extends PlanSummary {
  readonly outcome: 'exportPages' | 'publishOnly';
  readonly run: Run;
  /** The execution that works on the run. */
  readonly execution: string;
  readonly pageNumbers: readonly number[];
}

/** The output of a dry run: nothing was exported. */
export interface DryRunResult extends PlanSummary {
  readonly outcome: 'dryRun';
  readonly estimate: RunEstimate;
}

/** What a run would take, with planning and verifying it (`docs/cost.md`). */
export interface RunEstimate {
  readonly apiRequests: number;
  /** Records that the Salesforce contract would count. */
  readonly recordsFetched: number;
  /** The smallest `maxRecords` with which the run can start: full pages, and the records that verification may fetch. */
  readonly maxRecordsNeeded: number;
  readonly seconds: number;
  readonly secondsFrom: 'last run' | 'probes';
  /** On AWS, at list prices, without storage and queries. */
  readonly usd: number;
}

/** The output of a run that another run's lock kept from starting. */
export interface SkippedRun extends Pick<Run, 'runId' | 'exportName' | 'dueAt'> {
  readonly outcome: 'skipped';
  /** The run that holds the lock. */
  readonly lockedBy: string;
  readonly reason: string;
}

/** What *Publish run* returns. */
export type PublishOutcome = PublishResult | DriftedRun;

/** Nothing was published: the data changed during the run, and the workflow exports it again as run `<id>-retry`. */
export interface DriftedRun extends Pick<Manifest, 'runId' | 'exportName' | 'consistency'> {
  readonly status: 'drifted';
  readonly accounts: number;
}

/** The output of a published run: a summary for people, small whatever the run's size. */
export interface PublishResult
  extends Pick<Manifest, 'runId' | 'exportName' | 'datasetId' | 'format' | 'dueAt' | 'publishedAt'>,
    Pick<Manifest, 'distinctAccounts' | 'pages' | 'bytes' | 'recordsFetched' | 'apiRequests' | 'retries'>,
    Pick<Manifest, 'consistency'> {
  readonly status: 'published';
  /** `YYYY-MM-DD`, UTC. */
  readonly exportDate: string;
  readonly accounts: number;
  /** That of `consistency`. */
  readonly verdict: Verdict;
  readonly seconds: number;
  /** Fields that the table does not declare; the parts contain them. */
  readonly unmappedColumns: readonly string[];
  /** Fields that at least 1 % of the accounts of the last published run had, and no account has now; the most frequent first. */
  readonly vanishedFields: readonly string[];
  readonly parts: string;
  readonly manifest: string;
  /** SQL that shows the run, ready to paste. */
  readonly query: string;
}

/** What *Report failure* returns: the error that the execution ends with, and the notifications about it. */
export interface FailureReport {
  readonly error: string;
  readonly cause: string;
  /** Of the email: ASCII, less than 100 characters (Amazon SNS API reference, "Publish"). */
  readonly subject: string;
  /** The email's text. */
  readonly message: string;
  /** The detail of the event. */
  readonly event: FailedRun;
}

/** A failed run, for machines. */
export interface FailedRun {
  /** `quarantined`: complete, but a policy wants a person to look before it is published. */
  readonly status: 'failed' | 'quarantined';
  /** The id under which the run can be resumed. */
  readonly runId: string;
  /** `null` when the run failed before its request was understood. */
  readonly exportName: string | null;
  readonly error: string;
  readonly message: string;
  readonly pagesDone: number;
  /** `null` when the run failed before it was planned. */
  readonly pages: number | null;
  /** Of a quarantined run: whether its data changed during the run. */
  readonly consistency: Consistency | null;
  /** The input that resumes the run, with a higher `maxRecords` if its budget was exceeded; `null` when only a new run helps. */
  readonly resume: { readonly resume: string } | null;
  /** The input that publishes the run; `null` unless it is quarantined. */
  readonly publish: { readonly publish: string } | null;
  readonly executionUrl: string | null;
}
