/**
 * A view as Athena keeps it in Glue.
 * Source: Trino's `ViewReaderUtil` (`PRESTO_VIEW_FLAG`, `encodeViewData`), which Athena writes and reads the same way.
 */
import type { ViewDefinition } from './views.ts';

/** What goes into `ViewOriginalText`. */
export function prestoViewText(view: ViewDefinition, schema: string): string {
  const definition = {
    originalSql: view.sql,
    catalog: 'awsdatacatalog',
    schema,
    columns: view.columns.map(({ name, type }) => ({ name, type })),
  };
  return `/* Presto View: ${Buffer.from(JSON.stringify(definition)).toString('base64')} */`;
}

/** A column's type in Hive's words, which Glue shows beside the view. */
export function hiveTypeOf(trinoType: string): string {
  const types: Readonly<Record<string, string>> = {
    varchar: 'string',
    double: 'double',
    bigint: 'bigint',
    'timestamp(3)': 'timestamp',
    'map(varchar,varchar)': 'map<string,string>',
  };
  const type = types[trinoType];
  if (type === undefined) throw new Error(`No Hive type is known for ${trinoType}.`);
  return type;
}
