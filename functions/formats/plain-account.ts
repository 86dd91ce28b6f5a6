/** What of an account a part can hold just as it was sent, told at a glance: nearly all of nearly every page. */
import { ACCOUNT_FIELDS, type FieldKind } from './account-columns.ts';

/**
 * V8 remembers each step of a repetition to return to it: without a bound, fifteen million escapes in a text are a
 * `RangeError`. It is the product that counts; twice as much of it works. What has more of anything is looked at closely.
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
const MEMBERS = `(?:${KEY}:${SCALAR},?){0,${MOST_MEMBERS}}`;

const VALUES: Readonly<Record<FieldKind, string>> = {
  text: SCALAR,
  decimal: NUMBER,
  integer: WHOLE,
  epochMs: WHOLE,
  textMap: String.raw`(?:\{${MEMBERS}\}|null)`,
};

const FIELDS = Object.entries(VALUES).map(([kind, value]) => {
  const names = ACCOUNT_FIELDS.filter((field) => field.kind === kind).map(({ name }) => name);
  return `"(?:${names.join('|')})":${value}`;
});

/** A field without a column. None but ASCII letters equal others when case is ignored. */
const OTHER = String.raw`"(?!(?i:${[...ACCOUNT_FIELDS.map(({ name }) => name), 'superseded'].join('|')})")[A-Za-z]\w*":${SCALAR}`;

/** No two of its ways fit the same beginning, so whatever is gone back to fails at once: time is by characters. */
const PLAIN_FIELDS = new RegExp(`(?:(?:${[...FIELDS, OTHER].join('|')}),?){0,${MOST_FIELDS}}`, 'y');
const PLAIN_MEMBERS = new RegExp(MEMBERS, 'y');

/**
 * How far a line can hold the fields of an account just as they are, from the one whose key begins at `start`: keys spelled
 * as documented or like none that is, each value one that its column holds, nothing nested but the two maps, no blank
 * between tokens. Of what follows nothing is said.
 *
 * A regular expression runs as machine code over the text itself: six times as fast as looking at each character.
 *
 * @param text valid JSON
 * @returns the position behind the last such field and its comma; `start` where there is none that can be told at a glance
 */
export function endOfPlainFields(text: string, start: number): number {
  return endOf(PLAIN_FIELDS, text, start);
}

/** The same of the members of a map: texts, numbers and words under keys without escapes. */
export function endOfPlainMembers(text: string, start: number): number {
  return endOf(PLAIN_MEMBERS, text, start);
}

function endOf(run: RegExp, text: string, start: number): number {
  run.lastIndex = start;
  // Always: of none, too.
  run.test(text);
  return run.lastIndex;
}
