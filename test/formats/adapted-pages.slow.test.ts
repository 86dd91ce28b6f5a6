/** Accounts that a part can contain as sent take a fast path. It must give the same lines and rows as the slow one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACCOUNT_FIELDS } from '../../functions/formats/account-columns.ts';
import { adaptAccount } from '../../functions/formats/adapt-account.ts';
import { linesOf, readAccounts, utf8Of } from '../../functions/formats/json-accounts.ts';
import { columnsOf, rowOf } from '../../functions/formats/parquet-row.ts';
import { propertyRuns } from '../support/property-runs.ts';

const read = (json: string) => readAccounts(Buffer.from(json), { findInexact: true });
const isAdapted = (account: string) => read(`[${account}]`).adapted[0] !== undefined;

describe('readAccounts', () => {
  it.each([
    '{}',
    '{"name":"Müller & Söhne 🚀, {[:]}","totalActions":51,"engagementScore":-0.5460000000000001,"lastActivity":null}',
    '{"engagementScore":1.0E-4,"engagementPercentChange":-1.5E12,"firstActivity":-12,"totalActions":100000000000000}',
    '{"attributes":{"a b":"x","":1.0,"superseded":true,"name":null,"tags":["a",{}],"\\"":9100000000000000005}}',
    '{"accountStatus":"a \\"quoted\\" \\u00e9 C:\\\\ word","healthIndex":0.71,"names":[{"value":1}]}',
    '{ "name" : "a" ,\n"attributes" : { "tags" : [ 1 , 2 ] } }',
  ])('copies %s', (account) => {
    expect(isAdapted(account)).toBe(false);
  });

  it.each([
    ['an object instead of a string', '"name":{"first":"a"}'],
    ['a number instead of a string', '"name":5'],
    ['a string instead of a number', '"engagementScore":"n/a"'],
    ['a number that a double may not hold', '"engagementScore":1E400'],
    ['a fraction instead of an integer', '"totalActions":51.0'],
    ['an integer that a double cannot hold', '"lastActivity":9007199254740993'],
    ['an array instead of a map', '"attributes":[{"name":"a","value":1}]'],
    ['a map of objects with values', '"attributes":{"a":{"value":1}}'],
    ['another spelling of a field', '"Name":"a"'],
    ['whitespace in the name of a field', '"name\u00a0":"a"'],
    ['an escape in a key', '"n\\u0061me":"a"'],
    ['the superseded mark', '"Superseded":true'],
    ['a key that the SerDe reads as a column number', '"_COL7":1'],
    ['a repeated key', '"x":1,"x":2'],
    ['a repeated key of an attribute', '"attributes":{"x":1,"x":2}'],
  ])('adapts %s', (_what, field) => {
    expect(isAdapted(`{"totalActions":51,${field},"healthIndex":1}`)).toBe(true);
    expect(isAdapted(`{${field}}`)).toBe(true);
  });

  it('does not adapt the other accounts of a page', () => {
    const { adapted } = read('[{"name":"a"},{"Name":"b"},{"name":5},{"name":"c"}]');
    expect(adapted).toEqual([undefined, expect.any(String), expect.any(String), undefined]);
  });
});

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Inserts whitespace after each token, cycling through `blanks`. */
function withBlanks(json: string, blanks: readonly string[]): string {
  return (json.match(TOKEN) ?? []).map((token, i) => token + blanks[i % blanks.length]).join('');
}

const number = fc.oneof(
  fc.constantFrom(
    '5',
    '-0',
    '-0.0',
    '51.0',
    '1.10',
    '1.35864E12',
    '1e5',
    '1E400',
    '9223372036854775808',
    '9007199254740993.0',
    '51.00000000000000000001',
  ),
  fc.tuple(fc.constantFrom('', '-'), fc.stringMatching(/^[1-9]\d{16,20}$/)).map((parts) => parts.join('')),
);
const text = fc.oneof(
  fc.constantFrom(
    '"a b"',
    '"\\"{"',
    '"[\\\\"',
    '""',
    '"n/a"',
    '"51"',
    '"1.7E12"',
    '"},{"',
    '"\\ud800"',
    '"\u2028"',
    '"🚀"',
  ),
  fc.nat(52).map((escapes) => `"${'x\\"'.repeat(escapes)}"`),
);
const nested = fc.constantFrom(
  ...[
    '{}',
    '[]',
    '{"k":"v"}',
    '{"k":{"l":[1.10,"x"]},"m":null}',
    '{"z":1.0,"5":-0,"1":[2.0]}',
    '[{"n":1}]',
    '[[{}]]',
    '{"name":{}}',
    '{"":[]}',
  ],
  ...[
    '{"a":{"value":1},"b":{"VALUE":[]},"c":null}',
    '[{"name":"a","value":{"x":1}},{"name":5.0}]',
    '{"a":{"b":"value"}}',
  ],
  ...['{"k":"v","k":5}', '{"\\u006b":true}', '{"a}":"{"}', '{"superseded":1,"_col7":[]}'],
);
const value = fc.oneof(number, text, nested, fc.constantFrom('true', 'false', 'null'));
const field = fc.constantFrom(
  ...['name', 'engagementScore', 'engagementPercentChange', 'firstActivity', 'lastActivity', 'totalActions'],
  ...[
    'accountStatus',
    'attributes',
    'segmentJoined',
    'segmentInputValues',
    'superseded',
    '_col7',
    'healthIndex',
    '',
    '5',
  ],
);
const spelling = fc.constantFrom<(field: string) => string>(
  (name) => name.toUpperCase(),
  (name) => name.toLowerCase(),
  (name) => `${name}2`,
  (name) => name.slice(0, -1),
  (name) => `_${name}`,
  (name) => `${name}_as_sent`,
  // Letters equal to i and s in some case-insensitive comparisons, and escapes.
  (name) => name.replaceAll('i', '\u0131').replaceAll('s', '\u017f'),
  (name) => name.replace('a', '\\u0061').replace('s', '\\u0053'),
  (name) => `${name}\\"`,
  (name) => `${name} é`,
);
const key = fc.oneof(
  { weight: 3, arbitrary: field },
  { weight: 1, arbitrary: fc.tuple(field, spelling).map(([name, spell]) => spell(name)) },
);
const account = fc
  .array(fc.tuple(key, value), { maxLength: 5 })
  .map((members) => `{${members.map(([k, v]) => `"${k}":${v}`).join(',')}}`);
const page = fc.array(account, { maxLength: 4 }).map((accounts) => `[${accounts.join(',')}]`);
const blank = fc.constantFrom(' ', '\n', '\r\n', '\t', '\n    ');
const blanks = fc.oneof(
  fc.constant(['']),
  // A single one in a page.
  fc.tuple(fc.nat(30), blank).map(([before, one]) => [...Array<string>(before).fill(''), one, ...Array(1000).fill('')]),
  fc.array(fc.oneof(fc.constant(''), blank), { minLength: 1, maxLength: 9 }),
);

describe('a page', () => {
  it('has the lines and rows of its adapted accounts', () => {
    fc.assert(
      fc.property(page, blanks, (json, between) => {
        const sent = read(withBlanks(json, between));
        const lines = sent.scanned.map(({ start, end }) => adaptAccount(utf8Of(sent.bytes.slice(start, end))).line);
        expect(linesOf(sent).map(utf8Of)).toEqual(lines);
        const rows = lines.map(rowOf);
        const { values, others } = columnsOf(sent, 0, lines.length);
        expect(values).toEqual(ACCOUNT_FIELDS.map((_field, column) => rows.map((row) => row.values[column])));
        expect(others).toEqual(rows.map((row) => (row.others.length > 0 ? row.others : null)));
      }),
      { numRuns: propertyRuns(1000, 20_000) },
    );
  });
});
