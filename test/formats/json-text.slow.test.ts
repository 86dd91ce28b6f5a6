/** Bodies near the size limit, which once overflowed the stack or took quadratic time. */
import { expect, it } from 'vitest';
import { splitRecords } from '../../functions/formats/json-text.ts';

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
])('splitRecords copies %s', (_what, account, line = account) => {
  const { lines } = splitRecords(`[${account}]`);
  // Not toEqual, which would print a difference of 30 MB.
  expect(lines.length === 1 && lines[0] === line).toBe(true);
});
