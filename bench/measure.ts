/** CPU time and memory, of this process and of commands. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { findPython, NO_PYTHON } from '../test/e2e/python.ts';
import { type Spread, spreadOf } from './section.ts';

export interface Rounds {
  readonly rounds: number;
  /** Uncounted rounds before, for the JIT compiler. */
  readonly warmUp: number;
}

/**
 * Measures the subjects in turn (A B A B), so that a busy machine slows all alike. Ratios compare values of the same round.
 * @param subjects each returns a value of one round
 * @returns the values by name, one per round
 */
export async function inTurn<Name extends string>(
  subjects: Readonly<Record<Name, () => Promise<number>>>,
  { rounds, warmUp }: Rounds,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(subjects) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of names) {
      const value = await subjects[name]();
      if (round >= 0) measured[name].push(value);
    }
  }
  return measured;
}

/** Measures the CPU time of work in this process, in ms, as the mean of several times. */
export function timed(work: () => unknown, times = 1, clock = cpuMs): () => Promise<number> {
  return async () => {
    // Garbage of other work must not cost this one time.
    collectGarbage();
    const startedAt = clock();
    for (let time = 0; time < times; time++) await work();
    return (clock() - startedAt) / times;
  };
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

/** Peak memory of this process in MB. On Linux, `maxRSS` of `getrusage` would include the parent's memory at the fork. */
export function peakMb(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}

let collector: (() => void) | undefined;

function collectGarbage(): void {
  if (!collector) {
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as () => void;
  }
  collector();
}

/** What a command and its descendants used. */
export interface Used {
  readonly exitCode: number;
  readonly timedOut: boolean;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Of the largest process. MB are 2^20 bytes, as those of Lambda. */
  readonly peakMb: number;
  /** The end of stderr. */
  readonly stderr: string;
}

export interface Command {
  readonly command: readonly string[];
  /** Its working folder. */
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
  /** It is killed after this time. @default 300 */
  readonly limitSeconds?: number;
}

let foundPython: Promise<string | undefined> | undefined;

/** Runs a command to its end. @throws Error without Python, which can measure child processes and Node cannot */
export async function measureCommand({ command, folder, env, limitSeconds = 300 }: Command): Promise<Used> {
  foundPython ??= findPython();
  const python = await foundPython;
  if (python === undefined) throw new Error(NO_PYTHON);
  const result = path.join(folder, 'measured.json');
  const args = [fileURLToPath(new URL('measure.py', import.meta.url)), result, String(limitSeconds), ...command];
  const child = spawn(python, args, {
    env: { ...process.env, ...env },
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-500);
  });
  await once(child, 'close');
  return { ...(JSON.parse(await readFile(result, 'utf8')) as Omit<Used, 'stderr'>), stderr };
}
