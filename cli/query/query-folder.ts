/** Runs one SELECT over the published runs of a folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { RUNS_TABLE, tableName } from '../../functions/catalog/tables.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { EXPORT_FORMATS } from '../../functions/model/export-format.ts';
import { duckdbResult } from './duckdb-result.ts';
import { type DatabaseOptions, openLocalDatabase } from './local-database.ts';
import { QueryCanceled, type QueryResult, type RunQuery } from './query-result.ts';
import { text } from './sql-text.ts';

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
 * for a file that cannot be read
 */
async function queryFolder(folder: string, query: Query): Promise<void> {
  // DuckDB writes what does not fit in memory to a folder that nobody else can read.
  const scratch = await mkdtemp(join(tmpdir(), 'account-export-query-'));
  try {
    await runIn(folder, query, { scratch }).catch((error: Error) => {
      if (!error.message.includes('Malformed JSON')) throw error;
      return runIn(folder, query, { scratch, mendsJson: true });
    });
  } catch (error) {
    if (query.signal.aborted) throw new QueryCanceled('Canceled.');
    if (error instanceof ExportError) throw error;
    throw new ExportError('RequestError', `Query failed: ${inOneLine((error as Error).message)}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function runIn(folder: string, { sql, use, signal }: Query, options: DatabaseOptions): Promise<void> {
  const connection = await openLocalDatabase(folder, options);
  const interrupt = () => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    await checkReadOnly(connection, sql);
    signal.throwIfAborted();
    await use(duckdbResult(await connection.run(sql), signal));
  } finally {
    signal.removeEventListener('abort', interrupt);
    connection.closeSync();
  }
}

/** The first paragraph of DuckDB's message, without the marked position and suggestions. */
function inOneLine(message: string): string {
  if (message.startsWith('Permission Error'))
    return 'a query reads only the tables and views of --out, no other files.';
  const [first = message] = message.split(/\n\s*\n|\nLINE |\nDid you mean/);
  const line = first.replaceAll(/\s+/g, ' ').trim();
  return line.startsWith('Catalog Error: Table') ? `${line} Tables: ${TABLES.join(', ')}.` : line;
}

const TABLES = ['accounts_latest', 'accounts_history', 'runs', RUNS_TABLE, ...EXPORT_FORMATS.map(tableName)];

/**
 * Table functions that a query may call. Others run or write: `SELECT * FROM enable_profiling(save_location = …)` overwrites
 * a file, and `query('…')` runs a text that is not checked here.
 */
const TABLE_FUNCTIONS: readonly string[] = ['unnest', 'range', 'generate_series', 'json_each', 'json_tree'];

/**
 * Parses SQL without running it. DuckDB serializes only SELECT, which excludes EXPLAIN ANALYZE, COPY, SET and all others.
 * @throws ExportError `RequestError` unless it is one SELECT that can only read
 */
async function checkReadOnly(connection: DuckDBConnection, sql: string): Promise<void> {
  const reader = await connection.runAndReadAll(`SELECT json_serialize_sql(CAST(${text(sql)} AS VARCHAR))`);
  const functions: string[] = [];
  const parsed = JSON.parse(String(reader.getRows()[0]?.[0]), (_key, value) => {
    if (value?.type === 'TABLE_FUNCTION') functions.push(String(value.function?.function_name).toLowerCase());
    return value;
  }) as { error_type?: string; error_message?: string; statements?: readonly unknown[] };
  if (parsed.error_type === 'parser') throw new Error(`Parser Error: ${parsed.error_message}`);
  if (parsed.statements === undefined) throw new ExportError('RequestError', 'Invalid query: only SELECT is allowed.');
  if (parsed.statements.length !== 1) {
    throw new ExportError('RequestError', `Expected one SQL statement, got ${parsed.statements.length}.`);
  }
  const refused = functions.find((name) => !TABLE_FUNCTIONS.includes(name));
  if (refused === undefined) return;
  throw new ExportError(
    'RequestError',
    `The table function ${refused} is not allowed in a query: use ${TABLE_FUNCTIONS.join(', ')}, or a table.`,
  );
}
