import { parse } from 'csv-parse/sync';
import { ExportError } from '../model/errors.ts';
import { ACCOUNT_FIELDS, ACCOUNT_KEY } from './account-columns.ts';
import { checkCsvLimits } from './body-limits.ts';
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
 * @throws ExportError `ApiAnswerError` naming the line that is wrong, never with a word of its content; `PageTooLargeError`
 * when it holds more than memory does
 */
export function decodeCsv(body: Buffer, { finalNewline }: { finalNewline: boolean | undefined }): CsvPage {
  checkCsvLimits(body);
  const text = decodeUtf8(body);
  const endsWithNewline = text.endsWith('\n');
  if (text.trim() === '') return { records: 0, identities: [], columns: [], rows: [], endsWithNewline };
  if (text.trimStart().startsWith('<')) {
    throw new ExportError('ApiAnswerError', "The API's answer looks like a web page where CSV was asked for.");
  }
  const [header = [], ...rows] = parseRows(text);
  checkHeader(header, body);
  // The mark of superseded records must be the writer's own.
  const columns = header.map((column) => (column === SUPERSEDED_COLUMN ? `${column}_as_sent` : column));
  refuseTwice(columns);
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

/**
 * A header is told by what it names. Any other text would pass for a header alone, which means the end of the accounts: an
 * apology with a comma in it would end an export in silence.
 */
function checkHeader(header: readonly string[], body: Buffer): void {
  if (header.some((column) => STRANGE.test(column))) {
    // UTF-16 of ASCII is UTF-8 with a NUL between any two letters, and reads as columns that no table has.
    throw new ExportError(
      'ApiAnswerError',
      "The header of the API's CSV holds characters that no header does: its encoding is not UTF-8.",
    );
  }
  if (header.length > MAX_COLUMNS) {
    throw new ExportError(
      'ApiAnswerError',
      `The API's CSV has ${header.length} columns; up to ${MAX_COLUMNS} are read.`,
    );
  }
  if (header.some((column) => FIELD_NAMES.has(column.toLowerCase()))) return;
  const columns = header.length === 1 ? 'one column, and none' : `${header.length} columns, and none`;
  throw new ExportError(
    'ApiAnswerError',
    `The API's answer of ${body.length} bytes is not CSV: its first line has ${columns} that accounts have.`,
  );
}

const FIELD_NAMES: ReadonlySet<string> = new Set(ACCOUNT_FIELDS.map(({ name }) => name.toLowerCase()));

/** NUL, and a byte order mark that is not the first character. */
const STRANGE = /[\0\ufeff]/;

/** A plan pins no header of more than 40,000 characters, and a column takes four; lists of columns are searched as lists. */
const MAX_COLUMNS = 10_000;

/** Says which column by its position: where the API sent no header, a name here would be a value of an account. */
function refuseTwice(columns: readonly string[]): void {
  const first = new Map<string, number>();
  for (const [i, column] of columns.entries()) {
    const before = first.get(column);
    if (before !== undefined) {
      const which = FIELD_NAMES.has(column.toLowerCase()) ? `, ${JSON.stringify(column)}` : '';
      throw new ExportError(
        'ApiAnswerError',
        `The header of the API's CSV names a column twice${which}, as number ${before + 1} and number ${i + 1}.`,
      );
    }
    first.set(column, i);
  }
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
