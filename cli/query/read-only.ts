import type { DuckDBConnection } from '@duckdb/node-api';
import { ExportError } from '../../functions/model/errors.ts';
import { text } from './sql-text.ts';

/**
 * Table functions that a query may call. Others run or write: `SELECT * FROM enable_profiling(save_location = …)` overwrites
 * a file, and `query('…')` runs a text that is not checked here.
 */
const TABLE_FUNCTIONS: readonly string[] = ['unnest', 'range', 'generate_series', 'json_each', 'json_tree'];

/**
 * Parses SQL without running it. DuckDB serializes only SELECT, which excludes EXPLAIN ANALYZE, COPY, SET and all others.
 * @throws ExportError `RequestError` unless it is one SELECT that can only read
 */
export async function checkReadOnly(connection: DuckDBConnection, sql: string): Promise<void> {
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
