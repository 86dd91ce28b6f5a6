/** Fields of accounts: how many have each, now and in the last published run. */
import { type Coverage, canCompare, MAX_FIELDS, vanishedFields } from '../../model/field-coverage.ts';

export interface ComparedField {
  readonly name: string;
  /** Records with a value; `undefined` if the field is not listed. */
  readonly now: number | undefined;
  readonly before: number | undefined;
  readonly notes: readonly FieldNote[];
}

export type FieldNote = 'vanished' | 'new' | 'gone' | 'no column' | 'kept as sent';

export interface ComparedFields {
  readonly fields: readonly ComparedField[];
  /** Records that the counts come from; 0 if this run counted no fields. */
  readonly now: number;
  /** 0 if there is no run to compare with. */
  readonly before: number;
}

/**
 * Fields in the order of a reader's interest: vanished ones, new ones, other notes, the rest; each by name.
 * @param last the last published run; `undefined` if there is none
 * @param unmapped fields that the table has no column for
 */
export function compareFields(now: Coverage, last: Coverage | undefined, unmapped: readonly string[]): ComparedFields {
  const before = last && canCompare(last, now) ? last : undefined;
  const counts = new Map(now.fields.map(({ name, present }) => [name, present]));
  const earlier = new Map(before?.fields.map(({ name, present }) => [name, present]));
  const namesOf = (fields: readonly { readonly name: string }[]) => new Set(fields.map(({ name }) => name));
  const vanished = namesOf(before ? vanishedFields(before, now) : []);
  const added = namesOf(before ? vanishedFields(now, before) : []);
  const withoutColumn = new Set(unmapped);
  // Lists that are cut off may lack rare fields.
  const isWhole = before !== undefined && Math.max(now.fields.length, before.fields.length) < MAX_FIELDS;
  const fields = [...new Set([...counts.keys(), ...earlier.keys(), ...unmapped])].sort().map((name): ComparedField => {
    const [present, past] = [counts.get(name), earlier.get(name)];
    const notes: FieldNote[] = [];
    if (vanished.has(name)) notes.push('vanished');
    else if (isWhole && (past ?? 0) > 0 && (present ?? 0) === 0) notes.push('gone');
    else if (added.has(name) || (isWhole && (past ?? 0) === 0 && (present ?? 0) > 0)) notes.push('new');
    if (isKeptAsSent(name)) notes.push('kept as sent');
    else if (withoutColumn.has(name)) notes.push('no column');
    return { name, now: present, before: past, notes };
  });
  const rankOf = ({ notes: [first] }: ComparedField) => (first === undefined ? ORDER.length : ORDER.indexOf(first));
  fields.sort((a, b) => rankOf(a) - rankOf(b));
  return { fields, now: now.fields.length > 0 ? now.records : 0, before: before?.records ?? 0 };
}

const ORDER: readonly FieldNote[] = ['vanished', 'new', 'gone', 'kept as sent', 'no column'];

/** As parts keep a value that its column cannot hold: `<key>_as_sent` and `<key>_sent_as_<shape>`. */
function isKeptAsSent(name: string): boolean {
  return /_as_sent$|_sent_as_\w+$/.test(name);
}
