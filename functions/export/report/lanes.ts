/** A span of time on a lane. */
export interface Span {
  readonly start: number;
  readonly latencyMs: number;
  /** From 0; -1 until it is on one. */
  lane: number;
}

/**
 * Puts spans that overlap on different lanes, and each on the first lane that is free.
 *
 * @param spans sorted by their start
 * @returns how many lanes there are
 */
export function assignLanes(spans: readonly Span[]): number {
  const byEnd = [...spans].sort((a, b) => a.start + a.latencyMs - b.start - b.latencyMs);
  const isBusy = new Uint8Array(spans.length);
  let [ended, lanes] = [0, 0];
  // No lane before this one is free.
  let first = 0;
  for (const span of spans) {
    for (let last = byEnd[ended]; last && last.lane >= 0; last = byEnd[++ended]) {
      if (last.start + last.latencyMs > span.start) break;
      isBusy[last.lane] = 0;
      first = Math.min(first, last.lane);
    }
    while (isBusy[first]) first++;
    isBusy[first] = 1;
    span.lane = first;
    lanes = Math.max(lanes, first + 1);
  }
  return lanes;
}
