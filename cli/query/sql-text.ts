/** A text in SQL. */
export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** A list of texts in DuckDB's SQL. */
export function list(values: readonly string[]): string {
  return `[${values.map(text).join(', ')}]`;
}

/** A Hive type as the structure that DuckDB's `json_transform` reads a value into. */
export function jsonStructure(hive: string): unknown {
  const array = /^array<(.*)>$/.exec(hive)?.[1];
  if (array !== undefined) return [jsonStructure(array)];
  const struct = /^struct<(.*)>$/.exec(hive)?.[1];
  if (struct === undefined) return duckType(hive);
  const fields = struct.split(',').map((field) => field.split(':'));
  return Object.fromEntries(fields.map(([name = '', type = '']) => [name, jsonStructure(type)]));
}

/** A Hive type in DuckDB's words. */
export function duckType(hive: string): string {
  if (hive === 'map<string,string>') return 'MAP(VARCHAR, VARCHAR)';
  return hive === 'string' ? 'VARCHAR' : hive.toUpperCase();
}
