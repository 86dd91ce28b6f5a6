/** What the rules of an export need from outside. AWS and one machine each bring their own. */
import type { PageQuery } from '../model/page-query.ts';
import type { Usage } from '../model/usage.ts';

/** Objects under keys; a bucket, or a folder. Failures that time can heal are thrown as `StorageError`. */
export interface ObjectStore {
  /** Where the keys lie, for people: `s3://bucket/prefix/` or a folder's path ending in a slash. */
  readonly location: string;
  /**
   * Writes an object whole or not at all; an object of that key is replaced.
   * @returns the object's etag: what `list` calls this version of it
   */
  put(key: string, body: Uint8Array, contentType: string): Promise<string>;
  /**
   * Writes an object only over the version that was seen.
   * @param seen its etag; `undefined` when there was none
   * @returns the new etag; `undefined` when another has been written meanwhile, and nothing is changed
   */
  putOver(key: string, body: Uint8Array, contentType: string, seen: string | undefined): Promise<string | undefined>;
  /** The etag of an object; `undefined` where there is none. */
  etagOf(key: string): Promise<string | undefined>;
  /** Writes an object where there is none; of several at the same moment one succeeds. @returns whether this one did */
  create(key: string, body: Uint8Array, contentType: string): Promise<boolean>;
  /** The object's bytes; `undefined` where there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** All objects below a prefix that ends in a slash, in key order. */
  list(prefix: string): Promise<StoredObject[]>;
  /** The names of the folders directly below a prefix that ends in a slash, sorted, without slashes. */
  listFolders(prefix: string): Promise<string[]>;
  /** Removes an object; one that is not there is no error. */
  delete(key: string): Promise<void>;
}

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Differs from that of any other content under the key; may differ for the same content too. */
  readonly etag: string;
}

/** Where published runs become visible to queries. */
export interface Catalog {
  /** The database, where queries must name it. */
  readonly database?: string;
  /** Makes a published run visible, at once and whole; adding it again is no error. */
  addRun(run: PublishedRun): Promise<void>;
  /** Makes a run invisible; one that is not there is no error. */
  removeRun(run: PublishedRun): Promise<void>;
}

/** The workflow's executions: whether one that claimed an export still lives. */
export interface Executions {
  /**
   * @param execution what the workflow calls `$$.Execution.Id`; one that nobody knows does not run
   * @param startedAt ISO 8601; when it said that it had started
   */
  isRunning(execution: string, startedAt: string): Promise<boolean>;
}

/** What a catalog needs to know of a run. */
export interface PublishedRun {
  readonly format: 'json' | 'csv' | 'parquet';
  readonly exportName: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly exportDate: string;
  readonly runId: string;
  /** ISO 8601. */
  readonly publishedAt: string;
  /** CSV: the columns of the table when the run was planned, in the order of its parts. */
  readonly csvColumns?: readonly string[] | undefined;
}

export interface Clock {
  /** Epoch ms. */
  now(): number;
}

/** Turns a body into what was asked for, or throws an `ApiAnswerError` that says what is wrong with it. */
export type Decode<T> = (body: Buffer) => T;

/** Bounds the records that requests may fetch. */
export interface Allowance {
  /** Before each try, with the most that it can fetch. @throws ExportError `BudgetExceededError` when it may not be sent */
  take(records: number): Promise<void>;
  /** After it, with what it did not fetch of that. */
  giveBack(records: number): void;
  /** When the work is done, well or not: what is left can be had by whoever does it again. */
  settle(): Promise<void>;
}

/** An answered request and all it took. */
export interface ApiAnswer<T> extends Usage {
  readonly value: T;
  /** From sending the last try to its last byte. */
  readonly latencyMs: number;
}

/** The Account Export API: one request = one page of a page size, always. */
export interface AccountsApi {
  /**
   * @param query what to ask for; `page` counts from 0
   * @param allowance asked before each try
   * @param decode run on each complete body; when it throws a transient error, the request is tried again
   */
  fetchPage<T extends { readonly records: number }>(
    query: PageQuery,
    decode: Decode<T>,
    signal?: AbortSignal,
    allowance?: Allowance,
  ): Promise<ApiAnswer<T>>;
}
