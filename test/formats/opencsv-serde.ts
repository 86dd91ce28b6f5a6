/**
 * Reads CSV as Athena does with Hive's OpenCSVSerde and the CSVParser of opencsv 2.3, bug for bug. Its rules are in
 * `CSV_FACTS`. Source: Trino's `CsvDeserializer`, a fork of `au.com.bytecode.opencsv.CSVParser` (strictQuotes false,
 * ignoreLeadingWhiteSpace true), which Hive's `OpenCSVSerde` calls for one physical line at a time.
 */
export interface SerdeParameters {
  readonly separatorChar: string;
  readonly quoteChar: string;
  readonly escapeChar: string;
}

/** The rows after the header, each with `columns` cells. */
export function readOpenCsv(text: string, columns: number, parameters: SerdeParameters): (string | null)[][] {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines.slice(1).map((line) => {
    const cells = line === '' ? [] : parseLine(line, parameters);
    return Array.from({ length: columns }, (_, i) => cells[i] ?? null);
  });
}

function parseLine(line: string, { separatorChar, quoteChar, escapeChar }: SerdeParameters): string[] {
  const cells: string[] = [];
  let cell = '';
  let inQuotes = false;
  let inField = false;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    const next = line[i + 1];
    if (c === escapeChar) {
      if ((inQuotes || inField) && (next === quoteChar || next === escapeChar)) {
        cell += next;
        i++;
      }
    } else if (c === quoteChar) {
      if ((inQuotes || inField) && next === quoteChar) {
        cell += next;
        i++;
      } else {
        if (i > 2 && line[i - 1] !== separatorChar && next !== undefined && next !== separatorChar) {
          // A quote in the middle of a field: spaces before it are dropped, otherwise it is literal.
          cell = isJavaBlank(cell) ? '' : cell + c;
        }
        inQuotes = !inQuotes;
      }
      inField = !inField;
    } else if (c === separatorChar && !inQuotes) {
      cells.push(cell);
      cell = '';
      inField = false;
    } else {
      cell += c;
      inField = true;
    }
  }
  if (!inQuotes) cells.push(cell);
  return cells;
}

/** Whether all characters are whitespace for Java's `Character.isWhitespace`. */
function isJavaBlank(text: string): boolean {
  return text !== '' && [...text].every((c) => (/\s/.test(c) && !NO_BREAK.includes(c)) || (c >= '\x1c' && c <= '\x1f'));
}

const NO_BREAK = '\u00a0\u2007\u202f\ufeff';
