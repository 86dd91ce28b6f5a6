import { parse } from 'csv-parse/sync';
import { ExportError } from '../errors.ts';
import { ACCOUNT_FIELDS, ACCOUNT_KEY } from './account-columns.ts';
import { gzip } from './gzip.ts';
import type { DecodedPage, EncodedPart, PageFormat } from './page-format.ts';
import { supersededRecords } from './superseded.ts';
import { decodeUtf8 } from './utf8.ts';

/** A page of the CSV endpoint. */
export interface CsvPage extends DecodedPage {
  /** The cells of each account, in the order of `columns`. */
  readonly rows: readonly (readonly string[])[];
  readonly endsWithNewline: boolean;
}

/**
 * What the Glue table tells the OpenCSVSerDe. These are its defaults, stated because the writing below depends on them:
 * every value is quoted, a quote is doubled, and a backslash is doubled since the SerDe swallows a lone one.
 * Source: Hive's OpenCSVSerde and the CSVParser of opencsv 2.3 that it, and Trino, read with.
 */
export const CSV_SERDE_PARAMETERS = { separatorChar: ',', quoteChar: '"', escapeChar: '\\' } as const;

/** The column that marks a record which comes again later on its page. */
export const SUPERSEDED_COLUMN = 'superseded';

export interface CsvOptions {
  /** The header of every part: the table's columns, then further ones the plan saw. */
  readonly columns: readonly string[];
  /** What the table declares: the first of `columns`. */
  readonly tableColumns: readonly string[];
  /** Whether the API's answers end in a newline; when they do, one that does not has broken off. */
  readonly finalNewline: boolean;
}

/**
 * The columns of the Glue table, in order: the account's own, the mark of superseded records, and the tenant's attributes
 * as configured, last, so that one more attribute moves no column. The nested fields of an account have no column in CSV:
 * the API spreads their values.
 */
export function csvTableColumns(attributeColumns: readonly string[]): string[] {
  const fields = ACCOUNT_FIELDS.filter(({ kind }) => kind !== 'textMap').map(({ name }) => name);
  return [...new Set([...fields, SUPERSEDED_COLUMN, ...attributeColumns])];
}

/** The header of all parts: what the table declares first, whatever else the API sends behind it, sorted. */
export function pinCsvColumns(tableColumns: readonly string[], header: readonly string[]): string[] {
  return [...tableColumns, ...header.filter((column) => !tableColumns.includes(column)).sort()];
}

/** CSV parts that the OpenCSVSerDe reads back unchanged, but for line breaks within values. */
export function csvFormat(options: CsvOptions): PageFormat<CsvPage> {
  return {
    format: 'csv',
    endpoint: 'csv',
    contentType: 'application/gzip',
    decode: (body) => decodeCsv(body, { finalNewline: options.finalNewline }),
    encode: (page) => encode(page, options),
  };
}

/**
 * A body of the CSV endpoint: a header and a row for each account; a header alone, or nothing, past the last page.
 * @throws ExportError `ApiAnswerError` naming the line that is wrong; never with a word of its content
 */
export function decodeCsv(body: Buffer, { finalNewline }: { finalNewline: boolean | undefined }): CsvPage {
  const text = decodeUtf8(body);
  const endsWithNewline = text.endsWith('\n');
  if (text.trim() === '') return { records: 0, identities: [], columns: [], rows: [], endsWithNewline };
  if (text.trimStart().startsWith('<')) {
    throw new ExportError('ApiAnswerError', "The API's answer looks like a web page where CSV was asked for.");
  }
  const [header = [], ...rows] = parseRows(text);
  if (header.length === 1 && !ACCOUNT_FIELDS.some(({ name }) => name.toLowerCase() === header[0]?.toLowerCase())) {
    // A plain text such as "Please try again later" would pass for a header alone, which means the end of the accounts.
    throw new ExportError(
      'ApiAnswerError',
      `The API's answer of ${body.length} bytes is not CSV: its first line has one column, and none that accounts have.`,
    );
  }
  // The mark of superseded records must be the writer's own.
  const columns = header.map((column) => (column === SUPERSEDED_COLUMN ? `${column}_as_sent` : column));
  const [twice] = columns.filter((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) {
    throw new ExportError(
      'ApiAnswerError',
      `The header of the API's CSV names column ${JSON.stringify(twice.slice(0, 60))} twice.`,
    );
  }
  if (finalNewline === true && !endsWithNewline) {
    throw new ExportError(
      'ApiAnswerError',
      `The API's CSV of ${body.length} bytes does not end in a newline as before: it seems to have broken off.`,
    );
  }
  const key = columns.indexOf(ACCOUNT_KEY);
  // An empty cell is no name: two accounts without one are not the same.
  const identities = rows.map((row) => row[key] || JSON.stringify(row));
  return { records: rows.length, identities, columns, rows, endsWithNewline };
}

function parseRows(text: string): string[][] {
  try {
    // Named, since the parser would otherwise take the first line's ending for that of all, and keep the CR of others.
    const lineEnds = text.includes('\n') ? ['\r\n', '\n'] : ['\r'];
    return parse(text, { record_delimiter: lineEnds, skip_empty_lines: true });
  } catch (error) {
    // The parser's own message quotes the row.
    const { lines } = error as { lines?: number };
    throw new ExportError(
      'ApiAnswerError',
      `The API's CSV is malformed${lines === undefined ? '' : ` at line ${lines}`}: a row has too few or too many cells, or a quote is left open.`,
    );
  }
}

async function encode(page: CsvPage, { columns, tableColumns }: CsvOptions): Promise<EncodedPart> {
  const further = page.columns.filter((column) => !columns.includes(column)).sort();
  const header = [...columns, ...further];
  const positions = header.map((column) => page.columns.indexOf(column));
  const mark = header.indexOf(SUPERSEDED_COLUMN);
  const superseded = supersededRecords(page.identities);
  let escapedLineBreaks = 0;
  const cell = (value: string) => {
    if (!SPECIAL.test(value)) return `"${value}"`;
    const flat = value.replace(LINE_BREAK, () => {
      escapedLineBreaks++;
      return '\\n';
    });
    return `"${flat.replaceAll('\\', '\\\\').replaceAll('"', '""')}"`;
  };
  const lines = [header.map(cell).join(',')];
  for (const [i, row] of page.rows.entries()) {
    const cells = positions.map((position, at) =>
      at === mark ? (superseded.has(i) ? 'true' : '') : position < 0 ? '' : (row[position] ?? ''),
    );
    lines.push(cells.map(cell).join(','));
  }
  return {
    body: await gzip(`${lines.join('\n')}\n`),
    escapedLineBreaks,
    unmappedColumns: page.columns.filter((column) => !tableColumns.includes(column)).sort(),
  };
}

/** What a cell cannot hold as it is. */
const SPECIAL = /["\\\r\n]/;

/** What readers of text files take for the end of a line. */
const LINE_BREAK = /\r\n|\n|\r/g;
