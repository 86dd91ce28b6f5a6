import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLinesFormat } from '../../functions/formats/json-lines.ts';
import { exactJson, expectSameAccount } from '../support/exact-json.ts';
import { type HiveType, readHiveJson } from './hive-json-serde.ts';

const format = jsonLinesFormat();
/** The table of JSON parts as Athena sees it. */
const TABLE: Record<string, HiveType> = {
  name: 'string',
  engagementscore: 'double',
  engagementpercentchange: 'double',
  firstactivity: 'bigint',
  lastactivity: 'bigint',
  totalactions: 'bigint',
  accountstatus: 'string',
  attributes: 'map<string,string>',
  segmentjoined: 'bigint',
  segmentinputvalues: 'map<string,string>',
  superseded: 'boolean',
};

async function written(body: string | Buffer) {
  const part = await format.encode(format.decode(Buffer.from(body)));
  const text = gunzipSync(part.body).toString();
  return { ...part, text, lines: text.split('\n').slice(0, -1) };
}

const objectOf = (members: [string, string][]) =>
  `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;

describe('jsonLinesFormat', () => {
  it('writes one account a line, each value digit for digit', async () => {
    const body =
      '[{"name":"a","engagementScore":1.10,"x":9007199254740993},{"name":"b","engagementScore":1E400,"y":-0.0}]';
    expect((await written(body)).text).toBe(
      '{"name":"a","engagementScore":1.10,"x":9007199254740993}\n{"name":"b","engagementScore":1E400,"y":-0.0}\n',
    );
  });

  it('drops blanks between tokens and none within texts', async () => {
    const body = '\ufeff [\r\n  { "name" : "a  b\\n\\u00e9 \\"[{,:\\\\" ,\t"attributes" : { "x" : 1.0 } }\n,\n{ } ]\n ';
    expect((await written(body)).text).toBe('{"name":"a  b\\n\\u00e9 \\"[{,:\\\\","attributes":{"x":1.0}}\n{}\n');
  });

  it('keeps every value of an account with thousands of blanks', async () => {
    const values = Array.from({ length: 5000 }, (_, i) => i);
    const body = `[{"a":[${values.join(' , ')}],"attributes":{"b":[${values.join(' , ')}]}}]`;
    expect((await written(body)).text).toBe(`{"a":[${values.join(',')}],"attributes":{"b":"[${values.join(',')}]"}}\n`);
  });

  it('turns nested values inside the maps into JSON text, and leaves them elsewhere', async () => {
    const body =
      '[{"attributes":{"a":{"b": [1.10, "\\"x\\""]},"c":[],"d":"s","e":null,"f":2.50},"segmentInputValues":{"g":[{}]},"other":{"h":[1]}}]';
    expect((await written(body)).text).toBe(
      '{"attributes":{"a":"{\\"b\\":[1.10,\\"\\\\\\"x\\\\\\"\\"]}","c":"[]","d":"s","e":null,"f":2.50},"segmentInputValues":{"g":"[{}]"},"other":{"h":[1]}}\n',
    );
  });

  it('moves a value that its column cannot hold to a key of its own, and names it', async () => {
    const body =
      '[{"name":{"first":"A"},"engagementScore":"n/a","totalActions":51.5,"firstActivity":"2013","attributes":["x"],"lastActivity":null,"Attributes":{"k":{}}}]';
    const { text, unmappedColumns } = await written(body);
    expect(text).toBe(
      '{"name":"{\\"first\\":\\"A\\"}","engagementScore_as_sent":"n/a","totalActions_as_sent":51.5,"firstActivity_as_sent":"2013","attributes_as_sent":["x"],"lastActivity":null,"Attributes":{"k":"{}"}}\n',
    );
    expect(unmappedColumns).toEqual([
      'Attributes',
      'attributes_as_sent',
      'engagementScore_as_sent',
      'firstActivity_as_sent',
      'totalActions_as_sent',
    ]);
  });

  it.each([
    ['51', 51n],
    ['-0', 0n],
    ['51.0', 51n],
    ['5.1e1', 51n],
    ['1.35864E12', 1358640000000n],
    ['1234567890123456789', 1234567890123456789n],
    ['9223372036854775807', 9223372036854775807n],
    ['-9223372036854775808', -9223372036854775808n],
  ])('leaves the whole number %s where its column reads it', async (sent, read) => {
    const { lines } = await written(`[{"totalActions":${sent}}]`);
    expect(lines).toEqual([`{"totalActions":${sent}}`]);
    expect(readHiveJson(lines[0] ?? '', TABLE)).toMatchObject({ totalactions: read });
  });

  it.each([
    '51.5',
    '9223372036854775808',
    '-9223372036854775809',
    '9007199254740993.0',
    '1E19',
    '1E400',
    '"51"',
    'true',
  ])('moves %s, which a bigint would fail on or round', async (sent) => {
    expect((await written(`[{"totalActions":${sent}}]`)).lines).toEqual([`{"totalActions_as_sent":${sent}}`]);
  });

  it('moves fields whose keys mean something else to the SerDe, or are the mark of superseded records', async () => {
    const { text } = await written('[{"_col0":{},"_col99":1,"superseded":true,"_column":2,"a_col1":3}]');
    expect(text).toBe('{"_col0_as_sent":{},"_col99_as_sent":1,"superseded_as_sent":true,"_column":2,"a_col1":3}\n');
  });

  it('gives the SerDe digits, texts and maps as they were sent', async () => {
    const { lines } = await written(
      '[{"NAME":"a\\u00e9\\n","engagementScore":1.10,"attributes":{"n":1.10,"N":9007199254740993,"b":true,"z":null,"o":{"x":1E400}}}]',
    );
    expect(readHiveJson(lines[0] ?? '', TABLE)).toMatchObject({
      name: 'aé\n',
      engagementscore: 1.1,
      attributes: new Map([
        ['n', '1.10'],
        ['N', '9007199254740993'],
        ['b', 'true'],
        ['z', null],
        ['o', '{"x":1E400}'],
      ]),
    });
  });

  it('is readable by the SerDe whatever a field holds', async () => {
    const key = fc.constantFrom(
      'name',
      'Name',
      'engagementScore',
      'totalActions',
      'attributes',
      'ATTRIBUTES',
      'superseded',
      '_col4',
      'x',
    );
    const number = fc.constantFrom('51.0', '1E400', '1e19', '-0', '99999999999999999999', '0.1');
    const value = fc.oneof(
      number,
      fc.jsonValue().map((any) => JSON.stringify(any)),
    );
    const nested = fc.array(fc.tuple(fc.string(), value)).map((members) => objectOf(members));
    const account = fc.array(fc.tuple(key, fc.oneof(value, nested))).map((members) => objectOf(members));
    await fc.assert(
      fc.asyncProperty(fc.array(account, { maxLength: 5 }), async (accounts) => {
        const { lines } = await written(`[${accounts.join(',')}]`);
        expect(lines).toHaveLength(accounts.length);
        for (const line of lines) readHiveJson(line, TABLE);
      }),
    );
  });

  it('knows a map by its key also when the key is written with escapes', async () => {
    expect((await written('[{"\\u0061ttributes":{"a":[1]}}]')).text).toBe('{"\\u0061ttributes":{"a":"[1]"}}\n');
  });

  it('marks the earlier record of an account that comes twice on a page', async () => {
    expect((await written('[{"name":"a","v":1},{"name":"b"},{"name":"a","v":2}]')).lines).toEqual([
      '{"name":"a","v":1,"superseded":true}',
      '{"name":"b"}',
      '{"name":"a","v":2}',
    ]);
  });

  it('writes the same bytes whether the array came compact or spread out', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 }), async (records) => {
        const [compact, spread] = [JSON.stringify(records), JSON.stringify(records, null, '\t')];
        expect((await written(compact)).body).toEqual((await written(spread)).body);
      }),
    );
  });

  it('reads back equal whatever an account holds', async () => {
    const attributes = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue());
    const record = fc.record(
      { name: fc.string({ unit: 'grapheme' }), attributes, segmentInputValues: attributes, more: fc.jsonValue() },
      { requiredKeys: ['name'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(record, { maxLength: 6, selector: ({ name }) => name }), async (records) => {
        const sent = records.map((one) => JSON.stringify(one));
        const { lines } = await written(`[${sent.join(' , ')}]`);
        expect(lines).toHaveLength(sent.length);
        for (const [i, line] of lines.entries()) expectSameAccount(line, sent[i] ?? '');
      }),
    );
  });

  it('names its accounts, and fields the table does not declare', async () => {
    const page = format.decode(Buffer.from('[{"name":"a","zeta":1},{"alpha":1},{"name":5}]'));
    expect(page).toMatchObject({ records: 3, identities: ['a', '{"alpha":1}', '5'] });
    expect((await format.encode(page)).unmappedColumns).toEqual(['alpha', 'zeta']);
  });

  it('holds no prototype to account', async () => {
    const { text } = await written('[{"__proto__":{"name":"x"},"constructor":1}]');
    expect(exactJson(text)).toHaveProperty('constructor', { digits: '1' });
    expect(text).toBe('{"__proto__":{"name":"x"},"constructor":1}\n');
  });

  it.each([
    [
      'a body that broke off',
      '[{"name":"secret"},{"na',
      "The API's answer of 23 bytes is not valid JSON: it seems to have broken off.",
    ],
    ['a web page', '<html>secret', "The API's answer of 12 bytes is not valid JSON: it looks like a web page."],
    ['a plain text', 'secret', "The API's answer of 6 bytes is not valid JSON."],
    ['nothing', '', "The API's answer of 0 bytes is not valid JSON."],
    ['garbage', '[{"name": secret}]', "The API's answer of 18 bytes is not valid JSON."],
    ['an object', '{"error":"secret"}', "The API's answer is an object where an array of accounts was asked for."],
    ['a text', '"secret"', "The API's answer is a string where an array of accounts was asked for."],
    [
      'a record that is none',
      '[{"name":"a"},"secret"]',
      "Record 1 of the API's answer is a string where an account, an object, was asked for.",
    ],
    [
      'a record that is an array',
      '[[]]',
      "Record 0 of the API's answer is an array where an account, an object, was asked for.",
    ],
    [
      'arrays nested 10,000 deep',
      `[{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}]`,
      "The API's answer is nested deeper than 1000 levels, which no account is.",
    ],
  ])('refuses %s, without a word of what it held', (_name, body, message) => {
    expect(() => format.decode(Buffer.from(body))).toThrow(
      expect.objectContaining({ name: 'ApiAnswerError', message }),
    );
  });

  it('refuses bytes that are no UTF-8', () => {
    expect(() => format.decode(Buffer.from([0x5b, 0x22, 0xc3, 0x28, 0x22, 0x5d]))).toThrow(/not valid UTF-8/);
  });
});
