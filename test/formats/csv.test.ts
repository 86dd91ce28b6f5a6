import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CSV_SERDE_PARAMETERS,
  csvFormat,
  csvTableColumns,
  decodeCsv,
  pinCsvColumns,
} from '../../functions/formats/csv.ts';
import { readOpenCsv } from './opencsv-serde.ts';

const columns = ['name', 'note', 'superseded'];
const format = csvFormat({ columns, tableColumns: columns, finalNewline: true });
const cellOf = (value: string) => `"${value.replaceAll('"', '""')}"`;
const bodyOf = (rows: readonly (readonly string[])[], header = ['name', 'note']) =>
  Buffer.from(`${[header, ...rows].map((row) => row.map(cellOf).join(',')).join('\n')}\n`);

async function written(body: Buffer, by = format) {
  const part = await by.encode(by.decode(body));
  return { ...part, text: gunzipSync(part.body).toString() };
}

describe('csvFormat', () => {
  it.each([
    ['a comma', 'Acme, Inc'],
    ['quotes', '"quoted" and "'],
    ['a quote alone', '"'],
    ['two quotes', '""'],
    ['a backslash', 'C:\\temp\\new'],
    ['a backslash at the end', 'ends in \\'],
    ['a backslash before a quote', 'a\\"b'],
    ['leading and trailing blanks', '  a  '],
    ['nothing', ''],
    ['Unicode beyond the BMP', 'Rocket 🚀 \u2028 株式会社'],
    ['a text that looks like a number that is none', 'NaN'],
    ['a text that Hive takes for NULL elsewhere', '\\N'],
    ['a tab', 'a\tb'],
  ])('writes %s so that the SerDe reads it back', async (_name, value) => {
    const { text } = await written(
      bodyOf([
        [value, 'x'],
        ['y', value],
      ]),
    );
    expect(readOpenCsv(text, 3, CSV_SERDE_PARAMETERS)).toEqual([
      [value, 'x', ''],
      ['y', value, ''],
    ]);
  });

  it('writes these bytes', async () => {
    const { text } = await written(bodyOf([['Back\\slash "Works"', 'first\r\nsecond']]));
    expect(text).toBe('"name","note","superseded"\n"Back\\\\slash ""Works""","first\\\\nsecond",""\n');
  });

  it('reads any cells back equal, but for line breaks, which become \\n and are counted', async () => {
    const cell = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom('"', '\\', ',', '\n', '\r', ' ', '\u2028', '🚀'),
          fc.string({ unit: 'binary', maxLength: 1, minLength: 1 }),
        ),
        maxLength: 12,
      })
      .filter((text) => text.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { maxLength: 8 }), async (cells) => {
        const rows = cells.map(([name, note], i) => [`${i}${name}`, note] as const);
        const { text, escapedLineBreaks } = await written(bodyOf(rows));
        const breaks = /\r\n|\n|\r/g;
        expect(readOpenCsv(text, 3, CSV_SERDE_PARAMETERS)).toEqual(
          rows.map((row) => [...row.map((value) => value.replace(breaks, '\\n')), '']),
        );
        expect(escapedLineBreaks).toBe(rows.flat().join('\0').match(breaks)?.length ?? 0);
        expect(text.split('\n')).toHaveLength(rows.length + 2);
      }),
    );
  });

  it('puts values under their columns whatever order a page came in', async () => {
    const { text } = await written(bodyOf([['n', 'acme']], ['note', 'name']));
    expect(readOpenCsv(text, 3, CSV_SERDE_PARAMETERS)).toEqual([['acme', 'n', '']]);
  });

  it('keeps a column that nobody foresaw behind the others, and names it', async () => {
    const { text, unmappedColumns } = await written(
      bodyOf([['acme', 'z', 'n', 'a']], ['name', 'zeta', 'note', 'alpha']),
    );
    expect(text).toBe('"name","note","superseded","alpha","zeta"\n"acme","n","","a","z"\n');
    expect(unmappedColumns).toEqual(['alpha', 'zeta']);
  });

  it('leaves the cells of a missing column empty', async () => {
    const { text } = await written(bodyOf([['acme']], ['name']));
    expect(readOpenCsv(text, 3, CSV_SERDE_PARAMETERS)).toEqual([['acme', '', '']]);
  });

  it('marks the earlier record of an account that comes twice on a page', async () => {
    const { text } = await written(
      bodyOf([
        ['acme', 'old'],
        ['globex', ''],
        ['acme', 'new'],
      ]),
    );
    expect(readOpenCsv(text, 3, CSV_SERDE_PARAMETERS)).toEqual([
      ['acme', 'old', 'true'],
      ['globex', '', ''],
      ['acme', 'new', ''],
    ]);
  });

  it('takes two accounts without a name for two', async () => {
    const { text } = await written(
      bodyOf([
        ['', 'a'],
        ['', 'b'],
      ]),
    );
    expect(readOpenCsv(text, 3, CSV_SERDE_PARAMETERS)).toEqual([
      ['', 'a', ''],
      ['', 'b', ''],
    ]);
  });

  it("keeps a tenant's own column of that name apart from the mark of superseded records", async () => {
    const { text, unmappedColumns } = await written(bodyOf([['acme', 'true']], ['name', 'superseded']));
    expect(text).toBe('"name","note","superseded","superseded_as_sent"\n"acme","","","true"\n');
    expect(unmappedColumns).toEqual(['superseded_as_sent']);
  });

  it('writes the same bytes for the same page', async () => {
    const body = bodyOf([['acme', 'x']]);
    expect((await written(body)).body).toEqual((await written(body)).body);
  });
});

describe('decodeCsv', () => {
  const decode = (text: string, finalNewline?: boolean) => decodeCsv(Buffer.from(text), { finalNewline });

  it.each([
    ['nothing', '', 0],
    ['a header alone', 'name,note\n', 0],
    ['rows that end in CRLF', 'name,note\r\na,b\r\nc,d\r\n', 2],
    ['no newline at the end', 'name,note\na,b', 1],
    ['a byte order mark', '\ufeffname,note\na,b\n', 1],
    ['line breaks within quotes', 'name,note\na,"b\nc"\n', 1],
    ['an empty line at the end', 'name,note\na,b\n\n', 1],
    ['a header alone without a newline', 'name,note', 0],
    ['rows that end in CR', 'name,note\ra,b\rc,d\r', 2],
  ])('takes %s', (_name, text, records) => {
    const page = decode(text);
    expect(page.records).toBe(records);
    if (records > 0) expect(page).toMatchObject({ columns: ['name', 'note'] });
  });

  it.each([
    ['LF behind a header with CRLF', 'name,note\r\na,b\nc,d\n'],
    ['CRLF behind a header with LF', 'name,note\na,b\r\nc,d\r\n'],
  ])('takes rows that end in %s', (_name, text) => {
    expect(decode(text).rows).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it.each([
    [
      'a row that broke off',
      'name,note\nsecret one,b\nsecret two',
      "The API's CSV is malformed at line 3: a row has too few or too many cells, or a quote is left open.",
    ],
    ['an open quote', 'name,note\n"secret,b\n', /malformed/],
    [
      'a web page',
      '<!doctype html><title>Sign in</title>',
      "The API's answer looks like a web page where CSV was asked for.",
    ],
    [
      'a plain text, which is no empty page',
      'secret maintenance',
      "The API's answer of 18 bytes is not CSV: its first line has one column, and none that accounts have.",
    ],
    ['an empty JSON array', '[]', /is not CSV/],
    ['a JSON object', '{"error":"secret"}', /malformed at line 1/],
    [
      'a header with a column twice',
      'name,name\na,b\n',
      'The header of the API\'s CSV names a column twice, "name", as number 1 and number 2.',
    ],
  ])('refuses %s, without a word of what it held', (_name, text, message) => {
    expect(() => decode(text)).toThrow(
      expect.objectContaining({
        name: 'ApiAnswerError',
        message: expect.stringMatching(message instanceof RegExp ? message : new RegExp(`^${RegExp.escape(message)}$`)),
      }),
    );
    expect(() => decode(text)).not.toThrow(/secret/);
  });

  it('refuses a last row that may have been cut within its last cell', () => {
    expect(() => decode('name,note\na,long no', true)).toThrow(/does not end in a newline as before/);
  });

  it('refuses a header that may have been cut, which is no empty page', () => {
    expect(() => decode('name,no', true)).toThrow(/does not end in a newline as before/);
  });

  it('refuses bytes that are no UTF-8', () => {
    expect(() => decodeCsv(Buffer.from([0x6e, 0xc3, 0x28]), { finalNewline: false })).toThrow(/not valid UTF-8/);
  });
});

describe('the columns of a CSV table', () => {
  it('are the scalar fields, the configured attributes, and the mark of superseded records', () => {
    expect(csvTableColumns(['industry', 'name'])).toEqual([
      'name',
      'engagementScore',
      'engagementPercentChange',
      'firstActivity',
      'lastActivity',
      'totalActions',
      'accountStatus',
      'segmentJoined',
      'superseded',
      'industry',
    ]);
  });

  it('come first in every header, further ones sorted behind them', () => {
    expect(pinCsvColumns(['name', 'tier'], ['zeta', 'tier', 'alpha', 'name'])).toEqual([
      'name',
      'tier',
      'alpha',
      'zeta',
    ]);
  });
});
