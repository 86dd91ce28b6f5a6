/** The view `runs`: the manifests of `export_runs` with one name per figure and real timestamps. */
import { RUNS_TABLE } from './tables.ts';
import type { ViewColumn, ViewDefinition } from './view-definition.ts';

type Kind = 'text' | 'date' | 'integer' | 'time' | 'epochMs' | 'seconds' | 'texts' | 'fields';

interface RunColumn {
  readonly name: string;
  readonly kind: Kind;
  /** The column of `export_runs`, or a field of one. */
  readonly from: string;
  readonly comment: string;
}

const COLUMNS: readonly RunColumn[] = [
  { name: 'export_name', kind: 'text', from: 'exportname', comment: 'Name of the export' },
  { name: 'export_date', kind: 'date', from: 'dueat', comment: 'Day (UTC) the run was due, YYYY-MM-DD' },
  { name: 'run_id', kind: 'text', from: 'run_id', comment: 'Run ID' },
  { name: 'dataset_id', kind: 'text', from: 'datasetid', comment: 'Dataset ID' },
  { name: 'format', kind: 'text', from: 'format', comment: 'json, csv or parquet' },
  { name: 'verdict', kind: 'text', from: 'consistency.verdict', comment: 'consistent, drifted or unverified' },
  { name: 'due_at', kind: 'time', from: 'dueat', comment: 'When the run was due (UTC)' },
  { name: 'started_at', kind: 'time', from: 'startedat', comment: 'When the run started (UTC)' },
  { name: 'published_at', kind: 'time', from: 'publishedat', comment: 'When the run was published (UTC)' },
  { name: 'seconds', kind: 'seconds', from: '', comment: 'Seconds between started_at and published_at' },
  { name: 'pages', kind: 'integer', from: 'pages', comment: 'Number of pages, and of parts' },
  { name: 'records', kind: 'integer', from: 'records', comment: 'Records in the parts' },
  { name: 'distinct_accounts', kind: 'integer', from: 'distinctaccounts', comment: 'Number of different accounts' },
  { name: 'duplicates', kind: 'integer', from: 'duplicates', comment: 'Records minus different accounts' },
  { name: 'bytes', kind: 'integer', from: 'bytes', comment: 'Total size of the parts' },
  { name: 'planned_records', kind: 'integer', from: 'plannedrecords', comment: 'Accounts that the plan counted' },
  { name: 'records_fetched', kind: 'integer', from: 'recordsfetched', comment: 'Records that the contract counts' },
  { name: 'api_requests', kind: 'integer', from: 'apirequests', comment: 'Requests sent' },
  { name: 'retries', kind: 'integer', from: 'retries', comment: 'Repeated requests and attempts' },
  { name: 'accounts_before', kind: 'integer', from: 'consistency.accountsbefore', comment: 'Accounts before the run' },
  { name: 'accounts_after', kind: 'integer', from: 'consistency.accountsafter', comment: 'Accounts after the run' },
  {
    name: 'boundaries_checked',
    kind: 'integer',
    from: 'consistency.boundarieschecked',
    comment: 'Page boundaries that were checked',
  },
  {
    name: 'boundaries_moved',
    kind: 'integer',
    from: 'consistency.boundariesmoved',
    comment: 'Page boundaries that accounts crossed during the run',
  },
  { name: 'page_size', kind: 'integer', from: 'parameters.pagesize', comment: 'Accounts per page' },
  { name: 'filter', kind: 'text', from: 'parameters.filter', comment: 'The segment that the run was limited to' },
  {
    name: 'window_start',
    kind: 'epochMs',
    from: 'parameters."start"',
    comment: 'Start of the statistics window (UTC)',
  },
  { name: 'window_end', kind: 'epochMs', from: 'parameters."end"', comment: 'End of the statistics window (UTC)' },
  { name: 'segmentation_id', kind: 'text', from: 'parameters.segmentationid', comment: 'Segmentation ID' },
  { name: 'segment_id', kind: 'text', from: 'parameters.segmentid', comment: 'Segment ID' },
  {
    name: 'unmapped_columns',
    kind: 'texts',
    from: 'unmappedcolumns',
    comment: 'Fields that the table of the format does not declare',
  },
  {
    name: 'escaped_line_breaks',
    kind: 'integer',
    from: 'escapedlinebreaks',
    comment: 'CSV: line breaks written as \\n',
  },
  {
    name: 'fields',
    kind: 'fields',
    from: 'fields',
    comment: 'Fields and attributes, and how many records have a value',
  },
];

const TYPES: Readonly<Record<Kind, string>> = {
  text: 'varchar',
  date: 'varchar',
  integer: 'bigint',
  time: 'timestamp(3)',
  epochMs: 'timestamp(3)',
  seconds: 'double',
  texts: 'array(varchar)',
  fields: 'array(row(name varchar, present bigint))',
};

/** In which the engines differ. */
export interface TimeSql {
  /** A text in ISO 8601 as a UTC timestamp. */
  time(sql: string): string;
  /** Epoch milliseconds as a UTC timestamp. */
  epochMs(sql: string): string;
}

/** One SELECT for all engines, so that they cannot differ in anything but times. */
export function runsSql({ time, epochMs }: TimeSql): string {
  const sqlOf: Readonly<Record<Kind, (from: string) => string>> = {
    text: (from) => from,
    date: (from) => `substr(${from}, 1, 10)`,
    integer: (from) => `CAST(${from} AS bigint)`,
    time,
    epochMs,
    seconds: () => `date_diff('millisecond', ${time('startedat')}, ${time('publishedat')}) / 1e3`,
    texts: (from) => from,
    fields: (from) => from,
  };
  return `SELECT
${COLUMNS.map(({ name, kind, from }) => `  ${sqlOf[kind](from)} AS ${name}`).join(',\n')}
FROM ${RUNS_TABLE}`;
}

const RUNS_VIEW_COLUMNS: readonly ViewColumn[] = COLUMNS.map(({ name, kind, comment }) => ({
  name,
  type: TYPES[kind],
  comment,
}));

/** @param times of Trino */
export function runsView(times: TimeSql): ViewDefinition {
  return {
    name: 'runs',
    description: 'All published runs: figures, verdict and times',
    columns: RUNS_VIEW_COLUMNS,
    sql: runsSql(times),
  };
}
