import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { inTurn, ratioOf, timed } from '../../bench/measure.ts';

describe('a measurement', () => {
  it('takes the subjects in turn and ignores warm-up rounds', async () => {
    const ran: string[] = [];
    const run = (name: string, ms: number) => async () => {
      ran.push(name);
      return ms * ran.length;
    };
    const measured = await inTurn({ a: run('a', 1), b: run('b', 10) }, { rounds: 2, warmUp: 1 });
    expect(ran.join('')).toBe('ababab');
    expect(measured).toEqual({ a: [3, 5], b: [40, 60] });
  });

  it('of work is the mean time until it is done', async () => {
    let now = 100;
    const work = async () => {
      await Promise.resolve();
      now += 7;
    };
    expect(await timed(work, 3, () => now)()).toBe(7);
  });
});

it('a ratio compares values of the same round, not medians', () => {
  // The machine was slow in the second round.
  expect(ratioOf([30, 300, 33], [20, 200, 30])).toEqual([1.5, 1.1, 1.5]);
});

it('the peak memory is that of this process, without memory of its parent', () => {
  const ballast = Buffer.alloc(300_000_000, 1);
  const print = (program: string) =>
    Number(spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname }).stdout);
  const load = `const { peakMb } = await import('${new URL('../../bench/measure.ts', import.meta.url)}');`;
  expect(print(`${load} console.log(peakMb())`)).toBeLessThan(ballast.length / 2 ** 20);
  expect(print(`${load} const b = Buffer.alloc(200 * 2 ** 20, 1); console.log(peakMb() + b[0])`)).toBeGreaterThan(200);
});
