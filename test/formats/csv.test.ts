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
import { formatForRun } from '../../functions/formats/format-for-run.ts';
import { propertyRuns } from '../support/property-runs.ts';
import { rowsOf } from './csv-rows.ts';
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
    ['leading and trailing spaces', '  a  '],
    ['an empty value', ''],
    ['Unicode beyond the BMP', 'Rocket 🚀 \u2028 株式会社'],
    ['NaN', 'NaN'],
    ['the NULL marker of Hive text files', '\\N'],
    ['a tab', 'a\tb'],
  ])('writes %s so that the SerDe reads it back unchanged', async (_name, value) => {
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

  it('escapes quotes, backslashes and line breaks', async () => {
    const { text } = await written(bodyOf([['Back\\slash "Works"', 'first\r\nsecond']]));
    expect(text).toBe('name,note,superseded\n"Back\\\\slash ""Works""","first\\\\nsecond",\n');
  });

  it.each([
    ['plain text', 'Acme Inc.', 'Acme Inc.'],
    ['no text', '', ''],
    ['a comma', 'Acme, Inc', '"Acme, Inc"'],
    ['a quote', 'a"b', '"a""b"'],
    ['a backslash', 'a\\b', '"a\\\\b"'],
    ['a space at the start', ' a', '" a"'],
    ['a space at the end', 'a ', '"a "'],
    ['spaces only', ' ', '" "'],
    ['a tab at the end', 'a\t', '"a\t"'],
    ['a NUL', '\0', '"\0"'],
    ['the value that DuckDB reads as NULL', '\u0001', '"\u0001"'],
    ['a carriage return', 'a\rb', '"a\\\\nb"'],
  ])('writes a cell with %s, quoted only if it must be', async (_what, value, cell) => {
    const { text } = await written(bodyOf([['acme', value]]));
    expect(text).toBe(`name,note,superseded\nacme,${cell},\n`);
    // The same if the API quotes no more than it must.
    const sent = /[",\r]/.test(value) ? cellOf(value) : value;
    expect((await written(Buffer.from(`name,note\nacme,${sent}\n`))).text).toBe(text);
  });

  it('preserves any cells, except line breaks, which become \\n and are counted', async () => {
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
      { numRuns: propertyRuns(30, 100) },
    );
  });

  it('writes values under their columns in any column order of a page', async () => {
    const { text } = await written(bodyOf([['n', 'acme']], ['note', 'name']));
    expect(readOpenCsv(text, 3, CSV_SERDE_PARAMETERS)).toEqual([['acme', 'n', '']]);
  });

  it('appends unknown columns and reports them as unmapped', async () => {
    const { text, unmappedColumns } = await written(
      bodyOf([['acme', 'z', 'n', 'a']], ['name', 'zeta', 'note', 'alpha']),
    );
    expect(text).toBe('name,note,superseded,alpha,zeta\nacme,n,,a,z\n');
    expect(unmappedColumns).toEqual(['alpha', 'zeta']);
  });

  it('writes values under declared columns that differ in case or surrounding spaces', async () => {
    const columns = ['name', 'superseded', 'Annual Revenue', 'tier', 'tag'];
    const { text, unmappedColumns } = await written(
      bodyOf(
        [['gold', '1.10', 'acme', 'a', 'b', 'true']],
        ['TIER', ' annual revenue ', 'NAME', 'TAG', 'Tag', 'Superseded'],
      ),
      csvFormat({ columns, tableColumns: columns, finalNewline: true }),
    );
    // Either of two columns could be `tag`.
    expect(text).toBe(
      'name,superseded,Annual Revenue,tier,tag,TAG,Tag,superseded_as_sent\nacme,,1.10,gold,,a,b,true\n',
    );
    expect(unmappedColumns).toEqual(['TAG', 'Tag', 'superseded_as_sent']);
  });

  it('writes every part in the declared order if the columns depend on the page', async () => {
    const columns = pinCsvColumns(['name', 'superseded', 'tier', 'region'], ['name', 'zeta']);
    const dependent = csvFormat({ columns, tableColumns: columns.slice(0, 4), finalNewline: true });
    const pages = [
      [
        ['name', 'zeta'],
        ['a', 'z'],
      ],
      [
        ['region', 'name'],
        ['EMEA', 'b'],
      ],
      [
        ['name', 'alpha', 'tier', 'zeta'],
        ['c', 'x', '1', 'y'],
      ],
      [['name'], ['d']],
    ] as const;
    const parts = await Promise.all(pages.map(([header, row]) => written(bodyOf([row], [...header]), dependent)));
    expect(parts.map(({ text }) => text.split('\n').slice(0, -1))).toEqual([
      ['name,superseded,tier,region,zeta', 'a,,,,z'],
      ['name,superseded,tier,region,zeta', 'b,,,EMEA,'],
      ['name,superseded,tier,region,zeta,alpha', 'c,,1,,y,x'],
      ['name,superseded,tier,region,zeta', 'd,,,,'],
    ]);
    expect(parts.map(({ unmappedColumns }) => unmappedColumns)).toEqual([['zeta'], [], ['alpha', 'zeta'], []]);
  });

  it('leaves the cells of a missing column empty', async () => {
    const { text } = await written(bodyOf([['acme']], ['name']));
    expect(readOpenCsv(text, 3, CSV_SERDE_PARAMETERS)).toEqual([['acme', '', '']]);
  });

  it('marks the earlier record of an account that appears twice on a page', async () => {
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

  it('treats two accounts without a name as different accounts', async () => {
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

  it('renames an API column called superseded', async () => {
    const { text, unmappedColumns } = await written(bodyOf([['acme', 'true']], ['name', 'superseded']));
    expect(text).toBe('name,note,superseded,superseded_as_sent\nacme,,,true\n');
    expect(unmappedColumns).toEqual(['superseded_as_sent']);
  });

  it('writes equal bytes for equal pages', async () => {
    const body = bodyOf([['acme', 'x']]);
    expect((await written(body)).body).toEqual((await written(body)).body);
  });
});

describe('decodeCsv', () => {
  const decode = (text: string, finalNewline?: boolean) => decodeCsv(Buffer.from(text), { finalNewline });

  it.each([
    ['an empty body', '', 0],
    ['a header without rows', 'name,note\n', 0],
    ['rows that end with CRLF', 'name,note\r\na,b\r\nc,d\r\n', 2],
    ['a last row without a newline', 'name,note\na,b', 1],
    ['a byte order mark', '\ufeffname,note\na,b\n', 1],
    ['line breaks within quotes', 'name,note\na,"b\nc"\n', 1],
    ['a trailing empty line', 'name,note\na,b\n\n', 1],
    ['a header without rows or newline', 'name,note', 0],
    ['rows that end with CR', 'name,note\ra,b\rc,d\r', 2],
  ])('accepts %s', (_name, text, records) => {
    const page = decode(text);
    expect(page.records).toBe(records);
    if (records > 0) expect(page).toMatchObject({ columns: ['name', 'note'] });
  });

  it.each([
    ['LF after a header with CRLF', 'name,note\r\na,b\nc,d\n'],
    ['CRLF after a header with LF', 'name,note\na,b\r\nc,d\r\n'],
  ])('accepts rows that end with %s', (_name, text) => {
    expect(rowsOf(decode(text))).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it.each([
    [
      'a truncated row',
      'name,note\nsecret one,b\nsecret two',
      'Malformed CSV (line 3: wrong number of cells, or a quote is not closed): resume the run, or start a new run if it was never planned; if it fails again, start a new run with format json.',
    ],
    ['an unclosed quote', 'name,note\n"secret,b\n', /^Malformed CSV \(line 2:/],
    ['a quote within a cell', 'name,note\na,b\nsecret"x,b\n', /^Malformed CSV \(line 3:/],
    ['text after a closing quote', 'name,note\n"a\r\nb",c\n"secret"x,b\n', /^Malformed CSV \(line 4:/],
    ['a NUL after a closing quote', 'name,note\n"secret"\0,b\n', /^Malformed CSV \(line 2:/],
    ['a row with too many cells', 'name,note\n\nsecret,b,c\n', /^Malformed CSV \(line 3:/],
    ['CR after a closing quote if rows end with LF', 'name,note\n"secret"\r,b\n', /^Malformed CSV \(line 2:/],
    [
      'an HTML page',
      '<!doctype html><title>Sign in</title>',
      'HTML instead of CSV: check accountName and instance, then resume the run, or start a new run if it was never planned.',
    ],
    [
      'plain text instead of an empty page',
      'secret maintenance',
      'Text instead of CSV (no account field in the first line, 1 column, 18 bytes): check accountName and instance, then resume the run, or start a new run if it was never planned.',
    ],
    ['an empty JSON array', '[]', /^Text instead of CSV/],
    ['a JSON object', '{"error":"secret"}', /^Malformed CSV \(line 1/],
  ])('rejects %s without quoting it', (_name, text, message) => {
    expect(() => decode(text)).toThrow(
      expect.objectContaining({
        name: expect.stringMatching(/^Api(?:Answer|Content)Error$/),
        message: expect.stringMatching(message instanceof RegExp ? message : new RegExp(`^${RegExp.escape(message)}$`)),
      }),
    );
    expect(() => decode(text)).not.toThrow(/secret/);
  });

  it.each([
    ['in another case', 'Name,ENGAGEMENTSCORE'],
    ['with spaces around them', ' name , engagementScore\t'],
    ['in quotes', '"name","engagementScore"'],
    ['after a byte order mark', '\ufeff"Name",engagementScore'],
  ])('recognizes the columns of fields %s', (_how, header) => {
    expect(decode(`${header}\nacme,0.5\n`)).toMatchObject({ columns: ['name', 'engagementScore'], names: ['acme'] });
  });

  it.each([
    ['without names', 'engagementScore,note\n0.5,secret\n', 'CSV without the column "name" (2 columns)'],
    ['without names or rows', 'engagementScore,note\n', 'CSV without the column "name" (2 columns)'],
    ['with a repeated column', 'name,name\na,b\n', 'Repeated CSV column "name" (columns 1 and 2)'],
    ['with a column in two cases', 'name,x,NAME \na,b,c\n', 'Repeated CSV column "name" (columns 1 and 3)'],
    ['with a repeated attribute', 'name,secret,secret\na,b,c\n', 'Repeated CSV column (columns 2 and 3)'],
  ])('refuses a header %s at once, because no attempt can improve it', (_how, text, problem) => {
    expect(() => decode(text, true)).toThrow(
      expect.objectContaining({
        name: 'ApiRequestError',
        message: `${problem}: start a new run with format json.`,
      }),
    );
  });

  it.each([undefined, true, false])('retries a header without names that may be truncated', (finalNewline) => {
    expect(() => decode('engagementScore,na', finalNewline)).toThrow(
      expect.objectContaining({ name: 'ApiAnswerError', message: expect.stringMatching(/^Truncated CSV/) }),
    );
  });

  it('distinguishes accounts as queries do: line breaks in names are \\n', () => {
    expect(decode('name\n"a\nb"\n"a\r\nb"\na\\nb\n5\n5.0\n').names).toEqual(['a\\nb', 'a\\nb', 'a\\nb', '5', '5.0']);
  });

  it('reads names of any characters, also if some names of the page have quotes or line breaks', () => {
    const names = ['3com corp', 'Müller "🚀"', '"', 'a\nb', 'a\rb', '\ufeff', 'é', '\0', '5'];
    const text = (row: readonly string[]) => row.map((name) => `1,"${name.replaceAll('"', '""')}"\n`).join('');
    for (const row of [names, names.toReversed(), names.slice(0, 2), names.slice(1, 2), []]) {
      expect(decode(`totalActions,name\n${text(row)}`).names).toEqual(row.map((name) => name.replace(/[\r\n]/, '\\n')));
    }
  });

  it('rejects a last row that may be truncated within its last cell', () => {
    expect(() => decode('name,note\na,long no', true)).toThrow(/no newline at the end, unlike earlier pages/);
  });

  it('rejects a truncated header, which is not an empty page', () => {
    expect(() => decode('name,no', true)).toThrow(/no newline at the end, unlike earlier pages/);
    expect(() => decode('totalActions,na', undefined)).toThrow('Truncated CSV (15 bytes; no newline at the end): ');
  });

  it('reads a large page of short cells', () => {
    const columns = ['name', ...Array.from({ length: 40 }, (_, i) => `c${i}`)];
    const row = (i: number) => [`${i}`, ...columns.slice(1).map((_, column) => (column === i % 40 ? '"' : ''))];
    const rows = Array.from({ length: 600 }, (_, i) => row(i));
    const text = [columns, ...rows].map((cells) => cells.map((cell) => (cell === '"' ? cellOf(cell) : cell)).join(','));
    expect(rowsOf(decode(`${text.join('\n')}\n`))).toEqual(rows);
  });

  it.each([
    ['lines', `name\n${'\n'.repeat(500_000)}`, 'Response with more than 500000 lines: use a smaller pageSize.'],
    ['cells', `name${','.repeat(2_500_001)}\n`, 'Response with more than 2500000 cells: use a smaller pageSize.'],
    [
      'lines in quotes',
      `name\n"${'\n'.repeat(500_000)}"\n`,
      'Response with more than 500000 lines: use a smaller pageSize.',
    ],
  ])('refuses a body with too many %s', (_what, text, message) => {
    expect(() => decode(text)).toThrow(expect.objectContaining({ name: 'PageTooLargeError', message }));
  });

  it('rejects invalid UTF-8', () => {
    expect(() => decodeCsv(Buffer.from([0x6e, 0xc3, 0x28]), { finalNewline: false })).toThrow(/^Invalid UTF-8/);
  });
});

describe('CSV columns', () => {
  it('are scalar fields, the superseded mark and the configured attributes', () => {
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

  it('precede other columns, which are sorted', () => {
    expect(pinCsvColumns(['name', 'tier'], ['zeta', 'tier', 'alpha', 'name'])).toEqual([
      'name',
      'tier',
      'alpha',
      'zeta',
    ]);
  });

  it('are declared ones if they differ only in case or surrounding spaces', () => {
    expect(pinCsvColumns(['name', 'tier', 'tag'], [' Tier', 'Zeta ', 'name', 'TAG', 'Tag'])).toEqual([
      'name',
      'tier',
      'tag',
      'TAG',
      'Tag',
      'Zeta ',
    ]);
  });
});

it('a CSV run without columns is refused', () => {
  expect(() => formatForRun({ runId: 'run-1', format: 'csv' })).toThrow(
    'Invalid plan of CSV run "run-1" (no columns): start a new run.',
  );
});
