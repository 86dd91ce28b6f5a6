/**
 * The SQL of Athena in DuckDB. What a macro can do is a macro. The rest are changes of the parsed statement: a lambda and a
 * constant format cannot be passed through a macro.
 */
import { text } from './sql-text.ts';

/** Functions of Athena that DuckDB lacks, or that mean something else there. docs/athena.md has the differences that remain. */
const MACROS: Readonly<Record<string, string>> = {
  // Maps and arrays.
  element_at: '(c, k) AS c[k]',
  cardinality: '(m MAP(VARCHAR, VARCHAR)) AS system.main.cardinality(m), (l) AS len(l)',
  array_join:
    '(l, s) AS array_to_string(l, s), (l, s, n) AS array_to_string(list_transform(l, lambda e: coalesce(CAST(e AS VARCHAR), n)), s)',
  map_agg: '(k, v) AS map(list(k), list(v))',
  sequence: '(a, b) AS generate_series(a, b), (a, b, step) AS generate_series(a, b, step)',
  // Times. They have no time zone, and are in UTC.
  get_current_timestamp: "() AS CAST(system.main.get_current_timestamp() AT TIME ZONE 'UTC' AS TIMESTAMP_MS)",
  now: "() AS CAST(system.main.get_current_timestamp() AT TIME ZONE 'UTC' AS TIMESTAMP_MS)",
  from_unixtime: '(s) AS CAST(make_timestamp(CAST(round(s * 1e3) AS BIGINT) * 1000) AS TIMESTAMP_MS)',
  to_unixtime: '(t) AS epoch(t)',
  from_iso8601_timestamp: "(t) AS CAST(CAST(t AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP_MS)",
  from_iso8601_date: '(t) AS CAST(t AS DATE)',
  to_iso8601: `(t DATE) AS CAST(t AS VARCHAR), (t) AS strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ')`,
  timezone: `(z, t) AS CASE WHEN upper(z) IN ('UTC', 'GMT', 'Z', '+00:00') THEN t ELSE error('only UTC') END`,
  at_timezone: '(t, z) AS timezone(z, t)',
  date_trunc: '(u, t) AS cast_to_type(system.main.date_trunc(u, t), t)',
  date_add: "(t, i) AS t + i, (u, n, t) AS cast_to_type(t + CAST(n || ' ' || u AS INTERVAL), t)",
  date_diff: '(u, a, b) AS datesub(u, a, b)',
  day_of_week: '(t) AS isodow(t)',
  dow: '(t) AS isodow(t)',
  day_of_month: '(t) AS day(t)',
  day_of_year: '(t) AS dayofyear(t)',
  doy: '(t) AS dayofyear(t)',
  week_of_year: '(t) AS week(t)',
  year_of_week: '(t) AS isoyear(t)',
  last_day_of_month: '(t) AS last_day(t)',
  // Text.
  concat: `(a, b) AS a || b, (a, b, c) AS a || b || c, (a, b, c, d) AS a || b || c || d, (a, b, c, d, e) AS a || b || c || d || e`,
  regexp_like: '(s, p) AS regexp_matches(s, p)',
  regexp_extract: `(s, p) AS CASE WHEN regexp_matches(s, p) THEN system.main.regexp_extract(s, p) END,
    (s, p, g) AS CASE WHEN regexp_matches(s, p) THEN system.main.regexp_extract(s, p, g) END`,
  regexp_replace: String.raw`(s, p) AS system.main.regexp_replace(s, p, '', 'g'),
    (s, p, r) AS system.main.regexp_replace(s, p, system.main.regexp_replace(r, '\$([0-9])', '\\\1', 'g'), 'g')`,
  split_part: '(s, d, n) AS split(s, d)[n]',
  // JSON.
  json_extract_scalar: `(j, p) AS CASE WHEN json_valid(j) AND json_type(j, p) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(j, p) END`,
  json_extract: '(j, p) AS CASE WHEN json_valid(j) THEN system.main.json_extract(j, p) END',
  json_parse: '(j) AS json(j)',
  json_format: '(j) AS CAST(j AS VARCHAR)',
  // Aggregates that approximate in Athena are exact here.
  approx_percentile: '(x, p) AS quantile_disc(x, p)',
  approx_distinct: '(x) AS count(DISTINCT x)',
  every: '(x) AS bool_and(x)',
  // Numbers.
  truncate: '(x) AS trunc(x)',
  rand: '() AS random()',
  is_nan: '(x) AS isnan(x)',
  is_finite: '(x) AS isfinite(x)',
  // What `try_cast(… AS bigint)` becomes: DuckDB also reads `1.5`, `1e3`, `0x10`, ` 1` and `1_000`.
  try_whole:
    "(x VARCHAR) AS CASE WHEN regexp_full_match(x, '[-+]?[0-9]+') THEN TRY_CAST(x AS BIGINT) END, (x) AS TRY_CAST(x AS BIGINT)",
};

/** The rows of a map: what `UNNEST(map) AS t (key, value)` becomes. */
const UNNEST_MAP = 'unnest_map';
const UNNEST_MAP_MACRO = `CREATE MACRO ${UNNEST_MAP}(m) AS TABLE SELECT unnest(map_keys(m)) AS key, unnest(map_values(m)) AS value`;

/** Settings and macros with which DuckDB returns what Athena returns. */
export const DIALECT: readonly string[] = [
  "SET TimeZone = 'UTC'",
  'SET integer_division = true',
  ...Object.entries(MACROS).map(([name, definition]) => `CREATE MACRO ${name}${definition}`),
  UNNEST_MAP_MACRO,
];

/** A node of the JSON that `json_serialize_sql` returns, as far as it is used here. */
interface Node {
  readonly [key: string]: unknown;
}

interface ExactJson {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
}

/** Not in TypeScript's library yet. */
const { rawJSON, isRawJSON: isExactNumber } = JSON as unknown as ExactJson;

/** A reviver of `JSON.parse` that keeps numbers digit for digit: constants, and positions of 64 bits. */
export function exactNumbers(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  return typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value;
}

/**
 * Changes a parsed statement that is valid in Athena into one of DuckDB.
 * @returns the statement, and whether anything changed
 */
export function inDuckDb(statement: unknown): { readonly statement: unknown; readonly changed: boolean } {
  let changed = false;
  const change = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(change);
    if (node === null || typeof node !== 'object' || isExactNumber(node)) return node;
    const inner = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, change(value)]));
    const other = changedNode(inner);
    if (other === undefined) return inner;
    changed = true;
    return other;
  };
  return { statement: change(statement), changed };
}

function changedNode(node: Node): Node | undefined {
  if (node.type === 'TABLE_FUNCTION') return unnestedMap(node);
  if (node.class === 'CAST' && node.try_cast === true) return castToWhole(node);
  if (node.class !== 'FUNCTION') return undefined;
  const name = String(node.function_name).toLowerCase();
  if (name === 'transform') return { ...node, function_name: 'list_transform' };
  const format = FORMATS[name];
  return format && withFormat(node, format);
}

function unnestedMap(node: Node): Node | undefined {
  const call = node.function as Node;
  const isMap =
    String(call.function_name).toLowerCase() === 'unnest' &&
    (node.column_name_alias as readonly unknown[]).length === 2 &&
    (call.children as readonly unknown[]).length === 1 &&
    node.with_ordinality === 'WITHOUT_ORDINALITY';
  return isMap ? { ...node, function: { ...call, function_name: UNNEST_MAP } } : undefined;
}

function castToWhole(node: Node): Node | undefined {
  if ((node.cast_type as Node).id !== 'BIGINT') return undefined;
  return functionCall('try_whole', [node.child], node);
}

function functionCall(name: string, children: readonly unknown[], { alias, query_location }: Node): Node {
  return {
    class: 'FUNCTION',
    type: 'FUNCTION',
    alias,
    query_location,
    function_name: name,
    schema: '',
    children,
    filter: null,
    order_bys: { type: 'ORDER_MODIFIER', orders: [] },
    distinct: false,
    is_operator: false,
    export_state: false,
    catalog: '',
  };
}

interface Format {
  readonly duckDb: string;
  /** Codes of Athena, longest first, and those of DuckDB. */
  readonly codes: Readonly<Record<string, string>>;
}

/** Source: Trino docs, "Date and time functions", `date_format` and `format_datetime`. */
const MYSQL: Readonly<Record<string, string>> = {
  '%%': '%%',
  '%M': '%B',
  '%W': '%A',
  '%i': '%M',
  '%s': '%S',
  '%e': '%-d',
  '%c': '%-m',
  '%k': '%-H',
  '%l': '%-I',
  '%h': '%I',
  '%T': '%H:%M:%S',
  '%r': '%I:%M:%S %p',
  '%v': '%V',
  '%x': '%G',
};
const JODA: Readonly<Record<string, string>> = {
  yyyy: '%Y',
  yy: '%y',
  MMMM: '%B',
  MMM: '%b',
  MM: '%m',
  M: '%-m',
  dd: '%d',
  d: '%-d',
  EEEE: '%A',
  EEE: '%a',
  HH: '%H',
  H: '%-H',
  hh: '%I',
  h: '%-I',
  mm: '%M',
  ss: '%S',
  SSS: '%g',
  a: '%p',
};
const FORMATS: Readonly<Record<string, Format>> = {
  date_format: { duckDb: 'strftime', codes: MYSQL },
  date_parse: { duckDb: 'strptime', codes: MYSQL },
  format_datetime: { duckDb: 'strftime', codes: JODA },
  parse_datetime: { duckDb: 'strptime', codes: JODA },
};

/** A call with the codes of DuckDB. Only a constant format: DuckDB takes no other. */
function withFormat(node: Node, { duckDb, codes }: Format): Node {
  const [time, format] = node.children as readonly Node[];
  const constant = format?.value as Node | undefined;
  if (typeof constant?.value !== 'string') return { ...node, function_name: duckDb };
  const keys = Object.keys(codes).sort((a, b) => b.length - a.length);
  const pattern = new RegExp(keys.join('|'), 'g');
  const value = constant.value.replaceAll(pattern, (code) => codes[code] ?? code);
  return { ...node, function_name: duckDb, children: [time, { ...format, value: { ...constant, value } }] };
}

/** The statement that DuckDB writes for a parsed one. */
export function deserialized(parsed: unknown): string {
  return `SELECT json_deserialize_sql(CAST(${text(JSON.stringify(parsed))} AS JSON))`;
}
