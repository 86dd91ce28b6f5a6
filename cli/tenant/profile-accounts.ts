/** What the accounts of a page are like, without any of their values. */
import { ACCOUNT_FIELDS, fieldOf } from '../../functions/formats/account-columns.ts';
import type { FieldProfile, MapShapes, MemberProfile, ValueType } from '../../simulator/fingerprint.ts';

type Json = Readonly<Record<string, unknown>>;

/** The fields of the accounts in the order of their first appearance. @param accounts parsed JSON */
export function profileAccounts(accounts: readonly Json[]): FieldProfile[] {
  return profilesOf(accounts).map((profile) => {
    if (fieldOf(profile.name)?.kind !== 'textMap') return profile;
    const shapes = { flat: 0, array: 0, objects: 0, other: 0 };
    const maps: Json[] = [];
    for (const account of accounts) {
      const value = account[profile.name];
      if (value === undefined || value === null) continue;
      const shape = shapeOf(value);
      shapes[shape]++;
      if (shape !== 'other') maps.push(membersIn(value, shape));
    }
    return { ...profile, values: [], map: { shapes, members: profilesOf(maps) } };
  });
}

/** The documented fields that no account has; segment exports have more of them. */
export function missingFields(profiles: readonly FieldProfile[]): string[] {
  const sent = new Set(profiles.map(({ name }) => fieldOf(name)?.name));
  return ACCOUNT_FIELDS.map(({ name }) => name).filter((name) => !sent.has(name) && !name.startsWith('segment'));
}

function profilesOf(objects: readonly Json[]): MemberProfile[] {
  const names = new Set(objects.flatMap((object) => Object.keys(object)));
  return Array.from(names, (name) => {
    const sent = objects.filter((object) => Object.hasOwn(object, name)).map((object) => object[name]);
    const values = sent.filter((value) => value !== null);
    const byType = Map.groupBy(values, typeOf);
    return {
      name,
      present: values.length,
      nulls: sent.length - values.length,
      values: Array.from(byType, ([type, ofType]) => ({
        type,
        accounts: ofType.length,
        ...(type === 'text' ? { characters: charactersOf(ofType as string[]) } : {}),
      })),
    };
  });
}

function typeOf(value: unknown): ValueType {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return 'decimal';
    return Number.isSafeInteger(value) ? 'integer' : 'longInteger';
  }
  return Array.isArray(value) ? 'array' : 'object';
}

const MOST_CHARACTERS = 2 ** 20;

function charactersOf(texts: readonly string[]): [number, number] {
  const upTo = (length: number) => (length === 0 ? 0 : Math.min(MOST_CHARACTERS, 2 ** Math.ceil(Math.log2(length))));
  const lengths = texts.map(({ length }) => length);
  return [upTo(Math.min(...lengths)), upTo(Math.max(...lengths))];
}

/** The shapes that `functions/formats/adapt-account.ts` reads into one map. */
function shapeOf(value: unknown): keyof MapShapes {
  if (Array.isArray(value))
    return value.every((element) => memberOf(element, 'name') !== undefined) ? 'array' : 'other';
  if (typeof value !== 'object' || value === null) return 'other';
  const members = Object.values(value);
  const areObjects = members.every((member) => member === null || memberOf(member, 'value') !== undefined);
  return areObjects && members.some((member) => member !== null) ? 'objects' : 'flat';
}

function membersIn(value: unknown, shape: Exclude<keyof MapShapes, 'other'>): Json {
  if (shape === 'flat') return value as Json;
  if (shape === 'array') {
    const elements = value as readonly unknown[];
    const named = elements.map((element) => [String(memberOf(element, 'name')), memberOf(element, 'value') ?? null]);
    return Object.fromEntries(named) as Json;
  }
  const members = Object.entries(value as Json).map(([key, member]) => [key, memberOf(member, 'value') ?? null]);
  return Object.fromEntries(members) as Json;
}

/** The member of an object whose key matches ignoring case and surrounding whitespace; `undefined` without one. */
function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const sent = Object.keys(value).findLast((one) => one.trim().toLowerCase() === key);
  return sent === undefined ? undefined : (value as Json)[sent];
}
