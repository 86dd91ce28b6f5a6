/**
 * What Trino's readers, which Athena's engine 3 is built on, make of single lines: what the writers of parts rely on. Each is
 * read by a real Trino in trino.test.ts; `fails` means that the whole query does.
 */
export type Fact = readonly [what: string, text: string, rows: readonly (readonly unknown[])[] | 'fails'];

/** Columns: `s varchar, n bigint, d double, m map(varchar, varchar), b boolean`. */
export const JSON_FACTS: readonly Fact[] = [
  ['an object inside a map fails', '{"m":{"a":{"x":1}}}', 'fails'],
  ['an array inside a map fails', '{"m":{"a":[1]}}', 'fails'],
  ['an object in a text column fails', '{"s":{"x":1}}', 'fails'],
  ['an array in a text column fails', '{"s":[1]}', 'fails'],
  ['a text for a map fails', '{"m":"x"}', 'fails'],
  ['an empty list for a map fails', '{"m":[]}', 'fails'],
  ['a quoted number in a bigint fails', '{"n":"51"}', 'fails'],
  ['a quoted number in a double fails', '{"d":"0.5"}', 'fails'],
  ['an integer beyond 64 bits fails', '{"n":9223372036854775808}', 'fails'],
  ['a line that breaks off fails', '{"s":"x"', 'fails'],
  ['a blank line fails', '{"s":"x"}\n\n{"s":"y"}', 'fails'],
  ['a key _col99 without such a column fails', '{"_col99":7}', 'fails'],
  ['a key _col1 is the second column', '{"_col1":7}', [[null, 7, null, null, null]]],
  ['a whole number with .0 is read into a bigint', '{"n":51.0}', [[null, 51, null, null, null]]],
  ['a fraction in a bigint is cut off without a word', '{"n":51.9}', [[null, 51, null, null, null]]],
  ["Java's exponent is read into a bigint", '{"n":1.35864E12}', [[null, 1358640000000, null, null, null]]],
  ['a double too large is infinite', '{"d":1e400}', [[null, null, 'Infinity', null, null]]],
  [
    'a number in a text column keeps its digits',
    '{"s":9007199254740993123}',
    [['9007199254740993123', null, null, null, null]],
  ],
  [
    'scalars in a map are text, digit for digit, and null stays null',
    '{"m":{"a":1.10,"b":true,"c":null,"d":9007199254740993,"e":1E+3,"":"f"}}',
    [[null, null, null, { a: '1.10', b: 'true', c: null, d: '9007199254740993', e: '1E+3', '': 'f' }, null]],
  ],
  ['keys of a map keep their case', '{"m":{"A":"1","a":"2"}}', [[null, null, null, { A: '1', a: '2' }, null]]],
  [
    'of a key of a map that comes twice the later counts',
    '{"m":{"a":"1","a":"2"}}',
    [[null, null, null, { a: '2' }, null]],
  ],
  ['of a field that comes twice the later counts', '{"s":"1","s":"2"}', [['2', null, null, null, null]]],
  ['so it does when only case differs', '{"s":"2","S":"1"}', [['1', null, null, null, null]]],
  ['null for a map is NULL', '{"s":"x","m":null}', [['x', null, null, null, null]]],
  [
    'a missing field is NULL, an unknown one is ignored',
    '{"s":"x","z":{"a":[1,{"b":2}]}}',
    [['x', null, null, null, null]],
  ],
  ['U+2028 and U+0085 end no line', '{"s":"a\u2028b\u0085c"}', [['a\u2028b\u0085c', null, null, null, null]]],
  ['characters beyond the BMP arrive, escaped or not', '{"s":"🦄\\ud83e\\udd84"}', [['🦄🦄', null, null, null, null]]],
  ['half of a surrogate pair becomes a question mark', '{"s":"a\\ud83eb"}', [['a?b', null, null, null, null]]],
  ['an escaped line break arrives', '{"s":"a\\nb\\r\\tc"}', [['a\nb\r\tc', null, null, null, null]]],
  ['what follows the object on its line is ignored', '{"s":"x"}{"s":"y"}', [['x', null, null, null, null]]],
  ['a boolean column takes the text true', '{"b":"true"}', [[null, null, null, null, true]]],
];

/** Below a header line; columns: `a varchar, b varchar, c varchar`. */
export const CSV_FACTS: readonly Fact[] = [
  ['a lone backslash is swallowed', '"a\\b","y","z"', [['ab', 'y', 'z']]],
  ['a doubled backslash is one', '"a\\\\b","\\\\","\\\\z"', [['a\\b', '\\', '\\z']]],
  ['a lone backslash at the end takes the row with it', '"a\\","y","z"', [[null, null, null]]],
  ['a doubled one at the end is one', '"a\\\\","y","z"', [['a\\', 'y', 'z']]],
  ['a doubled quote is one', '"a""b","""","""x"""', [['a"b', '"', '"x"']]],
  ['a quote behind a backslash is one too', '"a\\"b","y","z"', [['a"b', 'y', 'z']]],
  ['quotes beside backslashes', '"""\\\\","\\\\""","z"', [['"\\', '\\"', 'z']]],
  ['blanks stay', '"  a"," b ","\tc"', [['  a', ' b ', '\tc']]],
  ['blanks alone stay', '" ","\t","\u00a0"', [[' ', '\t', '\u00a0']]],
  ['blanks before a doubled quote stay', '"  ""q""","x ""y"" z",""', [['  "q"', 'x "y" z', '']]],
  ['an empty field is an empty text, quoted or not', '"",,""', [['', '', '']]],
  ['NULL, null and \\N are texts', '"NULL","null","\\\\N"', [['NULL', 'null', '\\N']]],
  ['missing fields are NULL', '"x"', [['x', null, null]]],
  ['surplus fields are dropped', '"x","y","z","q"', [['x', 'y', 'z']]],
  [
    'an empty line is a row of NULLs',
    '\n"x","y","z"',
    [
      [null, null, null],
      ['x', 'y', 'z'],
    ],
  ],
  [
    'a line break in a value breaks the row in two',
    '"x\ny","y","z"',
    [
      [null, null, null],
      [null, null, null],
    ],
  ],
  ['a comma in quotes separates nothing', '"a,b","y","z"', [['a,b', 'y', 'z']]],
  ['U+2028 and characters beyond the BMP arrive', '"🦄\u2028","株","z"', [['🦄\u2028', '株', 'z']]],
];
