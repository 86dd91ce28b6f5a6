/** A simulated tenant that is like the one of which a fingerprint was saved. */
import { fieldOf } from '../functions/formats/account-columns.ts';
import { cellOf, inShape } from './attribute-shapes.ts';
import type { BodyProfile, FieldProfile, Fingerprint, MemberProfile, ValueType } from './fingerprint.ts';
import type { SimulatorOptions } from './simulator.ts';
import type { AccountMaker } from './tenant.ts';

/** Without a number of accounts, as without a fingerprint. */
const DEFAULT_ACCOUNTS = 12_431;
/** For an API whose pages are not offsets. */
const MIN_PAGE_SIZE = 50;

/** The options with which the simulator behaves as the fingerprint says. */
export function simulatedAs(fingerprint: Fingerprint): SimulatorOptions {
  const { json, csv, encoding, paging, latency } = fingerprint;
  const bodies = { json, csv: csv ?? json };
  return {
    maker: accountsAs(fingerprint),
    accounts: fingerprint.accounts ?? DEFAULT_ACCOUNTS,
    latencyMs: Math.round(latency.requestMs),
    compress: encoding !== null,
    contentTypes: { json: contentTypeOf(bodies.json), csv: contentTypeOf(bodies.csv) },
    byteOrderMarks: (['json', 'csv'] as const).filter((endpoint) => bodies[endpoint].byteOrderMark),
    unstableOrder: paging.order === 'unstable',
    ignorePage: paging.offsets === 'ignored',
    ...(encoding === null ? {} : { encoding }),
    ...(csv === null ? {} : { csvFinalNewline: csv.finalNewline, csvLineEnd: csv.lineEnd }),
    ...(paging.offsets === 'other' ? { minPageSize: MIN_PAGE_SIZE } : {}),
    ...(paging.pageSizeCap === null ? {} : { pageSizeCap: paging.pageSizeCap }),
  };
}

function contentTypeOf({ contentType, charset }: BodyProfile): string | undefined {
  if (contentType === null) return undefined;
  return charset === null ? contentType : `${contentType}; charset=${charset}`;
}

function accountsAs({ sample, json, csv }: Fingerprint): AccountMaker {
  const membersOf = json.fields.flatMap(({ map }) => map?.members.map((member) => member.name) ?? []);
  const names = [...json.fields.filter(({ map }) => !map).map((field) => field.name), ...new Set(membersOf)];
  return {
    json(id) {
      const { fields } = accountOf(json.fields, sample, id);
      return `{${Array.from(fields, ([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
    },
    csvColumns: () => csv?.columns ?? names,
    csvCells(id) {
      const { fields, members } = accountOf(json.fields, sample, id);
      // A header may spell a field in another way than JSON.
      const named = Array.from(fields, ([key, value]) => [fieldOf(key)?.name ?? key, value] as const);
      const values = new Map([...members, ...named]);
      const columns = csv?.columns ?? names;
      return new Map(columns.map((column) => [column, cellOf(values.get(fieldOf(column)?.name ?? column) ?? 'null')]));
    },
  };
}

interface FingerprintAccount {
  /** JSON text by key. */
  readonly fields: ReadonlyMap<string, string>;
  readonly members: ReadonlyMap<string, string>;
}

/** Account `id`: of the first `sample` accounts, as many have each field, type and shape as the fingerprint says. */
function accountOf(profiles: readonly FieldProfile[], sample: number, id: number): FingerprintAccount {
  const fields = new Map<string, string>();
  const members = new Map<string, string>();
  for (const profile of profiles) {
    const { map } = profile;
    if (map === undefined) {
      setValue(fields, profile, { of: sample, nth: id % sample, id });
      continue;
    }
    const place = placeOf(profile, sample, id % sample);
    if (place.state === 'null') fields.set(profile.name, 'null');
    if (place.state !== 'present') continue;
    const { flat, array, objects } = map.shapes;
    const maps = flat + array + objects;
    const inMap = new Map<string, string>();
    if (place.nth < maps) for (const member of map.members) setValue(inMap, member, { of: maps, nth: place.nth, id });
    for (const [key, value] of inMap) members.set(key, value);
    const shape = place.nth < flat ? 'flat' : place.nth < flat + array ? 'array' : 'objects';
    fields.set(profile.name, place.nth < maps ? inShape(inMap, shape) : '"text"');
  }
  return { fields, members };
}

interface Turn {
  /** The number of accounts in which the profile was counted. */
  readonly of: number;
  /** Which of them this account is like. */
  readonly nth: number;
  readonly id: number;
}

function setValue(values: Map<string, string>, profile: MemberProfile, { of, nth, id }: Turn): void {
  const place = placeOf(profile, of, nth);
  if (place.state === 'null') values.set(profile.name, 'null');
  if (place.state !== 'present') return;
  let before = 0;
  for (const { type, accounts, characters } of profile.values) {
    const turn = place.nth - before;
    before += accounts;
    if (turn >= accounts) continue;
    const [fewest = 1, most = fewest] = characters ?? [];
    values.set(profile.name, jsonOf(type, profile.name, { id, characters: turn % 2 === 0 ? most : fewest }));
    return;
  }
}

/** Spreads the values and nulls of a field evenly over the accounts. @returns which of the values it is, from 0 */
function placeOf({ present, nulls }: MemberProfile, of: number, nth: number) {
  const before = Math.ceil((nth * present) / of);
  // The first account has all fields, in the order of the fingerprint.
  if (Math.ceil(((nth + 1) * present) / of) > before) return { state: 'present', nth: before } as const;
  const missing = nth - before;
  const isNull = missing < nulls;
  return { state: isNull ? 'null' : 'absent', nth: missing } as const;
}

const FIRST_ACTIVITY = 1_358_640_000_000;

function jsonOf(type: ValueType, name: string, { id, characters }: { id: number; characters: number }): string {
  switch (type) {
    case 'text':
      // A name is unique, however short.
      if (fieldOf(name)?.name === 'name') return JSON.stringify(`a${id}`.padEnd(characters, 'x'));
      return JSON.stringify('x'.repeat(characters));
    case 'integer':
      return String(fieldOf(name)?.kind === 'epochMs' ? FIRST_ACTIVITY + id : id % 1000);
    case 'longInteger':
      return `${9_100_000_000_000_000_000n + BigInt(id)}`;
    case 'decimal':
      return ((id % 100) / 100 + 0.005).toFixed(3);
    case 'boolean':
      return String(id % 2 === 0);
    case 'array':
      return '["x"]';
    case 'object':
      return '{"x":1}';
  }
}
