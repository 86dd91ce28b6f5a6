/** The short way of an account to its line must lead where the long way does, or not be taken. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { splitRecords } from '../../functions/formats/json-text.ts';
import { endOfPlainFields, endOfPlainMembers } from '../../functions/formats/plain-account.ts';

vi.mock('../../functions/formats/plain-account.ts', { spy: true });
beforeEach(() => {
  vi.clearAllMocks();
});

describe('fields are plain', () => {
  it.each([
    '"name":"Müller & Söhne 🚀, {[:]}","totalActions":51,"engagementScore":-0.546,"lastActivity":null',
    '"name":5,"engagementScore":1.10,"engagementPercentChange":1E400,"firstActivity":-12',
    '"attributes":{},"segmentInputValues":{"a b":"x","":1.0,"superseded":true,"name":null}',
    '"accountStatus":"a \\"quoted\\" \\u00e9 C:\\\\ word","healthIndex":0.71,"names":"x"',
  ])('%s', (fields) => {
    expect(endOfPlainFields(`${fields}}`, 0)).toBe(fields.length);
  });
});

describe('a field is looked at closely, and none before it', () => {
  it.each([
    ['a blank between tokens', '"name": "a"'],
    ['an object in place of a text', '"name":{"first":"a"}'],
    ['a text in place of a number', '"engagementScore":"n/a"'],
    ['a fraction in place of a whole number', '"totalActions":51.0'],
    ['a whole number of 19 digits', '"lastActivity":1234567890123456789'],
    ['a list in place of a map', '"attributes":["x"]'],
    ['a list within a map', '"attributes":{"a":"","b":[]}'],
    ['another spelling of a field', '"Name":"a"'],
    ["the writer's mark", '"Superseded":true'],
    ['a key that the SerDe takes for a number of a column', '"_COL7":1'],
    ['an escape within a key', '"n\\u0061me":{}'],
    ['a nested value without a column', '"other":{"h":1}'],
  ])('for %s', (_why, field) => {
    expect(endOfPlainFields(`${field}}`, 0)).toBe(0);
    const before = '"totalActions":51,';
    expect(endOfPlainFields(`${before}${field},"name":"a"}`, 0)).toBe(before.length);
  });

  it('for more fields than are counted on', () => {
    const fields = Array.from({ length: 50 }, (_, i) => `"f${i}":1,`).join('');
    expect(endOfPlainFields(`${fields}"last":1}`, 0)).toBe(fields.length);
  });
});

describe('members of a map are plain', () => {
  it.each([
    ['until the map ends', '"a b":"x","":1.0,"superseded":true,"name":null', '}'],
    ['until one that is nested', '"a":"x",', '"tags":["a"],"b":1}'],
    ['until one with an escape in its key', '"a":9100000000000000005,', '"\\"":1}'],
    ['until a blank', '"a":1', ' }'],
    ['until more than are counted on', Array.from({ length: 500 }, (_, i) => `"m${i}":1,`).join(''), '"last":1}'],
  ])('%s', (_until, plain, rest) => {
    expect(endOfPlainMembers(plain + rest, 0)).toBe(plain.length);
  });
});

/** What is JSON text of its own, for a blank to stand on either side of. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** As sent, with whatever stands between its tokens: an array of blanks is gone through from its beginning, over and over. */
function withBlanks(json: string, blanks: readonly string[]): string {
  return (json.match(TOKEN) ?? []).map((token, i) => token + blanks[i % blanks.length]).join('');
}

/** A way to its line that no account takes for plain: a blank stands behind every token. */
const closely = (page: string) => splitRecords(withBlanks(page, [' ']));

const number = fc.oneof(
  fc.constantFrom('5', '-0', '-0.0', '51.0', '1.10', '1.35864E12', '1e5', '1E400', '9223372036854775808'),
  fc.tuple(fc.constantFrom('', '-'), fc.stringMatching(/^[1-9]\d{16,20}$/)).map((parts) => parts.join('')),
);
const text = fc.oneof(
  fc.constantFrom('"a b"', '"\\"{"', '"[\\\\"', '""', '"n/a"', '"51"', '"},{"', '"\\ud800"', '"\u2028"', '"🚀"'),
  fc.nat(52).map((escapes) => `"${'x\\"'.repeat(escapes)}"`),
);
const nested = fc.constantFrom(
  ...['{}', '[]', '{"k":"v"}', '{"k":{"l":[1.10,"x"]},"m":null}', '[{"n":1}]', '[[{}]]', '{"name":{}}', '{"":[]}'],
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
  // Letters that some take for an i and an s, and escapes of letters.
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
  // One in a place, then none for as long as a page is.
  fc.tuple(fc.nat(30), blank).map(([before, one]) => [...Array<string>(before).fill(''), one, ...Array(1000).fill('')]),
  fc.array(fc.oneof(fc.constant(''), blank), { minLength: 1, maxLength: 9 }),
);

describe('what is plain is copied in runs', () => {
  /** The texts that were told to be plain, in order. */
  const runsOf = (found: typeof endOfPlainFields) =>
    vi
      .mocked(found)
      .mock.calls.map(([text, start], i) => text.slice(start, vi.mocked(found).mock.results[i]?.value as number));

  it.each<[string, string, readonly string[]]>([
    ['before and behind a nested one', '"a":1,"t":["x"],"b":"x"', ['"a":1,', '"b":"x"']],
    ['behind a nested one that is first', '"t":{"x":"y"},"a":1,"b":"x"', ['', '"a":1,"b":"x"']],
    ['around a text of many escapes', `"a":1,"t":"${'\\n'.repeat(51)}","b":"x"`, ['"a":1,', '"b":"x"']],
    ['behind an escaped key', '"\\n":"x","b":"x"', ['', '"b":"x"']],
  ])('%s in a map', (_where, members, runs) => {
    splitRecords(`[{"name":"a","attributes":{${members}},"totalActions":5}]`);
    expect(runsOf(endOfPlainMembers)).toEqual(runs);
    expect(runsOf(endOfPlainFields)).toEqual(['"name":"a",', '"totalActions":5']);
  });

  it('a whole account at once', () => {
    splitRecords('[{"name":"a","attributes":{"a":1}},{"name":"b"}]');
    expect(runsOf(endOfPlainFields)).toEqual(['"name":"a","attributes":{"a":1}', '"name":"b"']);
    expect(endOfPlainMembers).not.toHaveBeenCalled();
  });

  it('behind fields that are odd', () => {
    splitRecords('[{"name":"a","x":[1],"y":{},"totalActions":5,"z":[]}]');
    expect(runsOf(endOfPlainFields)).toEqual(['"name":"a",', '', '"totalActions":5,']);
  });

  it('and none is looked for in an account that is spread out', () => {
    splitRecords('[{ "name": "a", "totalActions": 5 },{"name":"b"}]');
    expect(runsOf(endOfPlainFields)).toEqual(['', '"name":"b"']);
  });
});

describe('a line', () => {
  it('keeps a value as it was sent whose field moves, nested or not', () => {
    const { lines } = splitRecords('[{"attributes":[{"a":{"b":1}}],"name":{"a":[1]}}]');
    expect(lines).toEqual(['{"attributes_as_sent":[{"a":{"b":1}}],"name":"{\\"a\\":[1]}"}']);
  });

  it('is whole with as much of everything as a run may have', () => {
    const list = (length: number, one: (i: number) => string) => Array.from({ length }, (_, i) => one(i)).join();
    const map = `{${list(500, (i) => `"k${i}":"${'\\n'.repeat(50)}"`)}}`;
    const account = `{${list(50, () => `"attributes":${map}`)}}`;
    expect(splitRecords(`[${account}]`).lines[0] === account).toBe(true);
  });

  it('is the same whether the account could be taken for plain or not', () => {
    fc.assert(
      fc.property(page, blanks, (json, between) => {
        expect(splitRecords(withBlanks(json, between))).toEqual(closely(json));
      }),
      { numRuns: 4000 },
    );
  });

  it.each([49, 50, 51])('is the same with %i fields, and as many escapes in each text', (count) => {
    const list = (length: number, one: (i: number) => string) => Array.from({ length }, (_, i) => one(i)).join();
    const escaped = `"${'\\n'.repeat(count)}"`;
    for (const members of [499, 500, 501]) {
      const map = `{${list(members, (i) => `"k${i}":${escaped}`)}}`;
      for (const last of ['1', '[1]', '"x"']) {
        const json = `[{${list(count - 2, (i) => `"f${i}":${escaped}`)},"attributes":${map},"last":${last}},{}]`;
        expect(splitRecords(json)).toEqual(closely(json));
      }
    }
  });

  it.each<[string, string]>([
    [
      '2.4 million members of a map',
      `{"attributes":{${Array.from({ length: 2_400_000 }, (_, i) => `"${i}":1`).join(',')}}}`,
    ],
    ['15 million escapes of a text', `{"name":"${'\\"'.repeat(15_000_000)}"}`],
    ['30 million commas of a text', `{"name":"${','.repeat(30_000_000)}"}`],
  ])('is whole with %s', (_what, account) => {
    // Compared by hand: a difference between texts of 30 MB is not to be shown.
    const { lines } = splitRecords(`[${account}]`);
    expect(lines.length === 1 && lines[0] === account).toBe(true);
  });

  // Each was once copied with all before it: minutes of a processor.
  it('is whole with 400,000 nested members of a map', () => {
    const members = (value: string) => Array.from({ length: 400_000 }, (_, i) => `"${i}":${value}`).join(',');
    const { lines } = splitRecords(`[{"attributes":{${members('[]')}}}]`);
    expect(lines.length === 1 && lines[0] === `{"attributes":{${members('"[]"')}}}`).toBe(true);
  });
});
