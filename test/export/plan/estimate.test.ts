/** What a run would take, and where each figure comes from. */
import { describe, expect, it } from 'vitest';
import { estimateRun, priceOf, type RunToEstimate } from '../../../functions/export/plan/estimate.ts';
import { publishedManifest } from '../planned-run.ts';

const MILLION: RunToEstimate = {
  accounts: 1_000_000,
  pages: 1000,
  pageSize: 1000,
  countedBy: 'offsets',
  format: 'json',
  concurrency: 20,
  planned: { apiRequests: 60, recordsFetched: 40, seconds: 2 },
  probeSeconds: 0.2,
};
const HUNDRED_PAGES: RunToEstimate = {
  ...MILLION,
  accounts: 10_000,
  pages: 100,
  pageSize: 100,
  concurrency: 10,
  planned: { apiRequests: 20, recordsFetched: 30, seconds: 1 },
};

/** A last run that took so many seconds. */
const lasted = (seconds: number, { pages = 100, pageSize = 100, format = 'json' as RunToEstimate['format'] } = {}) =>
  publishedManifest({
    format,
    pages,
    parameters: { pageSize },
    publishedAt: new Date(Date.parse('2026-08-22T02:00:00.000Z') + seconds * 1000).toISOString(),
  });

describe('the duration of a run', () => {
  it('is estimated from the probes of a first run', () => {
    // 50 waves of 20 pages, each 0.2 s and 0.53 ms per account, after 2 s of planning; one of probes to verify it.
    expect(estimateRun(MILLION)).toMatchObject({ seconds: 39, secondsFrom: 'probes' });
  });

  it('includes checking its page boundaries, as many at once as pages', () => {
    const seconds = (more: Partial<RunToEstimate>) => estimateRun({ ...MILLION, probeSeconds: 10, ...more }).seconds;
    // Of 16 boundaries, or all 1,001.
    const four = { concurrency: 4 };
    expect(seconds(four) - seconds({ ...four, countedBy: 'pages' })).toBe(3 * 10);
    expect(seconds({ boundaryChecks: 'all' }) - seconds({})).toBe(50 * 10);
    expect(seconds({ pages: 1, accounts: 1 })).toBe(2 + 10 + 10);
  });

  it('is estimated from a similar last run, in proportion to its pages', () => {
    const last = lasted(100, { pages: 500, pageSize: 1000 });
    expect(estimateRun({ ...MILLION, last })).toMatchObject({ seconds: 200, secondsFrom: 'last run' });
  });

  it.each([
    ['had another format', lasted(100, { format: 'csv' })],
    ['had another page size', lasted(100, { pageSize: 50 })],
    ['took much longer than the probes suggest', lasted(3600)],
  ])('is estimated from the probes if the last run %s', (_what, last) => {
    expect(estimateRun({ ...HUNDRED_PAGES, last }).secondsFrom).toBe('probes');
  });

  it('is at least a second', () => {
    expect(estimateRun({ ...HUNDRED_PAGES, last: lasted(0.1) }).seconds).toBe(1);
  });
});

describe('the usage of a run', () => {
  it('includes planning and 16 page boundaries, or all of them', () => {
    expect(estimateRun(MILLION)).toMatchObject({ apiRequests: 1076, recordsFetched: 1_000_106 });
    const all = estimateRun({ ...MILLION, boundaryChecks: 'all' });
    expect(all).toMatchObject({ apiRequests: 2061, recordsFetched: 1_004_499 });
    expect(all.maxRecordsNeeded).toBe(40 + (1000 + 5) * 1000);
  });

  it('is small for a small export', () => {
    const planned = { apiRequests: 9, recordsFetched: 0, seconds: 1 };
    const none = { ...MILLION, accounts: 0, pages: 1, planned };
    expect(estimateRun(none)).toMatchObject({ recordsFetched: 0 });
    expect(estimateRun({ ...none, accounts: 1 })).toMatchObject({ recordsFetched: 4 });
  });

  it('has no page boundaries if pages are not offsets', () => {
    expect(estimateRun({ ...MILLION, countedBy: 'pages' })).toMatchObject({
      apiRequests: 1061,
      recordsFetched: 1_000_040,
    });
  });
});

describe('maxRecordsNeeded', () => {
  const small = {
    ...MILLION,
    accounts: 25,
    pages: 3,
    pageSize: 10,
    planned: { ...MILLION.planned, recordsFetched: 30 },
  };

  it('is what planning took, full pages, and what verifying may take', () => {
    // 70 records to count again and 11 for the sides of four boundaries make nine pages.
    expect(estimateRun(small).maxRecordsNeeded).toBe(30 + (3 + 9) * 10);
    expect(estimateRun({ ...small, countedBy: 'pages' }).maxRecordsNeeded).toBe(30 + (3 + 1) * 10);
  });

  it('lets planning by pages have three pages in flight', () => {
    expect(estimateRun({ ...small, accounts: 5, pages: 1, countedBy: 'pages' }).maxRecordsNeeded).toBe(30 + 4 * 10);
  });
});

describe('the price of a run', () => {
  it('is that of the price list', () => {
    // 2,008 transitions, 731 GB-s of pages and 28 of the rest, 1,002 invocations and traces, 2,024 PUTs, 5,015 GETs,
    // 4 MB of logs, one event, 20 metrics for an hour: 0.0502 + 0.0101 + 0.0052 + 0.0101 + 0.0020 + 0.0020 + 0.0082.
    expect(estimateRun(MILLION).usd).toBe(0.088);
  });

  it('follows the time that pages took last time', () => {
    const quick = estimateRun({ ...HUNDRED_PAGES, last: lasted(5) });
    const slow = estimateRun({ ...HUNDRED_PAGES, last: lasted(25) });
    expect(slow.usd).toBeGreaterThan(quick.usd);
    // Estimates are rounded. 100 pages of 1 GB, 0.5 s or 2.5 s each: 200 GB-seconds.
    const usd = (pageSeconds: number) => priceOf(HUNDRED_PAGES, pageSeconds);
    expect(usd(2.5) - usd(0.5)).toBeCloseTo(200 * 0.000_013_333_4, 9);
  });

  it('assumes no page quicker than a probe, and includes planning', () => {
    const usd = (more: Partial<RunToEstimate>) => estimateRun({ ...HUNDRED_PAGES, ...more }).usd;
    const probes = (probeSeconds: number) => usd({ probeSeconds, last: lasted(0.1) });
    expect(probes(30) - probes(10)).toBeCloseTo(100 * 20 * 0.000_013_333_4, 2);
    const planning = (seconds: number) => usd({ planned: { ...HUNDRED_PAGES.planned, seconds } });
    expect(planning(1001) - planning(1)).toBeCloseTo(0.014, 3);
  });

  it('is about a cent for a run of one page, mostly for its metrics', () => {
    const { usd } = estimateRun({ ...HUNDRED_PAGES, accounts: 5, pages: 1 });
    expect(usd).toBeGreaterThan(0.0082);
    expect(usd).toBeLessThan(0.01);
  });
});
