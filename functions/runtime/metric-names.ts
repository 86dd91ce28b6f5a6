/** Names of CloudWatch metrics, for the functions that write them and the stack that watches them. */
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

/** All metrics are per stack and per export; retries also per cause. */
export const DIMENSIONS = { stack: 'stack', export: 'export', cause: 'cause' } as const;

/** The environment variable with the stack of a function, as commands take it. */
export const STACK_VARIABLE = 'STACK_NAME';
/** The environment variable with the start of every command, for emails. */
export const PROGRAM_VARIABLE = 'PROGRAM';
