/** A planned run and a published manifest, for tests of single rules. */
import type { Manifest } from '../../functions/model/manifest.ts';
import type { Run } from '../../functions/model/run.ts';

/** 25 accounts in three pages of ten. */
export function plannedRun(more: Partial<Run> = {}): Run {
  return {
    runId: 'run-1',
    exportName: 'all',
    datasetId: 'engage',
    apiHost: 'acme.us-5.evergage.com',
    format: 'json',
    parameters: { pageSize: 10 },
    dueAt: '2026-08-22T02:00:00.000Z',
    exportDate: '2026-08-22',
    startedAt: '2026-08-22T02:00:00.000Z',
    accounts: 25,
    pages: 3,
    countedBy: 'offsets',
    onDrift: 'publish',
    boundaryChecks: 'sample',
    maxDropPercent: 50,
    ...more,
  };
}

/** Of a consistent run of 25 accounts. */
export function publishedManifest(more: Partial<Manifest> = {}): Manifest {
  return {
    version: 1,
    runId: 'run-1',
    exportName: 'all',
    datasetId: 'engage',
    format: 'json',
    parameters: { pageSize: 10 },
    dueAt: '2026-08-22T02:00:00.000Z',
    startedAt: '2026-08-22T02:00:00.000Z',
    publishedAt: '2026-08-22T02:01:30.000Z',
    pages: 3,
    records: 25,
    distinctAccounts: 25,
    duplicates: 0,
    bytes: 300,
    parts: [],
    plannedRecords: 25,
    recordsFetched: 40,
    apiRequests: 20,
    retries: 0,
    consistency: {
      verdict: 'consistent',
      accountsBefore: 25,
      accountsAfter: 25,
      boundariesChecked: 4,
      boundariesMoved: 0,
    },
    fields: [],
    unmappedColumns: [],
    escapedLineBreaks: 0,
    ...more,
  };
}
