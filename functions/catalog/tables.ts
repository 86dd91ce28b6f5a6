/** The tables of the Glue database, for the stack, for partitions and for tests. */

import { tablePrefix } from '../export/storage/bucket-layout.ts';
import { ACCOUNT_FIELDS, type FieldKind } from '../formats/account-columns.ts';
import { CSV_SERDE_PARAMETERS, csvTableColumns, SUPERSEDED_COLUMN } from '../formats/csv.ts';
import type { ExportFormat } from '../model/export-format.ts';
import { hiveNames } from './hive-names.ts';

export interface TableColumn {
  readonly name: string;
  /** A Hive type. */
  readonly type: string;
  readonly comment: string;
}

export interface TableDefinition {
  readonly name: string;
  readonly description: string;
  readonly columns: readonly TableColumn[];
  readonly partitionKeys: readonly TableColumn[];
  /** Of its objects in the bucket. */
  readonly prefix: string;
  readonly inputFormat: string;
  readonly outputFormat: string;
  readonly serde: { readonly library: string; readonly parameters: Readonly<Record<string, string>> };
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * A table can have gzip and zstd parts: readers of text decide by the name of a part, and no property of the table says it.
 * Sources: Athena user guide, "Choose a SerDe for your data", "Use compression in Athena" (several compressions in one
 * table) and "Use Hive table compression" (engine version 3: ZSTD for text files with any SerDe).
 */
const TEXT = {
  inputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
  outputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
};
const JSON_SERDE = { library: 'org.apache.hive.hcatalog.data.JsonSerDe', parameters: {} };
const CSV_SERDE = { library: 'org.apache.hadoop.hive.serde2.OpenCSVSerde', parameters: CSV_SERDE_PARAMETERS };
const PARQUET = {
  inputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
  outputFormat: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
  serde: { library: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe', parameters: {} },
};

const MAP = 'map<string,string>';
const JSON_TYPES: Record<FieldKind, string> = {
  text: 'string',
  double: 'double',
  integer: 'bigint',
  epochMs: 'bigint',
  textMap: MAP,
};
const PARQUET_TYPES: Record<FieldKind, string> = { ...JSON_TYPES, epochMs: 'timestamp' };

const SUPERSEDED_COMMENT = 'True if a later record of the same account on the same page is current';

/** The partition keys of the account tables. */
export const RUN_PARTITIONS: readonly TableColumn[] = [
  { name: 'export_name', type: 'string', comment: 'Name of the export' },
  { name: 'export_date', type: 'string', comment: 'Day (UTC) the run was due, YYYY-MM-DD' },
  { name: 'run_id', type: 'string', comment: 'Run ID' },
];

/** The columns of `accounts_parquet`, in the order of the parts. */
export const PARQUET_COLUMNS: readonly TableColumn[] = [
  ...fieldColumns(PARQUET_TYPES),
  { name: 'other_fields', type: MAP, comment: 'Fields without a column, and values that their column cannot hold' },
  { name: SUPERSEDED_COLUMN, type: 'boolean', comment: SUPERSEDED_COMMENT },
];

/** @param attributeColumns the configured attribute columns of CSV exports, in the order of table and parts */
export function tableDefinitions(attributeColumns: readonly string[]): TableDefinition[] {
  const accounts = accountTables(attributeColumns);
  const newest = accounts.map((table) => ({
    ...table,
    name: newestName(table.format),
    description: `Used by accounts_latest: the newest run of each export in ${table.name}`,
  }));
  return [...accounts, ...newest, RUNS];
}

function accountTables(attributeColumns: readonly string[]): (TableDefinition & { readonly format: ExportFormat })[] {
  return [
    {
      format: 'json',
      name: tableName('json'),
      description: 'Accounts of all published JSON runs, one row per record',
      columns: [...fieldColumns(JSON_TYPES), { name: SUPERSEDED_COLUMN, type: 'boolean', comment: SUPERSEDED_COMMENT }],
      partitionKeys: RUN_PARTITIONS,
      prefix: tablePrefix('json'),
      ...TEXT,
      serde: JSON_SERDE,
      parameters: { classification: 'json' },
    },
    {
      format: 'csv',
      name: tableName('csv'),
      description: 'Accounts of all published CSV runs, one row per record, all columns as text',
      columns: csvColumns(csvTableColumns(attributeColumns)),
      partitionKeys: RUN_PARTITIONS,
      prefix: tablePrefix('csv'),
      ...TEXT,
      serde: CSV_SERDE,
      parameters: { classification: 'csv', 'skip.header.line.count': '1' },
    },
    {
      format: 'parquet',
      name: tableName('parquet'),
      description: 'Accounts of all published Parquet runs, one row per record',
      columns: PARQUET_COLUMNS,
      partitionKeys: RUN_PARTITIONS,
      prefix: tablePrefix('parquet'),
      ...PARQUET,
      parameters: { classification: 'parquet' },
    },
  ];
}

export const RUNS_TABLE = 'export_runs';

/** `newest_json`: the table that has only the partition of each export's newest run. */
export function newestName(format: ExportFormat): string {
  return `newest_${format}`;
}

/** `accounts_json` */
export function tableName(format: ExportFormat): string {
  return `accounts_${format}`;
}

/** The columns of a CSV header, all of type string. A missing value is an empty string. */
export function csvColumns(header: readonly string[]): TableColumn[] {
  const fields = new Map(ACCOUNT_FIELDS.map(({ name, comment }) => [name, comment]));
  // No engine opens a table where a column, such as "Run ID", has the name of a partition key.
  const partitionKeys = RUN_PARTITIONS.map(({ name }) => name);
  return hiveNames(header, partitionKeys).map((name, i) => {
    const column = header[i] ?? '';
    const known = fields.get(column) ?? (column === SUPERSEDED_COLUMN ? SUPERSEDED_COMMENT : undefined);
    return { name, type: 'string', comment: known ?? attributeComment(column) };
  });
}

/** Source: AWS Glue developer guide, "Column structure". */
const MAX_COMMENT_BYTES = 255;

/** One line that Glue accepts. */
function attributeComment(column: string): string {
  const line = `Attribute ${column.replaceAll(/\p{Cc}+/gu, ' ')}`;
  if (Buffer.byteLength(line) <= MAX_COMMENT_BYTES) return line;
  const characters = Array.from(line);
  while (Buffer.byteLength(`${characters.join('')}…`) > MAX_COMMENT_BYTES) characters.pop();
  return `${characters.join('')}…`;
}

function fieldColumns(types: Record<FieldKind, string>): TableColumn[] {
  return ACCOUNT_FIELDS.map(({ name, kind, comment }) => ({ name: name.toLowerCase(), type: types[kind], comment }));
}

const RUN_COLUMNS: readonly TableColumn[] = [
  { name: 'version', type: 'int', comment: 'Manifest version' },
  { name: 'exportname', type: 'string', comment: 'Name of the export' },
  { name: 'datasetid', type: 'string', comment: 'Dataset ID' },
  { name: 'format', type: 'string', comment: 'json, csv or parquet' },
  {
    name: 'parameters',
    type: 'struct<filter:string,start:bigint,end:bigint,segmentationid:string,segmentid:string,pagesize:int>',
    comment: 'API parameters, as pinned by the plan',
  },
  { name: 'dueat', type: 'string', comment: 'When the run was due, ISO 8601' },
  { name: 'startedat', type: 'string', comment: 'When the run started, ISO 8601' },
  { name: 'publishedat', type: 'string', comment: 'When the run was published, ISO 8601' },
  { name: 'pages', type: 'int', comment: 'Number of pages, and of parts' },
  { name: 'records', type: 'bigint', comment: 'Records in the parts' },
  { name: 'distinctaccounts', type: 'bigint', comment: 'Number of different accounts' },
  { name: 'duplicates', type: 'bigint', comment: 'Records minus different accounts' },
  { name: 'bytes', type: 'bigint', comment: 'Total size of the parts' },
  { name: 'plannedrecords', type: 'bigint', comment: 'Number of accounts that the plan counted' },
  { name: 'recordsfetched', type: 'bigint', comment: 'Records that count against the contract' },
  { name: 'apirequests', type: 'bigint', comment: 'Requests sent' },
  { name: 'retries', type: 'bigint', comment: 'Repeated requests and attempts' },
  {
    name: 'consistency',
    type: 'struct<verdict:string,accountsbefore:bigint,accountsafter:bigint,boundarieschecked:int,boundariesmoved:int>',
    comment: 'Verdict and the figures behind it',
  },
  { name: 'unmappedcolumns', type: 'array<string>', comment: 'Fields that the table does not declare' },
  { name: 'escapedlinebreaks', type: 'bigint', comment: 'CSV: line breaks written as \\n' },
  {
    name: 'parts',
    type: 'array<struct<key:string,page:int,records:bigint,bytes:bigint,sha256:string>>',
    comment: 'The parts',
  },
  // At the end: partitions of earlier versions have the columns before it, and columns match by position.
  {
    name: 'fields',
    type: 'array<struct<name:string,present:bigint>>',
    comment: 'Fields and attributes, and how many records have a value',
  },
];

const RUNS: TableDefinition = {
  name: RUNS_TABLE,
  description: 'Manifests of all published runs, one row per run',
  columns: RUN_COLUMNS,
  partitionKeys: RUN_PARTITIONS.slice(-1),
  prefix: 'export_runs/',
  ...TEXT,
  serde: JSON_SERDE,
  parameters: { classification: 'json' },
};
