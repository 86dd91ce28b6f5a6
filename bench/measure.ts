/** Interleaved measurements in one process, so that a busy machine slows all subjects alike. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Spread } from './section.ts';
import { spreadOf } from './spread.ts';

export interface Rounds {
  readonly rounds: number;
  /** Uncounted rounds before, for the JIT compiler. */
  readonly warmUp: number;
  /** Runs per measurement, for short work. @default 1 */
  readonly times?: number;
  /** In ms. @default CPU time of this process, all threads */
  readonly clock?: () => number;
}

/**
 * Measures the subjects in turn (A B A B). Ratios compare values of the same round.
 * @returns ms per run, by name, one per round
 */
export async function interleaved<Name extends string>(
  subjects: Readonly<Record<Name, () => unknown>>,
  { rounds, warmUp, times = 1, clock = cpuMs }: Rounds,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(subjects) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of names) {
      // Garbage of one subject must not cost the next one time.
      collectGarbage();
      const startedAt = clock();
      for (let time = 0; time < times; time++) await subjects[name]();
      if (round >= 0) measured[name].push((clock() - startedAt) / times);
    }
  }
  return measured;
}

/** The ratio of two subjects, round by round. */
export function ratioOf(values: readonly number[], others: readonly number[]): Spread {
  return spreadOf(values.map((value, round) => value / (others[round] ?? Number.NaN)));
}

/** CPU time of this process in ms; other work on the machine affects it little. */
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
