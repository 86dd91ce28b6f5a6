/** Prints the result of a query: as a table, as one record below the other, as JSON or as CSV. */
import { printable } from '../../functions/model/printable.ts';
import { displayWidth, padded, pieces } from '../terminal/display-width.ts';
import { counted } from '../terminal/format.ts';
import type { Stream } from '../terminal/terminal.ts';
import { type QueryColumn, type QueryResult, type Row, uniqueNames } from './query-result.ts';

/** `auto`: a table, or records if the table is wider than the terminal. */
export type Layout = 'auto' | 'vertical' | 'json' | 'csv';

export interface PrintOptions {
  readonly stdout: Stream;
  readonly layout: Layout;
  /** Columns of the terminal; unlimited in a file or a pipe. */
  readonly width: number;
  /** How long the query ran. */
  readonly seconds: number;
}

/** Prints a result. With a table or records, the last line has the number of rows and the time. */
export async function printResult(result: QueryResult, options: PrintOptions): Promise<void> {
  const { stdout, layout } = options;
  if (layout === 'json') return printJson(result, stdout);
  if (layout === 'csv') return printCsv(result, stdout);
  const rows: Row[] = [];
  for await (const chunk of result.chunks) rows.push(...chunk);
  const lines = (layout === 'auto' ? tableOf(result.columns, rows, options.width) : undefined) ?? [
    ...recordsOf(result.columns, rows, options.width),
  ];
  const usage = result.usage === undefined ? '' : `, ${result.usage}`;
  writeLines(stdout, [...lines, `${counted(rows.length, 'row')} in ${seconds(options.seconds)}${usage}`]);
}

/** `0.04 s`, `12.3 s` */
function seconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

/** A large result in one string would exceed the maximum length of strings. */
const LINES_PER_WRITE = 1000;

function writeLines(stdout: Stream, lines: readonly string[]): void {
  for (let i = 0; i < lines.length; i += LINES_PER_WRITE) {
    stdout.write(`${lines.slice(i, i + LINES_PER_WRITE).join('\n')}\n`);
  }
}

/** An array with one object per row. JSON escapes change no value. */
async function printJson({ columns, chunks }: QueryResult, stdout: Stream): Promise<void> {
  const names = uniqueNames(columns.map(({ name }) => name));
  let separator = '[';
  for await (const rows of chunks) {
    const objects = rows.map((row) => {
      const object = Object.fromEntries(names.map((name, i) => [name, row[i]]));
      const before = separator;
      separator = ',';
      const json = JSON.stringify(object, null, 1).split('\n').map(printable).join('\n ');
      return `${before}\n ${json}`;
    });
    if (objects.length > 0) stdout.write(objects.join(''));
  }
  stdout.write(separator === '[' ? '[]\n' : '\n]\n');
}

/** A header and one line per row. NULL is an empty cell, an empty text is `""`, as in PostgreSQL. */
async function printCsv({ columns, chunks }: QueryResult, stdout: Stream): Promise<void> {
  // CSV in a file keeps every value as it is.
  const shown = stdout.isTTY ? printable : (line: string) => line;
  const lineOf = (row: Row) => `${shown(row.map(csvCell).join(','))}\n`;
  stdout.write(lineOf(columns.map(({ name }) => name)));
  for await (const rows of chunks) {
    if (rows.length > 0) stdout.write(rows.map(lineOf).join(''));
  }
}

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = textOf(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** What a table shows: NULL differs from an empty text and from the text `NULL`. */
function cellOf(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return value === 'NULL' ? '"NULL"' : printable(textOf(value));
}

/** @returns `undefined` if it is wider than the terminal */
function tableOf(columns: readonly QueryColumn[], rows: readonly Row[], width: number): string[] | undefined {
  const heads = columns.map(({ name }) => printable(name));
  const cells = rows.map((row) => row.map(cellOf));
  const widths = heads.map((head, i) =>
    cells.reduce((most, row) => Math.max(most, displayWidth(row[i] ?? '')), displayWidth(head)),
  );
  const all = widths.reduce((sum, one) => sum + one, 3 * (widths.length - 1));
  if (all > width) return undefined;
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => padded(cell, widths[i] ?? 0, columns[i]?.isNumber))
      .join(' │ ')
      .trimEnd();
  return [line(heads), widths.map((one) => '─'.repeat(one)).join('─┼─'), ...cells.map(line)];
}

/** Values are never cut: long ones continue on the next line. */
const MIN_VALUE_WIDTH = 20;
/** Without a terminal, lines have any length. */
const RULE_WIDTH = 60;

function* recordsOf(columns: readonly QueryColumn[], rows: readonly Row[], width: number): Generator<string> {
  const heads = columns.map(({ name }) => printable(name));
  const nameWidth = Math.max(0, ...heads.map(displayWidth));
  const valueWidth = Math.max(MIN_VALUE_WIDTH, width - nameWidth - 3);
  for (const [number, row] of rows.entries()) {
    yield `── row ${number + 1} `.padEnd(Math.min(width, RULE_WIDTH), '─');
    for (const [i, head] of heads.entries()) {
      const [first = '', ...others] = valueLines(row[i], valueWidth);
      yield `${padded(head, nameWidth)} │ ${first}`.trimEnd();
      for (const other of others) yield `${' '.repeat(nameWidth)} │ ${other}`;
    }
  }
}

/** Breaks maps and lists between their entries where possible. */
function valueLines(value: unknown, width: number): string[] {
  if (typeof value !== 'object' || value === null) return pieces(cellOf(value), width);
  const json = (inner: unknown) => printable(JSON.stringify(inner));
  const entries = Array.isArray(value)
    ? value.map(json)
    : Object.entries(value).map(([key, inner]) => `${json(key)}:${json(inner)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const lines = [open ?? ''];
  for (const [i, entry] of entries.entries()) {
    const text = entry + (i < entries.length - 1 ? ',' : (close ?? ''));
    const line = lines.at(-1) ?? '';
    if (displayWidth(line) + displayWidth(text) <= width) lines[lines.length - 1] = line + text;
    // A line that starts with an entry is indented as JSON is.
    else lines.push(...pieces(` ${text}`, width));
  }
  return entries.length === 0 ? [`${open}${close}`] : lines;
}
