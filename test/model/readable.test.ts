import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { count } from '../../functions/model/readable.ts';

it('groups the digits of a number as Intl does', () => {
  const numbers = new Intl.NumberFormat('en-US');
  // Halves are labels of charts.
  const halves = fc.maxSafeInteger().map((value) => value / 2);
  fc.assert(
    fc.property(fc.oneof(fc.integer(), halves), (value) => {
      expect(count(value)).toBe(numbers.format(value));
    }),
  );
  expect([0, 999, 1000, 12_431, 1_234_567.5].map(count)).toEqual(['0', '999', '1,000', '12,431', '1,234,567.5']);
});
