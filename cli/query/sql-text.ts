/** A string literal. */
export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** A list of string literals, as DuckDB writes it. */
export function list(values: readonly string[]): string {
  return `[${values.map(text).join(', ')}]`;
}

/**
 * JSON text in which half a surrogate pair, such as `\ud800`, is U+FFFD: DuckDB refuses the whole text otherwise. Parts keep
 * what was sent, because Athena's reader accepts it; so the value is mended here and not when it is written.
 */
export function wellFormedJson(sql: string): string {
  const half = String.raw`\\u[dD][89a-fA-F]..`;
  const pieces = String.raw`[^\\]+|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.`;
  return `CASE WHEN NOT regexp_matches(${sql}, ${text(half)}) THEN ${sql} ELSE array_to_string(
    list_transform(regexp_extract_all(${sql}, ${text(pieces)}), lambda piece:
      CASE WHEN regexp_full_match(piece, ${text(half)}) THEN '\\ufffd' ELSE piece END), '') END`;
}

/** A Hive type as the structure that DuckDB's `json_transform` takes. */
export function jsonStructure(hive: string): unknown {
  const array = /^array<(.*)>$/.exec(hive)?.[1];
  if (array !== undefined) return [jsonStructure(array)];
  const struct = /^struct<(.*)>$/.exec(hive)?.[1];
  if (struct === undefined) return duckType(hive);
  const fields = struct.split(',').map((field) => field.split(':'));
  return Object.fromEntries(fields.map(([name = '', type = '']) => [name, jsonStructure(type)]));
}

/** A Hive type as a DuckDB type. */
export function duckType(hive: string): string {
  if (hive === 'map<string,string>') return 'MAP(VARCHAR, VARCHAR)';
  return hive === 'string' ? 'VARCHAR' : hive.toUpperCase();
}
