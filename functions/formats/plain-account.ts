/**
 * The fast path of `splitRecords`: finds fields that a part can contain exactly as sent, which are most fields of most pages.
 * A regular expression runs as machine code and is six times as fast as a loop over characters.
 */
import { ACCOUNT_FIELDS, type FieldKind } from './account-columns.ts';

/**
 * V8 stores each repetition for backtracking: without limits, 15 million escapes in a string throw a `RangeError`. What
 * counts is the product of the three limits; twice this product still works. Records beyond a limit take the slow path.
 */
const MAX_ESCAPES = 50;
const MAX_MEMBERS = 500;
const MAX_FIELDS = 50;

/** These patterns assume valid JSON. */
const KEY = String.raw`"[^"\\]*"`;
const TEXT = String.raw`"[^"\\]*(?:\\.[^"\\]*){0,${MAX_ESCAPES}}"`;
const SCALAR = String.raw`(?:${TEXT}|[^"{}\[\],\s]+)`;
/** Without an exponent of three digits, which a double may not hold. */
const NUMBER = String.raw`(?:-?\d{1,18}(?:\.\d{1,18})?(?:[eE][-+]?\d{1,2})?(?=[,}])|null)`;
/** Short enough for a 64-bit column. */
const WHOLE = String.raw`(?:-?\d{1,18}(?=[,}])|null)`;
const MEMBERS = `(?:${KEY}:${SCALAR},?){0,${MAX_MEMBERS}}`;

const VALUES: Readonly<Record<FieldKind, string>> = {
  text: SCALAR,
  double: NUMBER,
  integer: WHOLE,
  epochMs: WHOLE,
  textMap: String.raw`(?:\{${MEMBERS}\}|null)`,
};

const FIELDS = Object.entries(VALUES).map(([kind, value]) => {
  const names = ACCOUNT_FIELDS.filter((field) => field.kind === kind).map(({ name }) => name);
  return `"(?:${names.join('|')})":${value}`;
});

/** `nA` becomes `[nN][aA]`: Node.js 22 has no `(?i:…)`. */
const inAnyCase = (name: string) =>
  name.replaceAll(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);

const RESERVED = [...ACCOUNT_FIELDS.map(({ name }) => name), 'superseded'].map(inAnyCase).join('|');

/** A field without a column. ASCII only, because case-insensitive matching is unambiguous there. */
const OTHER = String.raw`"(?!(?:${RESERVED})")[A-Za-z]\w*":${SCALAR}`;

/** The alternatives start differently, so backtracking fails at once and time is linear. */
const PLAIN_FIELDS = new RegExp(`(?:(?:${[...FIELDS, OTHER].join('|')}),?){0,${MAX_FIELDS}}`, 'y');
const PLAIN_MEMBERS = new RegExp(MEMBERS, 'y');

/**
 * Finds plain fields: keys spelled as documented or unknown, values that their column can hold, nothing nested except the two
 * maps, and no whitespace between tokens.
 *
 * @param text valid JSON
 * @param start the position of a key
 * @returns the position after the last plain field and its comma; `start` if there is none
 */
export function endOfPlainFields(text: string, start: number): number {
  return endOf(PLAIN_FIELDS, text, start);
}

/** The same for members of a map: scalars under keys without escapes. */
export function endOfPlainMembers(text: string, start: number): number {
  return endOf(PLAIN_MEMBERS, text, start);
}

function endOf(pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start;
  // Matches at least zero repetitions, so it never resets lastIndex.
  pattern.test(text);
  return pattern.lastIndex;
}
