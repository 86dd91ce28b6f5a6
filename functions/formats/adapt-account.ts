/**
 * The rules for accounts that the tables cannot read as sent. One rule per kind of column, for all formats:
 *
 * - The key of a column is written as documented. Keys match ignoring case and surrounding whitespace; of several, the last
 *   one counts, as in the Hive JSON SerDe.
 * - A column gets the value that it can hold: whole numbers in any notation, finite numbers, text, and attributes in any of
 *   the three shapes of `flatMap`.
 * - What was sent is kept under `<key>_as_sent`, or `<key>_sent_as_<shape>`, if the column has another value or none. Nested
 *   values of texts and maps become JSON text, which contains them as sent.
 */
import { type FieldKind, fieldOf } from './account-columns.ts';
import { eachElement, eachMember, isNested, type Member, textOf, textOfString } from './json-members.ts';
import { finiteNumber, wholeNumber } from './numbers.ts';

/**
 * Keys with another meaning in a part: the writer adds `superseded` to replaced records, and the Hive JSON SerDe, with which
 * Athena reads JSON parts, takes `_col7` for the eighth column, and fails if there is none. Source: `JsonDeserializer` of
 * Trino, the engine of Athena.
 */
export const RESERVED = /^(?:superseded|_col\d+)$/i;

export interface AdaptedAccount {
  readonly line: string;
  /** Keys that the API did not send. */
  readonly addedKeys: readonly string[];
}

/** @param account a valid JSON object without whitespace between tokens */
export function adaptAccount(account: string): AdaptedAccount {
  const members = Array.from(eachMember(account), ([keyJson, json]) => {
    const key = textOfString(keyJson);
    return { keyJson, key, json, field: fieldOf(key) };
  });
  const lastOf = new Map(members.map(({ field }, i) => [field, i]));
  const written: string[] = [];
  const addedKeys: string[] = [];
  const add = (key: string, json: string) => {
    addedKeys.push(key);
    written.push(`${JSON.stringify(key)}:${json}`);
  };
  for (const [i, { keyJson, key, json, field }] of members.entries()) {
    if (field === undefined) {
      if (RESERVED.test(key)) add(`${key}_as_sent`, json);
      else written.push(`${keyJson}:${json}`);
      continue;
    }
    const held = lastOf.get(field) === i ? heldBy(field.kind, json) : undefined;
    if (held !== undefined) written.push(`"${field.name}":${held.json}`);
    if (held?.sentAs !== null) add(`${key}_${held?.sentAs ?? 'as_sent'}`, json);
  }
  return { line: `{${written.join(',')}}`, addedKeys };
}

/** What a column holds. */
interface Held {
  /** A value that the Hive JSON SerDe can read. */
  readonly json: string;
  /** How the key of what was sent ends; `null` if the column has all of it. */
  readonly sentAs: string | null;
}

const AS_SENT = 'as_sent';

/** Whether a field of a part is what was sent for another field, such as `engagementScore_as_sent`. */
export function isKeptAsSent(name: string): boolean {
  const key = /^(.+)_(?:as_sent|sent_as_array|sent_as_objects)$/s.exec(name)?.[1];
  return key !== undefined && (fieldOf(key) !== undefined || RESERVED.test(key));
}

/** `undefined` if a column of this kind cannot hold the value. */
function heldBy(kind: FieldKind, json: string): Held | undefined {
  if (readsAsSent(kind, json) && kind !== 'textMap')
    return { json: kind === 'text' ? asText(json) : json, sentAs: null };
  switch (kind) {
    case 'text':
      return undefined;
    case 'double': {
      const number = finiteNumber(textOf(json) ?? '');
      return number === undefined ? undefined : { json: `${number}`, sentAs: AS_SENT };
    }
    case 'integer':
    case 'epochMs': {
      const whole = wholeNumber(textOf(json) ?? '');
      return whole === undefined ? undefined : { json: `${whole}`, sentAs: AS_SENT };
    }
    case 'textMap':
      return flatMap(json);
  }
}

/** A number as JSON writes it. */
const JSON_NUMBER = /^-?\d/;

/**
 * Whether the Hive JSON SerDe reads exactly this value into a column of this kind, once nested values are text. It fails on
 * numbers beyond 64 bits, and converts those with a fraction or exponent (such as `51.0` or `1.35864E12`) from a double.
 * Source: Jackson's `getLongValue`, which Hive and Trino call.
 * @param json a value; of a nested one, the first character is enough
 */
export function readsAsSent(kind: FieldKind, json: string): boolean {
  if (json === 'null') return true;
  switch (kind) {
    case 'text':
      return true;
    case 'double':
      return JSON_NUMBER.test(json) && finiteNumber(json) !== undefined;
    case 'integer':
    case 'epochMs': {
      const whole = JSON_NUMBER.test(json) ? wholeNumber(json) : undefined;
      return whole !== undefined && (/^-?\d+$/.test(json) || Number.isSafeInteger(Number(whole)));
    }
    case 'textMap':
      return json.startsWith('{');
  }
}

/** A value of a text column or of a map. */
export function asText(json: string): string {
  return isNested(json) ? JSON.stringify(json) : json;
}

/**
 * The attributes of an account by name. Salesforce documents three shapes: an object of values, an array of
 * `{name, value, updated}`, and an object of `{value, metadata}`.
 * @returns `undefined` for any other value
 */
function flatMap(json: string): Held | undefined {
  if (json === 'null') return { json, sentAs: null };
  if (json.startsWith('[')) {
    const members = Array.from(eachElement(json), namedValue);
    return members.every((member) => member !== undefined) ? held(members, 'sent_as_array') : undefined;
  }
  if (!json.startsWith('{')) return undefined;
  const members = [...eachMember(json)];
  const objects = members.map(([key, inner]): Member | undefined => {
    const value = inner === 'null' ? inner : memberOf(inner, VALUE_KEY);
    return value === undefined ? undefined : [key, value];
  });
  const areObjects = objects.every((member) => member !== undefined) && members.some(([, inner]) => inner !== 'null');
  return areObjects ? held(objects, 'sent_as_objects') : held(members, null);
}

function held(members: readonly Member[], sentAs: string | null): Held {
  const distinct = new Map<string, string>();
  for (const [keyJson, json] of members) {
    const key = textOfString(keyJson);
    distinct.delete(key);
    distinct.set(key, `${keyJson}:${asText(json)}`);
  }
  const isRepeated = distinct.size < members.length;
  return { json: `{${[...distinct.values()].join(',')}}`, sentAs: sentAs ?? (isRepeated ? AS_SENT : null) };
}

const NAME_KEY = /^"\s*name\s*"$/i;
const VALUE_KEY = /^"\s*value\s*"$/i;

/** `{"name":"industry","value":"Banking"}` as a member of a map; without a value it is null. */
function namedValue(element: string): Member | undefined {
  const name = memberOf(element, NAME_KEY);
  if (name === undefined || name === 'null' || isNested(name)) return undefined;
  return [JSON.stringify(textOf(name)), memberOf(element, VALUE_KEY) ?? 'null'];
}

function memberOf(json: string, key: RegExp): string | undefined {
  if (!json.startsWith('{')) return undefined;
  let found: string | undefined;
  for (const [name, inner] of eachMember(json)) if (key.test(name)) found = inner;
  return found;
}
