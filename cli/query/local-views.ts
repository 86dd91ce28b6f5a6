/** The views of Athena in DuckDB's SQL: the same names, columns and rules as functions/catalog/views.ts. */
import { RUNS_TABLE, tableName } from '../../functions/catalog/tables.ts';
import { VIEW_COLUMNS } from '../../functions/catalog/views.ts';
import type { ExportFormat } from '../../functions/model/export-format.ts';
import { text } from './sql-text.ts';

/** @param attributes the attribute columns of the CSV table and their keys */
export function localViews(attributes: readonly { readonly key: string; readonly column: string }[]): string[] {
  return [
    `CREATE VIEW accounts_latest AS ${accountsSql(attributes, 'WHERE age = 1')}`,
    `CREATE VIEW accounts_history AS ${accountsSql(attributes, '')}`,
  ];
}

type Attributes = Parameters<typeof localViews>[0];

function accountsSql(attributes: Attributes, whichRuns: string): string {
  // As in Athena, a time outside the years 1 to 9999 is NULL.
  const fromEpochMs = (sql: string) =>
    `CASE WHEN ${sql} BETWEEN -62135596800000 AND 253402300799999 THEN CAST(make_timestamp(${sql} * 1000) AS TIMESTAMP_MS) END`;
  const number = (column: string, type: string) => `TRY_CAST(nullif(${column}, '') AS ${type})`;
  const entries = attributes.map(({ key, column }) => `{'key': ${text(key)}, 'value': "${column}"}`).join(', ');
  const csvMap =
    attributes.length === 0
      ? 'CAST(MAP {} AS MAP(VARCHAR, VARCHAR))'
      : `map_from_entries(list_filter([${entries}], lambda e: e.value <> ''))`;
  const typed = (time: (column: string) => string) => [
    ...['name', 'engagementscore', 'engagementpercentchange', time('firstactivity'), time('lastactivity')],
    ...['totalactions', 'accountstatus', 'attributes', time('segmentjoined'), 'segmentinputvalues'],
  ];
  const csv = [
    "nullif(name, '')",
    number('engagementscore', 'DOUBLE'),
    number('engagementpercentchange', 'DOUBLE'),
    fromEpochMs(number('firstactivity', 'BIGINT')),
    fromEpochMs(number('lastactivity', 'BIGINT')),
    number('totalactions', 'BIGINT'),
    "nullif(accountstatus, '')",
    csvMap,
    fromEpochMs(number('segmentjoined', 'BIGINT')),
    'CAST(NULL AS MAP(VARCHAR, VARCHAR))',
  ];
  const branches = [
    branch('json', typed(fromEpochMs), 'superseded IS NULL'),
    branch('csv', csv, "coalesce(superseded, '') = ''"),
    branch(
      'parquet',
      typed((column) => `CAST(${column} AS TIMESTAMP_MS)`),
      'superseded IS NULL',
    ),
  ];
  return `WITH runs AS (
    SELECT run_id, exportname AS export_name, substr(dueat, 1, 10) AS export_date, format,
      CAST(CAST(publishedat AS TIMESTAMP) AS TIMESTAMP_MS) AS published_at,
      row_number() OVER (PARTITION BY exportname ORDER BY substr(dueat, 1, 10) DESC, publishedat DESC, run_id DESC) AS age
    FROM ${RUNS_TABLE}
  ),
  chosen AS (SELECT * FROM runs ${whichRuns}),
  records AS (${branches.join('\nUNION ALL\n')})
  SELECT ${VIEW_COLUMNS.map(({ name }) => name).join(', ')} FROM records WHERE age_of_record = 1 OR name IS NULL`;
}

/** @param sources the SQL of each account column @param current which records are not superseded */
function branch(format: ExportFormat, sources: readonly string[], current: string): string {
  const names = VIEW_COLUMNS.slice(4).map(({ name }) => name);
  const values = sources.map((sql, i) => `${sql} AS ${names[i]}`);
  return `SELECT a.export_name, a.export_date, a.run_id, r.published_at, ${values.join(', ')},
      row_number() OVER (PARTITION BY a.export_name, a.run_id, a.name ORDER BY a.path DESC) AS age_of_record
    FROM ${tableName(format)} a
    JOIN chosen r ON a.export_name = r.export_name AND a.export_date = r.export_date AND a.run_id = r.run_id
    WHERE r.format = '${format}' AND ${current}`;
}
