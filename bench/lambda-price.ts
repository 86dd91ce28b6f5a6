/** Estimates what a Lambda function costs from measurements on this machine. */
import { PRICES } from '../functions/export/plan/estimate.ts';

/** A function gets one full vCPU at this memory. Source: Lambda developer guide, "Configure memory". */
const MB_PER_CPU = 1769;

/** The share of one vCPU that single-threaded work gets. */
export function shareOfCpu(memoryMb: number): number {
  return Math.min(1, memoryMb / MB_PER_CPU);
}

/** USD for a duration. */
export function usdOfSeconds(seconds: number, memoryMb: number): number {
  return seconds * (memoryMb / 1024) * PRICES.lambdaGbSecond;
}
