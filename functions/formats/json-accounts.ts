/** Reads a page of the JSON endpoint, and finds which accounts a part can contain as sent. */
import { CHECK_HOST, PageError } from '../model/page-error.ts';
import { ACCOUNT_KEY, fieldOf } from './account-columns.ts';
import { adaptAccount, RESERVED } from './adapt-account.ts';
import { countFields } from './field-counts.ts';
import { membersOf, textOf } from './json-members.ts';
import { type ScannedRecord, type ScanOptions, scanJson, withoutBlanks } from './json-scan.ts';
import type { DecodedPage } from './page-format.ts';
import { decodeUtf8 } from './utf8.ts';

/** A larger body is parsed again, account by account, because all its accounts at once would take too much memory. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** A page of the JSON endpoint. The lists have one element per account. */
export interface SentAccounts extends DecodedPage {
  /** What `JSON.parse` returned: long numbers lost digits. Left out for a large body: `fieldsOf` has it. */
  readonly parsed: readonly Fields[] | undefined;
  readonly scanned: readonly ScannedRecord[];
  /** The JSON text of accounts that `adaptAccount` had to write. */
  readonly adapted: readonly (string | undefined)[];
  /** The body, one character per byte, without whitespace in records: what the positions in `scanned` refer to. */
  readonly bytes: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a body of the JSON endpoint: an array of accounts.
 * @throws PageError `ApiAnswerError` for a damaged body, `ApiContentError` for another one, which never quotes the body; `PageTooLargeError`
 */
export function readAccounts(body: Buffer, options: ScanOptions): SentAccounts {
  const sent = scanJson(body, options);
  const parsed = parseAccounts(body);
  const { keys: columns, fields, commas } = countFields(parsed);
  // `JSON.parse` drops repeated keys, so the text then has more commas.
  const mayRepeatKeys = sent.commas > commas;
  const respelled = [...columns].filter((key) => (fieldOf(key)?.name ?? key) !== key || RESERVED.test(key));
  const compact = sent.hasBlanks ? withoutBlanks(body) : body;
  const scanned = (sent.hasBlanks ? scanJson(compact, options) : sent).records;
  const bytes = compact.toString('latin1');
  const adapted = scanned.map((record, i) => {
    const isAsSent =
      record.fits &&
      !mayRepeatKeys &&
      !respelled.some((key) => Object.hasOwn(parsed[i] ?? {}, key)) &&
      !hasValueObject(record, bytes);
    if (isAsSent) return undefined;
    const { line, addedKeys } = adaptAccount(compact.toString('utf8', record.start, record.end));
    for (const key of addedKeys) columns.add(key);
    return line;
  });
  const names = parsed.map((account, i) => {
    const name = adapted[i] === undefined ? account[ACCOUNT_KEY] : undefined;
    return typeof name === 'string' ? name : nameIn(adapted[i] ?? utf8Of(lineOf(scanned[i] as ScannedRecord, bytes)));
  });
  const page = { records: parsed.length, names, columns: [...columns], fields, scanned, adapted, bytes };
  return { ...page, parsed: body.length > MAX_KEPT_BYTES ? undefined : parsed };
}

/** The lines of a part, one character per byte. */
export function linesOf({ scanned, adapted, bytes }: SentAccounts): string[] {
  return scanned.map((record, i) => {
    const line = adapted[i];
    return line === undefined ? lineOf(record, bytes) : Buffer.from(line).toString('latin1');
  });
}

/** Objects and arrays in maps become strings with their JSON text, because the Hive JSON SerDe fails on them. */
function lineOf({ start, end, nested }: ScannedRecord, bytes: string): string {
  if (nested === undefined) return bytes.slice(start, end);
  let line = '';
  let copiedTo = start;
  for (let i = 0; i < nested.length; i += 2) {
    const [from, to] = [nested[i], nested[i + 1]] as [number, number];
    line += bytes.slice(copiedTo, from) + JSON.stringify(bytes.slice(from, to));
    copiedTo = to;
  }
  return line + bytes.slice(copiedTo, end);
}

/** The fields of an account as `JSON.parse` returns them. */
export function fieldsOf({ parsed, scanned, bytes }: SentAccounts, account: number): Fields {
  const known = parsed?.[account];
  if (known) return known;
  const { start, end } = scanned[account] as ScannedRecord;
  return JSON.parse(utf8Of(bytes.slice(start, end))) as Fields;
}

/** The line of an account as text. */
export function lineTextOf({ scanned, adapted, bytes }: SentAccounts, account: number): string {
  return adapted[account] ?? utf8Of(lineOf(scanned[account] as ScannedRecord, bytes));
}

/** Text from one character per byte. */
export function utf8Of(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

/** The name as queries read it, digit for digit: 5 and "5" are the same account, 5.0 is another one. */
function nameIn(line: string): string {
  return textOf(membersOf(line).get(ACCOUNT_KEY) ?? 'null') ?? line;
}

/** Also finds a string: `adaptAccount` decides. */
const VALUE_KEY = /"\s*value\s*"/i;

/** Whether the value of an attribute may be a member of an object, instead of the object. */
function hasValueObject({ nested = [] }: ScannedRecord, bytes: string): boolean {
  for (let i = 0; i < nested.length; i += 2) {
    const json = bytes.slice(nested[i], nested[i + 1]);
    if (json.startsWith('{') && VALUE_KEY.test(json)) return true;
  }
  return false;
}

function parseAccounts(body: Buffer): Record<string, unknown>[] {
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
  return records as Record<string, unknown>[];
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
