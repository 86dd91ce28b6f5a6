import { describe, expect, it } from 'vitest';
import { estimateRun, type RunToEstimate } from '../../../functions/export/plan/estimate.ts';
import type { Manifest } from '../../../functions/model/manifest.ts';

const MILLION: RunToEstimate = {
  accounts: 1_000_000,
  pages: 1000,
  pageSize: 1000,
  format: 'json',
  concurrency: 20,
  planned: { apiRequests: 60, recordsFetched: 40, seconds: 2 },
  probeSeconds: 0.2,
};
const LAST = {
  format: 'json',
  pages: 500,
  parameters: { pageSize: 1000 },
  startedAt: '2026-08-22T02:00:00.000Z',
  publishedAt: '2026-08-22T02:01:40.000Z',
} as Manifest;

describe('estimateRun', () => {
  it('reckons a first run from the time its probes took', () => {
    // 50 waves of 20 pages, each 0.2 s and 0.53 ms an account, after 2 s of planning.
    expect(estimateRun(MILLION)).toMatchObject({
      apiRequests: 1086,
      recordsFetched: 1_000_112,
      seconds: 39,
      secondsFrom: 'probes',
    });
  });

  it('reckons from the last run where that was alike: twice the pages, twice the time', () => {
    expect(estimateRun({ ...MILLION, last: LAST })).toMatchObject({ seconds: 200, secondsFrom: 'last run' });
  });

  it.each([
    ['format', { ...LAST, format: 'csv' }],
    ['page size', { ...LAST, parameters: { pageSize: 500 } }],
  ])('does not reckon from a last run of another %s', (_what, last) => {
    expect(estimateRun({ ...MILLION, last: last as Manifest }).secondsFrom).toBe('probes');
  });

  it('costs what the price list says', () => {
    // 2,008 transitions, 731 GB-s of pages and 41 of the rest, 1,002 invocations and traces, 2,019 PUTs, 3,012 GETs,
    // 4 MB of logs, one event, 20 metrics for an hour: 0.0502 + 0.0103 + 0.0052 + 0.0101 + 0.0012 + 0.0020 + 0.0082.
    expect(estimateRun(MILLION).usd).toBe(0.087);
  });

  it('proves small exports with no more records than they have sides of boundaries', () => {
    const none = { ...MILLION, accounts: 0, pages: 1, planned: { apiRequests: 9, recordsFetched: 0, seconds: 1 } };
    expect(estimateRun(none)).toMatchObject({ recordsFetched: 0 });
    expect(estimateRun({ ...none, accounts: 1 })).toMatchObject({ recordsFetched: 4 });
  });
});
