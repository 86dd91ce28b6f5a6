/** Field coverage: how many accounts have each field. Counted per page, summed per run, compared between runs. */
import * as z from 'zod';
import type { ExportFormat } from './export-format.ts';

/**
 * A field, and how many accounts have a value in it. `name`: a column as documented (`engagementScore`), another key or CSV
 * column as sent, or the member of a map (`attributes.industry`).
 */
export const FieldPresenceSchema = z.object({ name: z.string(), present: z.int().min(0) });
export type FieldPresence = z.infer<typeof FieldPresenceSchema>;

/** Of a receipt and of a manifest: the names that most accounts have. */
export const MAX_FIELDS = 1000;
/** Names are counted up to this length, so that lists of them stay small. */
export const MAX_NAME_CHARACTERS = 250;
/** Names counted at all, the first ones: what limits memory if each account has other names. */
export const MAX_COUNTED_NAMES = 10_000;

/**
 * The fields as receipts and manifests list them: sorted by name, the most frequent `MAX_FIELDS`. Of equally frequent ones,
 * the first by name.
 */
export function listedFields(presentByName: ReadonlyMap<string, number>): FieldPresence[] {
  const fields = Array.from(presentByName, ([name, present]) => ({ name, present })).sort(byName);
  if (fields.length <= MAX_FIELDS) return fields;
  return fields
    .sort((a, b) => b.present - a.present)
    .slice(0, MAX_FIELDS)
    .sort(byName);
}

/** Sums the fields of a run's pages. Keeps one number per name: 30,000 receipts with their fields would not fit in memory. */
export class FieldSums {
  readonly #presentByName = new Map<string, number>();
  #isComplete = true;

  /** Call it in page order. @param fields of a page; `undefined` if they were not counted */
  add(fields: readonly FieldPresence[] | undefined): void {
    if (fields === undefined) this.#isComplete = false;
    for (const { name, present } of fields ?? []) {
      const sum = this.#presentByName.get(name);
      if (sum !== undefined || this.#presentByName.size < MAX_COUNTED_NAMES) {
        this.#presentByName.set(name, (sum ?? 0) + present);
      }
    }
  }

  /** Of all pages; empty if an earlier version wrote one of the receipts. */
  get fields(): FieldPresence[] {
    return this.#isComplete ? listedFields(this.#presentByName) : [];
  }
}

/** What of a manifest is compared. */
export interface Coverage {
  readonly format: ExportFormat;
  readonly records: number;
  readonly fields: readonly FieldPresence[];
}

/** The share of accounts from which on a field is missed. */
const MIN_SHARE = 0.01;

/**
 * The fields that at least 1 % of the accounts had and that no account has now, with the accounts that had them; the most
 * frequent first. Empty if the runs cannot be compared: one has no account or no fields (earlier versions did not count
 * them), or one is CSV, which names an attribute without `attributes.` and does not tell empty from missing.
 *
 * With the runs exchanged, it finds new fields.
 */
export function vanishedFields(last: Coverage, now: Coverage): FieldPresence[] {
  const isCounted = [last, now].every(({ records, fields }) => records > 0 && fields.length > 0);
  if (!isCounted || (last.format === 'csv') !== (now.format === 'csv')) return [];
  const presentNow = new Map(now.fields.map(({ name, present }) => [name, present]));
  // Of more names, the list has only the most frequent: one that is not in it may be rare.
  const ifUnlisted = now.fields.length >= MAX_FIELDS ? 1 : 0;
  return last.fields
    .filter(({ present }) => present >= last.records * MIN_SHARE)
    .filter(({ name }) => (presentNow.get(name) ?? ifUnlisted) === 0)
    .sort((a, b) => b.present - a.present || byName(a, b));
}

function byName(a: FieldPresence, b: FieldPresence): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
