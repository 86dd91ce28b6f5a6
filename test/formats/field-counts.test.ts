import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACCOUNT_FIELDS } from '../../functions/formats/account-columns.ts';
import { decodeCsv } from '../../functions/formats/csv.ts';
import { utf8Of } from '../../functions/formats/json-accounts.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { type FieldPresence, FieldSums } from '../../functions/model/field-coverage.ts';
import { propertyRuns } from '../support/property-runs.ts';

const fieldsIn = (body: string) => decodeJson(Buffer.from(body)).fields;
const pairs = (fields: readonly FieldPresence[]) =>
  Object.fromEntries(fields.map(({ name, present }) => [name, present]));
const counted = (body: string) => pairs(fieldsIn(body));

describe('the fields of a JSON page', () => {
  it('are those that have a value, and how many accounts have it', () => {
    expect(
      fieldsIn('[{"name":"a","zeta":1},{"name":"b","zeta":null,"totalActions":0},{"name":"","accountStatus":null}]'),
    ).toEqual([
      { name: 'accountStatus', present: 0 },
      { name: 'name', present: 3 },
      { name: 'totalActions', present: 1 },
      { name: 'zeta', present: 1 },
    ]);
    expect(fieldsIn('[]')).toEqual([]);
  });

  it('count records: an account that the API sent twice counts twice', () => {
    expect(counted('[{"name":"a"},{"name":"a"}]')).toEqual({ name: 2 });
  });

  it('have the documented spelling, and the last of several spellings counts', () => {
    const body = '[{"NAME":"a"},{" name ":null,"Name":"b"},{"name":"c","Name":null},{"zeta":1,"Zeta":1}]';
    expect(counted(body)).toEqual({ name: 2, Zeta: 1, zeta: 1 });
  });

  it('count a repeated key once, by its last value', () => {
    const body = '[{"name":"a","zeta":null,"zeta":1,"attributes":{"x":1,"x":null}},{"name":"b","zeta":1,"zeta":null}]';
    expect(counted(body)).toEqual({ name: 2, zeta: 1, attributes: 1, 'attributes.x': 0 });
  });

  it.each([
    ['an object of values', '{"x":1,"y":null,"z":{"a":1}}'],
    ['an array', '[{"name":"x","value":1,"updated":2},{"name":"y","updated":2},{"Name":"z","Value":{"a":1}}]'],
    ['an object of objects', '{"x":{"value":1,"metadata":{}},"y":{"value":null},"z":{"Value":[1]}}'],
    [
      'an array with a name twice',
      '[{"name":"x","value":null},{"name":"x","value":1},{"name":"y"},{"name":"z","value":1}]',
    ],
  ])('include the attributes in %s', (_shape, attributes) => {
    const members = { 'attributes.x': 1, 'attributes.y': 0, 'attributes.z': 1 };
    expect(counted(`[{"attributes":${attributes}},{"attributes":null},{}]`)).toEqual({ attributes: 1, ...members });
    const segment = {
      segmentInputValues: 1,
      'segmentInputValues.x': 1,
      'segmentInputValues.y': 0,
      'segmentInputValues.z': 1,
    };
    expect(counted(`[{"segmentInputValues":${attributes}}]`)).toEqual(segment);
  });

  it.each(['"text"', '5', '[1]', '[{"value":1}]', '[{"name":null,"value":1}]', '[[]]', '{}', '[]'])(
    'have no attributes in %s',
    (attributes) => {
      expect(counted(`[{"attributes":${attributes}}]`)).toEqual({ attributes: 1 });
    },
  );

  it('mix shapes within a page and within an account', () => {
    const body =
      '[{"attributes":{"x":{"value":1},"y":2}},{"attributes":[{"name":"x","value":1}]},{"attributes":{"y":{"value":null},"x":null}}]';
    expect(counted(body)).toEqual({ attributes: 3, 'attributes.x': 2, 'attributes.y': 1 });
  });

  it('can have any name', () => {
    const body =
      '[{"__proto__":1,"constructor":{"prototype":1},"":2,"\\ud800":3,"\\ud801":null,"attributes":{"__proto__":1,"toString":null,"":1,"\\udc00":1}}]';
    expect(fieldsIn(body)).toEqual([
      { name: '', present: 1 },
      { name: '__proto__', present: 1 },
      { name: 'attributes', present: 1 },
      { name: 'attributes.', present: 1 },
      { name: 'attributes.__proto__', present: 1 },
      { name: 'attributes.toString', present: 0 },
      { name: 'attributes.\ufffd', present: 1 },
      { name: 'constructor', present: 1 },
      { name: '\ufffd', present: 1 },
    ]);
  });

  it('are never in more records than there are', () => {
    expect(counted('[{"attributes.x":1,"attributes":{"x":1}}]')).toEqual({ attributes: 1, 'attributes.x': 1 });
  });

  it('leave out names of more than 250 characters', () => {
    expect(counted(`[{"${'x'.repeat(250)}":1,"${'y'.repeat(251)}":1}]`)).toEqual({ ['x'.repeat(250)]: 1 });
  });

  it('are the 1,000 most frequent of 195,000', () => {
    const odd = Array.from({ length: 195_000 }, (_, i) => `"f${i}":1`).join(',');
    const page = decodeJson(
      Buffer.from(`[{"name":"a","zeta":1},{"name":"b","zeta":1},{"name":"c",${odd}},{"late":1}]`),
    );
    expect(page.fields).toHaveLength(1000);
    expect(pairs(page.fields)).toMatchObject({ name: 3, zeta: 2, f0: 1 });
    expect(page.columns).toHaveLength(195_003);
    expect(decodeJson(Buffer.from(`[{"attributes":{${odd}}}]`)).fields).toHaveLength(1000);
  });

  const name = fc.constantFrom(
    'name',
    'Name',
    'totalActions',
    'zeta',
    'Zeta',
    '',
    '__proto__',
    'constructor',
    'value',
    '7',
    'a.b',
  );
  const value = fc.jsonValue({ maxDepth: 2 });
  const attribute = fc.constantFrom('industry', 'value', 'name', '', '__proto__', '12');
  const attributes = fc.oneof(
    fc.dictionary(attribute, value, { maxKeys: 5 }),
    fc.array(fc.record({ name: attribute, value }, { requiredKeys: ['name'] }), { maxLength: 5 }),
    fc.dictionary(attribute, fc.record({ value, metadata: value }, { requiredKeys: ['value'] }), { maxKeys: 5 }),
    value,
  );
  const anyAccount = fc
    .tuple(fc.dictionary(name, value, { maxKeys: 6 }), fc.option(attributes, { nil: undefined }))
    .map(
      ([fields, map]) =>
        `{${[...membersOf(fields), ...(map === undefined ? [] : [`"attributes":${JSON.stringify(map)}`])].join(',')}}`,
    );

  it('equal a count of what the part contains', () => {
    fc.assert(
      fc.property(fc.array(anyAccount, { maxLength: 12 }), (accounts) => {
        const page = decodeJson(Buffer.from(`[${accounts.join(',')}]`));
        expect(pairs(page.fields)).toEqual(naiveCount(accounts, page.lines.map(utf8Of)));
      }),
      { numRuns: propertyRuns(300, 3_000) },
    );
  });

  it('sum up over pages to those of all accounts', () => {
    fc.assert(
      fc.property(fc.array(fc.array(anyAccount, { maxLength: 5 }), { maxLength: 5 }), (pages) => {
        const sums = new FieldSums();
        for (const accounts of pages) sums.add(fieldsIn(`[${accounts.join(',')}]`));
        expect(sums.fields).toEqual(fieldsIn(`[${pages.flat().join(',')}]`));
      }),
      { numRuns: propertyRuns(300, 3_000) },
    );
  });
});

describe('the fields of a CSV page', () => {
  const fieldsOf = (body: string) => pairs(decodeCsv(Buffer.from(body), { finalNewline: undefined }).fields);

  it('are its columns, and how many cells are not empty', () => {
    expect(fieldsOf('NAME,industry,TotalActions,empty\na,Banking,0,\nb,,5,\nc," ",,\n')).toEqual({
      empty: 0,
      industry: 2,
      name: 3,
      totalActions: 2,
    });
  });

  it('are none without a header', () => {
    expect(fieldsOf('')).toEqual({});
    expect(fieldsOf('name,industry\n')).toEqual({ name: 0, industry: 0 });
  });
});

/** `JSON.stringify` of an object would order keys that are numbers first, and set the prototype. */
function membersOf(fields: object): string[] {
  return Object.entries(fields).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
}

/** Counts keys in the accounts sent, and members of maps in the lines of the part. */
function naiveCount(accounts: readonly string[], lines: readonly string[]): Record<string, number> {
  const count = new Map<string, number>();
  const add = (name: string, value: unknown) => count.set(name, (count.get(name) ?? 0) + (value === null ? 0 : 1));
  for (const [i, sent] of accounts.entries()) {
    const last = new Map<string, unknown>();
    for (const [key, value] of Object.entries(JSON.parse(sent) as object)) {
      last.set(ACCOUNT_FIELDS.find(({ name }) => name.toLowerCase() === key.trim().toLowerCase())?.name ?? key, value);
    }
    for (const [name, value] of last) add(name, value);
    const { attributes } = JSON.parse(lines[i] ?? '') as { attributes?: object | null };
    for (const [member, value] of Object.entries(attributes ?? {})) add(`attributes.${member}`, value);
  }
  return Object.fromEntries(count);
}
