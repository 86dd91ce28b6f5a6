import { describe, expect, it } from 'vitest';
import { grouped, quoted, spreadOf } from '../../bench/section.ts';

describe('a spread', () => {
  it('is median, minimum and maximum of values in any order', () => {
    expect(spreadOf([10, 9, 200])).toEqual([10, 9, 200]);
  });

  it('averages the two middle values of an even number', () => {
    expect(spreadOf([4, 1, 2, 100])).toEqual([3, 1, 100]);
  });

  it('is quoted as the median, with a range unless all values print the same', () => {
    expect(quoted([1.0649, 1.05, 1.1], 2)).toBe('1.06 (1.05–1.10)');
    expect(quoted([1.0649, 1.0649, 1.0649], 2)).toBe('1.06');
    expect(quoted([0.001, 0.0009, 0.0014], 2)).toBe('0.00');
    expect(grouped(1234567.8)).toBe('1,234,568');
  });
});
