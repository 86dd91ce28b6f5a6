/** One SELECT over a folder: checked, translated and prepared, with errors that contain no account data. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';
import { ExportError } from '../../functions/model/errors.ts';
import type { Manifest } from '../../functions/model/manifest.ts';
import { DIVISION_BY_ZERO, deserialized, exactNumbers, inDuckDb } from './dialect.ts';
import { emptyDatabase, fill, type Published, publishedRuns, TABLES } from './local-database.ts';
import { PartError } from './part-error.ts';
import { text } from './sql-text.ts';

export interface LocalQuery {
  readonly connection: DuckDBConnection;
  readonly statement: DuckDBPreparedStatement;
  /** What to report when the statement fails while it runs: DuckDB's message may quote a value. */
  readonly errorFor: (error: Error) => Promise<ExportError>;
}

/**
 * Opens the tables that a statement reads. The caller closes the connection.
 * @param scratch folder for what does not fit in memory
 * @throws ExportError `RequestError` unless it is one valid SELECT; `ConfigError` without a published run, or for a part that
 * cannot be read
 */
export async function prepareLocalQuery(folder: string, sql: string, scratch: string): Promise<LocalQuery> {
  const published = { folder, manifests: await publishedRuns(folder) };
  const connection = await emptyDatabase({ scratch });
  const errorFor = (error: Error) => readError(error, published);
  try {
    const { names, translated } = await parseSelect(connection, sql);
    await fill(connection, published, { filled: (table) => names.has(table) }).catch(async (error) => {
      throw await errorFor(error);
    });
    const statement = await connection.prepare(translated).catch(async (error) => {
      throw statementError(error) ?? (await errorFor(error));
    });
    return { connection, statement, errorFor };
  } catch (error) {
    connection.closeSync();
    throw error;
  }
}

/**
 * Table functions that a query may call. Others run or write: `SELECT * FROM enable_profiling(save_location = …)` overwrites
 * a file, and `query('…')` runs a text that is not checked here.
 */
const TABLE_FUNCTIONS: readonly string[] = ['unnest', 'range', 'generate_series', 'json_each', 'json_tree'];

interface Select {
  /** Every name in the statement, in lower case, which includes those of its tables. */
  readonly names: ReadonlySet<string>;
  readonly translated: string;
}

/**
 * Parses SQL without running it. DuckDB serializes only SELECT, which excludes EXPLAIN ANALYZE, COPY, SET and all others.
 * @throws ExportError `RequestError` unless it is one SELECT that can only read
 */
async function parseSelect(connection: DuckDBConnection, sql: string): Promise<Select> {
  const reader = await connection.runAndReadAll(`SELECT json_serialize_sql(CAST(${text(sql)} AS VARCHAR))`);
  const functions: string[] = [];
  const names = new Set<string>();
  const parsed = JSON.parse(String(reader.getRows()[0]?.[0]), (key, value, context?: { source?: string }) => {
    if (value?.type === 'TABLE_FUNCTION') functions.push(String(value.function?.function_name).toLowerCase());
    if (typeof value === 'string') names.add(value.toLowerCase());
    return exactNumbers(key, value, context);
  }) as { error_type?: string; error_message?: string; statements?: readonly unknown[] };
  if (parsed.error_type === 'parser') throw failed(`Parser Error: ${parsed.error_message}`);
  if (parsed.statements === undefined) throw new ExportError('RequestError', 'Invalid query: only SELECT is allowed.');
  if (parsed.statements.length !== 1) {
    throw new ExportError('RequestError', `Expected one SQL statement, got ${parsed.statements.length}.`);
  }
  const refused = functions.find((name) => !TABLE_FUNCTIONS.includes(name));
  if (refused !== undefined) {
    throw new ExportError(
      'RequestError',
      `The table function ${refused} is not allowed in a query: use ${TABLE_FUNCTIONS.join(', ')}, or a table.`,
    );
  }
  const { statement, changed } = inDuckDb(parsed);
  if (!changed) return { names, translated: sql };
  const written = await connection.runAndReadAll(deserialized(statement));
  return { names, translated: String(written.getRows()[0]?.[0]) };
}

/** Errors of the statement itself, which DuckDB finds before it reads a part. `undefined` for others. */
function statementError({ message }: Error): ExportError | undefined {
  if (message.startsWith('Permission Error')) {
    return failed('a query reads only the tables and views of --out, no other files.');
  }
  if (!/^(Parser|Binder|Catalog|Syntax) Error: /.test(message)) return undefined;
  // The first paragraph, without the marked position and suggestions.
  const [first = message] = message.split(/\n\s*\n|\nLINE |\nDid you mean|\nCandidate|\n\t/);
  const line = first.replaceAll(/\s+/g, ' ').trim();
  return failed(line.startsWith('Catalog Error: Table') ? `${line} Tables: ${TABLES.join(', ')}.` : line);
}

function failed(reason: string): ExportError {
  return new ExportError('RequestError', `Query failed: ${reason}`);
}

/** By the start of DuckDB's message, of which the rest may contain values. */
const REASONS: Readonly<Record<string, string>> = {
  'Conversion Error': 'a value cannot be converted to the type in the query: use try_cast, which returns NULL instead.',
  'Out of Range Error': 'a result is too large for its type: cast to a larger type, or use try(…).',
  'Invalid Input Error': 'a function does not accept one of its values: exclude the value, or use try(…).',
  'Invalid Error': 'a function does not accept one of its values: exclude the value, or use try(…).',
  'Binder Error': 'a function does not accept one of its values: exclude the value, or use try(…).',
  'Out of Memory Error': 'it needs more memory than is free: select fewer columns or rows.',
  'IO Error': 'no space for temporary files, or a part changed during the query: free space, or run the query again.',
};
const OTHER_REASON = 'it cannot be run on these values: simplify it, or use try(…).';

/** What failed while parts were read, without what they contain. */
async function readError(error: Error, { folder, manifests }: Published): Promise<ExportError> {
  if (error instanceof ExportError) return error;
  const damaged = await damagedPart(folder, manifests, error);
  if (damaged === undefined) {
    if (error.message.includes(`'${DIVISION_BY_ZERO}'`))
      return failed(`${DIVISION_BY_ZERO}: divide by nullif(…, 0), or use try(…).`);
    const type = Object.keys(REASONS).find((start) => error.message.startsWith(`${start}:`));
    return failed((type && REASONS[type]) ?? OTHER_REASON);
  }
  const { key, runId, problem } = damaged;
  return new ExportError(
    'ConfigError',
    `Cannot read ${join(folder, key)} of run ${JSON.stringify(runId)} (${problem}): restore it from a copy, or delete the run and export again.`,
  );
}

interface DamagedPart {
  readonly key: string;
  readonly runId: string;
  readonly problem: string;
}

/** The part that an error is about: the one it names, or the first that differs from its manifest. */
async function damagedPart(
  folder: string,
  manifests: readonly Manifest[],
  error: Error,
): Promise<DamagedPart | undefined> {
  const parts = manifests.flatMap(({ runId, parts }) => parts.map((part) => ({ ...part, runId })));
  const pathOf = (key: string) => resolve(join(folder, key));
  const named =
    error instanceof PartError
      ? parts.find(({ key }) => pathOf(key) === error.path)
      : parts.find(({ key }) => error.message.includes(pathOf(key)));
  for (const { key, runId, bytes, sha256 } of named ? [named] : parts) {
    const body = await readFile(pathOf(key)).catch((problem: NodeJS.ErrnoException) => problem.code ?? 'unreadable');
    if (typeof body === 'string') return { key, runId, problem: body === 'ENOENT' ? 'missing' : body };
    const differs = body.length !== bytes || createHash('sha256').update(body).digest('hex') !== sha256;
    if (differs) return { key, runId, problem: 'changed since it was published' };
  }
  return named && { key: named.key, runId: named.runId, problem: 'unreadable' };
}
