/** Runs one SELECT over the published runs of a folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareLocalQuery } from './local-query.ts';
import { plainValue } from './plain-value.ts';

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/**
 * @throws ExportError `RequestError` for anything but one SELECT that succeeds, `ConfigError` without a published run or
 * for a file that cannot be read. No message contains account data.
 */
export async function queryFolder(folder: string, sql: string): Promise<QueryResult> {
  // DuckDB writes what does not fit in memory to a folder that nobody else can read.
  const scratch = await mkdtemp(join(tmpdir(), 'account-export-query-'));
  try {
    const { connection, statement, errorFor } = await prepareLocalQuery(folder, sql, scratch);
    try {
      const reader = await statement.runAndReadAll().catch(async (error) => {
        throw await errorFor(error);
      });
      return { columns: reader.deduplicatedColumnNames(), rows: reader.getRows().map((row) => row.map(plainValue)) };
    } finally {
      connection.closeSync();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
