/**
 * Reads CSV into the positions of its cells. A string for each cell would take longer than everything else that a page needs
 * except compressing its part.
 */
import { PageError } from '../model/page-error.ts';
import { RESUME_OR_START } from '../model/remedies.ts';
import { checkCsvLimits, MAX_GROUPS } from './body-limits.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');
/** 1 for each byte that may end a cell or a quotation. */
const IS_MARK = new Uint8Array(256);
for (const byte of [QUOTE, COMMA, LINE_FEED, CARRIAGE_RETURN]) IS_MARK[byte] = 1;

/** What helps if the API sends CSV that nobody can read. */
export const USE_JSON = 'start a new run with format json';

/** The rows of a CSV body, with the header. Cell `c` of row `r` is cell `r * width + c`. */
export class CsvCells {
  /** UTF-8. */
  readonly bytes: Buffer;
  /** Cells per row. */
  readonly width: number;
  readonly rows: number;
  /** Where the value of each cell starts and ends in `bytes`, without the quotes around it. Quotes in it are doubled. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;

  constructor(bytes: Buffer, { width, rows, starts, ends }: Pick<CsvCells, 'width' | 'rows' | 'starts' | 'ends'>) {
    this.bytes = bytes;
    this.width = width;
    this.rows = rows;
    this.starts = starts;
    this.ends = ends;
  }

  /** The value of a cell. */
  text(cell: number): string {
    const text = this.bytes.toString('utf8', this.starts[cell], this.ends[cell]);
    return text.includes('"') ? text.replaceAll('""', '"') : text;
  }

  /** The values of a column, without the header. Decoded all at once, then split, which is faster than one by one. */
  column(column: number): string[] {
    const { bytes, starts, ends, width, rows } = this;
    let length = rows;
    for (let cell = width + column; cell < rows * width; cell += width)
      length += (ends[cell] as number) - (starts[cell] as number);
    const joined = Buffer.allocUnsafe(length);
    const decodedAlone: number[] = [];
    let at = 0;
    for (let cell = width + column; cell < rows * width; cell += width) {
      const start = at;
      for (let i = starts[cell] as number; i < (ends[cell] as number); i++) {
        const byte = bytes[i] as number;
        joined[at++] = byte;
        if (byte !== QUOTE && byte !== LINE_FEED) continue;
        decodedAlone.push(cell);
        at = start;
        break;
      }
      joined[at++] = LINE_FEED;
    }
    const values = joined.toString('utf8', 0, at).split('\n');
    // After the last line feed.
    values.pop();
    for (const cell of decodedAlone) values[Math.floor(cell / width) - 1] = this.text(cell);
    return values;
  }

  /** The values of a row. */
  row(row: number): string[] {
    return Array.from({ length: this.width }, (_, column) => this.text(row * this.width + column));
  }
}

/**
 * Reads CSV strictly by RFC 4180. Rows end with LF or CRLF, which may be mixed; without any LF, they end with CR. Empty lines
 * are skipped.
 * @param body valid UTF-8; a byte order mark at its start is dropped
 * @throws PageError `PageTooLargeError`; `ApiAnswerError` if rows differ in their number of cells, or for a quote that is not
 * closed, follows other characters of its cell, or is followed by others
 */
export function readCells(body: Buffer): CsvCells {
  const marks = marksOf(body);
  const starts = new Uint32Array(marks.length);
  // Overwrites marks that were read: each cell takes at least one.
  const ends = marks;
  const crEndsRows = !body.includes(LINE_FEED);
  let [cells, width, rows] = [0, 0, 0];
  let i = body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  /** The first mark that is not before `i`. */
  let mark = 0;
  for (let end = 0; i < body.length; i += end, mark += end) {
    end = lineEndAt(body, i, crEndsRows);
    if (end > 0) continue;
    const before = cells;
    for (; ; i++, mark++) {
      if (body[i] === QUOTE) {
        starts[cells] = i + 1;
        mark = closingQuote(body, marks, mark + 1);
        i = marks[mark++] as number;
        if (i === body.length) throw malformed(body, i);
        ends[cells++] = i++;
        if (i < body.length && body[i] !== COMMA && lineEndAt(body, i, crEndsRows) === 0) throw malformed(body, i - 1);
      } else {
        starts[cells] = i;
        i = marks[mark] as number;
        while (body[i] === CARRIAGE_RETURN && lineEndAt(body, i, crEndsRows) === 0) i = marks[++mark] as number;
        if (body[i] === QUOTE) throw malformed(body, i);
        ends[cells++] = i;
      }
      if (i === body.length || body[i] !== COMMA) break;
    }
    if (rows === 0) width = cells;
    if (cells - before !== width) throw malformed(body, i);
    rows++;
    end = lineEndAt(body, i, crEndsRows);
  }
  return new CsvCells(body, { width, rows, starts, ends });
}

/**
 * The positions of all bytes that may end a cell or a quotation, then the length of the body. Counted and collected without
 * a branch, which a processor could not predict: that halves the time. Memory for more than there are would cost more time,
 * for garbage collection, than counting them.
 * @throws PageError `PageTooLargeError`
 */
function marksOf(body: Buffer): Uint32Array {
  let count = 0;
  for (let i = 0; i < body.length; i++) count += IS_MARK[body[i] as number] as number;
  // Fewer marks cannot exceed a limit.
  if (count > MAX_GROUPS) checkCsvLimits(body);
  const marks = new Uint32Array(count + 1);
  let at = 0;
  for (let i = 0; i < body.length; i++) {
    marks[at] = i;
    at += IS_MARK[body[i] as number] as number;
  }
  marks[count] = body.length;
  return marks;
}

/** The length of the line end at a position, 0 if there is none. */
function lineEndAt(body: Buffer, i: number, crEndsRows: boolean): number {
  if (body[i] === LINE_FEED) return 1;
  if (body[i] !== CARRIAGE_RETURN) return 0;
  return body[i + 1] === LINE_FEED ? 2 : crEndsRows ? 1 : 0;
}

/** The mark of the closing quote, or of the end of the body. @param mark the one after the opening quote */
function closingQuote(body: Buffer, marks: Uint32Array, mark: number): number {
  for (let m = mark; ; m++) {
    const i = marks[m] as number;
    if (i === body.length) return m;
    if (body[i] !== QUOTE) continue;
    if (body[i + 1] !== QUOTE) return m;
    m++;
  }
}

/** Names the line, counting line breaks within quotes, and does not quote it: it is account data. */
function malformed(body: Buffer, at: number): PageError {
  const before = body.toString('latin1', 0, Math.min(at, body.length - 1));
  return new PageError('ApiAnswerError', {
    problem: 'Malformed CSV',
    values: [`line ${before.split(/\r\n|\n|\r/).length}: wrong number of cells, or a quote is not closed`],
    // If the response is not damaged, only the JSON endpoint helps.
    remedy: `${RESUME_OR_START}; if it fails again, ${USE_JSON}`,
  });
}
