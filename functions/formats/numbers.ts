/**
 * What counts as a number, in every format and in both query engines: views test CSV cells with the same patterns. Without
 * one rule, Athena, DuckDB and JavaScript disagree about `1.7E12`, `51.0`, ` 5`, `1_000` and `NaN`.
 */

/** A number. `Infinity`, `NaN` and numbers that a double cannot hold are none. */
export const NUMBER_PATTERN = String.raw`^ *[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)? *$`;
/**
 * A number that may be whole: `51`, `51.0`, `1.7E12`, `1.7e+12`. At most 19 decimals, because the views check in SQL, with
 * `decimal(38,19)`, that they are zero.
 */
export const WHOLE_PATTERN = String.raw`^ *[-+]?[0-9]+(\.[0-9]{0,19})?([eE][+]?[0-9]{1,2})? *$`;

const NUMBER = new RegExp(NUMBER_PATTERN);
const WHOLE = new RegExp(WHOLE_PATTERN);
const PARTS_OF_WHOLE = /([-+]?)([0-9]+)(?:\.([0-9]*))?(?:[eE]\+?([0-9]+))?/;

/** V8 stores every repetition for backtracking, and no column can hold a longer number exactly. */
const MAX_LENGTH = 1000;
/** Of a 64-bit integer. */
const MAX_DIGITS = 19;

/** @returns the number that a column of doubles holds; `undefined` if the text is not a finite number */
export function finiteNumber(text: string): number | undefined {
  if (text.length > MAX_LENGTH || !NUMBER.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

/** @returns the exact number that a 64-bit column holds; `undefined` for a fraction, a larger number or other text */
export function wholeNumber(text: string): bigint | undefined {
  if (text.length > MAX_LENGTH || !WHOLE.test(text)) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = PARTS_OF_WHOLE.exec(text) ?? [];
  // Looks at digits, because the double of 4503599627370496.3 has no fraction.
  const digits = whole + fraction.padEnd(Number(exponent), '0');
  const end = whole.length + Number(exponent);
  if (/[1-9]/.test(digits.slice(end))) return undefined;
  const significant = digits.slice(0, end).replace(/^0+/, '');
  if (significant.length > MAX_DIGITS) return undefined;
  const value = BigInt(`${sign === '-' ? '-' : ''}${significant || '0'}`);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
