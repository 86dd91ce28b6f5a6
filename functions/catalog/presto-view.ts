import type { ViewDefinition } from './view-definition.ts';

/**
 * The `ViewOriginalText` of a view in Glue, in Athena's format.
 * Source: Trino's `ViewReaderUtil` (`PRESTO_VIEW_FLAG`, `encodeViewData`), which uses the same format.
 */
export function prestoViewText(view: ViewDefinition, schema: string): string {
  const definition = {
    originalSql: view.sql,
    catalog: 'awsdatacatalog',
    schema,
    columns: view.columns.map(({ name, type }) => ({ name, type })),
  };
  return `/* Presto View: ${Buffer.from(JSON.stringify(definition)).toString('base64')} */`;
}

/** The Hive type that the Glue console shows for a column of a view. */
export function hiveTypeOf(trinoType: string): string {
  const types: Readonly<Record<string, string>> = {
    varchar: 'string',
    double: 'double',
    bigint: 'bigint',
    'timestamp(3)': 'timestamp',
    'map(varchar,varchar)': 'map<string,string>',
    'array(varchar)': 'array<string>',
    'array(row(name varchar, present bigint))': 'array<struct<name:string,present:bigint>>',
  };
  const type = types[trinoType];
  if (type === undefined) throw new Error(`No Hive type for Trino type ${trinoType}: add it to hiveTypeOf.`);
  return type;
}
