import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLinesFormat } from '../../functions/formats/json-lines.ts';
import { exactJson, expectSameAccount } from '../support/exact-json.ts';
import { propertyRuns } from '../support/property-runs.ts';
import { type HiveType, readHiveJson } from './hive-json-serde.ts';

const format = jsonLinesFormat();
/** The Glue table of JSON parts. */
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
  it('writes one account per line and keeps every digit', async () => {
    const body =
      '[{"name":"a","engagementScore":1.10,"x":9007199254740993},{"name":"b","engagementScore":1E400,"y":-0.0}]';
    expect((await written(body)).text).toBe(
      '{"name":"a","engagementScore":1.10,"x":9007199254740993}\n{"name":"b","engagementScore":1E400,"y":-0.0}\n',
    );
  });

  it('removes whitespace between tokens but not within strings', async () => {
    const body = '\ufeff [\r\n  { "name" : "a  b\\n\\u00e9 \\"[{,:\\\\" ,\t"attributes" : { "x" : 1.0 } }\n,\n{ } ]\n ';
    expect((await written(body)).text).toBe('{"name":"a  b\\n\\u00e9 \\"[{,:\\\\","attributes":{"x":1.0}}\n{}\n');
  });

  it('keeps every value of an account with thousands of spaces', async () => {
    const values = Array.from({ length: 5000 }, (_, i) => i);
    const body = `[{"a":[${values.join(' , ')}],"attributes":{"b":[${values.join(' , ')}]}}]`;
    expect((await written(body)).text).toBe(`{"a":[${values.join(',')}],"attributes":{"b":"[${values.join(',')}]"}}\n`);
  });

  it('converts nested values to JSON text inside maps only', async () => {
    const body =
      '[{"attributes":{"a":{"b": [1.10, "\\"x\\""]},"c":[],"d":"s","e":null,"f":2.50},"segmentInputValues":{"g":[{}]},"other":{"h":[1]}}]';
    expect((await written(body)).text).toBe(
      '{"attributes":{"a":"{\\"b\\":[1.10,\\"\\\\\\"x\\\\\\"\\"]}","c":"[]","d":"s","e":null,"f":2.50},"segmentInputValues":{"g":"[{}]"},"other":{"h":[1]}}\n',
    );
  });

  it('moves a value that its column cannot hold to <field>_as_sent and reports it as unmapped', async () => {
    const body =
      '[{"name":{"first":"A"},"engagementScore":"n/a","totalActions":51.5,"firstActivity":"2013","attributes":["x"],"lastActivity":null,"Attributes":{"k":{}}}]';
    const { text, unmappedColumns } = await written(body);
    expect(text).toBe(
      '{"name":"{\\"first\\":\\"A\\"}","engagementScore_as_sent":"n/a","totalActions_as_sent":51.5,"firstActivity_as_sent":"2013","attributes_as_sent":["x"],"lastActivity":null,"Attributes":{"k":"{}"}}\n',
    );
    expect(unmappedColumns).toEqual([
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
  ])('keeps the integer %s in its column', async (sent, read) => {
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
  ])('moves %s, which a bigint column cannot hold exactly', async (sent) => {
    expect((await written(`[{"totalActions":${sent}}]`)).lines).toEqual([`{"totalActions_as_sent":${sent}}`]);
  });

  it('moves fields with reserved keys', async () => {
    const { text } = await written('[{"_col0":{},"_col99":1,"superseded":true,"_column":2,"a_col1":3}]');
    expect(text).toBe('{"_col0_as_sent":{},"_col99_as_sent":1,"superseded_as_sent":true,"_column":2,"a_col1":3}\n');
  });

  it('lets the SerDe read numbers, strings and maps as sent', async () => {
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

  it('writes lines that the SerDe can read for any field values', async () => {
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
      { numRuns: propertyRuns(40, 100) },
    );
  });

  it('recognizes the key of a map that contains escapes', async () => {
    expect((await written('[{"\\u0061ttributes":{"a":[1]}}]')).text).toBe('{"\\u0061ttributes":{"a":"[1]"}}\n');
  });

  it('marks the earlier record of an account that appears twice on a page', async () => {
    expect((await written('[{"name":"a","v":1},{"name":"b"},{"name":"a","v":2}]')).lines).toEqual([
      '{"name":"a","v":1,"superseded":true}',
      '{"name":"b"}',
      '{"name":"a","v":2}',
    ]);
  });

  it('writes equal bytes for compact and indented JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 5 }), async (records) => {
        const [compact, spread] = [JSON.stringify(records), JSON.stringify(records, null, '\t')];
        expect((await written(compact)).body).toEqual((await written(spread)).body);
      }),
      { numRuns: propertyRuns(40, 100) },
    );
  });

  it('preserves any account', async () => {
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
      { numRuns: propertyRuns(40, 100) },
    );
  });

  it('reports account names and unmapped fields', async () => {
    const page = format.decode(Buffer.from('[{"name":"a","zeta":1},{"alpha":1},{"name":5}]'));
    expect(page).toMatchObject({ records: 3, names: ['a', '{"alpha":1}', '5'] });
    expect((await format.encode(page)).unmappedColumns).toEqual(['alpha', 'zeta']);
  });

  it('does not report a key that differs from its column only in case, because queries see its value', async () => {
    const { lines, unmappedColumns } = await written('[{"Name":"acme","TOTALACTIONS":5,"Zeta":1}]');
    expect(readHiveJson(lines[0] ?? '', TABLE)).toMatchObject({ name: 'acme', totalactions: 5n });
    expect(unmappedColumns).toEqual(['Zeta']);
  });

  it('treats __proto__ and constructor as ordinary keys', async () => {
    const { text } = await written('[{"__proto__":{"name":"x"},"constructor":1}]');
    expect(exactJson(text)).toHaveProperty('constructor', { digits: '1' });
    expect(text).toBe('{"__proto__":{"name":"x"},"constructor":1}\n');
  });

  it.each([
    [
      'a truncated body',
      '[{"name":"secret"},{"na',
      'Invalid JSON (23 bytes, probably truncated): resume the run (if it was not planned yet, start it again); if it fails again, contact Salesforce.',
    ],
    [
      'an HTML page',
      '<html>secret',
      'HTML instead of JSON (12 bytes): check accountName and instance, then resume the run (if it was not planned yet, start it again).',
    ],
    [
      'plain text',
      'secret',
      'Invalid JSON (6 bytes): resume the run (if it was not planned yet, start it again); if it fails again, contact Salesforce.',
    ],
    [
      'an empty body',
      '',
      'Invalid JSON (0 bytes): resume the run (if it was not planned yet, start it again); if it fails again, contact Salesforce.',
    ],
    [
      'an unquoted string',
      '[{"name": secret}]',
      'Invalid JSON (18 bytes): resume the run (if it was not planned yet, start it again); if it fails again, contact Salesforce.',
    ],
    [
      'an object',
      '{"error":"secret"}',
      'JSON is an object instead of an array of accounts: check accountName and instance, then resume the run (if it was not planned yet, start it again).',
    ],
    [
      'a string',
      '"secret"',
      'JSON is a string instead of an array of accounts: check accountName and instance, then resume the run (if it was not planned yet, start it again).',
    ],
    [
      'a record that is a string',
      '[{"name":"a"},"secret"]',
      'Record 1 is a string instead of an account: resume the run (if it was not planned yet, start it again); if it fails again, contact Salesforce.',
    ],
    [
      'a record that is an array',
      '[[]]',
      'Record 0 is an array instead of an account: resume the run (if it was not planned yet, start it again); if it fails again, contact Salesforce.',
    ],
    [
      'arrays nested 10,000 deep',
      `[{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}]`,
      'JSON nested deeper than 1000 levels: contact Salesforce.',
    ],
  ])('rejects %s without quoting it', (_name, body, message) => {
    expect(() => format.decode(Buffer.from(body))).toThrow(
      expect.objectContaining({ name: expect.stringMatching(/^Api(?:Answer|Content)Error$/), message }),
    );
  });

  it('rejects invalid UTF-8', () => {
    expect(() => format.decode(Buffer.from([0x5b, 0x22, 0xc3, 0x28, 0x22, 0x5d]))).toThrow(/^Invalid UTF-8/);
  });
});
