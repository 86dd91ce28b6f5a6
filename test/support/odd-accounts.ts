/** Accounts with odd values, and the rows that views return for them: the same in every format and in both query engines. */

/** Text of a number, and what a column of doubles, of whole numbers (digits) and of times has for it. */
export type OddNumber = readonly [text: string, double: number | null, whole: string | null, time: string | null];

export const ODD_NUMBERS: readonly OddNumber[] = [
  ['51', 51, '51', '1970-01-01 00:00:00.051'],
  ['51.0', 51, '51', '1970-01-01 00:00:00.051'],
  ['5.1e1', 51, '51', '1970-01-01 00:00:00.051'],
  ['1.7E12', 1.7e12, '1700000000000', '2023-11-14 22:13:20.000'],
  ['1.7e+12', 1.7e12, '1700000000000', '2023-11-14 22:13:20.000'],
  ['1.358640000123E12', 1358640000123, '1358640000123', '2013-01-20 00:00:00.123'],
  ['-0', 0, '0', '1970-01-01 00:00:00.000'],
  ['+51', 51, '51', '1970-01-01 00:00:00.051'],
  ['0051', 51, '51', '1970-01-01 00:00:00.051'],
  [' 51 ', 51, '51', '1970-01-01 00:00:00.051'],
  ['5.', 5, '5', '1970-01-01 00:00:00.005'],
  ['51.5', 51.5, null, null],
  ['.5', 0.5, null, null],
  ['5E-4', 0.0005, null, null],
  ['1e-400', 0, null, null],
  ['51.00000000000000000001', 51, null, null],
  ['4503599627370496.3', 4503599627370496, null, null],
  ['9007199254740993.0', 9007199254740992, '9007199254740993', null],
  ['9223372036854775807', 2 ** 63, '9223372036854775807', null],
  ['-9223372036854775808', -(2 ** 63), '-9223372036854775808', null],
  ['9223372036854775808', 2 ** 63, null, null],
  ['1E19', 1e19, null, null],
  ['1E400', null, null, null],
  ['1E999999999', null, null, null],
  ['-62135596800000', -62135596800000, '-62135596800000', '0001-01-01 00:00:00.000'],
  ['-62135596800001', -62135596800001, '-62135596800001', null],
  ['253402300799999', 253402300799999, '253402300799999', '9999-12-31 23:59:59.999'],
  ['253402300800000', 253402300800000, '253402300800000', null],
  ['', null, null, null],
  [' ', null, null, null],
  ['n/a', null, null, null],
  ['NaN', null, null, null],
  ['Infinity', null, null, null],
  ['true', null, null, null],
  ['1_000', null, null, null],
  ['1,5', null, null, null],
  ['1d', null, null, null],
  ['0x10', null, null, null],
  ['\uff15\uff11', null, null, null],
  ['5 1', null, null, null],
  ['51\\n', null, null, null],
];

const IS_JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Accounts of the JSON endpoint: each number in quotes, and without them if it is JSON. */
export const ODD_NUMBERS_AS_JSON = ODD_NUMBERS.flatMap(([text]) => {
  const account = (name: string, json: string) =>
    `{"name":${JSON.stringify(name)},"engagementScore":${json},"lastActivity":${json},"totalActions":${json}}`;
  const quoted = account(`"${text}"`, JSON.stringify(text));
  return IS_JSON_NUMBER.test(text) ? [quoted, account(text, text)] : [quoted];
});

/** The same for the CSV endpoint. */
export const ODD_NUMBERS_AS_CSV = [
  'Name, ENGAGEMENTSCORE,lastActivity,"totalActions"',
  ...ODD_NUMBERS.map(([text]) => [`""${text}""`, text, text, text].map((cell) => `"${cell}"`).join()),
];

export type OddRow = readonly [
  name: string | null,
  double: number | null,
  time: string | null,
  whole: string | null,
  attributes: Readonly<Record<string, string | null>> | null,
];

const ATTRIBUTES = { industry: 'Banking', employees: '20000', note: null, tags: '["a",1.10]' };

/** Accounts of the JSON endpoint with odd keys, names and attributes, and their rows in `accounts_latest`. */
const ODD_ACCOUNTS: readonly (readonly [json: string, row: OddRow | 'superseded'])[] = [
  [
    '{"NAME":"upper case","EngagementScore":1.5,"TOTALACTIONS":1,"LASTactivity":0}',
    ['upper case', 1.5, '1970-01-01 00:00:00.000', '1', null],
  ],
  ['{" name ":"spaces","totalActions":1}', ['spaces', null, null, '1', null]],
  ['{"n\\u0061me":"escapes","totalActions":1}', ['escapes', null, null, '1', null]],
  ['{"name":"first","name":"twice","totalActions":1,"totalActions":2}', ['twice', null, null, '2', null]],
  ['{"name":"first","Name":"twice in two cases"}', ['twice in two cases', null, null, null, null]],
  ['{"name":"twice, null last","totalActions":1,"totalActions":null}', ['twice, null last', null, null, null, null]],
  ['{"name":"twice, text last","totalActions":1,"totalActions":"n/a"}', ['twice, text last', null, null, null, null]],
  ['{"name":"5","totalActions":1}', 'superseded'],
  ['{"name":5,"totalActions":2}', ['5', null, null, '2', null]],
  ['{"name":5.0,"totalActions":3}', ['5.0', null, null, '3', null]],
  ['{"name":true,"totalActions":4}', ['true', null, null, '4', null]],
  ['{"name":{"a" : 1.10},"totalActions":5}', ['{"a":1.10}', null, null, '5', null]],
  ['{"totalActions":6}', [null, null, null, '6', null]],
  [
    '{"name":"flat","attributes":{"industry":"Banking","employees":20000,"note":null,"tags":["a", 1.10]}}',
    ['flat', null, null, null, ATTRIBUTES],
  ],
  [
    '{"name":"array","attributes":[{"name":"industry","value":"Banking","updated":1},{"name":"employees","value":20000},{"name":"note"},{"name":"tags","value":["a", 1.10]}]}',
    ['array', null, null, null, ATTRIBUTES],
  ],
  [
    '{"name":"objects","attributes":{"industry":{"value":"Banking","metadata":{}},"employees":{"value":20000},"note":{"value":null},"tags":{"value":["a", 1.10]}}}',
    ['objects', null, null, null, ATTRIBUTES],
  ],
  [
    '{"name":"repeated attribute","attributes":{"industry":"Retail","INDUSTRY":"x","industry":"Banking"}}',
    ['repeated attribute', null, null, null, { INDUSTRY: 'x', industry: 'Banking' }],
  ],
  ['{"name":"unknown shape","attributes":["a"]}', ['unknown shape', null, null, null, null]],
];

export const ODD_ACCOUNTS_AS_JSON = ODD_ACCOUNTS.map(([json]) => json);

const rowsOfNumbers = (nameOf: (text: string) => string, attributes: OddRow[4] = null) =>
  ODD_NUMBERS.map(([text, double, whole, time]): OddRow => [nameOf(text), double, time, whole, attributes]);

/** The rows of the JSON or Parquet run, in any order. */
export const ODD_ROWS_FROM_JSON: readonly OddRow[] = [
  ...rowsOfNumbers((text) => `"${text}"`),
  ...rowsOfNumbers((text) => text).filter(([name]) => IS_JSON_NUMBER.test(name ?? '')),
  ...ODD_ACCOUNTS.flatMap(([, row]) => (row === 'superseded' ? [] : [row])),
];

/** The rows of the CSV run, in any order. */
export const ODD_ROWS_FROM_CSV: readonly OddRow[] = rowsOfNumbers((text) => `"${text}"`, {});
