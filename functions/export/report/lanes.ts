/** Lanes of a timeline: spans that overlap are on different lanes, and each is on the first lane that is free. */

/**
 * @param starts sorted, and `ends` of the same spans
 * @returns the lane of each span, from 0
 */
export function lanesOf(starts: readonly number[], ends: readonly number[]): number[] {
  const endOf: number[] = [];
  const busy = new Heap((a, b) => (endOf[a] ?? 0) - (endOf[b] ?? 0));
  const free = new Heap((a, b) => a - b);
  return starts.map((start, i) => {
    for (let next = busy.first; next !== undefined && (endOf[next] ?? 0) <= start; next = busy.first) {
      free.add(next);
      busy.removeFirst();
    }
    const lane = free.first ?? endOf.length;
    if (free.first !== undefined) free.removeFirst();
    endOf[lane] = ends[i] ?? start;
    busy.add(lane);
    return lane;
  });
}

/** A binary heap. */
class Heap {
  readonly #items: number[] = [];
  readonly #compare: (a: number, b: number) => number;

  constructor(compare: (a: number, b: number) => number) {
    this.#compare = compare;
  }

  get first(): number | undefined {
    return this.#items[0];
  }

  add(item: number): void {
    let at = this.#items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfLess(at, parent)) return;
      at = parent;
    }
  }

  removeFirst(): void {
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return;
    this.#items[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const smaller = right < this.#items.length && this.#isLess(right, left) ? right : left;
      if (smaller >= this.#items.length || !this.#swapIfLess(smaller, at)) return;
      at = smaller;
    }
  }

  #isLess(a: number, b: number): boolean {
    return this.#compare(this.#items[a] ?? 0, this.#items[b] ?? 0) < 0;
  }

  #swapIfLess(child: number, parent: number): boolean {
    if (!this.#isLess(child, parent)) return false;
    const item = this.#items[child] ?? 0;
    this.#items[child] = this.#items[parent] ?? 0;
    this.#items[parent] = item;
    return true;
  }
}
