/** Bodies near the size limit, which once overflowed the stack or took quadratic time. */
import { expect, it } from 'vitest';
import { decodeJson } from '../../functions/formats/json-lines.ts';

const members = (count: number, value: string) => Array.from({ length: count }, (_, i) => `"${i}":${value}`).join(',');

it.each<[string, string, string?]>([
  ['2.4 million members of a map', `{"attributes":{${members(2_400_000, '1')}}}`],
  ['15 million escapes in a string', `{"name":"${'\\"'.repeat(15_000_000)}"}`],
  ['30 million commas in a string', `{"name":"${','.repeat(30_000_000)}"}`],
  [
    '400,000 nested members of a map',
    `{"attributes":{${members(400_000, '[]')}}}`,
    `{"attributes":{${members(400_000, '"[]"')}}}`,
  ],
  [
    '400,000 attributes in an array',
    `{"attributes":[${members(400_000, '1').replaceAll(/("\d+"):1/g, '{"name":$1,"value":1}')}]}`,
    `{"attributes":{${members(400_000, '1')}},"attributes_sent_as_array":[${members(400_000, '1').replaceAll(/("\d+"):1/g, '{"name":$1,"value":1}')}]}`,
  ],
  [
    'a number of 15 million digits',
    `{"totalActions":1${'0'.repeat(15_000_000)}}`,
    `{"totalActions_as_sent":1${'0'.repeat(15_000_000)}}`,
  ],
  [
    'a text of 15 million digits',
    `{"engagementScore":"1${'0'.repeat(15_000_000)}"}`,
    `{"engagementScore_as_sent":"1${'0'.repeat(15_000_000)}"}`,
  ],
])('decodeJson copies %s', (_what, account, line = account) => {
  const { lines } = decodeJson(Buffer.from(`[${account}]`));
  // Not toEqual, which would print a difference of 30 MB.
  expect(lines.length === 1 && lines[0] === line).toBe(true);
});
