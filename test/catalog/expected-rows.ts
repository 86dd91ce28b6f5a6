/** The rows of queries over the runs of published-runs.ts, worked out by hand. */

/** The configured attributes, which the map of every account has. */
export const NONE = {
  industry: null,
  'Annual Revenue': null,
  'Run ID': null,
  region: null,
  employees: null,
  tags: null,
};

export const ACME = {
  ...NONE,
  industry: 'Banking',
  region: 'EMEA',
  employees: '20000',
  revenue: '1.10',
  crmId: '9007199254740993',
  tags: '["vip","b, c"]',
};
export const NASTY = 'Quote " back\\slash \u2028 🦄';
export const COMMA = { ...NONE, industry: 'Banking', 'Annual Revenue': '1.10', 'Run ID': 'r-1' };
export const MOVED = { ...NONE, industry: '  two\\nlines', 'Run ID': 'NaN' };
export const RETAIL = { ...NONE, industry: 'Retail' };

const DAY = '2026-08-21';

/** By the name of the saved query. */
export const SAVED_ROWS: Readonly<Record<string, unknown[][]>> = {
  'Newest accounts': [
    ['all-accounts', DAY, 'Acme Inc. 1', 0.5, '2013-02-07 00:00:00.000', ACME],
    ['sheet', DAY, 'Comma, "quoted" C:\\temp', 0.5, null, COMMA],
    ['all-accounts', DAY, 'Joined', null, null, NONE],
    ['all-accounts', DAY, 'Moved', null, null, NONE],
    ['all-accounts', DAY, NASTY, null, null, { ...NONE, region: '' }],
    ['all-accounts', DAY, 'Twice', null, null, NONE],
    ['all-accounts', DAY, null, null, null, NONE],
    ['all-accounts', DAY, null, null, null, NONE],
    ['sheet', DAY, 'Moved', null, null, MOVED],
    ['sheet', DAY, 'Twice', null, null, NONE],
    ['sheet', DAY, null, null, null, RETAIL],
    ['sheet', DAY, null, null, null, RETAIL],
    ['sheet', DAY, null, null, null, RETAIL],
    ['switched', DAY, 'Far away', null, null, NONE],
    ['switched', DAY, 'Typed', null, null, NONE],
    ['switched', DAY, null, null, null, NONE],
    ['switched', DAY, null, null, null, NONE],
  ],
  'Run history': [
    ['all-accounts', 'json-filled-in', '2026-08-10T02:00:00.000Z', 4, 1, 'consistent', 50, 1_072_800],
    ['all-accounts', 'json-2-again', '2026-08-21T02:00:00.000Z', 4, 1, 'consistent', 50, 25_200],
    ['switched', 'switched-parquet', '2026-08-21T02:00:00.000Z', 4, 1, 'consistent', 50, 7200],
    ['sheet', 'csv-1', '2026-08-21T02:00:00.000Z', 4, 1, 'consistent', 50, 3600],
    ['all-accounts', 'json-2', '2026-08-21T02:00:00.000Z', 4, 1, 'consistent', 50, 300],
    ['switched', 'switched-json', '2026-08-20T02:00:00.000Z', 4, 1, 'consistent', 50, 7200],
    ['all-accounts', 'json-1', '2026-08-20T02:00:00.000Z', 4, 1, 'drifted', 50, 300],
  ],
  'Changes since the previous run': [
    ['all-accounts', 'Acme Inc. 1', 'changed'],
    ['all-accounts', 'Gone', 'removed'],
    ['all-accounts', 'Joined', 'added'],
    ['all-accounts', 'Moved', 'added'],
    ['all-accounts', NASTY, 'added'],
    ['switched', 'As JSON', 'removed'],
    ['switched', 'Far away', 'added'],
    ['switched', 'Typed', 'added'],
  ],
  'Largest engagement changes': [
    ['all-accounts', NASTY, null, 0.75],
    ['all-accounts', 'Acme Inc. 1', 0.5, -0.25],
  ],
  'Attribute coverage': [
    ...['crmId', 'employees', 'industry', 'region', 'revenue', 'tags'].map((key) => ['all-accounts', key, 1, '14.3']),
    ['sheet', 'industry', 5, '83.3'],
    ['sheet', 'Run ID', 2, '33.3'],
    ['sheet', 'Annual Revenue', 1, '16.7'],
  ],
};

/** In the order of the queries in docs/athena.md. */
export const DOCUMENTED_ROWS: readonly unknown[][][] = [
  [
    ['Acme Inc. 1', 0.5, 'Banking'],
    ['Joined', null, null],
    ['Moved', null, null],
    [NASTY, null, null],
    ['Twice', null, null],
    [null, null, null],
    [null, null, null],
  ],
  [
    ['all-accounts', DAY, '2026-08-21 09:00:00.123', 7],
    ['sheet', DAY, '2026-08-21 03:00:00.000', 6],
    ['switched', DAY, '2026-08-21 04:00:00.000', 4],
  ],
  [
    [null, 15, 0.5],
    ['', 1, null],
    ['EMEA', 1, 0.5],
  ],
  [['Acme Inc. 1', '2013-02-07 00:00:00.000']],
  [
    ['2026-08-10', 0.0625, 0],
    ['2026-08-20', 0.125, 1],
    ['2026-08-21', 0.5, 51],
    ['2026-08-21', 0.5, 51],
  ],
  [['Acme Inc. 1', 20_000]],
  [['Acme Inc. 1', 'vip']],
  [
    ['Joined', '2014-05-13 16:53:20.001', { minActions: '5' }],
    ['Moved', '2014-05-13 16:53:20.001', null],
  ],
  [['all-accounts', 'json-1', 4, 5, 0, 1]],
  [
    ['2026-08', 'all-accounts', 200],
    ['2026-08', 'switched', 100],
    ['2026-08', 'sheet', 50],
  ],
  [['all-accounts', 'json-2-again', 'attributes.tier']],
];

/** The run `json-1` in the view `runs`: its columns, in order. */
export const DRIFTED_RUN: Readonly<Record<string, unknown>> = {
  export_name: 'all-accounts',
  export_date: '2026-08-20',
  run_id: 'json-1',
  dataset_id: 'engage',
  format: 'json',
  verdict: 'drifted',
  due_at: '2026-08-20 02:00:00.000',
  started_at: '2026-08-20 02:00:00.000',
  published_at: '2026-08-20 02:05:00.000',
  seconds: 300,
  pages: 1,
  records: 4,
  distinct_accounts: 3,
  duplicates: 1,
  bytes: 1000,
  planned_records: 4,
  records_fetched: 50,
  api_requests: 6,
  retries: 0,
  accounts_before: 4,
  accounts_after: 5,
  boundaries_checked: 1,
  boundaries_moved: 0,
  page_size: 5,
  filter: 'Tier 1',
  window_start: '2013-01-20 00:00:00.123',
  window_end: '2013-02-07 00:00:00.000',
  segmentation_id: null,
  segment_id: null,
  unmapped_columns: [],
  escaped_line_breaks: 0,
  fields: null,
};
