/** Numbers and times of the run report, as people read them. */
import { count, duration } from '../../model/readable.ts';

/** `2026-08-22T02:01:30Z` */
export function utc(iso: string): string {
  return iso.replace(/\.\d+Z$/, 'Z');
}

/** `3.5 s`, `42 s`, `3 min` */
export function readableSeconds(seconds: number): string {
  if (seconds === 0) return '0 s';
  return seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds);
}

/** Evenly spaced labels for a time axis, with enough decimals that they differ. If three are not enough, only the first and the last. */
export function secondsLabels(from: number, to: number, howMany: number): string[] {
  const values = Array.from({ length: howMany }, (_, i) => from + ((to - from) * i) / (howMany - 1));
  const exactly = (decimals: number) => (seconds: number) =>
    `${seconds.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })} s`;
  for (const labelOf of [readableSeconds, ...[0, 1, 2, 3].map(exactly)]) {
    const labels = values.map(labelOf);
    if (new Set(labels).size === labels.length) return labels;
  }
  return [...new Set([from, to].map(exactly(3)))];
}

/** `205 ms`, `1.2 s` */
export function readableMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : readableSeconds(ms / 1000);
}

/** `+127`, `−3`, `no change` */
export function signed(change: number): string {
  if (change === 0) return 'no change';
  return `${change > 0 ? '+' : '−'}${count(Math.abs(change))}`;
}

/** `99.8%`; 0% and 100% only if it is exactly that. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0%';
  if (part === whole) return '100%';
  return `${Math.min(99.9, Math.max(0.1, (part * 100) / whole)).toFixed(1)}%`;
}
