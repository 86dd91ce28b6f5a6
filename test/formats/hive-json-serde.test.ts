import { describe, expect, it } from 'vitest';
import { readHiveJson } from './hive-json-serde.ts';

const read = (line: string) =>
  readHiveJson(line, { name: 'string', score: 'double', n: 'bigint', map: 'map<string,string>', flag: 'boolean' });
const NULLS = { name: null, score: null, n: null, map: null, flag: null };

// Expectations as printed by Trino 435's own JsonDeserializer for these lines.
describe('readHiveJson', () => {
  it.each([
    ['{}', {}],
    ['{"n":51.0}', { n: 51n }],
    ['{"n":1.35864E12}', { n: 1358640000000n }],
    ['{"n":51.7}', { n: 51n }],
    ['{"n":9007199254740993.0}', { n: 9007199254740992n }],
    ['{"n":9223372036854775807}', { n: 9223372036854775807n }],
    ['{"score":1E400}', { score: Number.POSITIVE_INFINITY }],
    ['{"name":1.10}', { name: '1.10' }],
    ['{"name":true}', { name: 'true' }],
    ['{"name":"\\ud800"}', { name: '?' }],
    ['{"NAME":"a"}', { name: 'a' }],
    ['{"name":"a","Name":"b"}', { name: 'b' }],
    ['{"_col0":"a"}', { name: 'a' }],
    ['{"map":null}', {}],
    ['{"flag":"TRUE"}', { flag: true }],
    ['{"flag":1}', { flag: false }],
    ['{"x":{"y":[1,{}]}}', {}],
    ['{"name":"a"} trailing', { name: 'a' }],
  ])('reads %s', (line, row) => {
    expect(read(line)).toEqual({ ...NULLS, ...row });
  });

  it('reads map values digit for digit, keys in their case, the later of two', () => {
    expect(read('{"map":{"a":1,"A":-0,"b":null,"a":"later"}}').map).toEqual(
      new Map([
        ['A', '-0'],
        ['b', null],
        ['a', 'later'],
      ]),
    );
  });

  it.each([
    '',
    '[]',
    '{"name":"a"',
    '{"name":{}}',
    '{"n":"51"}',
    '{"n":true}',
    '{"n":9223372036854775808}',
    '{"n":1e400}',
    '{"score":"1"}',
    '{"map":"x"}',
    '{"map":[]}',
    '{"map":{"a":{}}}',
    '{"map":{"a":[]}}',
    '{"flag":{}}',
    '{"_col99":1}',
    '{"n":5,"n":"bad"}',
  ])('fails on %s', (line) => {
    expect(() => read(line)).toThrow();
  });
});
