/** The views that analysts ask: one shape for all formats, as SQL of Trino, which Athena's engine 3 is built on. */

import { ACCOUNT_FIELDS } from '../formats/account-columns.ts';
import { csvTableColumns } from '../formats/csv.ts';
import type { ExportFormat } from '../model/export-settings.ts';
import { csvColumns, newestName, RUNS_TABLE, tableName } from './tables.ts';

export interface ViewColumn {
  readonly name: string;
  /** In Trino's words. */
  readonly type: string;
  readonly comment: string;
}

export interface ViewDefinition {
  readonly name: string;
  readonly description: string;
  readonly columns: readonly ViewColumn[];
  readonly sql: string;
}

const MAP = 'map(varchar,varchar)';

/** The columns of both views. */
export const VIEW_COLUMNS: readonly ViewColumn[] = [
  { name: 'export_name', type: 'varchar', comment: 'Name of the export' },
  { name: 'export_date', type: 'varchar', comment: 'Day (UTC) the run was due, YYYY-MM-DD' },
  { name: 'run_id', type: 'varchar', comment: 'The run' },
  { name: 'published_at', type: 'timestamp(3)', comment: 'When the run was published (UTC)' },
  { name: 'name', type: 'varchar', comment: 'The account' },
  { name: 'engagement_score', type: 'double', comment: 'Engagement score within the statistics window' },
  { name: 'engagement_percent_change', type: 'double', comment: 'Change of the engagement score, as a fraction' },
  { name: 'first_activity', type: 'timestamp(3)', comment: 'First activity seen (UTC)' },
  { name: 'last_activity', type: 'timestamp(3)', comment: 'Last activity seen (UTC)' },
  { name: 'total_actions', type: 'bigint', comment: 'Actions seen in all' },
  { name: 'account_status', type: 'varchar', comment: 'Status of the account' },
  { name: 'attributes', type: MAP, comment: 'Attributes of the tenant' },
  { name: 'segment_joined', type: 'timestamp(3)', comment: 'Segment exports: when the account joined (UTC)' },
  { name: 'segment_input_values', type: MAP, comment: 'Segment exports: the values that made it join' },
];

/**
 * `accounts_latest` and `accounts_history`.
 *
 * Both join the published runs, whose partition is added last of all: a run shows in them at that moment, whole. The
 * newest run of an export is the one due on the latest day, and of several on that day the one published last; so a day
 * filled in afterwards does not pass for today. Of an account that came more than once in a run, the later record is
 * taken: `superseded` marks those that come again on their own page, and between pages the part's name tells.
 *
 * `attributes['x']` fails a query of Trino on the first account that lacks `x`. The attributes that the configuration names
 * are therefore in every account's map, NULL where the account lacks them; others are asked with `element_at`.
 *
 * @param attributeColumns the attribute columns of the CSV table, as configured
 * @param attributeNames the attributes that any export of the configuration names
 */
export function viewDefinitions(
  attributeColumns: readonly string[],
  attributeNames: readonly string[] = attributeColumns,
): ViewDefinition[] {
  return [
    {
      name: 'accounts_latest',
      description: 'Per export the newest published run, each account once',
      columns: VIEW_COLUMNS,
      sql: accountsSql(attributeColumns, attributeNames, newestName, 'WHERE age = 1'),
    },
    {
      name: 'accounts_history',
      description: 'All published runs, each account once a run',
      columns: VIEW_COLUMNS,
      sql: accountsSql(attributeColumns, attributeNames, tableName, ''),
    },
  ];
}

function accountsSql(
  attributeColumns: readonly string[],
  attributeNames: readonly string[],
  tableOf: (format: ExportFormat) => string,
  whichRuns: string,
): string {
  const branches = [
    branch('json', tableOf, withAllNames(JSON_VALUES, attributeNames)),
    branch('csv', tableOf, withAllNames(csvValues(attributeColumns), attributeNames)),
    branch('parquet', tableOf, withAllNames(PARQUET_VALUES, attributeNames)),
  ];
  // The join decides which runs are shown. It does not keep Trino from opening the files of the others, since it starts on
  // them before it knows: that is what the tables of the newest runs are for (docs/decisions/0004-newest-runs.md).
  return `WITH runs AS (
  SELECT * FROM (
    SELECT
      run_id,
      exportname AS export_name,
      substr(dueat, 1, 10) AS export_date,
      format,
      CAST(from_iso8601_timestamp(publishedat) AT TIME ZONE 'UTC' AS timestamp(3)) AS published_at,
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
SELECT ${VIEW_COLUMNS.map(({ name }) => name).join(', ')}
FROM records
WHERE age_of_record = 1 OR name IS NULL`;
}

function branch(format: ExportFormat, tableOf: (format: ExportFormat) => string, values: Values): string {
  const { superseded, ...columns } = values;
  // All partition keys are in PARTITION BY: Trino moves a filter below a window only on columns named there, and one left
  // above it makes the query read every partition.
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
 * Epoch milliseconds as a time of UTC, whatever the session's zone. The divisor is a double: by a decimal such as `1000.0`
 * Trino divides with one decimal place and rounds to tenths of a second. Beyond the year 73326 `from_unixtime` fails the
 * whole query, even within `TRY`, so that one account with Java's largest long would take all others with it: what lies
 * outside the years 1 to 9999 is NULL, and can be seen in the table.
 */
const fromEpochMs = (sql: string) =>
  `IF(${sql} BETWEEN -62135596800000 AND 253402300799999, CAST(from_unixtime(${sql} / 1e3) AT TIME ZONE 'UTC' AS timestamp(3)))`;

/** The same years for a column that is a time already. */
const fromTimestamp = (sql: string) =>
  `IF(${sql} BETWEEN TIMESTAMP '0001-01-01 00:00:00.000' AND TIMESTAMP '9999-12-31 23:59:59.999', CAST(${sql} AS timestamp(3)))`;

const SNAKE: Readonly<Record<string, string>> = {
  engagementScore: 'engagement_score',
  engagementPercentChange: 'engagement_percent_change',
  firstActivity: 'first_activity',
  lastActivity: 'last_activity',
  totalActions: 'total_actions',
  accountStatus: 'account_status',
  segmentJoined: 'segment_joined',
  segmentInputValues: 'segment_input_values',
};

function valuesBy(
  sqlOf: (column: string, kind: (typeof ACCOUNT_FIELDS)[number]['kind']) => string,
  superseded: string,
): Values {
  const values = ACCOUNT_FIELDS.map(({ name, kind }) => [SNAKE[name] ?? name, sqlOf(name.toLowerCase(), kind)]);
  return { ...Object.fromEntries(values), superseded } as Values;
}

const JSON_VALUES = valuesBy(
  (column, kind) => (kind === 'epochMs' ? fromEpochMs(`a.${column}`) : `a.${column}`),
  'a.superseded IS NULL',
);

const PARQUET_VALUES = valuesBy(
  (column, kind) => (kind === 'epochMs' ? fromTimestamp(`a.${column}`) : `a.${column}`),
  'a.superseded IS NULL',
);

/** Puts the attributes that everybody may ask for into each account's map. */
function withAllNames(values: Values, names: readonly string[]): Values {
  if (names.length === 0) return values;
  const nothing = `map(ARRAY[${names.map(sqlText).join(', ')}], CAST(ARRAY[${names.map(() => 'NULL').join(', ')}] AS array(varchar)))`;
  return { ...values, attributes: `map_concat(${nothing}, coalesce(${values.attributes}, CAST(map() AS ${MAP})))` };
}

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Every CSV column is a text, and a missing value an empty one; accounts without a name are not one account. */
function csvValues(attributeColumns: readonly string[]): Values {
  const header = csvTableColumns(attributeColumns);
  const names = csvColumns(header).map(({ name }) => name);
  const attributes = header
    .map((key, i) => ({ key, column: names[i] }))
    .filter(({ key }) => attributeColumns.includes(key));
  const keys = attributes.map(({ key }) => sqlText(key)).join(', ');
  const cells = attributes.map(({ column }) => `nullif(a."${column}", '')`).join(', ');
  const map = attributes.length === 0 ? `CAST(map() AS ${MAP})` : `map(ARRAY[${keys}], ARRAY[${cells}])`;
  return valuesBy((column, kind) => {
    switch (kind) {
      case 'text':
        return `nullif(a.${column}, '')`;
      case 'decimal':
        return `try_cast(nullif(a.${column}, '') AS double)`;
      case 'integer':
        return `try_cast(nullif(a.${column}, '') AS bigint)`;
      case 'epochMs':
        return fromEpochMs(`try_cast(nullif(a.${column}, '') AS bigint)`);
      case 'textMap':
        return column === 'attributes' ? map : `CAST(NULL AS ${MAP})`;
    }
  }, "coalesce(a.superseded, '') = ''");
}
