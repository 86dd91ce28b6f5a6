import { describe, expect, it } from 'vitest';
import { grouped, quoteSpread, spreadOf } from '../../bench/spread.ts';

describe('a spread', () => {
  it('is median, minimum and maximum of values in any order', () => {
    expect(spreadOf([10, 9, 200])).toEqual({ median: 10, min: 9, max: 200 });
  });

  it('averages the two middle values of an even number', () => {
    expect(spreadOf([4, 1, 2, 100])).toEqual({ median: 3, min: 1, max: 100 });
  });

  it('is quoted as the median, with a range unless all values print the same', () => {
    expect(quoteSpread({ median: 1.0649, min: 1.05, max: 1.1 }, 2)).toBe('1.06 (1.05–1.10)');
    expect(quoteSpread({ median: 1.0649, min: 1.0649, max: 1.0649 }, 2)).toBe('1.06');
    expect(quoteSpread({ median: 0.001, min: 0.0009, max: 0.0014 }, 2)).toBe('0.00');
    expect(grouped(1234567.8)).toBe('1,234,568');
  });
});
