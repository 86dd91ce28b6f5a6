import { describe, expect, it } from 'vitest';
import { grouped, quoteSpread, spreadOf } from '../../bench/spread.ts';

describe('a spread', () => {
  it('is the value in the middle, the least and the most, whatever the order', () => {
    expect(spreadOf([10, 9, 200])).toEqual({ median: 10, min: 9, max: 200 });
  });

  it('lies between the two in the middle of an even number', () => {
    expect(spreadOf([4, 1, 2, 100])).toEqual({ median: 3, min: 1, max: 100 });
  });

  it('of one value is that value', () => {
    expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  it('is quoted by its median, with the range behind it', () => {
    expect(quoteSpread({ median: 1.0649, min: 1.05, max: 1.1 }, 2)).toBe('1.06 (1.05–1.10)');
    expect(quoteSpread({ median: 1.0649, min: 1.0649, max: 1.0649 }, 2)).toBe('1.06');
    expect(quoteSpread({ median: 0.001, min: 0.0009, max: 0.0014 }, 2)).toBe('0.00');
    expect(grouped(1234567.8)).toBe('1,234,568');
  });
});
