/** How benchmarks measure: what they found is not tested, only that it is what it is called. */
import { describe, expect, it } from 'vitest';
import { interleaved, ratioOf } from '../../bench/measure.ts';
import { spreadOf } from '../../bench/spread.ts';

describe('a measurement', () => {
  it('takes each in turn, and does not count the rounds before the first', async () => {
    const ran: string[] = [];
    let now = 0;
    const run = (name: string, ms: number) => () => {
      ran.push(name);
      now += ms * ran.length;
    };
    const measured = await interleaved({ a: run('a', 1), b: run('b', 10) }, { rounds: 2, warmUp: 1, clock: () => now });
    expect(ran.join('')).toBe('ababab');
    expect(measured).toEqual({ a: [3, 5], b: [40, 60] });
  });

  it('is that of one run, where each runs more than once at a time', async () => {
    let now = 0;
    const work = async () => {
      await Promise.resolve();
      now += 7;
    };
    expect(await interleaved({ work }, { rounds: 2, warmUp: 0, times: 3, clock: () => now })).toEqual({ work: [7, 7] });
  });
});

describe('a spread', () => {
  it.each([
    [[3], { median: 3, min: 3, max: 3 }],
    [[9, 1, 5], { median: 5, min: 1, max: 9 }],
    [[10, 2, 4, 100], { median: 7, min: 2, max: 100 }],
  ])('of %j is %j', (values, spread) => {
    expect(spreadOf(values)).toEqual(spread);
  });
});

describe('a ratio', () => {
  it('compares values of the same round, and is not the ratio of the medians', () => {
    // The machine was slow in the second round, for both.
    expect(ratioOf([30, 300, 33], [20, 200, 30])).toEqual({ median: 1.5, min: 1.1, max: 1.5 });
  });
});
