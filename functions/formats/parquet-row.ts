import { ACCOUNT_FIELDS, type FieldKind, fieldOf } from './account-columns.ts';
import { fieldsOf, lineTextOf, type SentAccounts, utf8Of } from './json-accounts.ts';
import { membersOf, textOf } from './json-members.ts';
import { wholeNumber } from './numbers.ts';

/** An account as a row of a Parquet part. */
export interface AccountRow {
  /** In the order of `ACCOUNT_FIELDS`, null for fields that were not sent. Maps are lists of entries. */
  readonly values: readonly unknown[];
  /** Fields that no column can hold, as text, by the key sent. */
  readonly others: readonly Entry[];
}

/** A member of a map, as the writer takes it. */
export interface Entry {
  readonly key: string;
  readonly value: string | null;
}

/** Accounts as columns of a Parquet part, as its writer takes them. Each list has one element per account. */
export interface AccountColumns {
  /** A list for each of `ACCOUNT_FIELDS`. */
  readonly values: readonly unknown[][];
  /** Null for accounts without other fields. */
  readonly others: (readonly Entry[] | null)[];
}

/** The columns of these accounts. */
export function columnsOf(page: SentAccounts, start: number, end: number): AccountColumns {
  const values = ACCOUNT_FIELDS.map((): unknown[] => []);
  const others: (readonly Entry[] | null)[] = [];
  for (let account = start; account < end; account++) {
    const row = rowOfParsed(page, account) ?? rowOf(lineTextOf(page, account));
    for (let column = 0; column < values.length; column++) values[column]?.push(row.values[column]);
    others.push(row.others.length > 0 ? row.others : null);
  }
  return { values, others };
}

const NO_VALUES: readonly unknown[] = ACCOUNT_FIELDS.map(() => null);
const COLUMNS = new Map(ACCOUNT_FIELDS.map(({ name, kind }, index) => [name, { index, kind }]));

/** The row of an account that fits its columns; `undefined` for any other. `rowOf` gives the same in six times the time. */
function rowOfParsed(page: SentAccounts, account: number): AccountRow | undefined {
  const { scanned, adapted, bytes } = page;
  if (adapted[account] !== undefined) return undefined;
  const inexact = scanned[account]?.inexact ?? [];
  let next = 0;
  /** Of each value that is text in a table, in the order sent. */
  const asText = (value: unknown): string | null => {
    if (typeof value === 'string' || value === null) return value;
    if (typeof value === 'boolean') return `${value}`;
    const json = bytes.slice(inexact[next], inexact[next + 1]);
    next += 2;
    return typeof value === 'number' ? json : utf8Of(json);
  };
  const values = [...NO_VALUES];
  const others: Entry[] = [];
  const fields = fieldsOf(page, account);
  for (const key in fields) {
    const value = fields[key];
    const column = COLUMNS.get(key);
    if (column === undefined) {
      if (isIndex(key)) return undefined;
      others.push({ key, value: asText(value) });
    } else if (column.kind === 'textMap' && value !== null) {
      const members = value as Readonly<Record<string, unknown>>;
      const entries: Entry[] = [];
      for (const name in members) {
        if (isIndex(name)) return undefined;
        entries.push({ key: name, value: asText(members[name]) });
      }
      values[column.index] = entries;
    } else {
      values[column.index] = exactValue(column.kind, value);
    }
  }
  return { values, others };
}

/** Whether JavaScript may list this key before others that were sent earlier. */
function isIndex(key: string): boolean {
  return key >= '0' && key < ':';
}

function exactValue(kind: FieldKind, value: unknown): unknown {
  if (typeof value !== 'number' || kind === 'double') return value;
  return kind === 'integer' ? BigInt(value) : new Date(value);
}

/** @param line an account as in a JSON part */
export function rowOf(line: string): AccountRow {
  const values = [...NO_VALUES];
  // Several spellings of a field may have the same key here; the last one counts.
  const others = new Map<string, string | null>();
  for (const [key, json] of membersOf(line)) {
    const field = fieldOf(key);
    const value = field && columnValue(field.kind, json);
    if (field === undefined) others.set(key, textOf(json));
    else if (value === undefined) others.set(`${key}_as_sent`, textOf(json));
    else values[COLUMNS.get(field.name)?.index ?? 0] = value;
  }
  return { values, others: Array.from(others, ([key, value]) => ({ key, value })) };
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
      return Array.from(membersOf(json), ([key, inner]): Entry => ({ key, value: textOf(inner) }));
  }
}
