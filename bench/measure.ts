/** How things are measured beside each other: in turn, in one process, so that whatever slows one slows all. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Spread } from './section.ts';
import { spreadOf } from './spread.ts';

export interface Rounds {
  /** How often each is measured. */
  readonly rounds: number;
  /** How often each runs before, for the compiler. */
  readonly warmUp: number;
  /** How often each is run within a measurement: short work is measured by the many. @default 1 */
  readonly times?: number;
  /** Milliseconds of what is measured. @default the processor's time of this process, all its threads together */
  readonly clock?: () => number;
}

/**
 * Measures each in turn, A B A B: the values of a round belong together, and only they make a ratio.
 * @returns the milliseconds of one run, by name, in the order of rounds
 */
export async function interleaved<Name extends string>(
  subjects: Readonly<Record<Name, () => unknown>>,
  { rounds, warmUp, times = 1, clock = cpuMs }: Rounds,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(subjects) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of names) {
      // What one leaves behind must not be swept up at the expense of the next.
      collectGarbage();
      const startedAt = clock();
      for (let time = 0; time < times; time++) await subjects[name]();
      if (round >= 0) measured[name].push((clock() - startedAt) / times);
    }
  }
  return measured;
}

/** How one compares to another, round by round. @param values of the same rounds, one run each */
export function ratioOf(values: readonly number[], others: readonly number[]): Spread {
  return spreadOf(values.map((value, round) => value / (others[round] ?? Number.NaN)));
}

/** The processor's time that this process has taken, in ms: a machine that is busy elsewhere lengthens it little. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

let collector: (() => void) | undefined;

function collectGarbage(): void {
  if (!collector) {
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as () => void;
  }
  collector();
}
