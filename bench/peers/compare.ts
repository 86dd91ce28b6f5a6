/** Compares what a tool delivered with what the API served. */
import { type ExactJson, exactJson, isNested } from '../../test/support/exact-json.ts';
import { idOf } from './account-id.ts';
import type { AccountValues, ReadAccount } from './read-output.ts';

/** How the values of an account can differ, worst first. */
export const CHANGES = [
  /** A number changed. */
  'digits',
  /** A value other than null is missing. */
  'gone',
  /** `true` became `"True"`, `5` became `"5"`. */
  'otherType',
  /** A string changed. */
  'otherText',
  /** A value that was not sent. */
  'added',
  /** Nested values are in separate tables and can be joined. */
  'otherTable',
  /** The same value in another notation: `1.10` as `1.1`, an array as its JSON text, null left out. */
  'rewritten',
] as const;
export type Change = (typeof CHANGES)[number];

export interface Comparison {
  readonly delivered: number;
  /** Accounts that existed throughout the run and were not delivered. */
  readonly lost: number;
  /** Accounts delivered more than once. */
  readonly duplicated: number;
  /** Records that are not an account of the tenant. */
  readonly unknown: number;
  /** Accounts with each change, when values were compared. */
  readonly changes?: Readonly<Record<Change, number>>;
}

/**
 * @param expected ids of the accounts that existed throughout the run
 * @param known ids below this number are accounts of the tenant, new ones included
 * @param sent the JSON of an account as served; compares values
 */
export function countAccounts(
  delivered: Iterable<ReadAccount>,
  expected: Iterable<number>,
  known: number,
  sent?: (id: number) => string,
): Comparison {
  const times = new Map<number, number>();
  const changes = Object.fromEntries(CHANGES.map((change) => [change, 0])) as Record<Change, number>;
  let count = 0;
  let unknown = 0;
  for (const account of delivered) {
    count++;
    const id = idOf(account.name);
    if (id === undefined || id >= known) {
      unknown++;
      continue;
    }
    times.set(id, (times.get(id) ?? 0) + 1);
    if (sent) for (const change of changesOf(sent(id), account.values())) changes[change]++;
  }
  const lost = [...expected].filter((id) => !times.has(id)).length;
  const duplicated = [...times.values()].filter((n) => n > 1).length;
  return { delivered: count, lost, duplicated, unknown, ...(sent ? { changes } : {}) };
}

/** How one account's values differ. @param sent its JSON, as the API served it */
export function changesOf(sent: string, got: AccountValues): ReadonlySet<Change> {
  const { attributes, ...fields } = exactJson(sent) as Record<string, ExactJson>;
  const changes = new Set<Change>();
  const parts = [
    [fields, got.fields],
    [(attributes ?? {}) as Record<string, ExactJson>, got.attributes],
  ] as const;
  for (const [before, after] of parts) {
    for (const [key, value] of Object.entries(before)) {
      const change = changeOf(value, after[key], got.inOtherTables === true);
      if (change) changes.add(change);
    }
    for (const [key, value] of Object.entries(after)) if (!(key in before) && value !== null) changes.add('added');
  }
  return changes;
}

function changeOf(sent: ExactJson, got: ExactJson | undefined, inOtherTables: boolean): Change | undefined {
  if (got === undefined || got === null) {
    if (sent === null) return got === null ? undefined : 'rewritten';
    return isNested(sent) && inOtherTables ? 'otherTable' : 'gone';
  }
  if (JSON.stringify(got) === JSON.stringify(sent)) return undefined;
  if (sameMeaning(sent, got)) return 'rewritten';
  if (isNested(sent) && typeof got === 'string') {
    const text = readable(got);
    return text !== undefined && sameMeaning(sent, text) ? 'rewritten' : 'otherText';
  }
  if (kindOf(sent) !== kindOf(got)) return 'otherType';
  return kindOf(sent) === 'number' ? 'digits' : isNested(sent) ? 'otherType' : 'otherText';
}

/** Whether two values are equal except for the notation of numbers. */
function sameMeaning(a: ExactJson, b: ExactJson): boolean {
  const [x, y] = [digitsOf(a), digitsOf(b)];
  if (x !== undefined && y !== undefined) return sameNumber(x, y);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, i) => sameMeaning(value, b[i] as ExactJson));
  }
  if (isNested(a) && isNested(b) && !Array.isArray(a) && !Array.isArray(b)) {
    const [left, right] = [a as Record<string, ExactJson>, b as Record<string, ExactJson>];
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => right[key] !== undefined && sameMeaning(left[key] as ExactJson, right[key]))
    );
  }
  return a === b;
}

/** Compares decimals exactly: `1E+3` equals `1000.0`, `9007199254740993` does not equal `9007199254740992.0`. */
function sameNumber(a: string, b: string): boolean {
  const [x, y] = [decimal(a), decimal(b)];
  return x.digits === y.digits && (x.exponent === y.exponent || x.digits === '');
}

function decimal(text: string): { digits: string; exponent: number } {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  const exponent = Number(power) - fraction.length + (all.length - digits.length);
  return { digits: digits === '' ? '' : sign + digits, exponent };
}

function digitsOf(value: ExactJson): string | undefined {
  const isNumber = typeof value === 'object' && value !== null && !isNested(value);
  return isNumber ? (value as { digits: string }).digits : undefined;
}

function kindOf(value: ExactJson): string {
  return digitsOf(value) === undefined ? (Array.isArray(value) ? 'array' : typeof value) : 'number';
}

function readable(text: string): ExactJson | undefined {
  try {
    return exactJson(text);
  } catch {
    return undefined;
  }
}
