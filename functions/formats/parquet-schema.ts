import type { SchemaElement } from 'hyparquet';
import { ACCOUNT_FIELDS, type FieldKind } from './account-columns.ts';

/** The API may omit any field. */
const optional = { repetition_type: 'OPTIONAL' } as const;

function text(name: string, repetition_type: 'OPTIONAL' | 'REQUIRED' = 'OPTIONAL'): SchemaElement {
  return { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type };
}

/** Source: Apache Parquet, "Logical types", MAP. */
function textMap(name: string): SchemaElement[] {
  return [
    { name, converted_type: 'MAP', num_children: 1, ...optional },
    { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
    text('key', 'REQUIRED'),
    text('value'),
  ];
}

const ELEMENTS: Record<FieldKind, (name: string) => SchemaElement[]> = {
  text: (name) => [text(name)],
  double: (name) => [{ name, type: 'DOUBLE', ...optional }],
  integer: (name) => [{ name, type: 'INT64', ...optional }],
  // Athena fails on precisions finer than milliseconds.
  epochMs: (name) => [{ name, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', ...optional }],
  textMap,
};

const COLUMNS: readonly SchemaElement[][] = [
  ...ACCOUNT_FIELDS.map(({ name, kind }) => ELEMENTS[kind](name.toLowerCase())),
  textMap('other_fields'),
  [{ name: 'superseded', type: 'BOOLEAN', ...optional }],
];

/** The schema of every Parquet part, in the order of the Glue table. */
export const PARQUET_SCHEMA: SchemaElement[] = [{ name: 'accounts', num_children: COLUMNS.length }, ...COLUMNS.flat()];
