import { COLUMN_KINDS, type FieldKind } from './account-columns.ts';
import { membersOf, textOf } from './parquet-members.ts';

/** An account as a row of a Parquet part. */
export interface AccountRow {
  /** By column name, without fields that were not sent. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Fields that no column can hold, as text, by the key sent. */
  readonly others: ReadonlyMap<string, string | null>;
}

/**
 * Of two keys that differ only in case, the column holds the later one, as in JSON parts. The earlier is in `others`.
 * @param line an account as in `JsonPage.lines`
 */
export function rowOf(line: string): AccountRow {
  const values = new Map<string, unknown>();
  const others = new Map<string, string | null>();
  const sentAs = new Map<string, { key: string; json: string }>();
  for (const [key, json] of membersOf(line)) {
    const column = key.toLowerCase();
    const kind = COLUMN_KINDS.get(column);
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

/** The last millisecond of a JavaScript Date. Readers of TIMESTAMP_MILLIS disagree about later ones. */
const DATE_MAX_MS = 8_640_000_000_000_000n;

/** `undefined` if the column cannot hold the value. */
function columnValue(kind: FieldKind, json: string): unknown {
  if (json === 'null') return null;
  switch (kind) {
    case 'text':
      // Numbers digit for digit, as in JSON and CSV parts: an account named 5 is `5`.
      return textOf(json);
    case 'double':
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

/** The exact integer, also of `51.0` or `1.35864E12`, as Java prints doubles; otherwise `undefined`. */
function wholeNumber(json: string): bigint | undefined {
  const [, whole, fraction = '', exponent] = NUMBER.exec(json) ?? [];
  if (whole === undefined) return undefined;
  if (fraction === '' && exponent === undefined) return whole.length <= 19 ? BigInt(json) : undefined;
  // Checks digits, because the double of 4503599627370496.3 has no fraction.
  const digits = whole + fraction;
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  const decimals = fraction.length - (digits.length - end) - Number(exponent ?? 0);
  if (end > 0 && decimals > 0) return undefined;
  return Number.isSafeInteger(Number(json)) ? BigInt(Number(json)) : undefined;
}
