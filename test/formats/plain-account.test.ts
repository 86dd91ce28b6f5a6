/** The short way of an account to its line must lead where the long way does, or not be taken. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitRecords } from '../../functions/formats/json-text.ts';
import { endOfPlainAccount } from '../../functions/formats/plain-account.ts';

const isPlain = (account: string) => endOfPlainAccount(account, 0) === account.length;

describe('an account is plain', () => {
  it.each([
    '{}',
    '{"name":"Müller & Söhne 🚀, {[:]}","totalActions":51,"engagementScore":-0.546,"lastActivity":null}',
    '{"name":5,"engagementScore":1.10,"engagementPercentChange":1E400,"firstActivity":-12}',
    '{"attributes":{},"segmentInputValues":{"a b":"x","":1.0,"superseded":true,"name":null}}',
    '{"accountStatus":"a \\"quoted\\" \\u00e9 C:\\\\ word","healthIndex":0.71,"names":"x"}',
  ])('%s', (account) => {
    expect(isPlain(account)).toBe(true);
  });
});

describe('an account is looked at closely', () => {
  it.each([
    ['a blank between tokens', '{"name": "a"}'],
    ['an object in place of a text', '{"name":{"first":"a"}}'],
    ['a text in place of a number', '{"engagementScore":"n/a"}'],
    ['a fraction in place of a whole number', '{"totalActions":51.0}'],
    ['a whole number of 19 digits', '{"lastActivity":1234567890123456789}'],
    ['a list in place of a map', '{"attributes":["x"]}'],
    ['a list within a map', '{"attributes":{"a":[]}}'],
    ['another spelling of a field', '{"Name":"a"}'],
    ["the writer's mark", '{"Superseded":true}'],
    ['a key that the SerDe takes for a number of a column', '{"_COL7":1}'],
    ['an escape within a key', '{"n\\u0061me":{}}'],
    ['a nested value without a column', '{"other":{"h":1}}'],
    ['more fields than are counted on', `{${Array.from({ length: 51 }, (_, i) => `"f${i}":1`).join(',')}}`],
  ])('for %s', (_why, account) => {
    expect(endOfPlainAccount(account, 0)).toBe(-1);
  });
});

const value = fc.constantFrom(
  ...[
    '"a b"',
    '"\\"{"',
    '"[\\\\"',
    '""',
    '5',
    '-0.5',
    '51.0',
    '1.35864E12',
    '1234567890123456789',
    '9223372036854775808',
  ],
  ...['true', 'null', '{}', '[]', '{"k":"v"}', '{"k":{"l":[1.10,"x"]},"m":null}', '[{"n":1}]'],
);
const key = fc.constantFrom(
  ...[
    'name',
    'Name',
    'n\\u0061me',
    'engagementScore',
    'firstActivity',
    'TOTALACTIONS',
    'totalActions',
    'accountStatus',
  ],
  ...['attributes', 'segmentInputValues', 'segmentJoined', 'superseded', '_col7', 'healthIndex', 'naMe2', 'é', ''],
);
const members = fc.array(fc.tuple(key, value), { maxLength: 5 });

describe('a line', () => {
  it('is the same whether the account could be taken for plain or not', () => {
    fc.assert(
      fc.property(fc.array(members, { maxLength: 4 }), (accounts) => {
        // A blank is enough to be looked at closely.
        const page = (blank: string) =>
          `[${accounts.map((account) => `{${blank}${account.map(([k, v]) => `"${k}":${v}`).join(',')}}`).join(',')}]`;
        const { lines, movedFields } = splitRecords(page(' '));
        expect(splitRecords(page(''))).toEqual({ lines, movedFields });
      }),
      { numRuns: 2000 },
    );
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
});
