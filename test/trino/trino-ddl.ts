import type { TableColumn, TableDefinition } from '../../functions/catalog/tables.ts';

/** The CREATE TABLE statement for a Glue table. */
export function createTableInTrino(table: TableDefinition, bucket: string): string {
  const formats: Readonly<Record<string, string>> = {
    'org.apache.hive.hcatalog.data.JsonSerDe': 'JSON',
    'org.apache.hadoop.hive.serde2.OpenCSVSerde': 'CSV',
    'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe': 'PARQUET',
  };
  const { separatorChar, quoteChar, escapeChar } = table.serde.parameters;
  const properties = [
    `external_location = 's3://${bucket}/${table.prefix}'`,
    `format = '${formats[table.serde.library]}'`,
    ...(table.partitionKeys.length > 0
      ? [`partitioned_by = ARRAY[${table.partitionKeys.map(({ name }) => `'${name}'`).join(', ')}]`]
      : []),
    ...(separatorChar
      ? [`csv_separator = '${separatorChar}'`, `csv_quote = '${quoteChar}'`, `csv_escape = '${escapeChar}'`]
      : []),
    ...(table.parameters['skip.header.line.count'] ? ['skip_header_line_count = 1'] : []),
  ];
  const columns = [...table.columns, ...table.partitionKeys].map(
    ({ name, type }: TableColumn) => `"${name}" ${trinoType(type)}`,
  );
  return `CREATE TABLE "${table.name}" (${columns.join(', ')}) WITH (${properties.join(', ')})`;
}

function trinoType(hive: string): string {
  return hive
    .replaceAll('string', 'varchar')
    .replaceAll(/\bint\b/g, 'integer')
    .replaceAll('timestamp', 'timestamp(3)')
    .replaceAll(
      /struct<(.*?)>(?=,|$|>)/g,
      (_all, fields: string) => `row(${fields.replaceAll(/([a-z0-9]+):/g, '"$1" ')})`,
    )
    .replaceAll(/(array|map)<(.*)>/g, '$1($2)');
}
