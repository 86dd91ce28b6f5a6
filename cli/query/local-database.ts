/** A folder that `run` wrote to as a DuckDB database with the tables and views of Athena. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import pLimit from 'p-limit';
import {
  csvColumns,
  PARQUET_COLUMNS,
  RUNS_TABLE,
  type TableColumn,
  tableDefinitions,
  tableName,
} from '../../functions/catalog/tables.ts';
import { manifestKey, runIdOfFolder } from '../../functions/export/storage/bucket-layout.ts';
import { exportDateOf, newestFirst, readManifest } from '../../functions/export/storage/published-runs.ts';
import { ACCOUNT_FIELDS, type AccountField } from '../../functions/formats/account-columns.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../../functions/model/export-format.ts';
import { type Manifest, ManifestSchema } from '../../functions/model/manifest.ts';
import { directoryStore } from '../local/directory-store.ts';
import { accountLineFunction, accountLineSql } from './account-line.ts';
import { csvHeader, csvLayouts, csvRows } from './csv-table.ts';
import { DIALECT } from './dialect.ts';
import { FILES, fileList, LINES, noRows, partsOf, patternOf, runOfPart, selectFromParts } from './format-table.ts';
import { LOCAL_RUNS_VIEW } from './local-runs-view.ts';
import {
  csvViewRows,
  currentNames,
  currentRecords,
  emptyView,
  JSON_VALUES,
  laterRecords,
  PARQUET_VALUES,
  type ViewRows,
  viewOf,
} from './local-views.ts';
import { PartError } from './part-error.ts';
import { duckType, jsonStructure, list, text, wellFormedJson } from './sql-text.ts';

/** DuckDB must not load code from the network. */
const NO_EXTENSIONS = {
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
};

const RUNS_VIEW = 'runs';

/** All tables and views, as error messages list them. */
export const TABLES = ['accounts_latest', 'accounts_history', RUNS_VIEW, RUNS_TABLE, ...EXPORT_FORMATS.map(tableName)];

export interface DatabaseOptions {
  /** Folder for what does not fit in memory. @default none: a query that needs more memory fails */
  readonly scratch?: string;
  /** The tables and views with rows: to be read, parts must be readable. @default all */
  readonly filled?: (table: string) => boolean;
}

const JSON_COLUMNS = tableDefinitions([]).find(({ name }) => name === tableName('json'))?.columns ?? [];

/** A connection to DuckDB without tables. It reads no file unless `fill` allows it. */
export async function emptyDatabase({ scratch = '' }: DatabaseOptions = {}): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', { ...NO_EXTENSIONS, temp_directory: scratch });
  const connection = await instance.connect();
  connection.registerScalarFunction(accountLineFunction());
  for (const statement of DIALECT) await connection.run(statement);
  return connection;
}

/**
 * The published runs of a folder, the newest first: DuckDB takes the schema of Parquet from the first part.
 * @throws ExportError `ConfigError` if there is none
 */
export async function publishedRuns(folder: string): Promise<Manifest[]> {
  const store = directoryStore(folder);
  const limit = pLimit(16);
  const runs = await store.listFolders('export_runs/');
  const found = await Promise.all(runs.map((run) => limit(readManifest, store, runIdOfFolder(run))));
  const manifests = found.filter((manifest) => manifest !== undefined);
  if (manifests.length > 0) return newestFirst(manifests);
  throw new ExportError(
    'ConfigError',
    `No published run in ${folder}: run an export first, or pass another folder with --out.`,
  );
}

/**
 * Opens the published runs of a folder. The connection reads no file but their parts.
 * @throws ExportError `ConfigError` if there is no published run; PartError for a part that cannot be read
 */
export async function openLocalDatabase(folder: string, options: DatabaseOptions = {}): Promise<DuckDBConnection> {
  const manifests = await publishedRuns(folder);
  const connection = await emptyDatabase(options);
  await fill(connection, { folder, manifests }, options);
  return connection;
}

/** A folder and its published runs. */
export interface Published {
  readonly folder: string;
  readonly manifests: readonly Manifest[];
}

/** Adds tables and views to a database, then locks it. @throws PartError for a part that cannot be read */
export async function fill(
  connection: DuckDBConnection,
  { folder, manifests }: Published,
  { filled = () => true }: DatabaseOptions = {},
): Promise<void> {
  const statements: string[] = [];
  const used = new Set<Manifest>();
  const using = async (runs: readonly Manifest[]): Promise<readonly Manifest[]> => {
    for (const run of runs.filter((run) => !used.has(run))) {
      used.add(run);
      await checkParts(folder, run);
    }
    return runs;
  };
  statements.push(runsTable(folder, filled(RUNS_TABLE) || filled(RUNS_VIEW) ? manifests : []));
  for (const format of EXPORT_FORMATS) {
    const name = tableName(format);
    const runs = filled(name) ? await using(manifests.filter((run) => run.format === format)) : [];
    statements.push(await accountsTable(format, { folder, manifests: runs }));
  }
  for (const [name, chosen] of [
    ['accounts_latest', newestRuns(manifests)],
    ['accounts_history', manifests],
  ] as const) {
    const runs = filled(name) ? await using(chosen) : [];
    statements.push(await accountsView(name, { folder, manifests: runs }));
  }
  statements.push(LOCAL_RUNS_VIEW);
  for (const statement of statements) await connection.run(statement);
  const paths = partsOf(folder, [...used]).flatMap((path) => [path, patternOf(path)]);
  await connection.run(`SET allowed_paths = ${list([...new Set(paths)])}`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/** The newest run of each export, by the same rule as `accounts_latest` in Athena. */
export function newestRuns(manifests: readonly Manifest[]): Manifest[] {
  const rankOf = (run: Manifest) => [exportDateOf(run), run.publishedAt, run.runId].join(' ');
  const newest = new Map<string, Manifest>();
  for (const run of manifests) {
    const other = newest.get(run.exportName);
    if (other === undefined || rankOf(other) < rankOf(run)) newest.set(run.exportName, run);
  }
  return [...newest.values()];
}

/** DuckDB returns the rows of a part that is cut off without an error. @throws PartError */
async function checkParts(folder: string, { parts }: Manifest): Promise<void> {
  const limit = pLimit(16);
  await Promise.all(
    parts.map(({ key, bytes }) =>
      limit(async () => {
        const path = resolve(join(folder, key));
        const found = await stat(path).catch(() => undefined);
        if (found?.size !== bytes) throw new PartError(path);
      }),
    ),
  );
}

function runsTable(folder: string, manifests: readonly Manifest[]): string {
  const columns = tableDefinitions([]).find(({ name }) => name === RUNS_TABLE)?.columns ?? [];
  const files = manifests.map(({ runId }) => resolve(join(folder, manifestKey(runId))));
  const runIds = manifests.map(({ runId }, i) => `${text(files[i] ?? '')}: ${text(runId)}`);
  // In Athena, columns and struct fields are lower case.
  const structure = Object.fromEntries(columns.map(({ name, type }) => [name, jsonStructure(type)]));
  return `CREATE TABLE ${RUNS_TABLE} AS
    SELECT ${columns.map(({ name }) => `document.${name} AS ${name}`).join(', ')}, run_id
    FROM (
      SELECT json_transform(${lowerCaseKeys(wellFormedJson('content'))}, ${text(JSON.stringify(structure))}) AS document,
        MAP {${runIds.join(', ')}}[filename] AS run_id
      FROM ${files.length === 0 ? NO_FILES : `read_text(${fileList(files)})`}
    )`;
}

const NO_FILES = "(SELECT '' AS content, '' AS filename WHERE false)";

/** Lower-cases the keys of a manifest. No value contains a key in quotes. */
function lowerCaseKeys(sql: string): string {
  const { shape } = ManifestSchema;
  return [shape, shape.parameters.shape, shape.consistency.shape]
    .flatMap((fields) => Object.keys(fields))
    .filter((key) => key !== key.toLowerCase())
    .reduce((inner, key) => `replace(${inner}, '"${key}":', '"${key.toLowerCase()}":')`, sql);
}

async function accountsTable(format: ExportFormat, { folder, manifests }: Published): Promise<string> {
  const run = runOfPart(folder, manifests);
  const { columns, rows } = await accountRows(format, partsOf(folder, manifests));
  const values = [...columns.map(({ name }) => `"${name}"`), 'run.export_name', 'run.export_date', 'run.run_id'];
  const source =
    rows === undefined
      ? `SELECT *, NULL::STRUCT(export_name VARCHAR, export_date VARCHAR, run_id VARCHAR) AS run FROM (${noRows(columns)})`
      : `SELECT *, ${run} AS run FROM (${rows})`;
  return `CREATE VIEW ${tableName(format)} AS SELECT ${values.join(', ')} FROM (${source})`;
}

/** The columns of a table, and its rows unless there are none. */
async function accountRows(
  format: ExportFormat,
  paths: readonly string[],
): Promise<{ readonly columns: readonly TableColumn[]; readonly rows: string | undefined }> {
  if (format === 'csv') {
    const layouts = await csvLayouts(paths);
    const header = csvHeader(layouts);
    return { columns: csvColumns(header), rows: paths.length === 0 ? undefined : csvRows(layouts, header) };
  }
  const columns = format === 'json' ? JSON_COLUMNS : PARQUET_COLUMNS;
  if (paths.length === 0) return { columns, rows: undefined };
  return { columns, rows: format === 'json' ? jsonRows(paths) : parquetRows(paths) };
}

async function accountsView(name: string, { folder, manifests }: Published): Promise<string> {
  const records: string[] = [];
  for (const format of EXPORT_FORMATS) {
    for (const isDistinct of [true, false]) {
      const runs = manifests.filter((run) => run.format === format && (run.duplicates === 0) === isDistinct);
      const paths = partsOf(folder, runs);
      if (paths.length === 0) continue;
      const sources = await viewRows(format, paths, runOfPart(folder, runs));
      const current = sources.map(currentRecords).join('\nUNION ALL\n');
      const names = () => sources.map(currentNames).join('\nUNION ALL\n');
      records.push(isDistinct ? current : laterRecords(current, names()));
    }
  }
  return records.length === 0 ? emptyView(name) : viewOf(name, records);
}

async function viewRows(format: ExportFormat, paths: readonly string[], run: string): Promise<ViewRows[]> {
  switch (format) {
    case 'json':
      return [{ rows: jsonRows(paths), values: JSON_VALUES, run }];
    case 'csv':
      return csvViewRows(await csvLayouts(paths), run);
    case 'parquet':
      return [{ rows: parquetRows(paths), values: PARQUET_VALUES, run }];
  }
}

const MAP_FIELDS = ACCOUNT_FIELDS.filter(({ kind }) => kind === 'textMap');
const PLAIN_FIELDS = ACCOUNT_FIELDS.filter((field) => !MAP_FIELDS.includes(field));

/**
 * Reads lines as a CSV file of one column: JSON escapes the characters that are its delimiter and its NULL here. DuckDB's
 * reader of JSON refuses a whole part for half a surrogate pair. Maps are read apart from other fields, because most queries
 * need only one of both.
 */
function jsonRows(paths: readonly string[]): string {
  const values = ACCOUNT_FIELDS.map((field) => {
    const struct = MAP_FIELDS.includes(field) ? 'maps' : 'plain';
    return `${struct}."${field.name}" AS ${field.name.toLowerCase()}`;
  });
  // A filter on `superseded` must not parse the line.
  return selectFromParts(
    paths,
    (files, compression) => `SELECT ${values.join(', ')}, superseded, filename
    FROM (
      SELECT ${structOf(PLAIN_FIELDS)} AS plain, ${structOf(MAP_FIELDS)} AS maps,
        CASE WHEN ends_with(line, '"superseded":true}') THEN true END AS superseded, filename
      FROM read_csv(${files}, columns = {line: 'VARCHAR'}, header = false, auto_detect = false, new_line = '\\n', quote = '',
        escape = '', delim = '\u0001', nullstr = '\u0002', ${LINES}, ${compression}, ${FILES})
    )`,
  );
}

/** Fields of the column `line` as a struct. */
function structOf(fields: readonly AccountField[]): string {
  const types = new Map(JSON_COLUMNS.map(({ name, type }) => [name, duckType(type)]));
  const structure = fields.map(({ name }) => `"${name}":"${types.get(name.toLowerCase())}"`).join(',');
  return `json_transform(${accountLineSql(fields)}, '{${structure}}')`;
}

function parquetRows(paths: readonly string[]): string {
  return `SELECT ${PARQUET_COLUMNS.map(({ name }) => name).join(', ')}, filename FROM read_parquet(${fileList(paths)}, ${FILES})`;
}
