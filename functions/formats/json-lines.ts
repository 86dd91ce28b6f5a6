import type { Compression } from '../model/export-format.ts';
import { fieldOf } from './account-columns.ts';
import { compress } from './compression.ts';
import { linesOf, readAccounts } from './json-accounts.ts';
import { type DecodedPage, type EncodedPart, type PageFormat, supersededRecords } from './page-format.ts';

/** A page of the JSON endpoint. */
export interface JsonPage extends DecodedPage {
  /**
   * One JSON text per account, without whitespace between tokens. Each column has one key, spelled as documented. A character
   * is a byte of UTF-8, which takes half the memory of text and need not be encoded again.
   */
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
  const page = readAccounts(body, { findInexact: false });
  const { records, names, columns, fields } = page;
  return { records, names, columns, fields, lines: linesOf(page) };
}

async function encode(page: JsonPage, compression?: Compression): Promise<EncodedPart> {
  const superseded = supersededRecords(page.names);
  const lines = page.lines.map((line, i) => (superseded.has(i) ? markSuperseded(line) : line));
  const text = lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  return {
    body: await compress(Buffer.from(text, 'latin1'), compression),
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
