import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hiveNames } from '../../functions/catalog/hive-names.ts';
import { csvColumns, tableDefinitions } from '../../functions/catalog/tables.ts';

describe('names of columns', () => {
  it.each([
    ['blanks and capitals', ['Annual Revenue'], ['annual_revenue']],
    ['accents', ['Größe', 'Café'], ['gro_e', 'cafe']],
    ['signs at the ends', ['  (EUR) '], ['eur']],
    ['a digit in front', ['2026 target'], ['_2026_target']],
    ['nothing that is left', ['株式会社', '🚀'], ['column', 'column_2']],
    ['names that become alike', ['a b', 'A-B', 'a_b'], ['a_b', 'a_b_2', 'a_b_3']],
    ['a name that looks numbered', ['a', 'A', 'a_2'], ['a', 'a_2', 'a_2_2']],
  ])('are safe: %s', (_case, texts, names) => {
    expect(hiveNames(texts)).toEqual(names);
  });

  it('leave the names of partition keys alone', () => {
    expect(hiveNames(['Run ID', 'run_id_2'], ['run_id'])).toEqual(['run_id_2', 'run_id_2_2']);
    const { columns } = tableDefinitions(['Run ID', 'Export date', 'EXPORT-NAME']).find(
      ({ name }) => name === 'accounts_csv',
    ) ?? { columns: [] };
    expect(columns.slice(-3).map(({ name }) => name)).toEqual(['run_id_2', 'export_date_2', 'export_name_2']);
  });

  it('are all different, legal and no longer than Glue allows, whatever the texts', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('a', 'A', 'a_2'))), (texts) => {
        const names = hiveNames([...texts, 'x'.repeat(400), 'X'.repeat(400)], ['run_id']);
        expect(new Set([...names, 'run_id']).size).toBe(texts.length + 3);
        for (const name of names) expect(name).toMatch(/^[a-z_][a-z0-9_]{0,254}$/);
      }),
    );
  });

  it('come with comments that Glue takes: one line, at most 255 characters', () => {
    const comments = csvColumns(['two\nlines', `long ${'🚀'.repeat(400)}`]).map(({ comment }) => comment);
    expect(comments[0]).toBe('Attribute two lines');
    expect(comments[1]?.length).toBeLessThanOrEqual(255);
    expect(comments[1]).toMatch(/^Attribute long (🚀)+…$/u);
  });
});
