/** Interfaces to the outside: implemented for AWS and for the command line on one machine. */
import type { ExportFormat } from '../model/export-format.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Receipt } from '../model/receipt.ts';
import type { PageQuery, Run } from '../model/run.ts';
import type { Usage } from '../model/usage.ts';

/** Objects under keys: a bucket, or a folder. Transient failures are thrown as `StorageError`. */
export interface ObjectStore {
  /** Where the keys are, for people: `s3://bucket/prefix/` or a folder's path ending in a slash. */
  readonly location: string;
  /** The object and its etag; `undefined` when there is none. */
  get(key: string): Promise<StoredBytes | undefined>;
  /**
   * Writes a whole object or nothing. With a condition, only while the object still has that etag, or while there is none;
   * of several conditional writes at the same moment, one succeeds.
   * @returns the new etag; `undefined` when the condition failed
   */
  put(
    key: string,
    body: Uint8Array,
    condition?: { readonly ifMatch: string } | { readonly ifNoneMatch: '*' },
  ): Promise<string | undefined>;
  /** All objects below a prefix that ends in a slash, in key order. */
  list(prefix: string): Promise<StoredObject[]>;
  /** The names of the folders directly below a prefix that ends in a slash, sorted, without slashes. */
  listFolders(prefix: string): Promise<string[]>;
  /** Removes up to 1,000 objects with one request; missing ones are no error. */
  delete(...keys: readonly string[]): Promise<void>;
}

export interface StoredBytes {
  readonly body: Uint8Array;
  readonly etag: string;
}

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Differs for different content under the key; may differ for equal content too. */
  readonly etag: string;
}

/** Where published runs become visible to queries. */
export interface Catalog {
  /** The database, where queries must name it. */
  readonly database?: string;
  /**
   * Whether the tables of a format exist and may be read. It costs nothing, so it comes before anything that does.
   * @throws ExportError `ConfigError` that says what to do
   */
  check(format: ExportFormat): Promise<void>;
  /** Makes a published run visible, at once and whole; adding it again is no error. */
  addRun(run: PublishedRun): Promise<void>;
  /** Makes a run invisible; a missing one is no error. */
  removeRun(run: PublishedRun): Promise<void>;
  /** Whether queries see a run: its manifest may be written while its partition is not. */
  isVisible(runId: string): Promise<boolean>;
}

/** A catalog that can be rebuilt from the manifests of published runs. */
export interface RepairableCatalog extends Catalog {
  /**
   * The runs that lack a partition, in the order given.
   * @param runs all published runs, because only the newest run of an export belongs to the tables of the newest runs
   * @throws ExportError `ConfigError` for a partition with another location
   */
  missingRuns<T extends PublishedRun>(runs: readonly T[]): Promise<T[]>;
  /** Adds what `missingRuns` finds. Existing partitions are kept. */
  addMissingRuns(runs: readonly PublishedRun[]): Promise<void>;
}

/** The workflow's executions: whether one that holds a lock is still running. */
export interface Executions {
  /**
   * @param execution what the workflow calls `$$.Execution.Id`; an unknown one is not running
   * @param startedAt ISO 8601; its start, according to its lock
   */
  isRunning(execution: string, startedAt: string): Promise<boolean>;
}

/** What a catalog needs to know of a run. */
export interface PublishedRun extends Pick<Run, 'format' | 'exportName' | 'exportDate' | 'runId'> {
  /** ISO 8601. */
  readonly publishedAt: string;
  /** CSV: the columns of the table when the run was planned, in the order of its parts. */
  readonly csvColumns?: readonly string[] | undefined;
}

/** A run that was just published, for the report that people read. */
export interface RunToReport {
  readonly run: Run;
  readonly manifest: Manifest;
  /** The execution that published it: an ARN on AWS. */
  readonly execution: string;
  /** SQL that shows the run. */
  readonly query: string;
  /** `undefined` if an earlier attempt published the run. */
  readonly receipts?: readonly Omit<Receipt, 'accountHashes'>[] | undefined;
  /** The last published run of the export before this one. */
  readonly last?: Manifest | undefined;
}

export interface Clock {
  /** Epoch ms. */
  now(): number;
}

/** Decodes a body, or throws an `ApiAnswerError` that says what is wrong with it. */
export type Decode<T> = (body: Buffer) => T;

/** Limits the records that requests may fetch. */
export interface RecordBudget {
  /** Before each request, with the maximum it can fetch. @throws ExportError `BudgetExceededError` when it must not be sent */
  reserve(records: number): Promise<void>;
  /** After the request, with the records it did not fetch: later requests of this attempt may fetch them. */
  release(records: number): void;
  /** Before a long wait: returns what no request in flight needs, so that other attempts can take it. */
  returnTickets(): Promise<void>;
}

/** Until when the API asked to wait (`Retry-After`), shared by all requests of a run, in all processes. */
export interface SharedWait {
  /**
   * Epoch ms before which no request may be sent; 0 if the API has not asked to wait.
   * @param isFirst for the first request of a call, a value that another call has read is enough
   */
  notBefore(isFirst: boolean): Promise<number>;
  /** Makes all requests of the run wait until then, unless they already wait longer. */
  holdUntil(epochMs: number): Promise<void>;
}

/** The answer to one call. */
export interface ApiAnswer<T> {
  readonly value: T;
  /** Of all requests of the call, failed ones included. */
  readonly usage: Usage;
  /** From sending the last request to the last byte of its answer. */
  readonly latencyMs: number;
}

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly budget?: RecordBudget | undefined;
  /** @default the waits of one run are not shared: a dry run stores nothing */
  readonly wait?: SharedWait | undefined;
  /**
   * Whether the API has answered this export before. Then a failure to reach it is an outage, while otherwise the address may
   * be wrong. @default false
   */
  readonly answeredBefore?: boolean;
}

/** The Account Export API: one request = one page of a page size, always. */
export interface AccountsApi {
  /** The host name, which names the tenant. */
  readonly host: string;
  /**
   * @param query what to ask for; `page` counts from 0
   * @param decode runs on each complete body; when it throws a transient error, the request is retried
   */
  fetchPage<T extends { readonly records: number }>(
    query: PageQuery,
    decode: Decode<T>,
    options?: FetchOptions,
  ): Promise<ApiAnswer<T>>;
}

/** What one attempt at a page, at planning or at publishing used, for metrics: figures only. */
export interface AttemptFigures {
  readonly exportName: string;
  readonly usage: Usage;
  /** Of the page's own request; `undefined` if the attempt failed, or was at planning or publishing. */
  readonly latencyMs?: number;
}

/** What a run is doing, for people who watch it: figures only. */
export type Activity =
  /** A round of parallel requests that count the accounts begins; the first is 1. */
  | { readonly activity: 'counting'; readonly round: number }
  /** A request is sent, retries included; its answer was read, or it failed. */
  | { readonly activity: 'requested' | 'answered' }
  /** A failed request waits before it is sent again. */
  | {
      readonly activity: 'waiting';
      readonly ms: number;
      /** As in `Usage`; `asked` if the API asked another request of the run to wait. */
      readonly cause: string;
      /** The request that failed, from 1; 0 if it was not sent yet. */
      readonly request: number;
      /** How often it is sent at most. */
      readonly maxRequests: number;
    }
  /** Publishing begins to check something. */
  | {
      readonly activity: 'checking';
      readonly what: 'new accounts' | 'pages' | 'page boundaries';
      readonly pages: number;
    };

/** What the steps of a run need. */
export interface RunPorts {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  /** Receives what the run is doing. */
  readonly observe?: ((activity: Activity) => void) | undefined;
  /**
   * Receives the figures of each attempt at a page, and of each at planning or publishing that sent requests; failed ones
   * too.
   */
  readonly measure?: ((attempt: AttemptFigures) => void) | undefined;
}

/** What exporting and publishing need, which write down times. */
export interface PagePorts extends RunPorts {
  readonly clock: Clock;
}
