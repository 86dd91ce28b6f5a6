/**
 * Finds records that a later record of the same account on the page replaces: the later one is current.
 *
 * Rows of a table have no order, so the writer marks the earlier record with `superseded`. Between pages, the name of the
 * part shows which record is later.
 *
 * @returns the positions of the earlier records
 */
export function supersededRecords(names: readonly string[]): ReadonlySet<number> {
  const last = new Map<string, number>();
  const superseded = new Set<number>();
  for (const [i, identity] of names.entries()) {
    const earlier = last.get(identity);
    if (earlier !== undefined) superseded.add(earlier);
    last.set(identity, i);
  }
  return superseded;
}
