/** Runs one SELECT over the published runs of a folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExportError } from '../../functions/model/errors.ts';
import { type DatabaseOptions, openLocalDatabase } from './local-database.ts';
import { plainValue } from './plain-value.ts';
import { checkReadOnly } from './read-only.ts';

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/**
 * @throws ExportError `RequestError` for anything but one SELECT that succeeds, `ConfigError` without a published run or
 * for a file that cannot be read
 */
export async function queryFolder(folder: string, sql: string): Promise<QueryResult> {
  // DuckDB writes what does not fit in memory to a folder that nobody else can read.
  const scratch = await mkdtemp(join(tmpdir(), 'account-export-query-'));
  try {
    return await rowsFrom(folder, sql, { scratch }).catch((error: Error) => {
      if (!error.message.includes('Malformed JSON')) throw error;
      return rowsFrom(folder, sql, { scratch, mendsJson: true });
    });
  } catch (error) {
    if (error instanceof ExportError) throw error;
    throw new ExportError('RequestError', `Query failed: ${inOneLine((error as Error).message)}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function rowsFrom(folder: string, sql: string, options: DatabaseOptions): Promise<QueryResult> {
  const connection = await openLocalDatabase(folder, options);
  try {
    await checkReadOnly(connection, sql);
    const reader = await connection.runAndReadAll(sql);
    return { columns: reader.deduplicatedColumnNames(), rows: reader.getRows().map((row) => row.map(plainValue)) };
  } finally {
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

const TABLES = [
  'accounts_latest',
  'accounts_history',
  'export_runs',
  'accounts_json',
  'accounts_csv',
  'accounts_parquet',
];
