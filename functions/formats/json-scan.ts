/**
 * One pass over the bytes of a body before it is parsed: checks its limits, and finds its records and what `JSON.parse` loses
 * of them, such as digits. All tokens of JSON are ASCII, so it need not decode UTF-8.
 */
import { ACCOUNT_FIELDS, type FieldKind } from './account-columns.ts';
import { MAX_DEPTH, MAX_GROUPS, refuseMore, tooDeep } from './body-limits.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const SMALL_E = 0x65;
const SMALL_N = 0x6e;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BLANK = 0x20;
/** Of two letters, and of a bracket and a brace. */
const CASE_BIT = 0x20;

/** Depths of the scan. */
const IN_ARRAY = 1;
const IN_RECORD = 2;
const IN_FIELD = 3;
const NOWHERE = -1;

export interface ScannedRecord {
  readonly start: number;
  /** The position after the record. */
  readonly end: number;
  /** Whether columns can have the values of its fields, and no key of a field has an escape. */
  readonly fits: boolean;
  /** The objects and arrays in its maps, in the order sent: the start and the end of the first one, of the next one, … */
  readonly nested: readonly number[] | undefined;
  /** If asked for, the same for the numbers, objects and arrays in its maps and in its fields without a column. */
  readonly inexact: readonly number[] | undefined;
}

export interface ScannedBody {
  readonly records: ScannedRecord[];
  /** Objects and arrays. */
  groups: number;
  /** Outside of strings. */
  commas: number;
  /** Whether a record has whitespace between tokens. Then scan the body `withoutBlanks` to find records. */
  hasBlanks: boolean;
}

export interface ScanOptions {
  readonly findInexact: boolean;
}

/**
 * Scans bytes that may or may not be valid JSON. What it finds is meaningless unless they are an array of objects.
 * @throws PageError `ApiContentError` if nested too deeply, `PageTooLargeError` if it has too many values
 */
export function scanJson(body: Buffer, options: ScanOptions): Readonly<ScannedBody> {
  const scanned: ScannedBody = { records: [], groups: 0, commas: 0, hasBlanks: false };
  let depth = 0;
  for (let i = 0; i < body.length; ) {
    const byte = body[i] as number;
    if (byte === QUOTE) {
      i = endOfString(body, i + 1);
    } else if (isOpen(byte) && depth === IN_ARRAY) {
      i = scanRecord(body, i, scanned, options);
    } else {
      if (byte === COMMA) scanned.commas++;
      else if (isClose(byte)) depth--;
      else if (isOpen(byte)) {
        scanned.groups++;
        depth++;
      }
      i++;
    }
  }
  const { groups, commas } = scanned;
  refuseMore({ groups, groupsName: 'objects and arrays', separators: commas, valuesName: 'values' });
  return scanned;
}

/** Adds the record that starts at `start` to what was scanned. @returns the position after it */
function scanRecord(body: Buffer, start: number, scanned: ScannedBody, { findInexact }: ScanOptions): number {
  let depth = IN_ARRAY;
  let groups = 0;
  let commas = 0;
  let hasBlanks = false;
  let fits = true;
  let nested: number[] | undefined;
  let inexact: number[] | undefined;
  /** Of the current field. */
  let kind: FieldKind | undefined;
  /** The depth of its values that are text in a table. */
  let textDepth = NOWHERE;
  let valueStart = 0;

  const { length } = body;
  let i = start;
  do {
    const byte = body[i] as number;
    if (byte === QUOTE) {
      const keyStart = i + 1;
      // Not `endOfString`: half of all bytes are in strings, and this takes a fifth less time.
      for (i = keyStart; i < length; ) {
        const inside = body[i++];
        if (inside === QUOTE) break;
        if (inside === BACKSLASH) i++;
      }
      if (body[i] !== COLON) continue;
      const value = i + 1;
      if (depth === IN_RECORD) {
        kind = kindOf(body, keyStart, i - 1);
        fits &&= kind === undefined ? !hasEscape(body, keyStart, i - 1) : canHold(kind, body, value);
        textDepth = kind === undefined ? IN_RECORD : kind === 'textMap' ? IN_FIELD : NOWHERE;
      }
      if (findInexact && depth === textDepth && isNumber(body, value)) {
        inexact ??= [];
        inexact.push(value, endOfNumber(body, value));
      }
      continue;
    }
    if (byte === COMMA) {
      commas++;
    } else if (byte >= OPEN_ARRAY) {
      if (isOpen(byte)) {
        if (depth === textDepth) valueStart = i;
        groups++;
        if (++depth > MAX_DEPTH) throw tooDeep();
      } else if (isClose(byte)) {
        depth--;
        if (depth === textDepth && groups <= MAX_GROUPS) {
          if (kind !== undefined) {
            nested ??= [];
            nested.push(valueStart, i + 1);
          }
          if (findInexact) {
            inexact ??= [];
            inexact.push(valueStart, i + 1);
          }
        }
      }
    } else if (byte <= BLANK) {
      hasBlanks = true;
    }
    i++;
  } while (depth > IN_ARRAY && i < length);
  scanned.groups += groups;
  scanned.commas += commas;
  scanned.hasBlanks ||= hasBlanks;
  // The body is refused otherwise, so its records need no memory.
  if (scanned.groups <= MAX_GROUPS) scanned.records.push({ start, end: i, fits, nested, inexact });
  return i;
}

function isOpen(byte: number): boolean {
  return (byte | CASE_BIT) === OPEN_OBJECT;
}

function isClose(byte: number): boolean {
  return (byte | CASE_BIT) === CLOSE_OBJECT;
}

/** Valid JSON without whitespace between tokens. */
export function withoutBlanks(body: Buffer): Buffer {
  const compact = Buffer.allocUnsafe(body.length);
  let length = 0;
  let inString = false;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i] as number;
    if (byte <= BLANK && !inString) continue;
    compact[length++] = byte;
    if (byte === QUOTE) inString = !inString;
    else if (byte === BACKSLASH) compact[length++] = body[++i] as number;
  }
  return compact.subarray(0, length);
}

/** The position after the closing quote of a string. @param start the position after its opening quote */
function endOfString(body: Buffer, start: number): number {
  const { length } = body;
  for (let i = start; i < length; i++) {
    const byte = body[i];
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i++;
  }
  return length;
}

/** By length and first letter, which are different for each field. */
const FIELDS: { readonly key: Buffer; readonly kind: FieldKind }[] = [];
for (const { name, kind } of ACCOUNT_FIELDS)
  FIELDS[slotOf(name.length, name.charCodeAt(0))] = { key: Buffer.from(name), kind };

function slotOf(length: number, first: number): number {
  return (length % 32) * 32 + (first % 32);
}

/** The kind of a field spelled as documented. */
function kindOf(body: Buffer, start: number, end: number): FieldKind | undefined {
  const field = FIELDS[slotOf(end - start, body[start] as number)];
  if (field?.key.length !== end - start) return undefined;
  for (let i = 0; i < field.key.length; i++) if (body[start + i] !== field.key[i]) return undefined;
  return field.kind;
}

function hasEscape(body: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (body[i] === BACKSLASH) return true;
  return false;
}

/** Whether a column certainly reads this value as sent, once nested values in maps are text: what `readsAsSent` says of most values. */
function canHold(kind: FieldKind, body: Buffer, start: number): boolean {
  const first = body[start];
  if (first === SMALL_N) return true;
  switch (kind) {
    case 'text':
      return first === QUOTE;
    case 'double':
      return isNumber(body, start) && isShort(body, start);
    case 'integer':
    case 'epochMs':
      return isNumber(body, start) && isShort(body, start, true);
    case 'textMap':
      return first === OPEN_OBJECT;
  }
}

function isNumber(body: Buffer, start: number): boolean {
  const first = body[start] as number;
  return (first >= ZERO && first <= NINE) || first === MINUS;
}

/** Whether a number has at most 25 characters, and an exponent of at most two; if whole, at most 15 digits alone. */
function isShort(body: Buffer, start: number, isWhole = false): boolean {
  const limit = start + (isWhole ? 16 : 26);
  let exponent = limit;
  for (let i = start; i < limit; i++) {
    const byte = body[i] as number;
    if (byte === COMMA || byte === CLOSE_OBJECT) return i - exponent <= 3;
    if ((byte | CASE_BIT) === SMALL_E) exponent = i;
    if (isWhole && byte !== MINUS && (byte < ZERO || byte > NINE)) return false;
  }
  return false;
}

/** The position after a number. */
function endOfNumber(body: Buffer, start: number): number {
  let i = start;
  while (i < body.length && body[i] !== COMMA && body[i] !== CLOSE_OBJECT && (body[i] as number) > BLANK) i++;
  return i;
}
