import { describe, expect, it } from 'vitest';
import { type Coverage, FieldSums, listedFields, vanishedFields } from '../../functions/model/field-coverage.ts';

function coverage(fields: Readonly<Record<string, number>>, more: Partial<Coverage> = {}): Coverage {
  return { format: 'json', records: 1000, fields: listedFields(new Map(Object.entries(fields))), ...more };
}

describe('vanishedFields', () => {
  const last = coverage({
    name: 1000,
    zeta: 0,
    rare: 9,
    frequent: 10,
    'attributes.industry': 700,
    'attributes.tier': 700,
  });

  it('finds what 1 % of the accounts had and nobody has now, the most frequent first', () => {
    expect(vanishedFields(last, coverage({ name: 1000, frequent: 0, other: 5 }))).toEqual([
      { name: 'attributes.industry', present: 700 },
      { name: 'attributes.tier', present: 700 },
      { name: 'frequent', present: 10 },
    ]);
    const now = coverage({ name: 1, frequent: 1, 'attributes.industry': 1, 'attributes.tier': 1 }, { records: 1 });
    expect(vanishedFields(last, now)).toEqual([]);
  });

  it('finds new fields with the runs exchanged', () => {
    expect(vanishedFields(coverage({ name: 1000, new: 500 }), last)).toEqual([{ name: 'new', present: 500 }]);
  });

  it('finds nothing if fields were not counted, or there are no accounts', () => {
    const now = coverage({ name: 1000 });
    expect(vanishedFields(coverage({}), now)).toEqual([]);
    expect(vanishedFields(last, coverage({}))).toEqual([]);
    expect(vanishedFields({ ...last, records: 0 }, now)).toEqual([]);
    expect(vanishedFields(last, { ...now, records: 0 })).toEqual([]);
  });

  it('compares JSON with Parquet, which have the same names, and CSV only with CSV', () => {
    const now = coverage({ name: 1000 });
    const found = vanishedFields(last, now);
    expect(vanishedFields(last, { ...now, format: 'parquet' })).toEqual(found);
    expect(vanishedFields({ ...last, format: 'parquet' }, now)).toEqual(found);
    expect(vanishedFields({ ...last, format: 'csv' }, { ...now, format: 'csv' })).toEqual(found);
    expect(vanishedFields(last, { ...now, format: 'csv' })).toEqual([]);
    expect(vanishedFields({ ...last, format: 'csv' }, now)).toEqual([]);
  });

  it('does not miss a field that a full list may have left out', () => {
    const many = Object.fromEntries(Array.from({ length: 999 }, (_, i) => [`f${i}`, 1]));
    expect(vanishedFields(last, coverage({ ...many, 'attributes.tier': 0 })).map(({ name }) => name)).toEqual([
      'attributes.tier',
    ]);
  });
});

describe('FieldSums', () => {
  it('adds up the fields of all pages, sorted by name', () => {
    const sums = new FieldSums();
    sums.add([
      { name: 'zeta', present: 1 },
      { name: 'Zeta', present: 2 },
    ]);
    sums.add([]);
    sums.add([
      { name: 'a', present: 3 },
      { name: 'zeta', present: 4 },
    ]);
    expect(sums.fields).toEqual([
      { name: 'Zeta', present: 2 },
      { name: 'a', present: 3 },
      { name: 'zeta', present: 5 },
    ]);
  });

  it('has none if one page has none: an earlier version exported it', () => {
    const sums = new FieldSums();
    sums.add([{ name: 'a', present: 3 }]);
    sums.add(undefined);
    expect(sums.fields).toEqual([]);
  });

  it('counts 10,000 names and lists the most frequent 1,000', () => {
    const sums = new FieldSums();
    for (let page = 0; page < 30; page++) {
      const names = Array.from({ length: 1000 }, (_, i) => ({ name: `page${page}-${i}`, present: 1 }));
      sums.add([...names, { name: 'stable', present: 10 }]);
    }
    expect(sums.fields).toHaveLength(1000);
    expect(sums.fields.find(({ name }) => name === 'stable')).toEqual({ name: 'stable', present: 300 });
    expect(sums.fields.some(({ name }) => name.startsWith('page20-'))).toBe(false);
  });
});
