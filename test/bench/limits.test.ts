import { describe, expect, it } from 'vitest';
import { idealMs } from '../../bench/fan-out.ts';
import { s3WaitSeconds } from '../../bench/publishing.ts';

describe('what benchmarks are held against', () => {
  it('takes whole rounds of requests for the ideal of a fan-out', () => {
    expect(idealMs(200, 8, 50)).toBe(1250);
    expect(idealMs(200, 20, 1000)).toBe(10_000);
    expect(idealMs(201, 20, 1000)).toBe(11_000);
  });

  it('has publishing wait for S3 fifty reads at a time, and for each list of a thousand', () => {
    // 20 rounds of 20 ms; a list of records, one of parts, one of failures.
    expect(s3WaitSeconds(1000, 1000)).toBeCloseTo(0.7);
    // 601 rounds, since 30,006 reads are one more than 600 × 50; 61 lists.
    expect(s3WaitSeconds(30_000, 30_006)).toBeCloseTo(18.12);
  });
});
