/**
 * Splits a JSON array into one line per record and keeps every value as sent, digit for digit.
 *
 * `JSON.parse` would round `9007199254740993` and drop the zero of `1.10`, so the text is copied without whitespace between
 * tokens. It must be valid JSON: the scan only tracks strings and depth.
 */
import { type FieldKind, fieldOf } from './account-columns.ts';
import { adaptAccount, RESERVED, readsAsSent } from './adapt-account.ts';
import { endOfString } from './json-members.ts';
import { endOfPlainFields, endOfPlainMembers } from './plain-account.ts';

const QUOTE = 0x22;
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
  /** Positions of the lines that `adaptAccount` wrote. */
  readonly adapted: ReadonlySet<number>;
  /** Keys of the lines that the API did not send. */
  readonly addedKeys: ReadonlySet<string>;
}

export interface SplitOptions {
  /** Whether an object in the text may have a key twice. Then `adaptAccount` writes all records. */
  readonly mayRepeatKeys: boolean;
}

/**
 * Changes only what makes the Hive JSON SerDe fail a query: an object or array inside a `map<string,string>` or in a text
 * field becomes a string with its JSON text. Records that need more are written by `adaptAccount`.
 *
 * @param text a valid JSON array of objects
 */
export function splitRecords(text: string, { mayRepeatKeys }: SplitOptions = { mayRepeatKeys: false }): SplitRecords {
  const lines: string[] = [];
  const adapted = new Set<number>();
  const addedKeys = new Set<string>();
  const line = new Line();
  let copiedTo = 0;
  let depth = 0;
  let atKey = false;
  let kind: FieldKind | undefined;
  /** A nested value that becomes text, and its depth. */
  const nested = new Line();
  let nestedAt = NOWHERE;
  /**
   * Up to this position, the text is scanned slowly instead of trying the fast path (`plain-account.ts`). If the first field
   * is not plain, that is the rest of this record.
   */
  let slowUntil = 0;
  let recordStart = 0;
  let mustAdapt = false;

  for (let i = 0; i < text.length; ) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const atField = atKey && depth === IN_RECORD;
      // After a colon comes a value, not a key.
      const atMember = kind === 'textMap' && depth === IN_FIELD && text.charCodeAt(i - 1) !== COLON;
      if (i > slowUntil && (atField || atMember)) {
        const plainEnd = atField ? endOfPlainFields(text, i) : endOfPlainMembers(text, i);
        if (plainEnd > i) {
          i = plainEnd;
          slowUntil = plainEnd;
          continue;
        }
      }
      const end = endOfString(text, i);
      if (atField) {
        atKey = false;
        const key = text.slice(i, end);
        const name = key.includes('\\') ? (JSON.parse(key) as string) : key.slice(1, -1);
        const field = fieldOf(name);
        kind = field?.kind;
        mustAdapt ||=
          field === undefined
            ? RESERVED.test(name)
            : name !== field.name || key.includes('\\') || !readsAsSent(field.kind, scalarAt(text, end));
      }
      i = end;
    } else if (code <= BLANK) {
      (nestedAt === NOWHERE ? line : nested).add(text.slice(copiedTo, i));
      do i++;
      while (i < text.length && text.charCodeAt(i) <= BLANK);
      copiedTo = i;
    } else if (depth === IN_ARRAY && code === OPEN_OBJECT) {
      const plainEnd = endOfPlainFields(text, i + 1);
      if (!mayRepeatKeys && text.charCodeAt(plainEnd) === CLOSE_OBJECT) {
        lines.push(text.slice(i, plainEnd + 1));
        i = plainEnd + 1;
        copiedTo = i;
      } else {
        line.take();
        copiedTo = i;
        recordStart = i;
        mustAdapt = mayRepeatKeys;
        depth = IN_RECORD;
        atKey = true;
        slowUntil = plainEnd > i + 1 ? plainEnd : text.length;
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
        const json = nested.take();
        // The value of an attribute that is an object may be one of its members.
        mustAdapt ||= kind === 'textMap' && code === CLOSE_OBJECT && VALUE_KEY.test(json);
        line.add(JSON.stringify(json));
        nestedAt = NOWHERE;
        copiedTo = i;
      } else if (depth === IN_ARRAY) {
        if (mustAdapt) {
          const account = adaptAccount(withoutBlanks(text.slice(recordStart, i)));
          for (const key of account.addedKeys) addedKeys.add(key);
          adapted.add(lines.length);
          lines.push(account.line);
        } else {
          line.add(text.slice(copiedTo, i));
          lines.push(line.take());
        }
      }
    } else {
      if (code === COMMA && depth === IN_RECORD) atKey = true;
      i++;
    }
  }
  return { lines, adapted, addedKeys };
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

/** JSON without whitespace between tokens. */
function withoutBlanks(json: string): string {
  const compact = new Line();
  let copiedTo = 0;
  for (let i = 0; i < json.length; ) {
    if (json.charCodeAt(i) === QUOTE) {
      i = endOfString(json, i);
    } else if (json.charCodeAt(i) <= BLANK) {
      compact.add(json.slice(copiedTo, i));
      do i++;
      while (json.charCodeAt(i) <= BLANK);
      copiedTo = i;
    } else {
      i++;
    }
  }
  compact.add(json.slice(copiedTo));
  return compact.take();
}

/** Also finds a string: `adaptAccount` decides. */
const VALUE_KEY = /"\s*value\s*"/i;

/** Longer numbers are none: V8 stores every repetition. */
const SCALAR = /:\s*("|[^"\s,}\]]{0,1001})/y;

/** The value after the key that ends at `end`: a number or literal, or the first character of anything else. */
function scalarAt(text: string, end: number): string {
  const colon = text.indexOf(':', end);
  // Most fields that get here are maps.
  if (text.charCodeAt(colon + 1) === OPEN_OBJECT) return '{';
  SCALAR.lastIndex = colon;
  return SCALAR.exec(text)?.[1] ?? '';
}
