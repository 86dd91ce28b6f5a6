/** Any bytes as CSV: decoded without changing a cell, or rejected with a named error. */
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CSV_SERDE_PARAMETERS, type CsvPage, csvFormat, decodeCsv } from '../../functions/formats/csv.ts';
import { isExportError } from '../../functions/model/errors.ts';
import { rowsOf } from '../formats/csv-rows.ts';
import { readOpenCsv } from '../formats/opencsv-serde.ts';
import { propertyRuns } from '../support/property-runs.ts';
import { mutationOf } from './mutations.ts';

const HEADER = ['name', 'note', 'more'];

/** `undefined` for a rejected body. */
function decoded(body: Buffer, finalNewline: boolean | undefined): CsvPage | undefined {
  try {
    return decodeCsv(body, { finalNewline });
  } catch (error) {
    const expected = ['ApiAnswerError', 'ApiContentError', 'ApiRequestError', 'PageTooLargeError'];
    if (!isExportError(error) || !expected.includes(error.name)) throw error;
    expect(error.message.length).toBeLessThan(300);
    return undefined;
  }
}

const cell = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 10 }).filter((text) => text.isWellFormed()),
  fc
    .array(
      fc.constantFrom(
        '"',
        '""',
        '\\',
        '\\"',
        ',',
        '\n',
        '\r',
        '\r\n',
        ' ',
        '\t',
        '\0',
        '\ufeff',
        '\u0085',
        '\u2028',
        "'",
        '\\N',
        'é',
        '🚀',
      ),
      {
        maxLength: 8,
      },
    )
    .map((pieces) => pieces.join('')),
);
const rows = fc.array(fc.tuple(cell, cell, cell), { maxLength: 6 });
const lineEnd = fc.constantFrom('\n', '\r\n');
/** Quoted only where necessary, or always. */
const quoted = (text: string, always: boolean) =>
  always || text === '' || /[",\r\n\ufeff]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const bodyOf = (table: readonly (readonly string[])[], end: string, always: boolean) =>
  Buffer.from(`${[HEADER, ...table].map((row) => row.map((text) => quoted(text, always)).join(',')).join(end)}${end}`);

describe('decodeCsv', () => {
  it('decodes any cells as sent, with any quoting and line ends', () => {
    fc.assert(
      fc.property(rows, lineEnd, fc.boolean(), (table, end, always) => {
        const page = decoded(bodyOf(table, end, always), true);
        expect(page).toMatchObject({ records: table.length, columns: HEADER });
        expect(page && rowsOf(page)).toEqual(table);
      }),
      { numRuns: propertyRuns(60, 500) },
    );
  });

  it('decodes or rejects any bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
    const likely = fc
      .array(
        fc.constantFrom('name', ',', '\n', '\r\n', '\r', '"', '""', '\\', ' ', '\0', '\ufeff', 'x', 'é', '<', '[', '{'),
        { maxLength: 40 },
      )
      .map((tokens) => Buffer.from(tokens.join('')));
    fc.assert(
      fc.property(fc.oneof(bytes, likely), fc.constantFrom(true, false, undefined), (body, finalNewline) => {
        decoded(body, finalNewline);
      }),
      { numRuns: propertyRuns(300, 3000) },
    );
  });

  it('accepts the bodies that csv-parse accepts, with the same cells, except for a NUL after a closing quote', () => {
    const cells = fc.constantFrom('a', 'é', ' ', '\\', '\0', '""', '"x"', '"a,b"', '"a""b"', '"a\nb"', '"a\r\nb"', '');
    const row = fc.oneof(
      { weight: 20, arbitrary: fc.tuple(cells, cells) },
      { weight: 1, arbitrary: fc.array(cells, { maxLength: 3 }) },
      { weight: 1, arbitrary: fc.tuple(cells, fc.constantFrom('"', 'a"', '"x"y', '"x""')) },
    );
    const text = fc
      .array(fc.tuple(row, fc.constantFrom('\n', '\r\n', '\n\n', '\r')), { maxLength: 6 })
      .map((lines) => lines.map(([values, end]) => values.join(',') + end).join(''));
    fc.assert(
      fc.property(text, (rows) => {
        fc.pre(!rows.includes('"\0'));
        const body = `name,note\n${rows}`;
        let expected: string[][] | undefined;
        try {
          expected = parse(body, { record_delimiter: ['\r\n', '\n'], skip_empty_lines: true }).slice(1) as string[][];
        } catch {}
        const page = decoded(Buffer.from(body), undefined);
        expect(page && rowsOf(page)).toEqual(expected);
      }),
      { numRuns: propertyRuns(300, 5000) },
    );
  });

  it('decodes only whole rows of a truncated body if bodies end with a newline', () => {
    fc.assert(
      fc.property(rows, lineEnd, fc.boolean(), fc.nat(), (table, end, always, at) => {
        const body = bodyOf(table, end, always);
        const page = decoded(body.subarray(0, at % body.length), true);
        if (!page) return;
        // The run detects missing rows, because it knows the number of accounts.
        expect(rowsOf(page)).toEqual(table.slice(0, page.records));
        expect(page.records === 0 || page.columns.join() === HEADER.join()).toBe(true);
      }),
      { numRuns: propertyRuns(200, 2000) },
    );
  });

  it('decodes whole rows except the last of a truncated body if bodies end without a newline', () => {
    fc.assert(
      fc.property(rows, fc.boolean(), fc.nat(), (table, always, at) => {
        const body = bodyOf(table, '\n', always).subarray(0, -1);
        const page = decoded(body.subarray(0, at % body.length), false);
        if (!page || page.records === 0) return;
        expect(rowsOf(page).slice(0, -1)).toEqual(table.slice(0, page.records - 1));
      }),
      { numRuns: propertyRuns(100, 1000) },
    );
  });

  it('rejects a modified body or writes it as sent', async () => {
    const mutated = fc
      .tuple(rows, lineEnd, fc.boolean())
      .chain(([table, end, always]) => mutationOf(bodyOf(table, end, always)));
    const columns = ['name', 'superseded'];
    const format = csvFormat({ columns, tableColumns: columns, finalNewline: true });
    await fc.assert(
      fc.asyncProperty(mutated, async (body) => {
        const page = decoded(body, true);
        if (!page || page.records === 0) return;
        const part = gunzipSync((await format.encode(page)).body).toString();
        const written = readOpenCsv(part, 2, CSV_SERDE_PARAMETERS).map(([name]) => name);
        const at = page.columns.indexOf('name');
        expect(written).toEqual(rowsOf(page).map((row) => (row[at] ?? '').replaceAll(/\r\n|\n|\r/g, '\\n')));
      }),
      { numRuns: propertyRuns(100, 1500) },
    );
  });
});

describe('a CSV part', () => {
  const columns = [...HEADER, 'superseded'];
  const format = csvFormat({ columns, tableColumns: columns, finalNewline: true });

  it('preserves any cells except line breaks, in the column order of the table', async () => {
    const order = fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(rows, order, async (table, positions) => {
        const shuffled = [HEADER, ...table].map((row) => positions.map((position) => row[position] ?? ''));
        const body = shuffled.map((row) => row.map((text) => quoted(text, true)).join(',')).join('\n');
        const part = gunzipSync((await format.encode(format.decode(Buffer.from(`${body}\n`)))).body).toString();
        const read = readOpenCsv(part, 3, CSV_SERDE_PARAMETERS);
        expect(read).toEqual(table.map((row) => row.map((text) => text.replaceAll(/\r\n|\n|\r/g, '\\n'))));
      }),
      { numRuns: propertyRuns(60, 500) },
    );
  });

  it('keeps columns with any name', async () => {
    const name = fc.oneof(cell, fc.constantFrom('__proto__', 'constructor', 'toString', 'superseded', 'NAMES', ''));
    const names = fc.uniqueArray(
      name.filter((text) => !/[\0\ufeff]/.test(text) && text.trim() !== 'name'),
      { minLength: 1, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(names, async (further) => {
        const body = [
          ['name', ...further],
          ['acme', ...further.map((_, i) => `v${i}`)],
        ];
        const text = body.map((row) => row.map((value) => quoted(value, true)).join(',')).join('\n');
        const page = format.decode(Buffer.from(`${text}\n`));
        const part = gunzipSync((await format.encode(page)).body).toString();
        const [row = []] = readOpenCsv(part, 20, CSV_SERDE_PARAMETERS);
        for (const i of further.keys()) expect(row).toContain(`v${i}`);
      }),
      { numRuns: propertyRuns(30, 100) },
    );
  });
});
