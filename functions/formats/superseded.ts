/**
 * An account that changes while a page is made can come twice on it; the later record is the current one.
 *
 * Between pages the part's name tells which is later. Within a page nothing in a table does, since a query has no order
 * of rows: so the writer marks the earlier record, and only it, with `superseded`.
 *
 * @returns the positions of records that come again later on the page
 */
export function supersededRecords(identities: readonly string[]): ReadonlySet<number> {
  const last = new Map<string, number>();
  const superseded = new Set<number>();
  for (const [i, identity] of identities.entries()) {
    const earlier = last.get(identity);
    if (earlier !== undefined) superseded.add(earlier);
    last.set(identity, i);
  }
  return superseded;
}
