import { ExportError } from '../model/errors.ts';
import { ACCOUNT_KEY, FIELD_NAMES } from './account-columns.ts';
import { checkJsonLimits } from './body-limits.ts';
import { gzip } from './gzip.ts';
import { splitRecords } from './json-text.ts';
import { type DecodedPage, type EncodedPart, type PageFormat, supersededRecords } from './page-format.ts';
import { decodeUtf8 } from './utf8.ts';

/** A page of the JSON endpoint. */
export interface JsonPage extends DecodedPage {
  /** One JSON text per account, as sent except for whitespace between tokens. */
  readonly lines: readonly string[];
}

/**
 * One account per line, gzip. Every value is as sent, except for those that `splitRecords` changes because no table can hold
 * them. A repeated key stays repeated: Athena uses the later value and can read both.
 */
export function jsonLinesFormat(): PageFormat<JsonPage> {
  return { decode: decodeJson, encode };
}

/**
 * Decodes a body of the JSON endpoint: an array of accounts.
 * @throws ExportError `ApiAnswerError`, which never quotes the body; `PageTooLargeError`
 */
export function decodeJson(body: Buffer): JsonPage {
  checkJsonLimits(body);
  const text = decodeUtf8(body);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The message of V8 quotes account data.
    throw new ExportError(
      'ApiAnswerError',
      `The API response is not valid JSON (${body.length} bytes)${likelyCause(text)}.`,
    );
  }
  if (!Array.isArray(parsed)) {
    throw new ExportError('ApiAnswerError', `The API response is ${typeName(parsed)}, not an array of accounts.`);
  }
  const records: readonly unknown[] = parsed;
  const wrong = records.findIndex((record) => typeName(record) !== 'an object');
  if (wrong >= 0) {
    throw new ExportError(
      'ApiAnswerError',
      `Record ${wrong} of the API response is ${typeName(records[wrong])}, not an account object.`,
    );
  }
  const split = splitRecords(text);
  const columns = new Set<string>();
  const names = records.map((record, i) => {
    const account = record as Record<string, unknown>;
    for (const key in account) columns.add(key);
    const name = account[ACCOUNT_KEY];
    // A text column holds the digits of a number, but two large numbers may be equal after JSON.parse.
    return typeof name === 'string' || Number.isSafeInteger(name) ? String(name) : (split.lines[i] ?? '');
  });
  for (const field of split.renamedFields) columns.add(`${field}_as_sent`);
  return { records: records.length, names, columns: [...columns], lines: split.lines };
}

async function encode(page: JsonPage): Promise<EncodedPart> {
  const superseded = supersededRecords(page.names);
  const lines = page.lines.map((line, i) => (superseded.has(i) ? markSuperseded(line) : line));
  return {
    body: await gzip(lines.length === 0 ? '' : `${lines.join('\n')}\n`),
    escapedLineBreaks: 0,
    unmappedColumns: wellFormedNames(page.columns.filter((column) => !FIELD_NAMES.has(column))),
  };
}

/** Sorted names, in which half a surrogate pair is U+FFFD: readers of the manifest may refuse the whole of it otherwise. */
export function wellFormedNames(names: Iterable<string>): string[] {
  return [...new Set(Array.from(names, (name) => name.toWellFormed()))].sort();
}

function markSuperseded(line: string): string {
  return `${line.slice(0, -1)}${line === '{}' ? '' : ','}"superseded":true}`;
}

function likelyCause(text: string): string {
  const start = text.trimStart();
  if (start.startsWith('<')) return ': it is an HTML page';
  return start.startsWith('[') && !/[\]}]$/.test(text.trimEnd()) ? ': it is probably truncated' : '';
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
