/** What the benchmarks share: the shape of a section of `docs/benchmarks.md`, and how figures are written. */

/** Repeated measurements of one figure: median, minimum, maximum. */
export type Spread = readonly [number, number, number];

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as people read it, with its unit. */
  readonly text: string;
  /** Of this project, or what it is compared with. */
  readonly isOwn: boolean;
}

/** Bars on one scale. */
export interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** The value of a full bar. @default the highest one */
  readonly scale?: number;
}

/** A figure that must not grow: its name, the measured value, the limit, their unit. */
export type Limit = readonly [string, number, number, string];

export interface Described {
  /** The answer to the section's question, in sentences of Markdown. */
  readonly answer: string;
  /** What is measured, and with what it is compared. */
  readonly about: string;
  readonly chart: readonly Panel[];
  /** Figures that have no place in the chart: a Markdown table. */
  readonly table?: string;
  readonly limits?: readonly Limit[];
}

/** Everything that is written is made from `rows`, so that the page can be written without measuring. */
export interface Section<Row extends object> {
  readonly question: string;
  /** @param quick measures less, and returns the same kinds of rows. */
  measure(quick: boolean): Promise<Row[]>;
  /** @param rows as measured, or as read from `docs/benchmarks.json` */
  describe(rows: readonly Row[]): Described;
}

/** @param values at least one */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return [(low + high) / 2, sorted[0] ?? 0, sorted.at(-1) ?? 0];
}

/** `1.06 (1.05–1.13)`: median, minimum and maximum; the median alone when all are equal as written. */
export function quoted(spread: Spread, digits: number): string {
  const [median, min, max] = spread.map((value) => grouped(value, digits));
  return min === max ? `${median}` : `${median} (${min}–${max})`;
}

/** `1,000,000`, or with digits `1,000.5`. */
export function grouped(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `a, b and c` */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

export function own(label: string, value: number, text: string): Bar {
  return { label, value, text, isOwn: true };
}

export function other(label: string, value: number, text: string): Bar {
  return { label, value, text, isOwn: false };
}
