import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FailureReport, PublishResult } from '../../functions/model/outcomes.ts';
import { measureAges, measureAttempt, measureFailure, measureRun } from '../../functions/runtime/run-metrics.ts';

const lines: Record<string, unknown>[] = [];
beforeEach(() => {
  lines.length = 0;
  const keep = (line: unknown) => void lines.push(JSON.parse(String(line)) as Record<string, unknown>);
  vi.spyOn(console, 'log').mockImplementation(keep);
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    keep(chunk);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** The values of each line by dimensions: `{ 'export=all': { Accounts: 5 } }`. */
function measured(): Record<string, Record<string, unknown>> {
  return Object.fromEntries(
    lines.map((line) => {
      const { CloudWatchMetrics } = line._aws as {
        CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[];
      };
      const [{ Namespace, Dimensions, Metrics }] = CloudWatchMetrics as [(typeof CloudWatchMetrics)[number]];
      expect(Namespace).toBe('AccountExport');
      // Every metric has the stack; Powertools adds the service.
      expect(line.stack).toBe('AccountExport');
      expect(Dimensions.flat()).toEqual(expect.arrayContaining(['service', 'stack']));
      const dimensions = Dimensions.flat().filter((name) => name !== 'service' && name !== 'stack');
      const key = dimensions.map((name) => `${name}=${line[name]}`).join(' ');
      return [key === '' ? 'all' : key, Object.fromEntries(Metrics.map(({ Name }) => [Name, line[Name]]))];
    }),
  );
}

const PUBLISHED = {
  status: 'published',
  exportName: 'emea',
  accounts: 25,
  pages: 3,
  bytes: 4000,
  recordsFetched: 60,
  seconds: 12.5,
  consistency: {
    verdict: 'consistent',
    accountsBefore: 25,
    accountsAfter: 25,
    boundariesChecked: 4,
    boundariesMoved: 0,
  },
} as PublishResult;
const FIGURES = { Drifted: 0, Accounts: 25, Pages: 3, Bytes: 4000, RecordsFetched: 60, Seconds: 12.5, Quarantined: 0 };

describe('metrics', () => {
  it('describe a published run per export and in total', () => {
    measureRun(PUBLISHED);
    expect(measured()).toEqual({ 'export=emea': FIGURES, all: FIGURES });
  });

  it('count a drifted run', () => {
    const consistency = { ...PUBLISHED.consistency, verdict: 'drifted' as const };
    measureRun({ status: 'drifted', runId: 'r', exportName: 'emea', accounts: 25, consistency });
    expect(measured()).toEqual({ 'export=emea': { Drifted: 1 }, all: { Drifted: 1 } });
  });

  it('describe a page, with its retries by cause', () => {
    const usage = { apiRequests: 4, recordsFetched: 10, retries: { '429': 2, timeout: 1 } };
    measureAttempt({ exportName: 'emea', usage, latencyMs: 210 });
    const figures = { ApiLatency: 210, ApiRequests: 4, Retries: 3 };
    expect(measured()).toEqual({
      'export=emea': figures,
      all: figures,
      'export=emea cause=429': { Retries: 2 },
      'export=emea cause=timeout': { Retries: 1 },
    });
  });

  it('have no latency for a failed page, for planning and for publishing', () => {
    measureAttempt({ exportName: 'emea', usage: { apiRequests: 1, recordsFetched: 0, retries: {} } });
    expect(measured().all).toEqual({ ApiRequests: 1, Retries: 0 });
  });

  it('count quarantined runs but no other failures', () => {
    const failed = { event: { status: 'failed', exportName: 'emea' } } as FailureReport;
    measureFailure(failed);
    expect(lines).toEqual([]);
    const consistency = { ...PUBLISHED.consistency, verdict: 'drifted' as const };
    measureFailure({ event: { ...failed.event, status: 'quarantined', consistency } } as FailureReport);
    const figures = { Quarantined: 1, Drifted: 1 };
    expect(measured()).toEqual({ 'export=emea': figures, all: figures });
  });

  it('report the age of each export with a published run', () => {
    measureAges([
      { exportName: 'emea', hours: 7.25 },
      { exportName: 'never', hours: null },
    ]);
    expect(measured()).toEqual({ 'export=emea': { PublishedAgeHours: 7.25 } });
  });
});
