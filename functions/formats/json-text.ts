/**
 * Splits a JSON array into one line per record and keeps every value as sent, digit for digit.
 *
 * `JSON.parse` would round `9007199254740993` and drop the zero of `1.10`, so the text is copied without whitespace between
 * tokens. It must be valid JSON: the scan only tracks strings and depth.
 */
import { COLUMN_KINDS, type FieldKind } from './account-columns.ts';
import { endOfPlainFields, endOfPlainMembers } from './plain-account.ts';

/**
 * Keys with another meaning in a part: the writer adds `superseded` to replaced records, and the Hive JSON SerDe, with which
 * Athena reads JSON parts, takes `_col7` for the eighth column, and fails if there is none. Source: `JsonDeserializer` of
 * Trino, the engine of Athena.
 */
const RESERVED = /^(?:superseded|_col\d+)$/i;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BLANK = 0x20;

/** Depths of the scan. */
const IN_ARRAY = 1;
const IN_RECORD = 2;
const IN_FIELD = 3;
const NOWHERE = -1;

export interface SplitRecords {
  /** One record per line, without line breaks. */
  readonly lines: readonly string[];
  /** Fields that are written under the key `<field>_as_sent`. */
  readonly renamedFields: ReadonlySet<string>;
}

/**
 * Changes only what makes the Hive JSON SerDe fail a query:
 * - An object or array inside a `map<string,string>` or in a text field becomes a string with its JSON text.
 * - A field whose column cannot hold its value, such as `"n/a"` for a number, or that has a reserved key, is renamed to
 *   `<field>_as_sent`.
 *
 * @param text a valid JSON array of objects
 */
export function splitRecords(text: string): SplitRecords {
  const lines: string[] = [];
  const renamedFields = new Set<string>();
  const line = new Line();
  let copiedTo = 0;
  let depth = 0;
  let atKey = false;
  let kind: FieldKind | undefined;
  /** A nested value that becomes text, and its depth. */
  const nested = new Line();
  let nestedAt = NOWHERE;
  /** Before this position the fast path (`plain-account.ts`) need not be tried again. */
  let scanTo = 0;

  for (let i = 0; i < text.length; ) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const atField = atKey && depth === IN_RECORD;
      // After a colon comes a value, not a key.
      const atMember = kind === 'textMap' && depth === IN_FIELD && text.charCodeAt(i - 1) !== COLON;
      if (i > scanTo && (atField || atMember)) {
        const plainEnd = atField ? endOfPlainFields(text, i) : endOfPlainMembers(text, i);
        if (plainEnd > i) {
          i = plainEnd;
          scanTo = plainEnd;
          continue;
        }
      }
      const end = endOfString(text, i);
      if (atField) {
        atKey = false;
        const key = text.slice(i, end);
        const name = key.includes('\\') ? (JSON.parse(key) as string) : key.slice(1, -1);
        kind = COLUMN_KINDS.get(name.toLowerCase());
        const renamed = kind === undefined ? RESERVED.test(name) : !fits(kind, text, startOfValue(text, end));
        if (renamed) {
          renamedFields.add(name);
          kind = undefined;
          line.add(text.slice(copiedTo, i));
          line.add(JSON.stringify(`${name}_as_sent`));
          copiedTo = end;
        }
      }
      i = end;
    } else if (code <= BLANK) {
      (nestedAt === NOWHERE ? line : nested).add(text.slice(copiedTo, i));
      do i++;
      while (i < text.length && text.charCodeAt(i) <= BLANK);
      copiedTo = i;
    } else if (depth === IN_ARRAY && code === OPEN_OBJECT) {
      const plainEnd = endOfPlainFields(text, i + 1);
      if (text.charCodeAt(plainEnd) === CLOSE_OBJECT) {
        lines.push(text.slice(i, plainEnd + 1));
        i = plainEnd + 1;
        copiedTo = i;
      } else {
        line.take();
        copiedTo = i;
        depth = IN_RECORD;
        atKey = true;
        scanTo = plainEnd > i + 1 ? plainEnd : text.length;
        i = plainEnd;
      }
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      const becomesText =
        nestedAt === NOWHERE &&
        ((kind === 'textMap' && depth === IN_FIELD) || (kind === 'text' && depth === IN_RECORD));
      if (becomesText) {
        line.add(text.slice(copiedTo, i));
        nestedAt = depth;
        copiedTo = i;
      }
      depth++;
      i++;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      depth--;
      i++;
      if (depth === nestedAt) {
        nested.add(text.slice(copiedTo, i));
        line.add(JSON.stringify(nested.take()));
        nestedAt = NOWHERE;
        copiedTo = i;
      } else if (depth === IN_ARRAY) {
        line.add(text.slice(copiedTo, i));
        lines.push(line.take());
      }
    } else {
      if (code === COMMA && depth === IN_RECORD) atKey = true;
      i++;
    }
  }
  return { lines, renamedFields };
}

/**
 * Builds a line from pieces. V8 keeps a node for each piece added to a string, 1 GB for 32 MiB with a space between all
 * tokens. Joining 1,000 pieces at a time avoids this.
 */
class Line {
  #text = '';
  readonly #pieces: string[] = [];

  add(piece: string): void {
    if (this.#pieces.push(piece) >= 1000) this.#join();
  }

  /** Returns what was added since the last call. */
  take(): string {
    this.#join();
    const text = this.#text;
    this.#text = '';
    return text;
  }

  #join(): void {
    this.#text += this.#pieces.join('');
    this.#pieces.length = 0;
  }
}

/** The position after the closing quote of the string that starts at `start`. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** The position of the value after the key that ends at `end`. */
function startOfValue(text: string, end: number): number {
  let i = text.indexOf(':', end) + 1;
  while (text.charCodeAt(i) <= BLANK) i++;
  return i;
}

/** Integers short enough for a 64-bit column: almost all. */
const SHORT_WHOLE = /-?\d{1,18}(?=[\s,}])/y;
const NUMBER = /-?\d+([.eE][\d.eE+-]*)?/y;

/**
 * Whether a 64-bit column reads the exact value at `start`. The SerDe fails on numbers beyond 64 bits, and converts those
 * with a fraction or exponent (such as `51.0` or `1.35864E12`) from a double. Source: Jackson's `getLongValue`, which Hive
 * and Trino call.
 */
function fitsInt64(text: string, start: number): boolean {
  SHORT_WHOLE.lastIndex = start;
  if (SHORT_WHOLE.test(text)) return true;
  NUMBER.lastIndex = start;
  const [digits, asDouble] = NUMBER.exec(text) ?? [];
  if (digits === undefined) return false;
  if (asDouble !== undefined) return Number.isSafeInteger(Number(digits));
  return digits.length <= 20 && BigInt.asIntN(64, BigInt(digits)) === BigInt(digits);
}

/** Whether the Hive JSON SerDe can read the value at `start` into a column of this kind. */
function fits(kind: FieldKind, text: string, start: number): boolean {
  const first = text[start] ?? '';
  if (first === 'n') return true;
  switch (kind) {
    case 'text':
      return true;
    case 'double':
      return first === '-' || (first >= '0' && first <= '9');
    case 'integer':
    case 'epochMs':
      return fitsInt64(text, start);
    case 'textMap':
      return first === '{';
  }
}
