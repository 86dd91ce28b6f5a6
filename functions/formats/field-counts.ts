/** Counts how many accounts of a JSON page have each field and each attribute, in the values that `JSON.parse` returned. */
import { type FieldPresence, listedFields, MAX_COUNTED_NAMES, MAX_NAME_CHARACTERS } from '../model/field-coverage.ts';
import { fieldOf } from './account-columns.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface CountedFields {
  /** All keys of the accounts, in order of first appearance. */
  readonly keys: Set<string>;
  readonly fields: readonly FieldPresence[];
  /** The commas between the accounts and between their values, at any depth. */
  readonly commas: number;
}

interface Counter {
  present: number;
  /** Of a map. */
  readonly members: Map<string, Counter> | undefined;
}

/** A field is present if its last value under any spelling of its name is not null, as queries read it. */
export function countFields(accounts: readonly JsonObject[]): CountedFields {
  const { keys, counters, commas } = count(accounts);
  const names = Array.from(counters.keys(), columnName);
  if (new Set(names).size === names.length) return { keys, fields: fieldsOf(counters), commas };
  const respelled = accounts.map((account) =>
    Object.fromEntries(Object.entries(account).map(([key, value]) => [columnName(key), value])),
  );
  return { keys, fields: fieldsOf(count(respelled).counters), commas };
}

/** The names and counts as a receipt lists them. Names become well-formed, as readers of manifests need. */
export function presentFields(counted: Iterable<readonly [name: string, present: number]>): FieldPresence[] {
  const presentByName = new Map<string, number>();
  for (const [sent, present] of counted) {
    if (sent.length > MAX_NAME_CHARACTERS) continue;
    const name = sent.toWellFormed();
    // A field `attributes.x` next to an attribute `x`: the sum could be more than there are accounts.
    presentByName.set(name, Math.max(presentByName.get(name) ?? 0, present));
  }
  return listedFields(presentByName);
}

function columnName(key: string): string {
  return fieldOf(key)?.name ?? key;
}

/** One walk through all values, because it takes longer than counting. */
function count(accounts: readonly JsonObject[]) {
  const keys = new Set<string>();
  const counters = new Map<string, Counter>();
  let commas = Math.max(0, accounts.length - 1);
  for (const account of accounts) {
    let values = 0;
    for (const key in account) {
      values++;
      const value = account[key];
      let counter = counters.get(key);
      if (counter === undefined) {
        keys.add(key);
        counter = { present: 0, members: fieldOf(key)?.kind === 'textMap' ? new Map() : undefined };
        if (counters.size < MAX_COUNTED_NAMES) counters.set(key, counter);
      }
      if (value === null) continue;
      counter.present++;
      if (typeof value !== 'object') continue;
      commas +=
        counter.members === undefined ? commasIn(value as object) : countMembers(counter.members, value as object);
    }
    if (values > 0) commas += values - 1;
  }
  return { keys, counters, commas };
}

/** Counts the members of a map in any of the three shapes of `adaptAccount`. @returns the commas in the map */
function countMembers(members: Map<string, Counter>, map: object): number {
  if (Array.isArray(map)) {
    for (const [name, value] of namedValues(map) ?? []) countMember(members, name, value);
    return commasIn(map);
  }
  const areObjects = areObjectsWithValue(map as JsonObject);
  let values = 0;
  let commas = 0;
  for (const name in map) {
    values++;
    const sent = (map as JsonObject)[name];
    countMember(members, name, areObjects && sent !== null ? lastOf(sent, VALUE_KEY) : sent);
    if (typeof sent === 'object' && sent !== null) commas += commasIn(sent);
  }
  return commas + Math.max(0, values - 1);
}

function countMember(members: Map<string, Counter>, name: string, value: unknown): void {
  let counter = members.get(name);
  if (counter === undefined) {
    if (members.size >= MAX_COUNTED_NAMES) return;
    counter = { present: 0, members: undefined };
    members.set(name, counter);
  }
  if (value !== null) counter.present++;
}

/** The commas between the values of an object or array, at any depth. */
function commasIn(value: object): number {
  if (Array.isArray(value)) {
    let commas = Math.max(0, value.length - 1);
    for (const inner of value) if (typeof inner === 'object' && inner !== null) commas += commasIn(inner);
    return commas;
  }
  let commas = -1;
  for (const key in value) {
    commas++;
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner === 'object' && inner !== null) commas += commasIn(inner);
  }
  return Math.max(0, commas);
}

const NAME_KEY = /^\s*name\s*$/i;
const VALUE_KEY = /^\s*value\s*$/i;

/** `undefined` if an element has no name: then the array is no map. */
function namedValues(array: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const values = new Map<string, unknown>();
  for (const element of array) {
    const name = lastOf(element, NAME_KEY);
    if (name === undefined || name === null || typeof name === 'object') return undefined;
    values.set(String(name), lastOf(element, VALUE_KEY) ?? null);
  }
  return values;
}

function areObjectsWithValue(map: JsonObject): boolean {
  let found = false;
  for (const name in map) {
    const value = map[name];
    if (value === null) continue;
    if (typeof value !== 'object' || lastOf(value, VALUE_KEY) === undefined) return false;
    found = true;
  }
  return found;
}

/** The last member whose key matches; `undefined` if there is none. */
function lastOf(value: unknown, key: RegExp): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  let found: unknown;
  for (const name in value) if (key.test(name)) found = (value as JsonObject)[name];
  return found;
}

function fieldsOf(counters: ReadonlyMap<string, Counter>): FieldPresence[] {
  return presentFields(
    Array.from(counters).flatMap(([key, { present, members }]) => {
      const name = columnName(key);
      const ofMembers = Array.from(members ?? [], ([member, { present }]) => [`${name}.${member}`, present] as const);
      return [[name, present] as const, ...ofMembers];
    }),
  );
}
