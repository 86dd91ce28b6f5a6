/** Writes the lines of a CSV part, from the cells of a page. */
import type { CsvCells } from './csv-cells.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** The OpenCSVSerDe reads `\n` as a row's end even in quotes. */
export const LINE_BREAK = /\r\n|\n|\r/g;

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

/** One for each byte that a cell without quotes cannot contain. */
const SPECIAL = new Uint8Array(256);
for (const byte of [QUOTE, COMMA, BACKSLASH, LINE_FEED, CARRIAGE_RETURN]) SPECIAL[byte] = 1;

/** A line break becomes an escaped backslash and `n`. */
const MAX_GROWTH = 3;
/** Around a cell: two quotes and a comma. */
const CELL_OVERHEAD = 3;
const TRUE = Buffer.from('true');

/** Writes a header and a line for each record. A cell has quotes only if a reader needs them: parts are smaller without. */
export function csvLines(cells: CsvCells, { header, positions, supersededAt, superseded }: CsvLayout): CsvLines {
  const { bytes, starts, ends, width, rows } = cells;
  const breaks = { escaped: 0 };
  const first = Buffer.from(`${header.map((name) => csvCell(name, breaks)).join(',')}\n`);
  let out = Buffer.allocUnsafe(first.length + bytes.length + rows * header.length);
  let at = first.copy(out);
  for (let row = 1; row < rows; row++) {
    const base = row * width;
    const rowBytes = (ends[base + width - 1] as number) - (starts[base] as number);
    const room = MAX_GROWTH * rowBytes + CELL_OVERHEAD * header.length + TRUE.length;
    if (out.length - at < room) {
      const grown = Buffer.allocUnsafe(2 * out.length + room);
      out.copy(grown, 0, 0, at);
      out = grown;
    }
    for (let column = 0; column < positions.length; column++) {
      if (column > 0) out[at++] = COMMA;
      const position = positions[column] as number;
      if (position < 0) {
        if (column === supersededAt && superseded.has(row - 1)) at += TRUE.copy(out, at);
        continue;
      }
      const start = starts[base + position] as number;
      const end = ends[base + position] as number;
      const before = at;
      let i = start;
      if ((bytes[start] as number) > SPACE && (bytes[end - 1] as number) > SPACE) {
        for (; i < end; i++) {
          const byte = bytes[i] as number;
          if (SPECIAL[byte] === 1) break;
          out[at++] = byte;
        }
      }
      if (i < end) at = before + out.write(csvCell(cells.text(base + position), breaks), before);
    }
    out[at++] = LINE_FEED;
  }
  return { text: out.subarray(0, at), escapedLineBreaks: breaks.escaped };
}

/** A cell with quotes if it needs them. */
function csvCell(value: string, breaks: { escaped: number }): string {
  if (!NEEDS_QUOTES.test(value)) return value;
  const flat = value.replace(LINE_BREAK, () => {
    breaks.escaped++;
    return '\\n';
  });
  return `"${flat.replaceAll('\\', '\\\\').replaceAll('"', '""')}"`;
}

/**
 * The SerDe needs quotes only around values with a comma, quote, backslash or line break. Values that start or end with a
 * space or control character also get them: some readers trim such values, and for `query` one character alone is NULL.
 */
const NEEDS_QUOTES = /[",\\\r\n]|^[\0- ]|[\0- ]$/;
