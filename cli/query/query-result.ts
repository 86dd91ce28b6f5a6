/** What a query returned, from the folder or from Athena. */

export interface QueryColumn {
  readonly name: string;
  /** Numbers are right-aligned. */
  readonly isNumber: boolean;
}

/** The values of a row as JSON values. */
export type Row = readonly unknown[];

export interface QueryResult {
  readonly columns: readonly QueryColumn[];
  /** The rows in chunks, to be read once and in order: a large result is never in memory twice. */
  readonly chunks: AsyncIterable<readonly Row[]>;
  /** What it cost: `47.0 MB scanned`. @default nothing */
  readonly usage?: string;
}

/**
 * Runs one statement and passes on its result, which is valid until `use` has returned.
 * @throws QueryCanceled when `signal` aborts
 */
export type RunQuery = (sql: string, use: (result: QueryResult) => Promise<void>, signal: AbortSignal) => Promise<void>;

/** The user canceled the query: nothing failed. The message is a sentence. */
export class QueryCanceled extends Error {
  override readonly name = 'QueryCanceled';
}

/** Column names that are unique, as keys of an object: `a`, `a:1`. */
export function uniqueNames(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let i = 1; used.has(unique); i++) unique = `${name}:${i}`;
    used.add(unique);
    return unique;
  });
}
