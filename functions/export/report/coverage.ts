/** Fields of accounts: how many have each, now and in the last run. */
import type { FieldCount } from '../storage/run-history.ts';

/** What receipts and manifests of this version have, and those of earlier versions lack. */
export interface Covered {
  /** Sorted by name. */
  readonly fields?: readonly FieldCount[];
}

/** A field that so many percent of the accounts had, and none has now, has vanished. */
const VANISHED_PERCENT = 1;

export interface FieldCoverage {
  readonly name: string;
  /** Accounts with a value; `undefined` if no such field was seen. */
  readonly now: number | undefined;
  readonly before: number | undefined;
  readonly notes: readonly FieldNote[];
}

export type FieldNote = 'vanished' | 'new' | 'gone' | 'no column' | 'kept as sent';

export interface Counted {
  readonly accounts: number;
  readonly fields: readonly FieldCount[];
}

/**
 * Fields in the order of a reader's interest: vanished ones, new ones, other notes, the rest; each by name.
 * @param last the last published run; `undefined` if there is none, or it did not count its fields
 * @param unmapped fields that the table has no column for
 */
export function compareFields(
  now: Counted,
  last: Counted | undefined,
  unmapped: readonly string[],
): readonly FieldCoverage[] {
  // Without accounts, every field would look vanished.
  const before = now.fields.length === 0 || now.accounts === 0 ? undefined : last;
  const counts = new Map(now.fields.map(({ name, present }) => [name, present]));
  const earlier = new Map(before?.fields.map(({ name, present }) => [name, present]));
  const withoutColumn = new Set(unmapped);
  const names = [...new Set([...counts.keys(), ...earlier.keys(), ...unmapped])].sort();
  const rows = names.map((name): FieldCoverage => {
    const [present, past] = [counts.get(name), earlier.get(name)];
    const notes: FieldNote[] = [];
    if (before && (past ?? 0) > 0 && (present ?? 0) === 0) {
      notes.push((past ?? 0) * 100 >= before.accounts * VANISHED_PERCENT ? 'vanished' : 'gone');
    }
    if (before && (past ?? 0) === 0 && (present ?? 0) > 0) notes.push('new');
    if (isKeptAsSent(name)) notes.push('kept as sent');
    else if (withoutColumn.has(name)) notes.push('no column');
    return { name, now: present, before: past, notes };
  });
  const rankOf = ({ notes: [first] }: FieldCoverage) => (first === undefined ? ORDER.length : ORDER.indexOf(first));
  return rows.sort((a, b) => rankOf(a) - rankOf(b));
}

const ORDER: readonly FieldNote[] = ['vanished', 'new', 'gone', 'kept as sent', 'no column'];

/** As parts keep a value that its column cannot hold: `<key>_as_sent` and `<key>_sent_as_<shape>`. */
function isKeptAsSent(name: string): boolean {
  return /_as_sent$|_sent_as_\w+$/.test(name);
}
