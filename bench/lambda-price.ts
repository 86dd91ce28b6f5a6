/** What a function costs, from what was measured on this machine: its share of a processor grows with its memory. */
import { PRICES } from '../functions/export/plan/estimate.ts';

/** Lambda gives a function one whole virtual processor at this memory. Source: Lambda developer guide, "Configure memory". */
const MB_OF_A_CPU = 1769;

/** How much of one processor a function has, for work that no second one could help with. */
export function shareOfCpu(memoryMb: number): number {
  return Math.min(1, memoryMb / MB_OF_A_CPU);
}

/** USD of so many seconds by the clock. */
export function usdOfSeconds(seconds: number, memoryMb: number): number {
  return seconds * (memoryMb / 1024) * PRICES.lambdaGbSecond;
}
