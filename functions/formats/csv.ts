import { parse } from 'csv-parse/sync';
import type { Compression } from '../model/export-format.ts';
import type { FieldPresence } from '../model/field-coverage.ts';
import { CHECK_HOST, PageError } from '../model/page-error.ts';
import { RESUME_OR_START } from '../model/remedies.ts';
import { ACCOUNT_FIELDS, ACCOUNT_KEY, fieldOf } from './account-columns.ts';
import { checkCsvLimits } from './body-limits.ts';
import { compress, decompress } from './compression.ts';
import { presentFields } from './field-counts.ts';
import { type DecodedPage, type EncodedPart, type PageFormat, supersededRecords } from './page-format.ts';
import { decodeUtf8 } from './utf8.ts';

/** A page of the CSV endpoint. */
export interface CsvPage extends DecodedPage {
  /** The cells of each account, in the order of `columns`. */
  readonly rows: readonly (readonly string[])[];
  readonly endsWithNewline: boolean;
}

/**
 * The OpenCSVSerDe parameters of the Glue table. They are the defaults, but the writer depends on them: it quotes every
 * value and doubles quotes and backslashes, because the SerDe drops a single backslash.
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
  checkCsvLimits(body);
  const text = decodeUtf8(body);
  const endsWithNewline = text.endsWith('\n');
  if (text.trim() === '') return { records: 0, names: [], columns: [], fields: [], rows: [], endsWithNewline };
  if (text.trimStart().startsWith('<')) {
    throw new PageError('ApiContentError', { problem: 'HTML instead of CSV', remedy: CHECK_HOST });
  }
  const [header = [], ...rows] = parseRows(text);
  checkHeader(header, body);
  if (!endsWithNewline && (finalNewline === true || (rows.length === 0 && !hasName(header)))) {
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
  const key = columns.indexOf(ACCOUNT_KEY);
  // An empty cell is not a name: two accounts without a name are different accounts.
  const names = rows.map((row) => row[key]?.replace(LINE_BREAK, '\\n') || JSON.stringify(row));
  return { records: rows.length, names, columns, fields: filledColumns(columns, rows), rows, endsWithNewline };
}

/** CSV has no null: a cell that is not empty is a value. */
function filledColumns(columns: readonly string[], rows: readonly (readonly string[])[]): FieldPresence[] {
  const filled = columns.map(() => 0);
  for (const row of rows) for (let i = 0; i < filled.length; i++) if (row[i] !== '') (filled[i] as number)++;
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

const USE_JSON = 'start a new run with format json';
/** If the response is not damaged, only the JSON endpoint helps. */
const RETRY_OR_JSON = `${RESUME_OR_START}; if it fails again, ${USE_JSON}`;

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

function parseRows(text: string): string[][] {
  try {
    // By default the parser expects every line to end as the first one does, and keeps the CR of others.
    const lineEnds = text.includes('\n') ? ['\r\n', '\n'] : ['\r'];
    return parse(text, { record_delimiter: lineEnds, skip_empty_lines: true });
  } catch (error) {
    // The message of the parser quotes the row.
    const { lines } = error as { lines?: number };
    throw new PageError('ApiAnswerError', {
      problem: 'Malformed CSV',
      values: [`${lines === undefined ? '' : `line ${lines}: `}wrong number of cells, or a quote is not closed`],
      remedy: RETRY_OR_JSON,
    });
  }
}

/** The header of a CSV part. */
export async function csvPartHeader(part: Uint8Array): Promise<string[]> {
  const text = (await decompress(part)).toString();
  const [header = []] = parse(text.slice(0, text.indexOf('\n'))) as string[][];
  return header.map((column) => column.replaceAll('\\\\', '\\'));
}

async function encode(page: CsvPage, { columns, tableColumns, compression }: CsvOptions): Promise<EncodedPart> {
  const sent = spelledAs(columns, page.columns);
  const header = [...columns, ...sent.filter((column) => !columns.includes(column)).sort()];
  const positions = header.map((column) => sent.indexOf(column));
  const supersededAt = header.indexOf(SUPERSEDED_COLUMN);
  const superseded = supersededRecords(page.names);
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
      at === supersededAt ? (superseded.has(i) ? 'true' : '') : position < 0 ? '' : (row[position] ?? ''),
    );
    lines.push(cells.map(cell).join(','));
  }
  return {
    body: await compress(`${lines.join('\n')}\n`, compression),
    escapedLineBreaks,
    unmappedColumns: sent.filter((column) => !tableColumns.includes(column)).sort(),
  };
}

/** Characters that a cell cannot contain unescaped. */
const SPECIAL = /["\\\r\n]/;

const LINE_BREAK = /\r\n|\n|\r/g;
