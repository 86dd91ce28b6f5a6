import type { Spread } from './section.ts';

/** @param values at least one */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return { median: (low + high) / 2, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 };
}

/** `1.06 (1.05–1.13)`: median, minimum and maximum; the median alone when all are equal as printed. */
export function quoteSpread({ median, min, max }: Spread, digits: number): string {
  const [middle, from, to] = [median, min, max].map((value) => value.toFixed(digits));
  return from === to ? `${middle}` : `${middle} (${from}–${to})`;
}

/** `1,000,000` */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `a, b and c` */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
