/** The fast path must give the same lines as the slow path. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fieldOf } from '../../functions/formats/account-columns.ts';
import { type SplitRecords, splitRecords } from '../../functions/formats/json-text.ts';
import { endOfPlainFields, endOfPlainMembers } from '../../functions/formats/plain-account.ts';
import { propertyRuns } from '../support/property-runs.ts';

vi.mock('../../functions/formats/plain-account.ts', { spy: true });
beforeEach(() => {
  vi.clearAllMocks();
});

describe('endOfPlainFields', () => {
  it.each([
    '"name":"Müller & Söhne 🚀, {[:]}","totalActions":51,"engagementScore":-0.546,"lastActivity":null',
    '"name":5,"engagementScore":1.10,"engagementPercentChange":-1.5E-12,"firstActivity":-12',
    '"attributes":{},"segmentInputValues":{"a b":"x","":1.0,"superseded":true,"name":null}',
    '"accountStatus":"a \\"quoted\\" \\u00e9 C:\\\\ word","healthIndex":0.71,"names":"x"',
  ])('accepts %s', (fields) => {
    expect(endOfPlainFields(`${fields}}`, 0)).toBe(fields.length);
  });

  it.each([
    ['whitespace between tokens', '"name": "a"'],
    ['an object instead of a string', '"name":{"first":"a"}'],
    ['a string instead of a number', '"engagementScore":"n/a"'],
    ['a number that a double may not hold', '"engagementScore":1E400'],
    ['a number of 19 digits', '"engagementScore":1234567890123456789'],
    ['a fraction instead of an integer', '"totalActions":51.0'],
    ['an integer of 19 digits', '"lastActivity":1234567890123456789'],
    ['an array instead of a map', '"attributes":["x"]'],
    ['an array in a map', '"attributes":{"a":"","b":[]}'],
    ['another spelling of a field', '"Name":"a"'],
    ['the superseded mark', '"Superseded":true'],
    ['a key that the SerDe reads as a column number', '"_COL7":1'],
    ['an escape in a key', '"n\\u0061me":{}'],
    ['a nested value of an unknown field', '"other":{"h":1}'],
  ])('stops before %s', (_why, field) => {
    expect(endOfPlainFields(`${field}}`, 0)).toBe(0);
    const before = '"totalActions":51,';
    expect(endOfPlainFields(`${before}${field},"name":"a"}`, 0)).toBe(before.length);
  });

  it('stops at the limit of fields', () => {
    const fields = Array.from({ length: 50 }, (_, i) => `"f${i}":1,`).join('');
    expect(endOfPlainFields(`${fields}"last":1}`, 0)).toBe(fields.length);
  });
});

describe('endOfPlainMembers', () => {
  it.each([
    ['at the end of the map', '"a b":"x","":1.0,"superseded":true,"name":null', '}'],
    ['before a nested value', '"a":"x",', '"tags":["a"],"b":1}'],
    ['before a key with an escape', '"a":9100000000000000005,', '"\\"":1}'],
    ['before whitespace', '"a":1', ' }'],
    ['at the limit of members', Array.from({ length: 500 }, (_, i) => `"m${i}":1,`).join(''), '"last":1}'],
  ])('stops %s', (_where, plain, rest) => {
    expect(endOfPlainMembers(plain + rest, 0)).toBe(plain.length);
  });
});

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Inserts whitespace after each token, cycling through `blanks`. */
function withBlanks(json: string, blanks: readonly string[]): string {
  return (json.match(TOKEN) ?? []).map((token, i) => token + blanks[i % blanks.length]).join('');
}

/** Forces the slow path with whitespace after every token. */
const slowPath = (page: string) => splitRecords(withBlanks(page, [' ']));

/** Lines and added keys, not which lines were adapted: all of them if keys may repeat. */
const written = ({ lines, addedKeys }: SplitRecords) => ({ lines, addedKeys });

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
  ...['{}', '[]', '{"k":"v"}', '{"k":{"l":[1.10,"x"]},"m":null}', '[{"n":1}]', '[[{}]]', '{"name":{}}', '{"":[]}'],
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
  ...['accountStatus', 'attributes', 'segmentJoined', 'segmentInputValues', 'superseded', '_col7', 'healthIndex', ''],
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

describe('splitRecords', () => {
  /** The texts that the fast path copied, in order. */
  const runsOf = (found: typeof endOfPlainFields) =>
    vi
      .mocked(found)
      .mock.calls.map(([text, start], i) => text.slice(start, vi.mocked(found).mock.results[i]?.value as number));

  it.each<[string, string, readonly string[]]>([
    ['before and after a nested value', '"a":1,"t":["x"],"b":"x"', ['"a":1,', '"b":"x"']],
    ['after a nested value that is first', '"t":{"x":"y"},"a":1,"b":"x"', ['', '"a":1,"b":"x"']],
    ['around a string with many escapes', `"a":1,"t":"${'\\n'.repeat(51)}","b":"x"`, ['"a":1,', '"b":"x"']],
    ['after an escaped key', '"\\n":"x","b":"x"', ['', '"b":"x"']],
  ])('uses the fast path for members of a map %s', (_where, members, runs) => {
    splitRecords(`[{"name":"a","attributes":{${members}},"totalActions":5}]`);
    expect(runsOf(endOfPlainMembers)).toEqual(runs);
    expect(runsOf(endOfPlainFields)).toEqual(['"name":"a",', '"totalActions":5']);
  });

  it('copies a plain account at once', () => {
    splitRecords('[{"name":"a","attributes":{"a":1}},{"name":"b"}]');
    expect(runsOf(endOfPlainFields)).toEqual(['"name":"a","attributes":{"a":1}', '"name":"b"']);
    expect(endOfPlainMembers).not.toHaveBeenCalled();
  });

  it('uses the fast path after nested fields', () => {
    splitRecords('[{"name":"a","x":[1],"y":{},"totalActions":5,"z":[]}]');
    expect(runsOf(endOfPlainFields)).toEqual(['"name":"a",', '', '"totalActions":5,']);
  });

  it('does not use the fast path for an indented account', () => {
    splitRecords('[{ "name": "a", "totalActions": 5 },{"name":"b"}]');
    expect(runsOf(endOfPlainFields)).toEqual(['', '"name":"b"']);
  });

  it('keeps the value of a moved field as sent, nested or not', () => {
    const { lines } = splitRecords('[{"attributes":[{"a":{"b":1}}],"name":{"a":[1]}}]');
    expect(lines).toEqual(['{"attributes_as_sent":[{"a":{"b":1}}],"name":"{\\"a\\":[1]}"}']);
  });

  it('copies an account at all limits of the fast path', () => {
    const list = (length: number, one: (i: number) => string) => Array.from({ length }, (_, i) => one(i)).join();
    const map = `{${list(500, (i) => `"k${i}":"${'\\n'.repeat(50)}"`)}}`;
    const account = `{${list(50, () => `"attributes":${map}`)}}`;
    expect(splitRecords(`[${account}]`).lines[0] === account).toBe(true);
  });

  it('gives the same lines on both paths', () => {
    fc.assert(
      fc.property(page, blanks, (json, between) => {
        expect(splitRecords(withBlanks(json, between))).toEqual(slowPath(json));
      }),
      { numRuns: propertyRuns(500, 4000) },
    );
  });

  it('gives the same lines whether or not keys may repeat', () => {
    const distinct = fc
      .uniqueArray(fc.tuple(key, value), { maxLength: 5, selector: ([k]) => fieldOf(JSON.parse(`"${k}"`))?.name ?? k })
      .map((members) => `[{${members.map(([k, v]) => `"${k}":${v}`).join(',')}}]`)
      .filter((json) => !json.includes('"k":"v","k":5'));
    fc.assert(
      fc.property(distinct, blanks, (json, between) => {
        const page = withBlanks(json, between);
        expect(written(splitRecords(page))).toEqual(written(splitRecords(page, { mayRepeatKeys: true })));
      }),
      { numRuns: propertyRuns(500, 4000) },
    );
  });

  it.each([49, 50, 51])('gives the same lines on both paths with %i fields and escapes per string', (count) => {
    const list = (length: number, one: (i: number) => string) => Array.from({ length }, (_, i) => one(i)).join();
    const escaped = `"${'\\n'.repeat(count)}"`;
    for (const members of [499, 500, 501]) {
      const map = `{${list(members, (i) => `"k${i}":${escaped}`)}}`;
      for (const last of ['1', '[1]', '"x"']) {
        const json = `[{${list(count - 2, (i) => `"f${i}":${escaped}`)},"attributes":${map},"last":${last}},{}]`;
        expect(splitRecords(json)).toEqual(slowPath(json));
      }
    }
  });
});
