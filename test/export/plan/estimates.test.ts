/** What a run would take, where each figure comes from. */
import { describe, expect, it } from 'vitest';
import { estimateRun, type RunToEstimate } from '../../../functions/export/plan/estimate.ts';
import type { Manifest } from '../../../functions/model/manifest.ts';

const RUN: RunToEstimate = {
  accounts: 10_000,
  pages: 100,
  pageSize: 100,
  format: 'json',
  concurrency: 10,
  planned: { apiRequests: 20, recordsFetched: 30, seconds: 1 },
  probeSeconds: 0.2,
};

/** A last run like it that took so many seconds. */
const lasted = (seconds: number, more: object = {}) =>
  ({
    format: 'json',
    pages: 100,
    parameters: { pageSize: 100 },
    startedAt: '2026-08-22T02:00:00.000Z',
    publishedAt: new Date(Date.parse('2026-08-22T02:00:00.000Z') + seconds * 1000).toISOString(),
    ...more,
  }) as Manifest;

describe('the price of a run', () => {
  it('follows the time that its pages took the last time', () => {
    const quick = estimateRun({ ...RUN, last: lasted(5) });
    const slow = estimateRun({ ...RUN, last: lasted(25) });
    expect([quick.seconds, slow.seconds]).toEqual([5, 25]);
    // 100 pages of 1 GB, 0.5 s or 2.5 s each, since ten waves took that long: 200 GB-seconds of 0.0000133334 USD.
    expect(slow.usd - quick.usd).toBeCloseTo(200 * 0.000_013_333_4, 3);
  });

  it('reckons no page quicker than a probe', () => {
    const last = lasted(0.1);
    const probes = (probeSeconds: number) => estimateRun({ ...RUN, probeSeconds, last }).usd;
    expect(probes(30) - probes(10)).toBeCloseTo(100 * 20 * 0.000_013_333_4, 2);
  });

  it('has the time of planning in it', () => {
    const planning = (seconds: number) => estimateRun({ ...RUN, planned: { ...RUN.planned, seconds } }).usd;
    // A thousand seconds of 1 GB.
    expect(planning(1001) - planning(1)).toBeCloseTo(0.0133, 3);
  });

  it('is a cent for a run of one page, most of it for its metrics', () => {
    const one = { ...RUN, accounts: 5, pages: 1 };
    expect(estimateRun(one).usd).toBeGreaterThan(0.0082);
    expect(estimateRun(one).usd).toBeLessThan(0.01);
  });
});

describe('the time of a run', () => {
  it('is that of the last one, wave by wave', () => {
    expect(estimateRun({ ...RUN, last: lasted(20, { pages: 50 }) })).toMatchObject({
      seconds: 40,
      secondsFrom: 'last run',
    });
  });

  it('is reckoned from the probes where the last run took much longer than they promise', () => {
    expect(estimateRun({ ...RUN, last: lasted(3600) }).secondsFrom).toBe('probes');
  });

  it('is a second at the least', () => {
    const last = lasted(0.1);
    expect(estimateRun({ ...RUN, last }).seconds).toBe(1);
  });
});
