/** Writes the lines of a CSV part, from the cells of a page. */
import type { CsvCells } from './csv-cells.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const LETTER_N = 0x6e;

export interface CsvLayout {
  readonly header: readonly string[];
  /** For each column of the header, its column on the page, or -1. */
  readonly positions: readonly number[];
  /** The column that says which records are superseded, and their positions on the page. */
  readonly supersededAt: number;
  readonly superseded: ReadonlySet<number>;
}

export interface CsvLines {
  readonly text: Uint8Array;
  readonly escapedLineBreaks: number;
}

/** 1 for each byte that a cell without quotes cannot contain. */
const SPECIAL = new Uint8Array(256);
for (const byte of [QUOTE, COMMA, BACKSLASH, LINE_FEED, CARRIAGE_RETURN]) SPECIAL[byte] = 1;

/** A line break becomes two backslashes and `n`. */
const MAX_GROWTH = 3;
/** Around a cell: two quotes and a comma. */
const CELL_OVERHEAD = 3;
const TRUE = Buffer.from('true');

/** Writes a header and a line for each record. A cell has quotes only if a reader needs them: parts are smaller without. */
export function csvLines(cells: CsvCells, { header, positions, supersededAt, superseded }: CsvLayout): CsvLines {
  const { bytes, starts, ends, width, rows } = cells;
  const lines = new LineWriter(bytes.length + rows * header.length);
  for (const [column, name] of header.entries()) {
    const value = Buffer.from(name.replaceAll('"', '""'));
    lines.reserve(MAX_GROWTH * value.length + CELL_OVERHEAD);
    if (column > 0) lines.comma();
    lines.cell(value, 0, value.length);
  }
  lines.endLine();
  for (let row = 1; row < rows; row++) {
    const base = row * width;
    const rowBytes = (ends[base + width - 1] as number) - (starts[base] as number);
    lines.reserve(MAX_GROWTH * rowBytes + CELL_OVERHEAD * header.length + TRUE.length);
    for (let column = 0; column < positions.length; column++) {
      if (column > 0) lines.comma();
      const position = positions[column] as number;
      if (position >= 0) {
        lines.cell(bytes, starts[base + position] as number, ends[base + position] as number);
      } else if (column === supersededAt && superseded.has(row - 1)) {
        lines.cell(TRUE, 0, TRUE.length);
      }
    }
    lines.endLine();
  }
  return { text: lines.text, escapedLineBreaks: lines.escapedLineBreaks };
}

/** Appends cells to a buffer that grows. */
class LineWriter {
  #out: Buffer;
  #end = 0;
  escapedLineBreaks = 0;

  constructor(expectedBytes: number) {
    this.#out = Buffer.allocUnsafe(expectedBytes);
  }

  get text(): Uint8Array {
    return this.#out.subarray(0, this.#end);
  }

  /** Makes room for the next bytes and the end of their line. */
  reserve(bytes: number): void {
    const needed = this.#end + bytes + 1;
    if (needed <= this.#out.length) return;
    const grown = Buffer.allocUnsafe(this.#out.length + needed);
    this.#out.copy(grown, 0, 0, this.#end);
    this.#out = grown;
  }

  comma(): void {
    this.#out[this.#end++] = COMMA;
  }

  endLine(): void {
    this.#out[this.#end++] = LINE_FEED;
  }

  /**
   * Writes a cell, with quotes if it needs them. The SerDe needs them only around values with a comma, quote, backslash or line
   * break. Values that start or end with a space or control character also get them: some readers trim such values, and for
   * `query` one character alone is NULL.
   * @param bytes with the value from `start` to `end`, quotes doubled
   */
  cell(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    const out = this.#out;
    let at = this.#end;
    if ((bytes[start] as number) > SPACE && (bytes[end - 1] as number) > SPACE) {
      let i = start;
      for (; i < end; i++) {
        const byte = bytes[i] as number;
        if (SPECIAL[byte] === 1) break;
        out[at++] = byte;
      }
      if (i === end) {
        this.#end = at;
        return;
      }
    }
    at = this.#end;
    out[at++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
        if (byte === CARRIAGE_RETURN && i + 1 < end && bytes[i + 1] === LINE_FEED) i++;
        this.escapedLineBreaks++;
        out[at++] = BACKSLASH;
        out[at++] = BACKSLASH;
        out[at++] = LETTER_N;
      } else {
        if (byte === BACKSLASH) out[at++] = BACKSLASH;
        out[at++] = byte;
      }
    }
    out[at++] = QUOTE;
    this.#end = at;
  }
}
