/** The number at the end of a simulated account's name, which identifies it in every tool's output. */
export function idOf(name: unknown): number | undefined {
  const [, digits] = typeof name === 'string' ? (/ (\d+)$/.exec(name) ?? []) : [];
  return digits === undefined ? undefined : Number(digits);
}
