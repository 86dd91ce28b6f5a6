import type { Compression } from '../model/export-format.ts';
import { CHECK_HOST, PageError } from '../model/page-error.ts';
import { ACCOUNT_KEY, fieldOf } from './account-columns.ts';
import { checkJsonLimits } from './body-limits.ts';
import { compress } from './compression.ts';
import { countFields } from './field-counts.ts';
import { membersOf, textOf } from './json-members.ts';
import { splitRecords } from './json-text.ts';
import { type DecodedPage, type EncodedPart, type PageFormat, supersededRecords } from './page-format.ts';
import { decodeUtf8 } from './utf8.ts';

/** A page of the JSON endpoint. */
export interface JsonPage extends DecodedPage {
  /** One JSON text per account, without whitespace between tokens. Each column has one key, spelled as documented. */
  readonly lines: readonly string[];
}

/**
 * One account per line, compressed. Every value is as sent, except for those that no table can hold: `adaptAccount` has the rules.
 * Repeated keys without a column stay repeated.
 */
export function jsonLinesFormat(compression?: Compression): PageFormat<JsonPage> {
  return { decode: decodeJson, encode: (page) => encode(page, compression) };
}

/**
 * Decodes a body of the JSON endpoint: an array of accounts.
 * @throws PageError `ApiAnswerError` for a damaged body, `ApiContentError` for another one, which never quotes the body; `PageTooLargeError`
 */
export function decodeJson(body: Buffer): JsonPage {
  const commas = checkJsonLimits(body);
  const text = decodeUtf8(body);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The message of V8 quotes account data.
    throw invalidJson(text, body.length);
  }
  if (!Array.isArray(parsed)) {
    const values = [`${typeName(parsed)} instead of an array of accounts`];
    throw new PageError('ApiContentError', { problem: 'Unexpected JSON', values, remedy: CHECK_HOST });
  }
  const records: readonly unknown[] = parsed;
  const wrong = records.findIndex((record) => typeName(record) !== 'an object');
  if (wrong >= 0) {
    const values = [`record ${wrong} is ${typeName(records[wrong])} instead of an account`];
    throw new PageError('ApiContentError', { problem: 'Unexpected JSON', values });
  }
  const { keys: columns, fields, commas: parsedCommas } = countFields(records as Record<string, unknown>[]);
  // `JSON.parse` drops repeated keys, so the text then has more commas.
  const { lines, adapted, addedKeys } = splitRecords(text, { mayRepeatKeys: commas > parsedCommas });
  for (const key of addedKeys) columns.add(key);
  const names = records.map((record, i) => {
    const line = lines[i] ?? '';
    if (adapted.has(i)) return nameIn(line);
    const name = (record as Record<string, unknown>)[ACCOUNT_KEY];
    if (typeof name === 'string') return name;
    // Only the text has the digits of a number.
    return name === undefined ? line : nameIn(line);
  });
  return { records: records.length, names, columns: [...columns], fields, lines };
}

/** The name as queries read it, digit for digit: 5 and "5" are the same account, 5.0 is another one. */
function nameIn(line: string): string {
  return textOf(membersOf(line).get(ACCOUNT_KEY) ?? 'null') ?? line;
}

async function encode(page: JsonPage, compression?: Compression): Promise<EncodedPart> {
  const superseded = supersededRecords(page.names);
  const lines = page.lines.map((line, i) => (superseded.has(i) ? markSuperseded(line) : line));
  return {
    body: await compress(lines.length === 0 ? '' : `${lines.join('\n')}\n`, compression),
    escapedLineBreaks: 0,
    unmappedColumns: wellFormedNames(page.columns.filter((column) => !fieldOf(column))),
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
