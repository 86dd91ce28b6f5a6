/** What Glue and Athena accept: limits that no deployment checks before it changes something. */
import { describe, expect, it } from 'vitest';
import { MAX_QUERY_BYTES, MAX_VIEW_TEXT, viewProblem } from '../../functions/catalog/catalog-limits.ts';
import { prestoViewText } from '../../functions/catalog/presto-view.ts';
import { SAVED_QUERIES } from '../../functions/catalog/saved-queries.ts';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import { viewDefinitions } from '../../functions/catalog/views.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG } from '../support/synthesized.ts';

const bytes = (text: string) => Buffer.byteLength(text);
const namesOf = (exportNumber: number, count: number) =>
  Array.from({ length: count }, (_, i) => `Attribute ${i} of export ${exportNumber}`);
const exportOf = (number: number, count: number) => ({
  name: `export-${number}`,
  datasetId: 'engage',
  attributeColumns: namesOf(number, count),
});

describe('the views', () => {
  it('have no array of more than 254 values, which Trino does not accept', () => {
    for (const { sql } of viewDefinitions(namesOf(0, 500), namesOf(0, 600))) {
      const lengths = [...sql.matchAll(/ARRAY\[([^\]]*)\]/g)].map(([, values = '']) => values.split(',').length);
      expect(Math.max(...lengths)).toBeLessThanOrEqual(254);
    }
  });

  it('of 500 attributes are a tenth of what Glue accepts', () => {
    for (const view of viewDefinitions(namesOf(0, 500), namesOf(0, 500)))
      expect(prestoViewText(view, 'account_export').length).toBeLessThan(MAX_VIEW_TEXT / 4);
  });

  it.each([
    ['5,000 attributes', 5000, 'Attribute of account ', undefined],
    [
      '12,000 attributes',
      12_000,
      'Attribute of account ',
      /^view accounts_latest would have \d{6} bytes \(maximum 262144 in Athena\)$/,
    ],
    // A quote is escaped in the SQL, and again in the definition.
    [
      '11,000 attributes with quotes',
      11_000,
      '"""""',
      /^the definition of view accounts_latest would have \d{6} characters/,
    ],
  ])('of %s are refused if they are too long', (_what, count, name, problem) => {
    const found = viewProblem(
      [],
      Array.from({ length: count }, (_, i) => `${name}${i}`),
    );
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });

  it('too long for Athena are refused at synth, naming the export with the longest list', () => {
    const exports = Array.from({ length: 40 }, (_, i) => exportOf(i, i === 7 ? 400 : 300));
    expect(() => parseStackConfig({ ...CONFIG, exports })).toThrow(
      /exports\[7\]\.attributeColumns must be shorter: the views name the attributes of all exports, and view accounts_latest would have \d+ bytes \(maximum 262144 in Athena\); export "export-7" has the longest list/,
    );
  });

  it('count attributes that several exports name once', () => {
    const exports = Array.from({ length: 40 }, (_, i) => ({ ...exportOf(0, 300), name: `export-${i}` }));
    expect(parseStackConfig({ ...CONFIG, exports }).exports).toHaveLength(40);
  });
});

it('tables are within the limits of Glue with any attribute names', () => {
  const names = ['ü'.repeat(1000), '株'.repeat(1000), '🚀'.repeat(500), 'a'.repeat(1000), 'A\n\tb'];
  for (const { columns, description, parameters } of tableDefinitions(names)) {
    for (const { name, type, comment } of columns) {
      expect(bytes(name)).toBeLessThanOrEqual(255);
      expect(bytes(comment)).toBeLessThanOrEqual(255);
      expect(comment).toMatch(/^[\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}\t]*$/u);
      expect(bytes(type)).toBeLessThanOrEqual(131_072);
    }
    expect(bytes(description)).toBeLessThanOrEqual(2048);
    for (const value of Object.values(parameters)) expect(bytes(value)).toBeLessThanOrEqual(512_000);
  }
});

it('saved queries are within the limit of Athena', () => {
  for (const { sql } of SAVED_QUERIES) expect(bytes(sql)).toBeLessThan(MAX_QUERY_BYTES);
});
