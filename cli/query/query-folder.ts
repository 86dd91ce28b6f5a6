/** Runs one SELECT over the published runs of a folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duckdbResult } from './duckdb-result.ts';
import { prepareLocalQuery } from './local-query.ts';
import { QueryCanceled, type QueryResult, type RunQuery } from './query-result.ts';

/** A statement, and what happens with its result. */
interface Query {
  readonly sql: string;
  readonly use: (result: QueryResult) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Queries a folder. It throws as `queryFolder`, and `QueryCanceled`. */
export function folderQueries(folder: string): RunQuery {
  return (sql, use, signal) => queryFolder(folder, { sql, use, signal });
}

/**
 * @throws ExportError `RequestError` for anything but one SELECT that succeeds, `ConfigError` without a published run or
 * for a file that cannot be read. No message contains account data.
 */
async function queryFolder(folder: string, query: Query): Promise<void> {
  // DuckDB writes what does not fit in memory to a folder that nobody else can read.
  const scratch = await mkdtemp(join(tmpdir(), 'account-export-query-'));
  try {
    await runIn(folder, query, scratch);
  } catch (error) {
    if (query.signal.aborted) throw new QueryCanceled('Canceled.');
    throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function runIn(folder: string, { sql, use, signal }: Query, scratch: string): Promise<void> {
  const { connection, statement, errorFor } = await prepareLocalQuery(folder, sql, scratch);
  const interrupt = () => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    signal.throwIfAborted();
    const result = await statement.run().catch(async (error) => {
      throw await errorFor(error);
    });
    await use(duckdbResult(result, signal));
  } finally {
    signal.removeEventListener('abort', interrupt);
    connection.closeSync();
  }
}
