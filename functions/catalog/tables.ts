/** The tables of the Glue database, one definition for the stack, for partitions and for tests. */

import { tablePrefix } from '../export/storage/bucket-layout.ts';
import { ACCOUNT_FIELDS, type FieldKind } from '../formats/account-columns.ts';
import { CSV_SERDE_PARAMETERS, csvTableColumns, SUPERSEDED_COLUMN } from '../formats/csv.ts';
import type { ExportFormat } from '../model/export-settings.ts';
import { hiveNames } from './hive-names.ts';

export interface TableColumn {
  readonly name: string;
  /** In Hive's words. */
  readonly type: string;
  readonly comment: string;
}

export interface TableDefinition {
  readonly name: string;
  readonly description: string;
  readonly columns: readonly TableColumn[];
  readonly partitionKeys: readonly TableColumn[];
  /** Where its objects lie in the bucket. */
  readonly prefix: string;
  readonly inputFormat: string;
  readonly outputFormat: string;
  readonly serde: { readonly library: string; readonly parameters: Readonly<Record<string, string>> };
  readonly parameters: Readonly<Record<string, string>>;
}

/** What the parts of a format are read with. Source: Athena user guide, "Choose a SerDe for your data". */
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
  decimal: 'double',
  integer: 'bigint',
  epochMs: 'bigint',
  textMap: MAP,
};
const PARQUET_TYPES: Record<FieldKind, string> = { ...JSON_TYPES, epochMs: 'timestamp' };

const SUPERSEDED_COMMENT = 'True where the account comes again later on the same page: that record is the current one';

const RUN_PARTITIONS: readonly TableColumn[] = [
  { name: 'export_name', type: 'string', comment: 'Name of the export' },
  { name: 'export_date', type: 'string', comment: 'Day (UTC) the run was due, YYYY-MM-DD' },
  { name: 'run_id', type: 'string', comment: 'The run' },
];

/** The columns of `accounts_parquet`, in the order of the parts. */
export const PARQUET_COLUMNS: readonly TableColumn[] = [
  ...fieldColumns(PARQUET_TYPES),
  { name: 'other_fields', type: MAP, comment: 'Fields that have no column, or whose value their column cannot hold' },
  { name: SUPERSEDED_COLUMN, type: 'boolean', comment: SUPERSEDED_COMMENT },
];

/**
 * The tables of a stack.
 * @param attributeColumns the attribute columns of its CSV exports, as configured: they set the order of table and parts
 */
export function tableDefinitions(attributeColumns: readonly string[]): TableDefinition[] {
  const accounts = accountTables(attributeColumns);
  const newest = accounts.map((table) => ({
    ...table,
    name: newestName(table.format),
    description: `Behind accounts_latest: the newest run of each export, of ${table.name}`,
  }));
  return [...accounts, ...newest, RUNS];
}

function accountTables(attributeColumns: readonly string[]): (TableDefinition & { readonly format: ExportFormat })[] {
  return [
    {
      format: 'json',
      name: tableName('json'),
      description: 'Accounts of all published JSON runs, one row a record',
      columns: [...fieldColumns(JSON_TYPES), { name: SUPERSEDED_COLUMN, type: 'boolean', comment: SUPERSEDED_COMMENT }],
      partitionKeys: RUN_PARTITIONS,
      prefix: tablePrefix('json'),
      ...TEXT,
      serde: JSON_SERDE,
      parameters: { classification: 'json', compressionType: 'gzip' },
    },
    {
      format: 'csv',
      name: tableName('csv'),
      description: 'Accounts of all published CSV runs, one row a record, all columns as text',
      columns: csvColumns(csvTableColumns(attributeColumns)),
      partitionKeys: RUN_PARTITIONS,
      prefix: tablePrefix('csv'),
      ...TEXT,
      serde: CSV_SERDE,
      parameters: { classification: 'csv', compressionType: 'gzip', 'skip.header.line.count': '1' },
    },
    {
      format: 'parquet',
      name: tableName('parquet'),
      description: 'Accounts of all published Parquet runs, one row a record',
      columns: PARQUET_COLUMNS,
      partitionKeys: RUN_PARTITIONS,
      prefix: tablePrefix('parquet'),
      ...PARQUET,
      parameters: { classification: 'parquet' },
    },
  ];
}

export const RUNS_TABLE = 'export_runs';

/** `newest_json`: holds the partition of each export's newest run, and no others. */
export function newestName(format: ExportFormat): string {
  return `newest_${format}`;
}

/** `accounts_json` */
export function tableName(format: ExportFormat): string {
  return `accounts_${format}`;
}

/** CSV columns by their header, all of them texts: a number or date that is missing is an empty text. */
export function csvColumns(header: readonly string[]): TableColumn[] {
  const fields = new Map(ACCOUNT_FIELDS.map(({ name, comment }) => [name, comment]));
  // An attribute called "Run ID" must not take the name of a partition key: no engine opens such a table.
  const partitionKeys = RUN_PARTITIONS.map(({ name }) => name);
  return hiveNames(header, partitionKeys).map((name, i) => {
    const column = header[i] ?? '';
    const known = fields.get(column) ?? (column === SUPERSEDED_COLUMN ? SUPERSEDED_COMMENT : undefined);
    return { name, type: 'string', comment: known ?? attributeComment(column) };
  });
}

/** One line of at most 255 characters, as Glue takes comments. Source: Glue API reference, "Column". */
function attributeComment(column: string): string {
  const line = `Attribute ${column.replaceAll(/\p{Cc}+/gu, ' ')}`;
  return line.length > 255 ? `${Array.from(line).slice(0, 120).join('')}…` : line;
}

function fieldColumns(types: Record<FieldKind, string>): TableColumn[] {
  return ACCOUNT_FIELDS.map(({ name, kind, comment }) => ({ name: name.toLowerCase(), type: types[kind], comment }));
}

const RUN_COLUMNS: readonly TableColumn[] = [
  { name: 'version', type: 'int', comment: 'Version of the manifest' },
  { name: 'exportname', type: 'string', comment: 'Name of the export' },
  { name: 'datasetid', type: 'string', comment: 'The dataset' },
  { name: 'format', type: 'string', comment: 'json, csv or parquet: which table holds the accounts' },
  {
    name: 'parameters',
    type: 'struct<filter:string,start:bigint,end:bigint,segmentationid:string,segmentid:string,pagesize:int>',
    comment: 'What was asked for, as pinned by the plan',
  },
  { name: 'dueat', type: 'string', comment: 'When the run was due, ISO 8601' },
  { name: 'startedat', type: 'string', comment: 'When the run started, ISO 8601' },
  { name: 'publishedat', type: 'string', comment: 'When the run was published, ISO 8601' },
  { name: 'pages', type: 'int', comment: 'How many pages, and parts, it has' },
  { name: 'records', type: 'bigint', comment: 'Records in its parts' },
  { name: 'distinctaccounts', type: 'bigint', comment: 'Different accounts among them' },
  { name: 'duplicates', type: 'bigint', comment: 'Records of accounts that came more than once' },
  { name: 'bytes', type: 'bigint', comment: 'Size of its parts' },
  { name: 'plannedrecords', type: 'bigint', comment: 'Accounts that the plan counted' },
  { name: 'recordsfetched', type: 'bigint', comment: 'Records counted against the contract' },
  { name: 'apirequests', type: 'bigint', comment: 'Requests sent' },
  { name: 'retries', type: 'bigint', comment: 'Requests and attempts that were repeated' },
  {
    name: 'consistency',
    type: 'struct<verdict:string,accountsbefore:bigint,accountsafter:bigint,seamsprobed:int,seamsmoved:int>',
    comment: 'Whether the source held still',
  },
  { name: 'unmappedcolumns', type: 'array<string>', comment: 'Fields that the table does not declare' },
  { name: 'escapedlinebreaks', type: 'bigint', comment: 'CSV: line breaks written as \\n' },
  {
    name: 'parts',
    type: 'array<struct<key:string,page:int,records:bigint,bytes:bigint,sha256:string>>',
    comment: 'Its parts',
  },
];

const RUNS: TableDefinition = {
  name: RUNS_TABLE,
  description: 'The manifests of all published runs, one row a run',
  columns: RUN_COLUMNS,
  partitionKeys: [{ name: 'run_id', type: 'string', comment: 'The run' }],
  prefix: 'export_runs/',
  ...TEXT,
  serde: JSON_SERDE,
  parameters: { classification: 'json' },
};
