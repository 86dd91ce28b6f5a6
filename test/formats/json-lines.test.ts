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
      '[{"name":"a","engagementScore":1.10,"x":9007199254740993},{"name":"b","engagementScore":1E-5,"y":1E400}]';
    expect((await written(body)).text).toBe(
      '{"name":"a","engagementScore":1.10,"x":9007199254740993}\n{"name":"b","engagementScore":1E-5,"y":1E400}\n',
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
      '[{"name":{"first":"A"},"engagementScore":"n/a","totalActions":51.5,"firstActivity":"2013-01-20","attributes":["x"],"lastActivity":null}]';
    const { text, unmappedColumns } = await written(body);
    expect(text).toBe(
      '{"name":"{\\"first\\":\\"A\\"}","engagementScore_as_sent":"n/a","totalActions_as_sent":51.5,"firstActivity_as_sent":"2013-01-20","attributes_as_sent":["x"],"lastActivity":null}\n',
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
    ['"51"', 51n],
    ['"51.0"', 51n],
    ['" 1.7e+12 "', 1_700_000_000_000n],
    ['"-051"', -51n],
    ['9007199254740993.0', 9_007_199_254_740_993n],
    ['1E18', 10n ** 18n],
    ['-9.223372036854775808E18', -(2n ** 63n)],
  ])('writes the integer %s so that a bigint column reads it, and keeps what was sent', async (sent, read) => {
    const { lines, unmappedColumns } = await written(`[{"totalActions":${sent},"lastActivity":${sent}}]`);
    expect(lines).toEqual([
      `{"totalActions":${read},"totalActions_as_sent":${sent},"lastActivity":${read},"lastActivity_as_sent":${sent}}`,
    ]);
    expect(readHiveJson(lines[0] ?? '', TABLE)).toMatchObject({ totalactions: read, lastactivity: read });
    expect(unmappedColumns).toEqual(['lastActivity_as_sent', 'totalActions_as_sent']);
  });

  it.each([
    '51.5',
    '51.00000000000000000001',
    '4503599627370496.3',
    '9223372036854775808',
    '-9223372036854775809',
    '1E19',
    '1E400',
    '1e-400',
    '"51.5"',
    '"n/a"',
    '"１"',
    '"0x10"',
    '"1_000"',
    '""',
    '"NaN"',
    '"{"',
    'true',
    '{"a":1}',
    '[51]',
  ])('moves %s, which is not an integer of 64 bits', async (sent) => {
    expect((await written(`[{"totalActions":${sent}}]`)).lines).toEqual([`{"totalActions_as_sent":${sent}}`]);
  });

  it.each([
    ['1.10', 1.1],
    ['-1E-5', -1e-5],
    ['12345678901234567890123', 1.2345678901234568e22],
    [`0.${'3'.repeat(900)}`, 1 / 3],
  ])('keeps the number %s in a double column', async (sent, read) => {
    const { lines } = await written(`[{"engagementScore":${sent}}]`);
    expect(lines).toEqual([`{"engagementScore":${sent}}`]);
    expect(readHiveJson(lines[0] ?? '', TABLE)).toMatchObject({ engagementscore: read });
  });

  it.each([
    ['"1.10"', 1.1],
    ['" +.5 "', 0.5],
    ['"5."', 5],
    ['"1E30"', 1e30],
  ])('writes the number %s so that a double column reads it, and keeps what was sent', async (sent, read) => {
    const { lines } = await written(`[{"engagementScore":${sent}}]`);
    expect(lines).toEqual([`{"engagementScore":${read},"engagementScore_as_sent":${sent}}`]);
    expect(readHiveJson(lines[0] ?? '', TABLE)).toMatchObject({ engagementscore: read });
  });

  it.each([
    '1E400',
    '-1E400',
    '"NaN"',
    '"Infinity"',
    '"1d"',
    '"0x1p3"',
    '""',
    '"1,5"',
    'true',
    '{}',
    `1${'0'.repeat(400)}`,
    `0.${'3'.repeat(2000)}`,
  ])('moves %s, which is not a number that a double can hold', async (sent) => {
    expect((await written(`[{"engagementScore":${sent}}]`)).lines).toEqual([`{"engagementScore_as_sent":${sent}}`]);
  });

  it('writes the key of a column as documented, whatever its case, surrounding spaces and escapes', async () => {
    const sent =
      '[{" NAME ":"a","EngagementScore":0.5,"\\u0061ttributes":{"K":1},"totalactions":5,"firstActivity\\t":7}]';
    const { lines, unmappedColumns } = await written(sent);
    expect(lines).toEqual([
      '{"name":"a","engagementScore":0.5,"attributes":{"K":1},"totalActions":5,"firstActivity":7}',
    ]);
    expect(unmappedColumns).toEqual([]);
  });

  it.each([
    ['in one case', '"name":"a","name":"b"', '"name_as_sent":"a","name":"b"', 'b'],
    ['in two cases', '"name":"a","NAME":"b"', '"name_as_sent":"a","name":"b"', 'b'],
    ['documented key last', '"Name":"a","name":"b"', '"Name_as_sent":"a","name":"b"', 'b'],
    ['null last', '"name":"a","name":null', '"name_as_sent":"a","name":null', null],
    ['three times', '"name":"a","Name":"b","name":5.0', '"name_as_sent":"a","Name_as_sent":"b","name":5.0', '5.0'],
  ])('uses the last value of a key that occurs twice: %s', async (_which, sent, line, name) => {
    const { lines } = await written(`[{${sent},"x":1}]`);
    expect(lines).toEqual([`{${line},"x":1}`]);
    expect(readHiveJson(lines[0] ?? '', TABLE)).toMatchObject({ name });
    // The SerDe would read the same from the account as sent.
    expect(readHiveJson(`{${sent}}`, TABLE)).toMatchObject({ name });
    const [found] = format.decode(Buffer.from(`[{${sent},"x":1}]`)).names;
    expect(found).toBe(name ?? lines[0]);
  });

  it('moves the last value of a key that occurs twice if its column cannot hold it', async () => {
    const { lines } = await written('[{"totalActions":5,"totalActions":"n/a"}]');
    expect(lines).toEqual(['{"totalActions_as_sent":5,"totalActions_as_sent":"n/a"}']);
  });

  it('writes the last value of an attribute that occurs twice, and keeps what was sent', async () => {
    const { lines } = await written('[{"attributes":{"k":1, "\\u006b":2,"K":3}}]');
    expect(lines).toEqual(['{"attributes":{"\\u006b":2,"K":3},"attributes_as_sent":{"k":1,"\\u006b":2,"K":3}}']);
  });

  it('distinguishes accounts as queries do: by the digits of a number, by the text of anything else', async () => {
    const names = ['5', '"5"', '5.0', '"5.0"', '5.00', 'true', '"true"', '{"first" : "A"}', '9007199254740993'];
    const page = format.decode(Buffer.from(`[${names.map((name) => `{"Name":${name}}`).join()}]`));
    expect(page.names).toEqual(['5', '5', '5.0', '5.0', '5.00', 'true', 'true', '{"first":"A"}', '9007199254740993']);
    const { lines } = await written(`[${names.map((name) => `{"name":${name}}`).join()}]`);
    const read = lines.map((line) => readHiveJson(line, TABLE));
    expect(read.map(({ name }) => name)).toEqual(page.names);
    expect(read.map(({ superseded }) => superseded)).toEqual([true, null, true, null, null, true, null, null, null]);
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

  describe('attributes', () => {
    const ATTRIBUTES = new Map([
      ['industry', 'Banking'],
      ['employees', '20000'],
      ['note', null],
      ['tags', '["a",1.10]'],
    ]);
    const flat = '{"industry":"Banking","employees":20000,"note":null,"tags":["a", 1.10]}';
    const array =
      '[{"name":"industry","value":"Banking","updated":1},{"value":20000,"name":"employees"},{"name":"note"},{"Name":"tags","Value":["a", 1.10]}]';
    const objects =
      '{"industry":{"value":"Banking","metadata":{"value":"x"}},"employees":{"metadata":{},"value":20000},"note":null,"tags":{"value":["a", 1.10]}}';
    const map = '{"industry":"Banking","employees":20000,"note":null,"tags":"[\\"a\\",1.10]"}';

    it.each([
      ['an object', flat, map, ''],
      ['an array', array, map, `,"attributes_sent_as_array":${array.replace(', ', ',')}`],
      ['objects', objects, map, `,"attributes_sent_as_objects":${objects.replace(', ', ',')}`],
    ])('are a map of texts when sent as %s, and what was sent is kept', async (_shape, sent, held, kept) => {
      const { lines, unmappedColumns } = await written(`[{"name":"a","attributes":${sent},"totalActions":5}]`);
      expect(lines).toEqual([`{"name":"a","attributes":${held}${kept},"totalActions":5}`]);
      expect(readHiveJson(lines[0] ?? '', TABLE)).toMatchObject({
        name: 'a',
        attributes: ATTRIBUTES,
        totalactions: 5n,
      });
      expect(unmappedColumns).toEqual(kept === '' ? [] : [kept.slice(2, kept.indexOf(':') - 1)]);
    });

    it('may differ from account to account', async () => {
      const { lines } = await written(`[${[flat, array, objects, 'null'].map((sent) => `{"attributes":${sent}}`)}]`);
      const read = lines.map((line) => readHiveJson(line, TABLE).attributes);
      expect(read).toEqual([ATTRIBUTES, ATTRIBUTES, ATTRIBUTES, null]);
    });

    it('of a segment export may have the same shapes', async () => {
      const { lines } = await written('[{"segmentInputValues":[{"name":"minActions","value":5}]}]');
      expect(readHiveJson(lines[0] ?? '', TABLE)).toMatchObject({ segmentinputvalues: new Map([['minActions', '5']]) });
    });

    it.each([
      ['an empty array', '[]', '{}'],
      ['a repeated name, of which the last counts', '[{"name":"a","value":1},{"name":"a","value":2}]', '{"a":2}'],
      ['a number as name', '[{"name":5.0,"value":"x"}]', '{"5.0":"x"}'],
      ['an escape in a name', '[{"name":"a\\"\\u0041","value":"x"}]', '{"a\\"A":"x"}'],
    ])('are a map when sent as an array with %s', async (_what, sent, held) => {
      expect((await written(`[{"attributes":${sent}}]`)).lines).toEqual([
        `{"attributes":${held},"attributes_sent_as_array":${sent}}`,
      ]);
    });

    it.each([
      ['an array of texts', '["a"]'],
      ['an array with one element without a name', '[{"name":"a","value":1},{"value":2}]'],
      ['an array with a nested name', '[{"name":{},"value":1}]'],
      ['a text', '"a"'],
      ['a number', '5'],
    ])('are NULL and kept when sent as %s', async (_what, sent) => {
      expect((await written(`[{"attributes":${sent}}]`)).lines).toEqual([`{"attributes_as_sent":${sent}}`]);
    });

    it.each([
      ['one value that is not an object', '{"price":{"value":1,"currency":"EUR"},"industry":"x"}'],
      ['one object without a value', '{"price":{"value":1},"size":{"height":1}}'],
      ['a value within a value', '{"price":{"net":{"value":1}}}'],
    ])('are a flat map with nested values if there is %s', async (_what, sent) => {
      const [line = ''] = (await written(`[{"attributes":${sent}}]`)).lines;
      const { attributes } = readHiveJson(line, TABLE);
      const nested = Object.entries(JSON.parse(sent) as object).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]);
      expect(attributes).toEqual(new Map(nested as [string, string][]));
      expect(JSON.parse(line)).toEqual({ attributes: Object.fromEntries(nested) });
    });
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
      'Invalid JSON (23 bytes, probably truncated): resume the run, or start a new run if it was never planned; if it fails again, contact Salesforce.',
    ],
    [
      'an HTML page',
      '<html>secret',
      'HTML instead of JSON (12 bytes): check accountName and instance, then resume the run, or start a new run if it was never planned.',
    ],
    [
      'plain text',
      'secret',
      'Invalid JSON (6 bytes): resume the run, or start a new run if it was never planned; if it fails again, contact Salesforce.',
    ],
    [
      'an empty body',
      '',
      'Invalid JSON (0 bytes): resume the run, or start a new run if it was never planned; if it fails again, contact Salesforce.',
    ],
    [
      'an unquoted string',
      '[{"name": secret}]',
      'Invalid JSON (18 bytes): resume the run, or start a new run if it was never planned; if it fails again, contact Salesforce.',
    ],
    [
      'an object',
      '{"error":"secret"}',
      'Unexpected JSON (an object instead of an array of accounts): check accountName and instance, then resume the run, or start a new run if it was never planned.',
    ],
    [
      'a string',
      '"secret"',
      'Unexpected JSON (a string instead of an array of accounts): check accountName and instance, then resume the run, or start a new run if it was never planned.',
    ],
    [
      'a record that is a string',
      '[{"name":"a"},"secret"]',
      'Unexpected JSON (record 1 is a string instead of an account): resume the run, or start a new run if it was never planned; if it fails again, contact Salesforce.',
    ],
    [
      'a record that is an array',
      '[[]]',
      'Unexpected JSON (record 0 is an array instead of an account): resume the run, or start a new run if it was never planned; if it fails again, contact Salesforce.',
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
