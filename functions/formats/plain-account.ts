/** Accounts that a part can hold just as they were sent, told at a glance: nearly all of nearly every page. */
import { ACCOUNT_FIELDS, type FieldKind } from './account-columns.ts';

/**
 * V8 remembers each step of a repetition to return to it: without a bound, fifteen million escapes in a text are a
 * `RangeError`. What has more of anything is looked at closely.
 */
const MOST_ESCAPES = 50;
const MOST_MEMBERS = 500;
const MOST_FIELDS = 50;

/** Each only where valid JSON can have it, so that none says more than is needed to tell them apart. */
const KEY = String.raw`"[^"\\]*"`;
const TEXT = String.raw`"[^"\\]*(?:\\.[^"\\]*){0,${MOST_ESCAPES}}"`;
const SCALAR = String.raw`(?:${TEXT}|[^"{}\[\],\s]+)`;
const NUMBER = String.raw`(?:-?\d[^"{}\[\],\s]*|null)`;
/** A `bigint` by its length alone. */
const WHOLE = String.raw`(?:-?\d{1,18}(?=[,}])|null)`;

const VALUES: Readonly<Record<FieldKind, string>> = {
  text: SCALAR,
  decimal: NUMBER,
  integer: WHOLE,
  epochMs: WHOLE,
  textMap: String.raw`(?:\{(?:${KEY}:${SCALAR},?){0,${MOST_MEMBERS}}\}|null)`,
};

const FIELDS = Object.entries(VALUES).map(([kind, value]) => {
  const names = ACCOUNT_FIELDS.filter((field) => field.kind === kind).map(({ name }) => name);
  return `"(?:${names.join('|')})":${value}`;
});

/** A field without a column. None but ASCII letters equal others when case is ignored. */
const OTHER = String.raw`"(?!(?i:${[...ACCOUNT_FIELDS.map(({ name }) => name), 'superseded'].join('|')})")[A-Za-z]\w*":${SCALAR}`;

/** No two of its ways begin alike, so none is ever gone back to: a text takes as long as it has characters. */
const PLAIN = new RegExp(String.raw`\{(?:(?:${[...FIELDS, OTHER].join('|')}),?){0,${MOST_FIELDS}}\}`, 'y');

/**
 * The end of the account that begins at `start`, if a line can hold it just as it is: keys spelled as documented or like
 * none that is, each value one that its column holds, nothing nested but the two maps, no blank between tokens. Of any
 * other account nothing is said.
 *
 * A regular expression runs as machine code over the text itself: six times as fast as looking at each character.
 *
 * @param text valid JSON
 * @returns the position behind it; -1 when it has to be looked at closely
 */
export function endOfPlainAccount(text: string, start: number): number {
  PLAIN.lastIndex = start;
  return PLAIN.test(text) ? PLAIN.lastIndex : -1;
}
