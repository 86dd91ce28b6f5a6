/** The number that every simulated account's name ends in: it tells which account a record is, whatever was done to it. */
export function idOf(name: unknown): number | undefined {
  const [, digits] = typeof name === 'string' ? (/ (\d+)$/.exec(name) ?? []) : [];
  return digits === undefined ? undefined : Number(digits);
}
