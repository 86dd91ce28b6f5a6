/**
 * Splits the text of a JSON array into one line for each record, every value as it was sent, digit for digit.
 *
 * `JSON.parse` would round `9007199254740993` and drop the zero of `1.10`, so the text itself is copied: only blanks
 * between tokens are left out. The text must be valid JSON already, which is why strings and depth are all there is to
 * track.
 */
import { ACCOUNT_FIELDS, type FieldKind } from './account-columns.ts';

/** Deeper values than this are no account: nothing after the parser may meet them and recurse. */
export const MAX_DEPTH = 1000;

/** Glue columns are lower case, and the Hive JSON SerDe matches keys to them ignoring case. */
const KINDS = new Map<string, FieldKind>(ACCOUNT_FIELDS.map(({ name, kind }) => [name.toLowerCase(), kind]));

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BLANK = 0x20;

/** Depths of the scan: inside the array, inside a record, inside a value of a record. */
const IN_ARRAY = 1;
const IN_RECORD = 2;
const IN_FIELD = 3;

export interface SplitRecords {
  /** One record each, without a line break. */
  readonly lines: readonly string[];
  /** Fields whose value was kept under another key, because the table's column could not hold it. */
  readonly movedFields: ReadonlySet<string>;
}

/**
 * @param text a valid JSON array of objects
 * @returns `undefined` when something in it is nested deeper than `MAX_DEPTH`
 *
 * Two things are changed, because the Hive JSON SerDe fails a whole query on them: an object or array inside a
 * `map<string,string>` (or in place of a text) becomes a string of its JSON text; and a value that its column cannot hold
 * at all, such as `"n/a"` for a number, moves to the key `<field>_as_sent`.
 */
export function splitRecords(text: string): SplitRecords | undefined {
  const lines: string[] = [];
  const movedFields = new Set<string>();
  let line = '';
  let copiedTo = 0;
  let depth = 0;
  let atKey = false;
  let kind: FieldKind | undefined;
  /** While a nested value becomes text: what the line held before it, and the depth it lies at. */
  let outer: string | undefined;
  let outerDepth = 0;

  for (let i = 0; i < text.length; ) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const end = endOfString(text, i);
      if (depth === IN_RECORD && atKey) {
        atKey = false;
        const key = text.slice(i, end);
        const name = key.includes('\\') ? (JSON.parse(key) as string) : key.slice(1, -1);
        kind = KINDS.get(name.toLowerCase());
        if (kind !== undefined && !fits(kind, text, startOfValue(text, end))) {
          movedFields.add(name);
          kind = undefined;
          line += `${text.slice(copiedTo, i)}${JSON.stringify(`${name}_as_sent`)}`;
          copiedTo = end;
        }
      }
      i = end;
    } else if (code <= BLANK) {
      line += text.slice(copiedTo, i);
      do i++;
      while (i < text.length && text.charCodeAt(i) <= BLANK);
      copiedTo = i;
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      const becomesText =
        outer === undefined && ((kind === 'textMap' && depth === IN_FIELD) || (kind === 'text' && depth === IN_RECORD));
      if (becomesText) {
        outer = line + text.slice(copiedTo, i);
        outerDepth = depth;
        line = '';
        copiedTo = i;
      }
      depth++;
      if (depth > MAX_DEPTH) return undefined;
      if (depth === IN_RECORD) {
        line = '';
        copiedTo = i;
        kind = undefined;
      }
      atKey = depth === IN_RECORD;
      i++;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      depth--;
      i++;
      if (outer !== undefined && depth === outerDepth) {
        line = outer + JSON.stringify(line + text.slice(copiedTo, i));
        outer = undefined;
        copiedTo = i;
      } else if (depth === IN_ARRAY) {
        lines.push(line + text.slice(copiedTo, i));
      }
    } else {
      if (code === COMMA && depth === IN_RECORD) {
        atKey = true;
        kind = undefined;
      }
      i++;
    }
  }
  return { lines, movedFields };
}

/** The position behind the closing quote of the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** The first character of the value behind a key that ends at `end`. */
function startOfValue(text: string, end: number): number {
  let i = text.indexOf(':', end) + 1;
  while (text.charCodeAt(i) <= BLANK) i++;
  return i;
}

/** A Hive `bigint` takes a whole number of up to 18 digits for sure, and nothing with a fraction or an exponent. */
const WHOLE = /-?\d{1,18}(?=[\s,}])/y;

/** Whether the Hive JSON SerDe reads the value at `start` into a column of this kind. */
function fits(kind: FieldKind, text: string, start: number): boolean {
  const first = text[start] ?? '';
  if (first === 'n') return true;
  switch (kind) {
    case 'text':
      return true;
    case 'decimal':
      return first === '-' || (first >= '0' && first <= '9');
    case 'integer':
    case 'epochMs':
      WHOLE.lastIndex = start;
      return WHOLE.test(text);
    case 'textMap':
      return first === '{';
  }
}
