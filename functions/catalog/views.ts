/** The views that analysts query: the same columns for all formats, in Trino SQL (Athena engine version 3). */

import { ACCOUNT_FIELDS, type FieldKind } from '../formats/account-columns.ts';
import { csvTableColumns } from '../formats/csv.ts';
import { NUMBER_PATTERN, WHOLE_PATTERN } from '../formats/numbers.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../model/export-format.ts';
import { runsView } from './runs-view.ts';
import { csvColumns, newestName, RUNS_TABLE, tableName } from './tables.ts';
import type { ViewColumn, ViewDefinition } from './view-definition.ts';

const MAP = 'map(varchar,varchar)';
const EMPTY_MAP = `CAST(map() AS ${MAP})`;

/** The columns of both views of accounts. */
export const VIEW_COLUMNS: readonly ViewColumn[] = [
  { name: 'export_name', type: 'varchar', comment: 'Name of the export' },
  { name: 'export_date', type: 'varchar', comment: 'Day (UTC) the run was due, YYYY-MM-DD' },
  { name: 'run_id', type: 'varchar', comment: 'Run ID' },
  { name: 'published_at', type: 'timestamp(3)', comment: 'When the run was published (UTC)' },
  { name: 'name', type: 'varchar', comment: 'Account name' },
  { name: 'engagement_score', type: 'double', comment: 'Engagement score within the statistics window' },
  { name: 'engagement_percent_change', type: 'double', comment: 'Change of the engagement score, as a fraction' },
  { name: 'first_activity', type: 'timestamp(3)', comment: 'First activity (UTC)' },
  { name: 'last_activity', type: 'timestamp(3)', comment: 'Last activity (UTC)' },
  { name: 'total_actions', type: 'bigint', comment: 'Total number of actions' },
  { name: 'account_status', type: 'varchar', comment: 'Account status' },
  { name: 'attributes', type: MAP, comment: 'Custom attributes' },
  { name: 'segment_joined', type: 'timestamp(3)', comment: 'Segment exports: when the account joined (UTC)' },
  { name: 'segment_input_values', type: MAP, comment: 'Segment exports: the values that made it join' },
];

/**
 * `accounts_latest`, `accounts_history` and `runs`.
 *
 * The first two join `export_runs`, whose partition is added last, so a run becomes visible complete and at one moment. The newest run
 * of an export is the one due on the latest day, and among those the one published last, so a backfilled day does not count
 * as newest. For an account with several records in a run, the views show the latest: by `superseded` within a page, by the
 * name of the part between pages.
 *
 * In Trino, `attributes['x']` fails the query if any account lacks `x`. Therefore the map of every account has all configured
 * attributes, NULL if missing; other attributes need `element_at`. The names are one text in JSON, because Trino accepts at
 * most 254 values in `ARRAY[…]`.
 *
 * @param attributeColumns the configured attribute columns of the CSV table
 * @param attributeNames the attributes that any configured export names
 */
export function viewDefinitions(
  attributeColumns: readonly string[],
  attributeNames: readonly string[] = attributeColumns,
): ViewDefinition[] {
  return [
    {
      name: 'accounts_latest',
      description: 'The newest published run of each export, each account once',
      columns: VIEW_COLUMNS,
      sql: accountsSql(attributeColumns, attributeNames, newestName, 'WHERE age = 1'),
    },
    {
      name: 'accounts_history',
      description: 'All published runs, each account once per run',
      columns: VIEW_COLUMNS,
      sql: accountsSql(attributeColumns, attributeNames, tableName, ''),
    },
    runsView({ time: fromIso8601, epochMs: fromEpochMs }),
  ];
}

function accountsSql(
  attributeColumns: readonly string[],
  attributeNames: readonly string[],
  tableOf: (format: ExportFormat) => string,
  whichRuns: string,
): string {
  const values = { json: JSON_VALUES, csv: csvValues(attributeColumns), parquet: PARQUET_VALUES };
  const branches = EXPORT_FORMATS.map((format) => branch(format, tableOf, values[format]));
  // The join decides which runs are visible, but Trino may open files before it knows the result of the join. The tables of
  // the newest runs avoid that (docs/decisions/0004-newest-runs.md).
  return `WITH runs AS (
  SELECT * FROM (
    SELECT
      run_id,
      exportname AS export_name,
      substr(dueat, 1, 10) AS export_date,
      format,
      ${fromIso8601('publishedat')} AS published_at,
      row_number() OVER (
        PARTITION BY exportname
        ORDER BY substr(dueat, 1, 10) DESC, publishedat DESC, run_id DESC
      ) AS age
    FROM ${RUNS_TABLE}
  )
  ${whichRuns}
),
records AS (
${branches.join('\n  UNION ALL\n')}
)
SELECT ${VIEW_COLUMNS.map(({ name }) => (name === 'attributes' ? withAllNames(attributeNames) : name)).join(', ')}
FROM records
WHERE age_of_record = 1 OR name IS NULL`;
}

function branch(format: ExportFormat, tableOf: (format: ExportFormat) => string, values: Values): string {
  const { superseded, ...columns } = values;
  // PARTITION BY has all partition keys, because Trino pushes a filter below a window only for those columns. Without that, a
  // query reads every partition.
  return `  SELECT
    a.export_name, a.export_date, a.run_id, r.published_at,
${Object.entries(columns)
  .map(([name, sql]) => `    ${sql} AS ${name},`)
  .join('\n')}
    row_number() OVER (
      PARTITION BY a.export_name, a.export_date, a.run_id, a.name
      ORDER BY a."$path" DESC
    ) AS age_of_record
  FROM ${tableOf(format)} a
  JOIN runs r ON a.export_name = r.export_name AND a.export_date = r.export_date AND a.run_id = r.run_id
  WHERE r.format = '${format}' AND ${superseded}`;
}

type Values = Readonly<Record<'superseded' | 'name', string>> & Readonly<Record<string, string>>;

/**
 * Epoch milliseconds as a UTC timestamp in any session time zone. The divisor is a double, because Trino rounds to tenths of
 * a second for a decimal such as `1000.0`. `from_unixtime` fails the query after the year 73326, even within `TRY`, so times
 * outside the years 1 to 9999 are NULL; the tables have them.
 */
const fromEpochMs = (sql: string) =>
  `IF(${sql} BETWEEN -62135596800000 AND 253402300799999, CAST(from_unixtime(${sql} / 1e3) AT TIME ZONE 'UTC' AS timestamp(3)))`;

const fromIso8601 = (sql: string) => `CAST(from_iso8601_timestamp(${sql}) AT TIME ZONE 'UTC' AS timestamp(3))`;

/** The same for a timestamp column. */
const fromTimestamp = (sql: string) =>
  `IF(${sql} BETWEEN TIMESTAMP '0001-01-01 00:00:00.000' AND TIMESTAMP '9999-12-31 23:59:59.999', CAST(${sql} AS timestamp(3)))`;

/** The column of both views for an account field: `engagement_score` */
export function viewColumnOf(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function valuesBy(sqlOf: (column: string, kind: FieldKind) => string, superseded = 'a.superseded IS NULL'): Values {
  const values = ACCOUNT_FIELDS.map(({ name, kind }) => [viewColumnOf(name), sqlOf(name.toLowerCase(), kind)]);
  return { ...Object.fromEntries(values), superseded } as Values;
}

const JSON_VALUES = valuesBy((column, kind) => (kind === 'epochMs' ? fromEpochMs(`a.${column}`) : `a.${column}`));

const PARQUET_VALUES = valuesBy((column, kind) => (kind === 'epochMs' ? fromTimestamp(`a.${column}`) : `a.${column}`));

/** The map of an account, and the configured attributes that it lacks. */
function withAllNames(names: readonly string[]): string {
  if (names.length === 0) return 'attributes';
  const allNull = `{${names.map((name) => `${JSON.stringify(name)}:null`).join(',')}}`;
  return `map_concat(CAST(json_parse(${sqlText(allNull)}) AS ${MAP}), coalesce(attributes, ${EMPTY_MAP})) AS attributes`;
}

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Trino accepts at most 254 values. */
const MAX_ARRAY_VALUES = 200;

/** One array of any length: `ARRAY[…] || ARRAY[…]`. */
function inArrays(values: readonly string[]): string {
  const starts = Array.from({ length: Math.ceil(values.length / MAX_ARRAY_VALUES) }, (_, i) => i * MAX_ARRAY_VALUES);
  return starts.map((start) => `ARRAY[${values.slice(start, start + MAX_ARRAY_VALUES).join(', ')}]`).join(' || ');
}

/**
 * The number in a CSV cell, by the rules of numbers.ts. A cast alone reads `NaN`, and a cast to bigint neither `51.0` nor
 * `1.7E12`.
 */
const finiteNumber = (cell: string) => {
  const number = `try_cast(${cell} AS double)`;
  return `IF(regexp_like(${cell}, ${sqlText(NUMBER_PATTERN)}) AND is_finite(${number}), ${number})`;
};

const wholeNumber = (cell: string) => {
  const number = `try_cast(trim(${cell}) AS decimal(38, 19))`;
  return `IF(regexp_like(${cell}, ${sqlText(WHOLE_PATTERN)}) AND ${number} % 1 = 0, try_cast(${number} AS bigint))`;
};

/** CSV columns are strings, and empty where a value is missing. */
function csvValues(attributeColumns: readonly string[]): Values {
  const header = csvTableColumns(attributeColumns);
  const names = csvColumns(header).map(({ name }) => name);
  const attributes = header
    .map((key, i) => ({ key, column: names[i] }))
    .filter(({ key }) => attributeColumns.includes(key));
  const keys = sqlText(JSON.stringify(attributes.map(({ key }) => key)));
  const cells = inArrays(attributes.map(({ column }) => `a."${column}"`));
  // `transform` instead of a `nullif` for each cell: Trino compiles it once, and reads 250 columns three times as fast.
  const map =
    attributes.length === 0
      ? EMPTY_MAP
      : `map(CAST(json_parse(${keys}) AS array(varchar)), transform(${cells}, cell -> nullif(cell, '')))`;
  return valuesBy((column, kind) => {
    switch (kind) {
      case 'text':
        return `nullif(a.${column}, '')`;
      case 'double':
        return finiteNumber(`a.${column}`);
      case 'integer':
        return wholeNumber(`a.${column}`);
      case 'epochMs':
        return fromEpochMs(wholeNumber(`a.${column}`));
      case 'textMap':
        return column === 'attributes' ? map : `CAST(NULL AS ${MAP})`;
    }
  }, "coalesce(a.superseded, '') = ''");
}
