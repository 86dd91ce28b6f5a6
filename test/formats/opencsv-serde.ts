/**
 * Reads CSV as Athena does: Hive's OpenCSVSerde over the CSVParser of opencsv 2.3, bug for bug.
 *
 * Source: Trino's `CsvDeserializer`, a fork of `au.com.bytecode.opencsv.CSVParser` (strictQuotes false,
 * ignoreLeadingWhiteSpace true), which Hive's `OpenCSVSerde` calls for one physical line at a time. Its traits: a lone
 * backslash is swallowed; a backslash counts as an escape only inside a field and before a quote or a backslash; an empty
 * field is an empty text and never NULL; missing fields, a last field with an open quote, and all fields of an empty line
 * are NULL; surplus fields are dropped.
 */
export interface SerdeParameters {
  readonly separatorChar: string;
  readonly quoteChar: string;
  readonly escapeChar: string;
}

/** The rows below the header (`skip.header.line.count` = 1), each as many cells as the table has columns. */
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
          // A quote in the middle of a field: leading blanks before it are dropped, or it stands for itself.
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

/** Whether a text that is not empty holds only what Java's `Character.isWhitespace` takes for blank. */
function isJavaBlank(text: string): boolean {
  return text !== '' && [...text].every((c) => (/\s/.test(c) && !NO_BREAK.includes(c)) || (c >= '\x1c' && c <= '\x1f'));
}

const NO_BREAK = '\u00a0\u2007\u202f\ufeff';
