/** The readers of this folder must behave as Trino does: trino.slow.test.ts checks the same facts on Trino. */
import { expect, it } from 'vitest';
import { CSV_SERDE_PARAMETERS } from '../../functions/formats/csv.ts';
import { CSV_FACTS, JSON_FACTS } from '../trino/serde-facts.ts';
import { readHiveJson } from './hive-json-serde.ts';
import { readOpenCsv } from './opencsv-serde.ts';

const COLUMNS = { s: 'string', n: 'bigint', d: 'double', m: 'map<string,string>', b: 'boolean' } as const;

/** As in the JSON of Trino's REST API. */
function asInTrino(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (typeof value === 'bigint') return Number(value);
  return value === Number.POSITIVE_INFINITY ? 'Infinity' : value;
}

it.each(JSON_FACTS)('readHiveJson: %s', (_fact, text, rows) => {
  const read = () => text.split('\n').map((line) => Object.values(readHiveJson(line, COLUMNS)).map(asInTrino));
  if (rows === 'fails') expect(read).toThrow();
  else expect(read()).toEqual(rows);
});

it('readHiveJson fails on the earlier value of a repeated key, too, unlike Trino 435', () => {
  expect(() => readHiveJson('{"n":"bad","n":5}', COLUMNS)).toThrow();
});

it.each(CSV_FACTS)('readOpenCsv: %s', (_fact, text, rows) => {
  expect(readOpenCsv(`"a","b","c"\n${text}\n`, 3, CSV_SERDE_PARAMETERS)).toEqual(rows);
});
