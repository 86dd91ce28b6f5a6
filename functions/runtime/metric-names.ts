/** What the metrics are called, for those who write them and for those who watch them. */

/** Where CloudWatch keeps them. */
export const METRIC_NAMESPACE = 'AccountExport';

export const METRICS = {
  accounts: 'Accounts',
  pages: 'Pages',
  bytes: 'Bytes',
  recordsFetched: 'RecordsFetched',
  seconds: 'Seconds',
  drifted: 'Drifted',
  quarantined: 'Quarantined',
  apiLatency: 'ApiLatency',
  apiRequests: 'ApiRequests',
  retries: 'Retries',
  publishedAge: 'PublishedAgeHours',
} as const;
/** The dimension of figures by export, and, of retries, by cause. */
export const DIMENSIONS = { export: 'export', cause: 'cause' } as const;
