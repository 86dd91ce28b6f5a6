/** The views of Athena in DuckDB's SQL: the same names, columns and rules as functions/catalog/views.ts. */

import { csvColumns } from '../../functions/catalog/tables.ts';
import { VIEW_COLUMNS } from '../../functions/catalog/views.ts';
import { ACCOUNT_FIELDS, type FieldKind } from '../../functions/formats/account-columns.ts';
import { NUMBER_PATTERN, WHOLE_PATTERN } from '../../functions/formats/numbers.ts';
import { attributesOf, type CsvLayout, csvHeader, csvRows } from './csv-table.ts';
import { text } from './sql-text.ts';

/** Columns of the run, then those of the account. */
const COLUMNS = VIEW_COLUMNS.map(({ name }) => name);
const RUN_FIELDS = COLUMNS.slice(0, 4);
const ACCOUNT_COLUMNS = COLUMNS.slice(4);

/** The SQL of the account columns, in the order of the view, and which records are current. */
interface Values {
  readonly columns: readonly string[];
  readonly current: string;
}

/** Rows of parts as the views show them, in the columns of the views. */
export interface ViewRows {
  /** A SELECT of account columns and `filename`. */
  readonly rows: string;
  readonly values: Values;
  /** The run of a part, as an SQL struct. */
  readonly run: string;
}

/** The records of parts that are not superseded on their page, and `filename`. */
export function currentRecords({ rows, values: { columns, current }, run }: ViewRows): string {
  const shown = ACCOUNT_COLUMNS.map((name, i) => `${columns[i]} AS ${name}`);
  return `SELECT ${RUN_FIELDS.map((name) => `run.${name} AS ${name}`).join(', ')}, ${shown.join(', ')}, filename
    FROM (SELECT *, ${run} AS run FROM (${rows}) WHERE ${current})`;
}

/** The run, the name and the part of the same records. */
export function currentNames({ rows, values: { columns, current }, run }: ViewRows): string {
  return `SELECT run.run_id AS run_id, ${columns[0]} AS name, filename FROM (SELECT *, ${run} AS run FROM (${rows}) WHERE ${current})`;
}

/**
 * Of records of runs in which accounts appear twice, the one in the later part, as the view in Athena shows it. Names are read
 * first, because sorting whole records would not fit in memory.
 */
export function laterRecords(records: string, names: string): string {
  return `SELECT r.* FROM (${records}) r
    LEFT JOIN (
      SELECT run_id AS run_of_two, name AS name_of_two, max(filename) AS later FROM (${names})
      WHERE name IS NOT NULL GROUP BY ALL HAVING count(*) > 1
    ) two ON r.run_id = two.run_of_two AND r.name = two.name_of_two
    WHERE later IS NULL OR r.filename = later`;
}

/** A view of records. */
export function viewOf(name: string, records: readonly string[]): string {
  return `CREATE VIEW ${name} AS ${records.map((sql) => `SELECT ${COLUMNS.join(', ')} FROM (${sql})`).join('\nUNION ALL\n')}`;
}

/** A view without rows. */
export function emptyView(name: string): string {
  const types: Readonly<Record<string, string>> = { 'timestamp(3)': 'TIMESTAMP_MS', 'map(varchar,varchar)': MAP };
  const columns = VIEW_COLUMNS.map((column) => `CAST(NULL AS ${types[column.type] ?? column.type}) AS ${column.name}`);
  return `CREATE VIEW ${name} AS SELECT ${columns.join(', ')} WHERE false`;
}

const MAP = 'MAP(VARCHAR, VARCHAR)';

/** As in Athena, a time outside the years 1 to 9999 is NULL. */
const fromEpochMs = (sql: string) =>
  `CASE WHEN ${sql} BETWEEN -62135596800000 AND 253402300799999 THEN CAST(make_timestamp(${sql} * 1000) AS TIMESTAMP_MS) END`;
const fromTimestamp = (sql: string) =>
  `CASE WHEN ${sql} BETWEEN TIMESTAMP '0001-01-01 00:00:00' AND TIMESTAMP '9999-12-31 23:59:59.999' THEN CAST(${sql} AS TIMESTAMP_MS) END`;

/** A map that has a key twice, as parts of earlier versions do: the later value, as the SerDe returns. */
const distinctKeys = (sql: string) =>
  `CASE WHEN list_unique(map_keys(${sql})) < len(map_keys(${sql})) THEN map_from_entries(list_filter(map_entries(${sql}),
    lambda entry, i: NOT list_contains(map_keys(${sql})[i + 1:], entry.key))) ELSE ${sql} END`;

/** The number in a CSV cell, by the rules of numbers.ts. */
const doubleIn = (cell: string) =>
  `CASE WHEN regexp_matches(${cell}, ${text(NUMBER_PATTERN)}) AND isfinite(TRY_CAST(${cell} AS DOUBLE)) THEN TRY_CAST(${cell} AS DOUBLE) END`;
const wholeIn = (cell: string) => {
  const decimal = `TRY_CAST(trim(${cell}) AS DECIMAL(38, 19))`;
  return `CASE WHEN regexp_full_match(${cell}, '-?[0-9]{1,18}') THEN TRY_CAST(${cell} AS BIGINT)
    WHEN regexp_matches(${cell}, ${text(WHOLE_PATTERN)}) AND ${decimal} % 1 = 0 THEN TRY_CAST(${decimal} AS BIGINT) END`;
};

function valuesBy(sqlOf: (column: string, kind: FieldKind) => string, current = 'superseded IS NULL'): Values {
  return { columns: ACCOUNT_FIELDS.map(({ name, kind }) => sqlOf(name.toLowerCase(), kind)), current };
}

export const JSON_VALUES = valuesBy((column, kind) => {
  if (kind === 'epochMs') return fromEpochMs(column);
  return kind === 'textMap' ? distinctKeys(column) : column;
});

export const PARQUET_VALUES = valuesBy((column, kind) => (kind === 'epochMs' ? fromTimestamp(column) : column));

/** The rows of each layout, whose attributes are those of its own header. Sorted, so that equal maps compare as equal. */
export function csvViewRows(layouts: readonly CsvLayout[], run: string): ViewRows[] {
  return layouts.map((layout) => {
    const header = csvHeader([layout]);
    const names = csvColumns(header).map(({ name }) => name);
    const entries = attributesOf([layout])
      .sort()
      .map((key) => `{'key': ${text(key)}, 'value': "${names[header.indexOf(key)]}"}`);
    const map =
      entries.length === 0
        ? `CAST(MAP {} AS ${MAP})`
        : `map_from_entries(list_filter([${entries.join(', ')}], lambda entry: entry.value <> ''))`;
    const values = valuesBy((column, kind) => {
      switch (kind) {
        case 'text':
          return `nullif(${column}, '')`;
        case 'double':
          return doubleIn(column);
        case 'integer':
          return wholeIn(column);
        case 'epochMs':
          return fromEpochMs(wholeIn(column));
        case 'textMap':
          return column === 'attributes' ? map : `CAST(NULL AS ${MAP})`;
      }
    }, "coalesce(superseded, '') = ''");
    return { rows: csvRows([layout], header), values, run };
  });
}
