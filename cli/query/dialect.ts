/**
 * The SQL of Athena in DuckDB. What a macro can do is a macro. The rest are changes of the parsed statement: a lambda and a
 * constant format cannot be passed through a macro.
 */
import { ExportError } from '../../functions/model/errors.ts';
import { text } from './sql-text.ts';

const ZONES: readonly string[] = ['UTC', 'GMT', 'Z', '+00:00'];

/** What a query fails with, as in Athena. No volatile function, because `try` does not accept one. */
export const DIVISION_BY_ZERO = 'Division by zero';

const isFloat = (x: string) => `typeof(${x}) IN ('DOUBLE', 'FLOAT')`;
/** Fails where it is zero. A macro must name its first argument once: in `a / b / c`, it contains the other divisions. */
const DIVISOR = `CASE WHEN b = 0 THEN cast_to_type('${DIVISION_BY_ZERO}', b) ELSE b END`;

const SUBSTR = `(s, i) AS CASE WHEN abs(i) BETWEEN 1 AND length(s) THEN system.main.substr(s, i) WHEN s IS NOT NULL AND i IS NOT NULL THEN '' END,
    (s, i, n) AS CASE WHEN abs(i) BETWEEN 1 AND length(s) AND n > 0 THEN system.main.substr(s, i, n)
      WHEN s IS NOT NULL AND i IS NOT NULL AND n IS NOT NULL THEN '' END`;
const UNIX_TIME = 'CAST(make_timestamp(CAST(round(s * 1e3) AS BIGINT) * 1000) AS TIMESTAMP_MS)';
const SPACES = 'chr(32) || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)';

/** NULL if an argument is NULL. */
function ofAllOrNull(name: string): string {
  const parameters = ['a', 'b', 'c', 'd', 'e', 'f'];
  return [2, 3, 4, 5, 6]
    .map((count) => parameters.slice(0, count))
    .map(
      (all) =>
        `(${all}) AS CASE WHEN ${all.map((x) => `${x} IS NOT NULL`).join(' AND ')} THEN system.main.${name}(${all}) END`,
    )
    .join(', ');
}

/** Functions of Athena that DuckDB lacks, or that mean something else there. docs/athena.md has the differences that remain. */
const MACROS: Readonly<Record<string, string>> = {
  // Maps and arrays.
  element_at: '(c, k) AS c[k]',
  cardinality: '(m MAP(VARCHAR, VARCHAR)) AS system.main.cardinality(m), (l) AS len(l)',
  array_join:
    '(l, s) AS array_to_string(l, s), (l, s, n) AS array_to_string(list_transform(l, lambda e: coalesce(CAST(e AS VARCHAR), n)), s)',
  map_agg: '(k, v) AS map(list(k), list(v))',
  sequence: `(a, b) AS CASE WHEN a <= b THEN generate_series(a, b) ELSE generate_series(a, b, -1) END,
    (a, b, step) AS generate_series(a, b, step)`,
  repeat: '(e, n) AS list_transform(range(n), lambda i: e)',
  contains: '(l, e) AS CASE WHEN list_contains(l, e) THEN true WHEN list_count(l) = len(l) THEN false END',
  array_position:
    '(l, e) AS CASE WHEN list_contains(l, e) THEN list_position(l, e) WHEN l IS NOT NULL AND e IS NOT NULL THEN 0 END',
  array_distinct: '(l) AS list_filter(l, lambda e, i: list_position(l, e) = i)',
  // Times. They have no time zone, and are in UTC.
  get_current_timestamp: "() AS CAST(system.main.get_current_timestamp() AT TIME ZONE 'UTC' AS TIMESTAMP_MS)",
  now: "() AS CAST(system.main.get_current_timestamp() AT TIME ZONE 'UTC' AS TIMESTAMP_MS)",
  from_unixtime: `(s) AS ${UNIX_TIME},
    (s, z) AS timezone(z, ${UNIX_TIME})`,
  to_unixtime: '(t) AS epoch(t)',
  from_iso8601_timestamp: "(t) AS CAST(CAST(t AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP_MS)",
  from_iso8601_date: '(t) AS CAST(t AS DATE)',
  to_iso8601: `(t DATE) AS CAST(t AS VARCHAR), (t) AS strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ')`,
  timezone: `(z, t) AS CASE WHEN upper(z) IN (${ZONES.map(text)}) THEN t ELSE error('only UTC') END`,
  at_timezone: '(t, z) AS timezone(z, t)',
  date_trunc: '(u, t) AS cast_to_type(system.main.date_trunc(u, t), t)',
  date_add: "(t, i) AS t + i, (u, n, t) AS cast_to_type(t + CAST(n || ' ' || u AS INTERVAL), t)",
  date_diff: '(u, a, b) AS datesub(u, a, b)',
  date_part: `(u, t) AS system.main.date_part(CASE WHEN lower(u) = 'dow' THEN 'isodow' ELSE u END, t)`,
  millisecond: '(t) AS system.main.millisecond(t) % 1000',
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
  substr: SUBSTR,
  substring: SUBSTR,
  trim: `(s) AS system.main.trim(s, ${SPACES}), (s, c) AS system.main.trim(s, c)`,
  ltrim: `(s) AS system.main.ltrim(s, ${SPACES}), (s, c) AS system.main.ltrim(s, c)`,
  rtrim: `(s) AS system.main.rtrim(s, ${SPACES}), (s, c) AS system.main.rtrim(s, c)`,
  concat_ws: `(s, l) AS array_to_string(l, s), (s, a, b) AS system.main.concat_ws(s, a, b),
    (s, a, b, c) AS system.main.concat_ws(s, a, b, c), (s, a, b, c, d) AS system.main.concat_ws(s, a, b, c, d)`,
  url_encode: `(s) AS replace(system.main.url_encode(s), '%20', '+')`,
  url_decode: `(s) AS system.main.url_decode(replace(s, '+', '%20'))`,
  // JSON.
  json_extract_scalar: `(j, p) AS CASE WHEN json_valid(j) AND json_type(j, p) NOT IN ('OBJECT', 'ARRAY') THEN json_extract_string(j, p) END`,
  json_extract: '(j, p) AS CASE WHEN json_valid(j) THEN system.main.json_extract(j, p) END',
  json_array_length: `(j) AS CASE WHEN json_valid(j) AND json_type(j) = 'ARRAY' THEN system.main.json_array_length(j) END`,
  json_parse: '(j) AS json(j)',
  json_format: '(j) AS CAST(j AS VARCHAR)',
  // Aggregates that approximate in Athena are exact here.
  approx_percentile: '(x, p) AS quantile_disc(x, p)',
  approx_distinct: '(x) AS count(DISTINCT x)',
  skewness: '(x) AS system.main.skewness(x) * (count(x) - 2) / sqrt(count(x) * (count(x) - 1))',
  every: '(x) AS bool_and(x)',
  arbitrary: '(x) AS any_value(x)',
  max_by: '(x, y) AS arg_max_null(x, y), (x, y, n) AS arg_max(x, y, n)',
  min_by: '(x, y) AS arg_min_null(x, y), (x, y, n) AS arg_min(x, y, n)',
  // Numbers.
  truncate: '(x) AS trunc(x)',
  rand: '() AS random()',
  is_nan: '(x) AS isnan(x)',
  is_finite: '(x) AS isfinite(x)',
  to_base: '(x, radix) AS lower(system.main.to_base(x, radix))',
  greatest: ofAllOrNull('greatest'),
  least: ofAllOrNull('least'),
  // Operators. DuckDB parses `/` as `//` here.
  '"//"': `(a, b) AS system.main."//"(a, ${DIVISOR})`,
  '"%"': `(a, b) AS system.main."%"(a, ${DIVISOR})`,
  mod: `(a, b) AS system.main."%"(a, ${DIVISOR})`,
  // What is cast, see `CASTS`.
  whole_text: `(x VARCHAR) AS CASE WHEN regexp_full_match(x, '[-+]?[0-9]+') THEN x WHEN x IS NOT NULL THEN 'no number' END,
    (x) AS CASE WHEN ${isFloat('x')} THEN cast_to_type(round(CAST(x AS DOUBLE)), x) ELSE x END`,
  double_text: `(x VARCHAR) AS CASE WHEN regexp_full_match(x, ' *[-+]?(?:NaN|Infinity|(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?) *')
    THEN x WHEN x IS NOT NULL THEN 'no number' END, (x) AS x`,
  boolean_text: `(x VARCHAR) AS CASE WHEN lower(x) IN ('true', 'false', 't', 'f', '1', '0') THEN x WHEN x IS NOT NULL THEN 'no boolean' END,
    (x) AS x`,
  date_text: `(x VARCHAR) AS CASE WHEN regexp_full_match(x, '\\s*[0-9]+-[0-9]{1,2}-[0-9]{1,2}\\s*') THEN x WHEN x IS NOT NULL THEN 'no date' END,
    (x) AS x`,
  timestamp_text: `(x VARCHAR) AS CASE WHEN regexp_matches(x, '[TZ]') THEN 'no timestamp' ELSE x END, (x) AS x`,
  scalar_text: `(x) AS CASE WHEN typeof(x) = 'JSON' THEN CAST(x AS JSON) ->> '$' ELSE CAST(x AS VARCHAR) END`,
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
  if (node.class === 'CONSTANT') return doubleConstant(node);
  if (node.class === 'CAST') return castAsInAthena(node);
  if (node.class !== 'FUNCTION') return undefined;
  const name = String(node.function_name).toLowerCase();
  const remedy = REFUSED[name];
  if (remedy !== undefined) throw refused(`${name} works differently here than in Athena: use ${remedy}.`);
  checkZone(name, node.children as readonly Node[]);
  if (name === 'transform') return { ...node, function_name: 'list_transform' };
  const format = FORMATS[name];
  return format && withFormat(node, format);
}

/** For SQL that DuckDB accepts, too, but cannot run as Athena does. */
function refused(reason: string): ExportError {
  return new ExportError('RequestError', `Query failed: ${reason}`);
}

/** Functions that DuckDB has, too, with another meaning, and what to write instead. */
const REFUSED: Readonly<Record<string, string>> = {
  format: '||, round and lpad',
  json_value: 'json_extract_scalar',
  json_query: 'json_extract',
  json_exists: 'json_extract(…) IS NOT NULL',
  entropy: 'sums of logarithms',
};

/** Where a function takes the name of a zone. `AT TIME ZONE` is `timezone`. */
const ZONE_ARGUMENT: Readonly<Record<string, number>> = { timezone: 0, at_timezone: 1, from_unixtime: 1 };

/** @throws ExportError `RequestError` for a constant zone other than UTC */
function checkZone(name: string, children: readonly Node[]): void {
  const zone = (children[ZONE_ARGUMENT[name] ?? Number.NaN]?.value as Node | undefined)?.value;
  if (typeof zone !== 'string' || ZONES.includes(zone.toUpperCase())) return;
  throw refused(
    `times are in UTC, and other time zones (${JSON.stringify(zone)}) are not available: use 'UTC' and date_add.`,
  );
}

/** DuckDB writes the double `2e0` as the decimal `2.0`. */
function doubleConstant(node: Node): Node | undefined {
  const { type, is_null } = node.value as { type?: { id?: string }; is_null?: boolean };
  if (type?.id !== 'DOUBLE' || is_null === true) return undefined;
  return castOf({ ...node, alias: '' }, { node, type: 'DOUBLE' });
}

function castOf(child: unknown, { node, type }: { readonly node: Node; readonly type: string }): Node {
  const { alias, query_location } = node;
  const cast_type = { id: type, type_info: null };
  return { class: 'CAST', type: 'OPERATOR_CAST', alias, query_location, child, cast_type, try_cast: false };
}

/** Casts that read other texts than Athena, or round in another way, and the macro that their argument gets. */
const CASTS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'].map((type) => [type, 'whole_text'])),
  DOUBLE: 'double_text',
  FLOAT: 'double_text',
  BOOLEAN: 'boolean_text',
  DATE: 'date_text',
  TIMESTAMP: 'timestamp_text',
  VARCHAR: 'scalar_text',
};

function unnestedMap(node: Node): Node | undefined {
  const call = node.function as Node;
  const isMap =
    String(call.function_name).toLowerCase() === 'unnest' &&
    (node.column_name_alias as readonly unknown[]).length === 2 &&
    (call.children as readonly unknown[]).length === 1 &&
    node.with_ordinality === 'WITHOUT_ORDINALITY';
  return isMap ? { ...node, function: { ...call, function_name: UNNEST_MAP } } : undefined;
}

function castAsInAthena(node: Node): Node | undefined {
  const { id, type_info } = node.cast_type as { id: string; type_info: { name?: string } | null };
  if (String(type_info?.name).toLowerCase() === 'json') return functionCall('to_json', [node.child], node);
  const macro = CASTS[id];
  const child = node.child as Node;
  if (macro === undefined) return undefined;
  return { ...node, child: functionCall(macro, [child], { ...child, alias: '' }) };
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
  /** Codes of Athena, and those of DuckDB. */
  readonly codes: Readonly<Record<string, string>>;
  /** A code, or a quote, in a format of Athena. */
  readonly code: RegExp;
}

/** Source: Trino docs, "Date and time functions", `date_format` and `format_datetime`. */
const MYSQL: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['%%', '%a', '%b', '%d', '%f', '%H', '%I', '%j', '%m', '%p', '%S', '%Y', '%y'].map((code) => [code, code]),
  ),
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
  m: '%-M',
  ss: '%S',
  s: '%-S',
  e: '%u',
  D: '%-j',
  DDD: '%j',
  xxxx: '%G',
  ww: '%V',
  '%': '%%',
  SSS: '%g',
  a: '%p',
};
const MYSQL_CODE = /%./gs;
/** A text in quotes, a run of one letter, or a character that DuckDB takes for the start of a code. */
const JODA_CODE = /'(?:[^']|'')*'|([A-Za-z])\1*|%/g;
const FORMATS: Readonly<Record<string, Format>> = {
  date_format: { duckDb: 'strftime', codes: MYSQL, code: MYSQL_CODE },
  date_parse: { duckDb: 'strptime', codes: MYSQL, code: MYSQL_CODE },
  format_datetime: { duckDb: 'strftime', codes: JODA, code: JODA_CODE },
  parse_datetime: { duckDb: 'strptime', codes: JODA, code: JODA_CODE },
};

/** A call with the codes of DuckDB. Only a constant format: DuckDB takes no other. */
function withFormat(node: Node, { duckDb, codes, code }: Format): Node {
  const [time, format] = node.children as readonly Node[];
  const constant = format?.value as Node | undefined;
  if (typeof constant?.value !== 'string') return { ...node, function_name: duckDb };
  const value = constant.value.replaceAll(code, (found) => {
    if (found.startsWith("'"))
      return found === "''" ? "'" : found.slice(1, -1).replaceAll("''", "'").replaceAll('%', '%%');
    const own = codes[found];
    if (own !== undefined) return own;
    throw refused(
      `the code ${found} of ${node.function_name} is not available: use another one, or year(…), week(…) and others.`,
    );
  });
  return { ...node, function_name: duckDb, children: [time, { ...format, value: { ...constant, value } }] };
}

/** The statement that DuckDB writes for a parsed one. */
export function deserialized(parsed: unknown): string {
  return `SELECT json_deserialize_sql(CAST(${text(JSON.stringify(parsed))} AS JSON))`;
}
