import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hiveNames } from '../../functions/catalog/hive-names.ts';
import { csvColumns, tableDefinitions } from '../../functions/catalog/tables.ts';
import { propertyRuns } from '../support/property-runs.ts';

describe('hiveNames', () => {
  it.each([
    ['spaces and capitals', ['Annual Revenue'], ['annual_revenue']],
    ['accents', ['Größe', 'Café'], ['gro_e', 'cafe']],
    ['punctuation at the ends', ['  (EUR) '], ['eur']],
    ['a leading digit', ['2026 target'], ['_2026_target']],
    ['no usable character', ['株式会社', '🚀'], ['column', 'column_2']],
    ['names that become equal', ['a b', 'A-B', 'a_b'], ['a_b', 'a_b_2', 'a_b_3']],
    ['a name with a number', ['a', 'A', 'a_2'], ['a', 'a_2', 'a_2_2']],
  ])('converts %s', (_case, texts, names) => {
    expect(hiveNames(texts)).toEqual(names);
  });

  it('does not use the names of partition keys', () => {
    expect(hiveNames(['Run ID', 'run_id_2'], ['run_id'])).toEqual(['run_id_2', 'run_id_2_2']);
    const { columns } = tableDefinitions(['Run ID', 'Export date', 'EXPORT-NAME']).find(
      ({ name }) => name === 'accounts_csv',
    ) ?? { columns: [] };
    expect(columns.slice(-3).map(({ name }) => name)).toEqual(['run_id_2', 'export_date_2', 'export_name_2']);
  });

  it('returns different valid names of at most 255 characters for any texts', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('a', 'A', 'a_2'))), (texts) => {
        const names = hiveNames([...texts, 'x'.repeat(400), 'X'.repeat(400)], ['run_id']);
        expect(new Set([...names, 'run_id']).size).toBe(texts.length + 3);
        for (const name of names) expect(name).toMatch(/^[a-z_][a-z0-9_]{0,254}$/);
      }),
      { numRuns: propertyRuns(40, 100) },
    );
  });

  it('gives columns comments of one line and at most 255 characters', () => {
    const comments = csvColumns(['two\nlines', `long ${'🚀'.repeat(400)}`]).map(({ comment }) => comment);
    expect(comments[0]).toBe('Attribute two lines');
    expect(comments[1]?.length).toBeLessThanOrEqual(255);
    expect(comments[1]).toMatch(/^Attribute long (🚀)+…$/u);
  });
});
