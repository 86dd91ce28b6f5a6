/** A string literal. */
export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** A list of string literals, as DuckDB writes it. */
export function list(values: readonly string[]): string {
  return `[${values.map(text).join(', ')}]`;
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
