import type { FieldPresence } from '../model/field-coverage.ts';

/** A decoded page of the API. */
export interface DecodedPage {
  /** Accounts on the page; one that the API sent twice counts twice. */
  readonly records: number;
  /** The name of each account, in page order; the whole record stands in for a missing name. */
  readonly names: readonly string[];
  /** The keys (JSON, in order of first appearance) or header columns (CSV) of the page. */
  readonly columns: readonly string[];
  /** The fields and attributes of the accounts, and how many records have a value in them. */
  readonly fields: readonly FieldPresence[];
}

/** An encoded part. */
export interface EncodedPart {
  readonly body: Uint8Array;
  /** CSV: line breaks inside values, written as the two characters `\n`. */
  readonly escapedLineBreaks: number;
  /** JSON keys (compared ignoring case) or CSV columns without a column in the Glue table, sorted. The part contains them. */
  readonly unmappedColumns: readonly string[];
}

/**
 * Decodes the API's pages and encodes parts of one format. `decode` and `encode` are methods, so that the page type can be
 * erased: `encode` only gets what the same format decoded.
 */
export interface PageFormat<P extends DecodedPage = DecodedPage> {
  /** @throws ExportError `ApiAnswerError` (transient) for a damaged body, `ApiContentError` for another one, `PageTooLargeError` */
  decode(body: Buffer): P;
  encode(page: P): Promise<EncodedPart>;
}

/**
 * Finds records that a later record of the same account on the page replaces: the later one is current. Rows of a table have
 * no order, so parts mark the earlier record in the column `superseded`. Between pages, the name of the part shows which
 * record is later.
 *
 * @returns the positions of the earlier records
 */
export function supersededRecords(names: readonly string[]): ReadonlySet<number> {
  // Nearly always, and it takes half the time of looking for them.
  if (new Set(names).size === names.length) return new Set();
  const last = new Map<string, number>();
  const superseded = new Set<number>();
  for (const [i, name] of names.entries()) {
    const earlier = last.get(name);
    if (earlier !== undefined) superseded.add(earlier);
    last.set(name, i);
  }
  return superseded;
}
