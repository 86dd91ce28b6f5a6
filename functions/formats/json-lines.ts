import { CHECK_HOST, PageError } from '../model/page-error.ts';
import { ACCOUNT_KEY, COLUMN_KINDS } from './account-columns.ts';
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
 * @throws PageError `ApiAnswerError` for a damaged body, `ApiContentError` for another one, which never quotes the body; `PageTooLargeError`
 */
export function decodeJson(body: Buffer): JsonPage {
  checkJsonLimits(body);
  const text = decodeUtf8(body);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The message of V8 quotes account data.
    throw invalidJson(text, body.length);
  }
  if (!Array.isArray(parsed)) {
    const problem = `JSON is ${typeName(parsed)} instead of an array of accounts`;
    throw new PageError('ApiContentError', { problem, remedy: CHECK_HOST });
  }
  const records: readonly unknown[] = parsed;
  const wrong = records.findIndex((record) => typeName(record) !== 'an object');
  if (wrong >= 0) {
    const problem = `Record ${wrong} is ${typeName(records[wrong])} instead of an account`;
    throw new PageError('ApiContentError', { problem });
  }
  const split = splitRecords(text);
  const columns = new Set<string>();
  const names = records.map((record, i) => {
    const account = record as Record<string, unknown>;
    for (const key in account) columns.add(key);
    const name = account[ACCOUNT_KEY];
    // A name may be a number. Large ones lose digits in JSON.parse, so the whole line identifies the account.
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
    unmappedColumns: wellFormedNames(page.columns.filter((column) => !COLUMN_KINDS.has(column.toLowerCase()))),
  };
}

/** Sorted. Unpaired surrogates become U+FFFD, because some readers reject a manifest that contains one. */
export function wellFormedNames(names: Iterable<string>): string[] {
  return [...new Set(Array.from(names, (name) => name.toWellFormed()))].sort();
}

function markSuperseded(line: string): string {
  return `${line.slice(0, -1)}${line === '{}' ? '' : ','}"superseded":true}`;
}

function invalidJson(text: string, bytes: number): PageError {
  const start = text.trimStart();
  const size = `${bytes} bytes`;
  if (start.startsWith('<')) {
    return new PageError('ApiContentError', { problem: 'HTML instead of JSON', values: [size], remedy: CHECK_HOST });
  }
  const truncated = start.startsWith('[') && !/[\]}]$/.test(text.trimEnd());
  return new PageError('ApiAnswerError', {
    problem: 'Invalid JSON',
    values: [truncated ? `${size}, probably truncated` : size],
  });
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
