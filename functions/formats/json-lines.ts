import { ExportError } from '../model/errors.ts';
import { ACCOUNT_FIELDS, ACCOUNT_KEY } from './account-columns.ts';
import { checkJsonLimits } from './body-limits.ts';
import { gzip } from './gzip.ts';
import { splitRecords } from './json-text.ts';
import type { DecodedPage, EncodedPart, PageFormat } from './page-format.ts';
import { supersededRecords } from './superseded.ts';
import { decodeUtf8 } from './utf8.ts';

/** A page of the JSON endpoint. */
export interface JsonPage extends DecodedPage {
  /** The accounts, one JSON text each, as sent but for blanks between tokens. */
  readonly lines: readonly string[];
}

const KNOWN_FIELDS: ReadonlySet<string> = new Set(ACCOUNT_FIELDS.map(({ name }) => name));

/**
 * One account a line, gzip: every value as sent, except what `splitRecords` says of values no table could hold. A key that
 * comes twice stays twice, each with a value its column can hold: Athena takes the later and fails on neither.
 */
export function jsonLinesFormat(): PageFormat<JsonPage> {
  return { format: 'json', endpoint: 'json', contentType: 'application/gzip', decode: decodeJson, encode };
}

/**
 * A body of the JSON endpoint: a bare array of accounts.
 * @throws ExportError `ApiAnswerError` saying what it is instead, never with a word of its content; `PageTooLargeError`
 * when it holds more than memory does
 */
export function decodeJson(body: Buffer): JsonPage {
  checkJsonLimits(body);
  const text = decodeUtf8(body);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // V8's message quotes the text around the error: account data.
    throw new ExportError(
      'ApiAnswerError',
      `The API's answer of ${body.length} bytes is not valid JSON${whatInstead(text)}.`,
    );
  }
  if (!Array.isArray(parsed)) {
    throw new ExportError(
      'ApiAnswerError',
      `The API's answer is ${typeName(parsed)} where an array of accounts was asked for.`,
    );
  }
  const records: readonly unknown[] = parsed;
  const stranger = records.findIndex((record) => typeName(record) !== 'an object');
  if (stranger >= 0) {
    throw new ExportError(
      'ApiAnswerError',
      `Record ${stranger} of the API's answer is ${typeName(records[stranger])} where an account, an object, was asked for.`,
    );
  }
  const split = splitRecords(text);
  const columns = new Set<string>();
  const identities = records.map((record, i) => {
    const account = record as Record<string, unknown>;
    for (const key in account) columns.add(key);
    const name = account[ACCOUNT_KEY];
    // A number in a text column is its digits there; one that JSON.parse has rounded tells nothing apart.
    return typeof name === 'string' || Number.isSafeInteger(name) ? String(name) : (split.lines[i] ?? '');
  });
  for (const field of split.movedFields) columns.add(`${field}_as_sent`);
  return { records: records.length, identities, columns: [...columns], lines: split.lines };
}

async function encode(page: JsonPage): Promise<EncodedPart> {
  const superseded = supersededRecords(page.identities);
  const lines = page.lines.map((line, i) => (superseded.has(i) ? markSuperseded(line) : line));
  return {
    body: await gzip(lines.length === 0 ? '' : `${lines.join('\n')}\n`),
    escapedLineBreaks: 0,
    unmappedColumns: wellFormedNames(page.columns.filter((column) => !KNOWN_FIELDS.has(column))),
  };
}

/** Sorted names, in which half a surrogate pair is U+FFFD: readers of the manifest may refuse the whole of it otherwise. */
export function wellFormedNames(names: Iterable<string>): string[] {
  return [...new Set(Array.from(names, (name) => name.toWellFormed()))].sort();
}

function markSuperseded(line: string): string {
  return `${line.slice(0, -1)}${line === '{}' ? '' : ','}"superseded":true}`;
}

function whatInstead(text: string): string {
  const start = text.trimStart();
  if (start.startsWith('<')) return ': it looks like a web page';
  return start.startsWith('[') && !/[\]}]$/.test(text.trimEnd()) ? ': it seems to have broken off' : '';
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
