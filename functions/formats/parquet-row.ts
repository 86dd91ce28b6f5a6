import { ACCOUNT_FIELDS, type FieldKind } from './account-columns.ts';
import { membersOf, textOf } from './parquet-members.ts';

/** An account as the columns of a Parquet part. */
export interface AccountRow {
  /** By the column's name; a field that was not sent is not there. */
  readonly values: ReadonlyMap<string, unknown>;
  /** What no column holds, as text, by the key it was sent under. */
  readonly others: ReadonlyMap<string, string | null>;
}

/** Glue columns are lower case, and keys are matched to them ignoring case, as in JSON parts. */
const KINDS: ReadonlyMap<string, FieldKind> = new Map(
  ACCOUNT_FIELDS.map(({ name, kind }) => [name.toLowerCase(), kind]),
);

/**
 * The row of an account.
 *
 * Of two keys that differ only in case the later has the column, as in JSON parts; the earlier is kept with the others.
 * @param line one account as `decodeJson` leaves it
 */
export function rowOf(line: string): AccountRow {
  const values = new Map<string, unknown>();
  const others = new Map<string, string | null>();
  const sentAs = new Map<string, { key: string; json: string }>();
  for (const [key, json] of membersOf(line)) {
    const column = key.toLowerCase();
    const kind = KINDS.get(column);
    const value = kind === undefined ? undefined : columnValue(kind, json);
    if (value === undefined) {
      others.set(key, textOf(json));
      continue;
    }
    const earlier = sentAs.get(column);
    if (earlier) others.set(earlier.key, textOf(earlier.json));
    sentAs.set(column, { key, json });
    values.set(column, value);
  }
  return { values, others };
}

/** The last millisecond that a date of JavaScript holds; readers of TIMESTAMP_MILLIS differ beyond it. */
const DATE_MAX_MS = 8_640_000_000_000_000n;

/** The value for a column; `undefined` when the column cannot hold it. */
function columnValue(kind: FieldKind, json: string): unknown {
  if (json === 'null') return null;
  switch (kind) {
    case 'text':
      // A number too, digit for digit: an account called 5 is `5` in the tables of JSON and CSV parts.
      return textOf(json);
    case 'decimal':
      return isNumber(json) && Number.isFinite(Number(json)) ? Number(json) : undefined;
    case 'integer': {
      const whole = wholeNumber(json);
      return whole !== undefined && BigInt.asIntN(64, whole) === whole ? whole : undefined;
    }
    case 'epochMs': {
      const ms = wholeNumber(json);
      return ms !== undefined && ms <= DATE_MAX_MS && ms >= -DATE_MAX_MS ? new Date(Number(ms)) : undefined;
    }
    case 'textMap':
      return json.startsWith('{')
        ? new Map(Array.from(membersOf(json), ([key, inner]) => [key, textOf(inner)]))
        : undefined;
  }
}

const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

function isNumber(json: string): boolean {
  return NUMBER.test(json);
}

/** A whole number, also one written as `51.0` or `1.35864E12`, as Java prints doubles; exact, or not at all. */
function wholeNumber(json: string): bigint | undefined {
  const [, whole, fraction = '', exponent] = NUMBER.exec(json) ?? [];
  if (whole === undefined) return undefined;
  if (fraction === '' && exponent === undefined) return whole.length <= 19 ? BigInt(json) : undefined;
  // Decided by the digits, since a double of 4503599627370496.3 has lost the fraction already.
  const digits = whole + fraction;
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  const decimals = fraction.length - (digits.length - end) - Number(exponent ?? 0);
  if (end > 0 && decimals > 0) return undefined;
  return Number.isSafeInteger(Number(json)) ? BigInt(Number(json)) : undefined;
}
