import type { Compression } from '../model/export-format.ts';
import type { FieldPresence } from '../model/field-coverage.ts';
import { CHECK_HOST, PageError } from '../model/page-error.ts';
import { ACCOUNT_FIELDS, ACCOUNT_KEY, fieldOf } from './account-columns.ts';
import { compress, decompress } from './compression.ts';
import { type CsvCells, readCells, USE_JSON } from './csv-cells.ts';
import { csvLines } from './csv-lines.ts';
import { presentFields } from './field-counts.ts';
import { type DecodedPage, type EncodedPart, type PageFormat, supersededRecords } from './page-format.ts';
import { checkUtf8 } from './utf8.ts';

/** A page of the CSV endpoint. */
export interface CsvPage extends DecodedPage {
  /** The header, then a row for each account, with its cells in the order of `columns`. */
  readonly cells: CsvCells;
  readonly endsWithNewline: boolean;
}

/**
 * The OpenCSVSerDe parameters of the Glue table. They are the defaults, but the writer depends on them: it doubles quotes and
 * backslashes, because the SerDe drops a single backslash, and puts quotes around values that contain them.
 * Source: Hive's OpenCSVSerde, and the CSVParser of opencsv 2.3, which Hive and Trino use.
 */
export const CSV_SERDE_PARAMETERS = { separatorChar: ',', quoteChar: '"', escapeChar: '\\' } as const;

/** Marks a record that a later one on its page replaces. */
export const SUPERSEDED_COLUMN = 'superseded';

export interface CsvOptions {
  /** The header of every part: the columns of the table, then other columns that the plan found. */
  readonly columns: readonly string[];
  /** The columns that the table declares: the first ones of `columns`. */
  readonly tableColumns: readonly string[];
  /** Whether the API ends its CSV with a newline: then a body without one is truncated. */
  readonly finalNewline: boolean;
  /** @default 'gzip' */
  readonly compression?: Compression | undefined;
}

/**
 * The columns of the Glue table: account fields, `superseded`, then the configured attributes. Attributes
 * come last so that adding one moves no column. Maps have no column: the API sends each attribute as a column.
 */
export function csvTableColumns(attributeColumns: readonly string[]): string[] {
  const fields = ACCOUNT_FIELDS.filter(({ kind }) => kind !== 'textMap').map(({ name }) => name);
  return [...new Set([...fields, SUPERSEDED_COLUMN, ...attributeColumns])];
}

/** The header of every part: the columns of the table, then other columns of the API, sorted. */
export function pinCsvColumns(tableColumns: readonly string[], header: readonly string[]): string[] {
  const columns = spelledAs(tableColumns, header);
  return [...tableColumns, ...columns.filter((column) => !tableColumns.includes(column)).sort()];
}

/**
 * The columns that the API sent, spelled as the declared ones that they match: ignoring case and surrounding whitespace, as
 * account fields do. A column that could be another one, too, keeps its name.
 */
function spelledAs(declared: readonly string[], sent: readonly string[]): string[] {
  const isDeclared = new Set(declared);
  const isSent = new Set(sent);
  const folded = (column: string) => column.trim().toLowerCase();
  const missing = Map.groupBy(
    declared.filter((column) => !isSent.has(column)),
    folded,
  );
  const others = Map.groupBy(
    sent.filter((column) => !isDeclared.has(column)),
    folded,
  );
  return sent.map((column) => {
    const [match, ...further] = isDeclared.has(column) ? [] : (missing.get(folded(column)) ?? []);
    const isOnly = further.length === 0 && others.get(folded(column))?.length === 1;
    return match !== undefined && isOnly ? match : column;
  });
}

/** CSV parts that the OpenCSVSerDe reads back unchanged, except for line breaks within values. */
export function csvFormat(options: CsvOptions): PageFormat<CsvPage> {
  return {
    decode: (body) => decodeCsv(body, { finalNewline: options.finalNewline }),
    encode: (page) => encode(page, options),
  };
}

/**
 * Decodes a body of the CSV endpoint: a header and one row per account. After the last page the API sends only a header, or
 * nothing.
 * @throws PageError `ApiAnswerError` for a damaged body and `ApiContentError` for another one, which never quote it;
 * `PageTooLargeError`; `PlanTooLargeError` for too many columns; `ApiRequestError` for a header without `name` or with two
 * columns of one name
 */
export function decodeCsv(body: Buffer, { finalNewline }: { finalNewline: boolean | undefined }): CsvPage {
  checkUtf8(body);
  const endsWithNewline = body.at(-1) === LINE_FEED;
  const first = firstCharacter(body);
  if (first === undefined) {
    return { records: 0, names: [], columns: [], fields: [], cells: readCells(Buffer.alloc(0)), endsWithNewline };
  }
  if (first === '<') {
    throw new PageError('ApiContentError', { problem: 'HTML instead of CSV', remedy: CHECK_HOST });
  }
  const cells = readCells(body);
  const records = cells.rows - 1;
  const header = cells.row(0);
  checkHeader(header, body);
  if (!endsWithNewline && (finalNewline === true || (records === 0 && !hasName(header)))) {
    const values = [`${body.length} bytes; no newline at the end${finalNewline ? ', unlike earlier pages' : ''}`];
    throw new PageError('ApiAnswerError', { problem: 'Truncated CSV', values });
  }
  if (!hasName(header)) {
    throw new PageError('ApiRequestError', {
      problem: `CSV without the column "${ACCOUNT_KEY}"`,
      values: [`${header.length} ${header.length === 1 ? 'column' : 'columns'}`],
      remedy: USE_JSON,
    });
  }
  const columns = header.map(columnName);
  refuseRepeatedColumns(columns);
  const names = namesOf(cells, columns.indexOf(ACCOUNT_KEY));
  return { records, names, columns, fields: filledColumns(columns, cells), cells, endsWithNewline };
}

const LINE_FEED = 0x0a;
/** Bytes of a body decoded to find its first character. */
const HEAD_BYTES = 1000;

/** The first character that is not white space, `undefined` if there is none. */
function firstCharacter(body: Buffer): string | undefined {
  const head = body.toString('utf8', 0, HEAD_BYTES).trimStart();
  // One character may be a part of another one.
  const [first] = head.length > 1 ? head : body.toString().trimStart();
  return first;
}

/** The OpenCSVSerDe reads `\n` as a row's end even in quotes, so that parts have the two characters instead. */
const LINE_BREAK = /\r\n|\n|\r/g;

/** An empty cell is not a name: two accounts without a name are different accounts. */
function namesOf(cells: CsvCells, column: number): string[] {
  const names = cells.column(column);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    if (name === '') names[i] = JSON.stringify(cells.row(i + 1));
    else if (name.includes('\n') || name.includes('\r')) names[i] = name.replace(LINE_BREAK, '\\n');
  }
  return names;
}

/** CSV has no null: a cell that is not empty is a value. */
function filledColumns(columns: readonly string[], { width, rows, starts, ends }: CsvCells): FieldPresence[] {
  const filled = new Uint32Array(width);
  for (let cell = width; cell < rows * width; ) {
    for (let column = 0; column < width; column++, cell++) {
      if (starts[cell] !== ends[cell]) (filled[column] as number)++;
    }
  }
  return presentFields(columns.map((column, i) => [column, filled[i] ?? 0] as const));
}

function hasName(header: readonly string[]): boolean {
  return header.some((column) => fieldOf(column)?.name === ACCOUNT_KEY);
}

/** A column of the header as parts name it. Only the writer may set `superseded`. */
function columnName(sent: string): string {
  return sent.trim().toLowerCase() === SUPERSEDED_COLUMN
    ? `${SUPERSEDED_COLUMN}_as_sent`
    : (fieldOf(sent)?.name ?? sent);
}

/**
 * A header must contain a known field. Otherwise any line of text, such as an error message with a comma in it, would pass
 * for a header without rows, which means the end of the data.
 */
function checkHeader(header: readonly string[], body: Buffer): void {
  if (header.some((column) => NOT_UTF8.test(column))) {
    throw new PageError('ApiContentError', {
      problem: 'CSV header is not plain UTF-8',
      values: ['NUL or byte order mark'],
      remedy: 'contact Salesforce',
    });
  }
  if (header.length > MAX_COLUMNS) {
    throw new PageError('PlanTooLargeError', {
      problem: 'Too many CSV columns',
      values: [`${header.length}, maximum ${MAX_COLUMNS}`],
      remedy: 'export as JSON instead',
    });
  }
  if (header.some((column) => fieldOf(column))) return;
  const columns = `${header.length} ${header.length === 1 ? 'column' : 'columns'}`;
  throw new PageError('ApiContentError', {
    problem: 'Text instead of CSV',
    values: [`no account field in the first line, ${columns}, ${body.length} bytes`],
    remedy: CHECK_HOST,
  });
}

/** UTF-16 of ASCII is valid UTF-8 with NULs. A byte order mark is dropped only at the start. */
const NOT_UTF8 = /[\0\ufeff]/;

/** A plan stores up to 40,000 characters of header, at least four per column; searches of the header are linear. */
const MAX_COLUMNS = 10_000;

/** Such a header names no values. Reports positions, not names: if the API sent no header, a name would be account data. */
function refuseRepeatedColumns(columns: readonly string[]): void {
  const first = new Map<string, number>();
  for (const [i, column] of columns.entries()) {
    const before = first.get(column);
    if (before !== undefined) {
      const which = fieldOf(column) ? ` ${JSON.stringify(column)}` : '';
      throw new PageError('ApiRequestError', {
        problem: `Repeated CSV column${which}`,
        values: [`columns ${before + 1} and ${i + 1}`],
        remedy: USE_JSON,
      });
    }
    first.set(column, i);
  }
}

/** The header of a CSV part. */
export async function csvPartHeader(part: Uint8Array): Promise<string[]> {
  return csvHeaderOf(await decompress(part));
}

/** The header of the text of a part, or of its start. Empty if it has no complete line. */
export function csvHeaderOf(text: Buffer): string[] {
  const line = text.subarray(0, text.indexOf('\n') + 1);
  return readCells(line)
    .row(0)
    .map((column) => column.replaceAll('\\\\', '\\'));
}

async function encode(page: CsvPage, { columns, tableColumns, compression }: CsvOptions): Promise<EncodedPart> {
  const sent = spelledAs(columns, page.columns);
  const header = [...columns, ...sent.filter((column) => !columns.includes(column)).sort()];
  const { text, escapedLineBreaks } = csvLines(page.cells, {
    header,
    positions: header.map((column) => sent.indexOf(column)),
    supersededAt: header.indexOf(SUPERSEDED_COLUMN),
    superseded: supersededRecords(page.names),
  });
  return {
    body: await compress(text, compression),
    escapedLineBreaks,
    unmappedColumns: sent.filter((column) => !tableColumns.includes(column)).sort(),
  };
}
