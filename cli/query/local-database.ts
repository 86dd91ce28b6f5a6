/** A folder that `run` wrote to as a DuckDB database with the tables and views of Athena. */
import { join, resolve } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PARQUET_COLUMNS, RUNS_TABLE, tableDefinitions, tableName } from '../../functions/catalog/tables.ts';
import { manifestKey, runIdOfFolder } from '../../functions/export/storage/bucket-layout.ts';
import { readManifest } from '../../functions/export/storage/published-runs.ts';
import { ACCOUNT_FIELDS } from '../../functions/formats/account-columns.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { type Manifest, ManifestSchema } from '../../functions/model/manifest.ts';
import { directoryStore } from '../local/directory-store.ts';
import { csvTable } from './csv-table.ts';
import { emptyTable, GZIP, PARTITION_COLUMNS, PARTITIONS, partsOf } from './format-table.ts';
import { LOCAL_RUNS_VIEW } from './local-runs-view.ts';
import { localViews } from './local-views.ts';
import { duckType, jsonStructure, list, text, wellFormedJson } from './sql-text.ts';

/** DuckDB must not load code from the network. */
const NO_EXTENSIONS = {
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
};

export interface DatabaseOptions {
  /** Folder for what does not fit in memory. @default none: a query that needs more memory fails */
  readonly scratch?: string;
  /** Reads JSON parts with half a surrogate pair, several times slower. @default false: DuckDB refuses such a part */
  readonly mendsJson?: boolean;
}

/**
 * Opens the published runs of a folder: those with a manifest. The connection reads no file but their parts.
 * @throws ExportError `ConfigError` if there is no published run
 */
export async function openLocalDatabase(folder: string, options: DatabaseOptions = {}): Promise<DuckDBConnection> {
  const { scratch = '', mendsJson = false } = options;
  const manifests = await publishedRuns(folder);
  if (manifests.length === 0) {
    throw new ExportError(
      'ConfigError',
      `No published run in ${folder}: run an export first, or pass another folder with --out.`,
    );
  }
  const connection = await (
    await DuckDBInstance.create(':memory:', { ...NO_EXTENSIONS, temp_directory: scratch })
  ).connect();
  await connection.run("SET TimeZone = 'UTC'");
  // Athena has this function, DuckDB does not.
  await connection.run('CREATE MACRO from_iso8601_timestamp(t) AS CAST(t AS TIMESTAMP)');
  const csv = await csvTable(folder, manifests);
  const parts = (format: Manifest['format']) => partsOf(folder, manifests, format);
  const statements = [
    runsTable(folder, manifests),
    jsonTable(parts('json'), mendsJson),
    csv.sql,
    parquetTable(parts('parquet')),
    ...localViews(csv.attributes),
    LOCAL_RUNS_VIEW,
    `SET allowed_paths = ${list([...parts('json'), ...parts('csv'), ...parts('parquet')])}`,
    'SET enable_external_access = false',
    'SET lock_configuration = true',
  ];
  for (const statement of statements) await connection.run(statement);
  return connection;
}

async function publishedRuns(folder: string): Promise<Manifest[]> {
  const store = directoryStore(folder);
  const runs = await store.listFolders('export_runs/');
  const found = await Promise.all(runs.map((run) => readManifest(store, runIdOfFolder(run))));
  return found.filter((manifest) => manifest !== undefined);
}

function runsTable(folder: string, manifests: readonly Manifest[]): string {
  const { columns } = tableDefinitions([]).find(({ name }) => name === RUNS_TABLE) ?? { columns: [] };
  const files = manifests.map(({ runId }) => resolve(join(folder, manifestKey(runId))));
  // In Athena, columns and struct fields are lower case.
  const structure = Object.fromEntries(columns.map(({ name, type }) => [name, jsonStructure(type)]));
  return `CREATE TABLE ${RUNS_TABLE} AS
    SELECT ${columns.map(({ name }) => `document.${name} AS ${name}`).join(', ')}, run_id
    FROM (
      SELECT json_transform(${lowerCaseKeys(wellFormedJson('content'))}, ${text(JSON.stringify(structure))}) AS document,
        regexp_extract(filename, 'run_id=([^/\\\\]+)', 1) AS run_id
      FROM read_text(${list(files)})
    )`;
}

/** Lower-cases the keys of a manifest. No value contains a key in quotes. */
function lowerCaseKeys(sql: string): string {
  const { shape } = ManifestSchema;
  return [shape, shape.parameters.shape, shape.consistency.shape]
    .flatMap((fields) => Object.keys(fields))
    .filter((key) => key !== key.toLowerCase())
    .reduce((inner, key) => `replace(${inner}, '"${key}":', '"${key.toLowerCase()}":')`, sql);
}

/**
 * Quotes the numbers of an account, so that DuckDB returns them digit for digit as Athena does and not `1.10` as `1.1`. A
 * number follows the closing quote of a key; inside a string every quote is escaped.
 */
const WITH_DIGITS = `regexp_replace(line, '([^\\\\])":(-?[0-9][-+0-9.eE]*)([,}])', '\\1":"\\2"\\3', 'g')`;

function jsonTable(files: readonly string[], mendsJson: boolean): string {
  const columns = tableDefinitions([])[0]?.columns ?? [];
  if (files.length === 0) return emptyTable(tableName('json'), columns);
  const fields = ACCOUNT_FIELDS.map(({ name }) => name).concat('superseded');
  const structure = fields.map((name, i) => `"${name}":"${duckType(columns[i]?.type ?? 'string')}"`).join(',');
  return `CREATE VIEW ${tableName('json')} AS
    SELECT ${fields.map((name) => `account."${name}" AS ${name.toLowerCase()}`).join(', ')}, ${PARTITION_COLUMNS}
    FROM (
      SELECT json_transform(${WITH_DIGITS}, '{${structure}}') AS account, ${PARTITION_COLUMNS}
      FROM (SELECT ${mendsJson ? mendedLines(files) : linesOf(files)})
    )`;
}

function linesOf(files: readonly string[]): string {
  return `CAST(json AS VARCHAR) AS line, ${PARTITION_COLUMNS}
    FROM read_json_objects(${list(files)}, format = 'newline_delimited', maximum_object_size = 67108864, ${GZIP}, ${PARTITIONS})`;
}

/** Reads lines as a CSV file of one column: JSON escapes the characters that are its delimiter and its NULL here. */
function mendedLines(files: readonly string[]): string {
  return `${wellFormedJson('line')} AS line, ${PARTITION_COLUMNS}
    FROM read_csv(${list(files)}, columns = {line: 'VARCHAR'}, header = false, auto_detect = false, new_line = '\\n', quote = '',
      escape = '', delim = '\u0001', nullstr = '\u0002', max_line_size = 67108864, ${GZIP}, ${PARTITIONS})`;
}

function parquetTable(files: readonly string[]): string {
  if (files.length === 0) return emptyTable(tableName('parquet'), PARQUET_COLUMNS);
  return `CREATE VIEW ${tableName('parquet')} AS SELECT * FROM read_parquet(${list(files)}, ${PARTITIONS})`;
}
