/** Runs one SELECT over the published runs of a folder. */
import { StatementType } from '@duckdb/node-api';
import { ExportError } from '../../functions/model/errors.ts';
import { openLocalDatabase } from './local-database.ts';
import { plainValue } from './plain-value.ts';

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** @throws ExportError `RequestError` for anything but one SELECT that succeeds, `ConfigError` without a published run */
export async function queryFolder(folder: string, sql: string): Promise<QueryResult> {
  const connection = await openLocalDatabase(folder);
  try {
    const statements = await connection.extractStatements(sql);
    if (statements.count !== 1) {
      throw new ExportError('RequestError', `Expected one SQL statement, got ${statements.count}.`);
    }
    const statement = await statements.prepare(0);
    if (!READING.includes(statement.statementType)) {
      throw new ExportError('RequestError', 'Only SELECT is allowed.');
    }
    const reader = await statement.runAndReadAll();
    return { columns: reader.deduplicatedColumnNames(), rows: reader.getRows().map((row) => row.map(plainValue)) };
  } catch (error) {
    if (error instanceof ExportError) throw error;
    throw new ExportError('RequestError', `Query failed: ${inOneLine((error as Error).message)}`);
  } finally {
    connection.closeSync();
  }
}

const READING: readonly StatementType[] = [StatementType.SELECT, StatementType.EXPLAIN];

/** The first paragraph of DuckDB's message, without the marked position and suggestions. */
function inOneLine(message: string): string {
  const own = message.replace(/^Failed to extract statements: /, '');
  const [first = own] = own.split(/\n\s*\n|\nLINE |\nDid you mean/);
  const line = first.replaceAll(/\s+/g, ' ').trim();
  return line.startsWith('Catalog Error: Table') ? `${line} Tables: ${TABLES.join(', ')}.` : line;
}

const TABLES = [
  'accounts_latest',
  'accounts_history',
  'export_runs',
  'accounts_json',
  'accounts_csv',
  'accounts_parquet',
];
