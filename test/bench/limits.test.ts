import { describe, expect, it } from 'vitest';
import { idealMs } from '../../bench/fan-out.ts';
import { s3WaitSeconds } from '../../bench/publishing.ts';

describe('lower bounds', () => {
  it('computes the ideal fan-out from full rounds of requests', () => {
    expect(idealMs(200, 8, 50)).toBe(1250);
    expect(idealMs(200, 20, 1000)).toBe(10_000);
    expect(idealMs(201, 20, 1000)).toBe(11_000);
  });

  it('estimates 50 parallel reads and one list request per 1,000 keys', () => {
    // 20 rounds of 20 ms; one list of receipts, one of parts, one of failures.
    expect(s3WaitSeconds(1000, 1000)).toBeCloseTo(0.7);
    // 601 rounds, because 30,006 reads exceed 600 × 50; 61 lists.
    expect(s3WaitSeconds(30_000, 30_006)).toBeCloseTo(18.12);
  });
});
