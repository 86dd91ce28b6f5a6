import { type FieldKind, fieldOf } from './account-columns.ts';
import { membersOf, textOf } from './json-members.ts';
import { wholeNumber } from './numbers.ts';

/** An account as a row of a Parquet part. */
export interface AccountRow {
  /** By column name, without fields that were not sent. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Fields that no column can hold, as text, by the key sent. */
  readonly others: ReadonlyMap<string, string | null>;
}

/** @param line an account as in `JsonPage.lines` */
export function rowOf(line: string): AccountRow {
  const values = new Map<string, unknown>();
  const others = new Map<string, string | null>();
  for (const [key, json] of membersOf(line)) {
    const field = fieldOf(key);
    const value = field && columnValue(field.kind, json);
    if (field === undefined) others.set(key, textOf(json));
    else if (value === undefined) others.set(`${key}_as_sent`, textOf(json));
    else values.set(field.name.toLowerCase(), value);
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
      return Number(json);
    case 'integer':
      return wholeNumber(json);
    case 'epochMs': {
      const ms = wholeNumber(json);
      return ms !== undefined && ms <= DATE_MAX_MS && ms >= -DATE_MAX_MS ? new Date(Number(ms)) : undefined;
    }
    case 'textMap':
      return new Map(Array.from(membersOf(json), ([key, inner]) => [key, textOf(inner)]));
  }
}
