/**
 * How the SerDes read single lines. The writers of parts rely on these facts, trino.slow.test.ts checks them on Trino, and
 * test/formats/serdes.test.ts on our own readers. `fails` means that the whole query fails.
 */
export type Fact = readonly [what: string, text: string, rows: readonly (readonly unknown[])[] | 'fails'];

/** Columns: `s varchar, n bigint, d double, m map(varchar, varchar), b boolean`. */
export const JSON_FACTS: readonly Fact[] = [
  ['fails on an object inside a map', '{"m":{"a":{"x":1}}}', 'fails'],
  ['fails on an array inside a map', '{"m":{"a":[1]}}', 'fails'],
  ['fails on an object in a text column', '{"s":{"x":1}}', 'fails'],
  ['fails on an array in a text column', '{"s":[1]}', 'fails'],
  ['fails on an object in a boolean column', '{"b":{}}', 'fails'],
  ['fails on a string instead of a map', '{"m":"x"}', 'fails'],
  ['fails on an array instead of a map', '{"m":[]}', 'fails'],
  ['fails on a quoted number in a bigint', '{"n":"51"}', 'fails'],
  ['fails on a boolean in a bigint', '{"n":true}', 'fails'],
  ['fails on a quoted number in a double', '{"d":"0.5"}', 'fails'],
  ['fails on an integer beyond 64 bits', '{"n":9223372036854775808}', 'fails'],
  ['fails on an infinite number in a bigint', '{"n":1e400}', 'fails'],
  ['fails on a truncated line', '{"s":"x"', 'fails'],
  ['fails on an array instead of a row', '[]', 'fails'],
  ['fails on an empty line', '{"s":"x"}\n\n{"s":"y"}', 'fails'],
  ['fails on the key _col99 without such a column', '{"_col99":7}', 'fails'],
  ['reads the key _col1 as the second column', '{"_col1":7}', [[null, 7, null, null, null]]],
  ['reads 51.0 as a bigint', '{"n":51.0}', [[null, 51, null, null, null]]],
  ['truncates a fraction in a bigint', '{"n":51.9}', [[null, 51, null, null, null]]],
  ['reads an exponent in a bigint', '{"n":1.35864E12}', [[null, 1358640000000, null, null, null]]],
  ['reads a double that is too large as infinite', '{"d":1e400}', [[null, null, 'Infinity', null, null]]],
  [
    'keeps the digits of a number in a text column',
    '{"s":9007199254740993123}',
    [['9007199254740993123', null, null, null, null]],
  ],
  [
    'reads scalars in a map as text, digit for digit, and null as NULL',
    '{"m":{"a":1.10,"b":true,"c":null,"d":9007199254740993,"e":1E+3,"":"f"}}',
    [[null, null, null, { a: '1.10', b: 'true', c: null, d: '9007199254740993', e: '1E+3', '': 'f' }, null]],
  ],
  ['keeps the case of keys in a map', '{"m":{"A":"1","a":"2"}}', [[null, null, null, { A: '1', a: '2' }, null]]],
  [
    'uses the later value of a repeated key in a map',
    '{"m":{"a":"1","a":"2"}}',
    [[null, null, null, { a: '2' }, null]],
  ],
  ['uses the later value of a repeated field', '{"s":"1","s":"2"}', [['2', null, null, null, null]]],
  ['uses the later value of a repeated field, also null', '{"s":"1","s":null}', [[null, null, null, null, null]]],
  ['does not trim the names of fields', '{" s ":"1"}', [[null, null, null, null, null]]],
  ['ignores case in the names of fields', '{"s":"2","S":"1"}', [['1', null, null, null, null]]],
  ['reads null instead of a map as NULL', '{"s":"x","m":null}', [['x', null, null, null, null]]],
  ['ignores unknown fields', '{"s":"x","z":{"a":[1,{"b":2}]}}', [['x', null, null, null, null]]],
  [
    'does not split lines at U+2028 or U+0085',
    '{"s":"a\u2028b\u0085c"}',
    [['a\u2028b\u0085c', null, null, null, null]],
  ],
  ['reads characters beyond the BMP, escaped or not', '{"s":"🦄\\ud83e\\udd84"}', [['🦄🦄', null, null, null, null]]],
  ['reads half a surrogate pair as a question mark', '{"s":"a\\ud83eb"}', [['a?b', null, null, null, null]]],
  ['reads escaped line breaks', '{"s":"a\\nb\\r\\tc"}', [['a\nb\r\tc', null, null, null, null]]],
  ['ignores text after the object', '{"s":"x"}{"s":"y"}', [['x', null, null, null, null]]],
  ['reads the text true in a boolean column, in any case', '{"b":"TRUE"}', [[null, null, null, null, true]]],
  ['reads any other scalar in a boolean column as false', '{"b":1}', [[null, null, null, null, false]]],
];

/** After a header line. Columns: `a varchar, b varchar, c varchar`. */
export const CSV_FACTS: readonly Fact[] = [
  ['drops a single backslash', '"a\\b","y","z"', [['ab', 'y', 'z']]],
  ['reads a doubled backslash as one', '"a\\\\b","\\\\","\\\\z"', [['a\\b', '\\', '\\z']]],
  ['loses the row with a single backslash before a quote', '"a\\","y","z"', [[null, null, null]]],
  ['reads a doubled backslash before a quote as one', '"a\\\\","y","z"', [['a\\', 'y', 'z']]],
  ['reads a doubled quote as one', '"a""b","""","""x"""', [['a"b', '"', '"x"']]],
  ['reads a quote after a backslash as a quote', '"a\\"b","y","z"', [['a"b', 'y', 'z']]],
  ['reads quotes next to backslashes', '"""\\\\","\\\\""","z"', [['"\\', '\\"', 'z']]],
  ['keeps spaces', '"  a"," b ","\tc"', [['  a', ' b ', '\tc']]],
  ['keeps values of spaces only', '" ","\t","\u00a0"', [[' ', '\t', '\u00a0']]],
  ['keeps spaces before a doubled quote', '"  ""q""","x ""y"" z",""', [['  "q"', 'x "y" z', '']]],
  ['reads an empty field as an empty string, quoted or not', '"",,""', [['', '', '']]],
  ['reads NULL, null and \\N as text', '"NULL","null","\\\\N"', [['NULL', 'null', '\\N']]],
  ['reads missing fields as NULL', '"x"', [['x', null, null]]],
  ['drops surplus fields', '"x","y","z","q"', [['x', 'y', 'z']]],
  [
    'reads an empty line as a row of NULLs',
    '\n"x","y","z"',
    [
      [null, null, null],
      ['x', 'y', 'z'],
    ],
  ],
  [
    'splits a row at a line break in a value',
    '"x\ny","y","z"',
    [
      [null, null, null],
      [null, null, null],
    ],
  ],
  ['keeps spaces around a value without quotes', '  a, b ,\tc\t', [['  a', ' b ', '\tc\t']]],
  ['keeps values of spaces only without quotes', ' ,\t,\u00a0\u3000', [[' ', '\t', '\u00a0\u3000']]],
  ['reads NULL, NaN and a hash sign without quotes as text', 'NULL,NaN,#1', [['NULL', 'NaN', '#1']]],
  ['reads values with and without quotes in one row', 'it\'s,"a,""b",c d', [["it's", 'a,"b', 'c d']]],
  ['reads an empty last field as an empty string', 'x,"y",', [['x', 'y', '']]],
  ['keeps a comma in quotes', '"a,b","y","z"', [['a,b', 'y', 'z']]],
  ['reads U+2028 and characters beyond the BMP', '"🦄\u2028","株","z"', [['🦄\u2028', '株', 'z']]],
];
