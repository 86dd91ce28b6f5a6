/** What can be configured and requested: one schema for `cdk.json`, for executions and for the command line. */
import * as z from 'zod';
import { CompressionSchema, type ExportFormat, ExportFormatSchema } from './export-format.ts';
import { isScheduleExpression, isTimeZone, SCHEDULE_RULE, TIME_ZONE_RULE } from './schedule-expression.ts';

/** Names become part of keys and paths: no character in them can leave the folder. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const NAME_RULE = 'must have up to 128 letters, digits, "_", "." or "-" and start with a letter or digit';

/** A filter is a segment's name or id. It travels in the state of a run, which must stay small. */
const MAX_TEXT = 1000;
/** A larger page does not fit into the memory of its Lambda. */
export const MAX_PAGE_SIZE = 50_000;
export const DEFAULT_PAGE_SIZE = 1000;

/** A drop by half overnight is rare enough for a person to look. */
export const DEFAULT_MAX_DROP_PERCENT = 50;

/** The parameters that name a segment: only its accounts are exported. */
export const SEGMENT_KEYS = ['filter', 'segmentationId', 'segmentId'] as const;

const name = z.string({ error: NAME_RULE }).regex(NAME_PATTERN, { error: NAME_RULE });
const text = z
  .string({ error: 'must be a string' })
  .min(1, { error: 'must not be empty' })
  .max(MAX_TEXT, { error: `must have at most ${MAX_TEXT} characters` });

/** An integer within bounds, with one sentence for every way to miss them. */
function integer(min: number, max = Number.MAX_SAFE_INTEGER): z.ZodInt {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  const error = `must be an integer ${range}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

const flag = z.boolean({ error: 'must be true or false' });
const textThat = (rule: string, follows: (text: string) => boolean) =>
  z.string({ error: rule }).refine(follows, { error: rule });

/** The end of the year 9999, the last date of four-digit years. */
const LAST_INSTANT_MS = 253_402_300_799_999;
const INSTANT_RULE =
  'must be a date (2026-08-01), a time (2026-08-01T06:00:00Z) or epoch milliseconds, from 1970 to 9999';

/** Epoch ms, or ISO 8601 with a date alone (midnight UTC) or a time and its zone; resolves to epoch ms. */
export const InstantSchema = z
  .union([z.int({ error: INSTANT_RULE }), z.iso.date(), z.iso.datetime({ offset: true })], { error: INSTANT_RULE })
  .transform((value) => (typeof value === 'number' ? value : Date.parse(value)))
  .pipe(z.number().min(0, { error: INSTANT_RULE }).max(LAST_INSTANT_MS, { error: INSTANT_RULE }));

const DURATION = /^P(?=.)(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,7})M)?)?$/;
const DURATION_RULE = 'must be an ISO 8601 duration of weeks, days, hours or minutes, such as P7D or PT12H';

/** An ISO 8601 duration of weeks, days, hours and minutes; months and years have no fixed length. */
const window = z.string({ error: DURATION_RULE }).regex(DURATION, { error: DURATION_RULE });

/** The length of a window in ms. @param duration one that the schema accepts */
export function windowMs(duration: string): number {
  const [, weeks = 0, days = 0, hours = 0, minutes = 0] = (DURATION.exec(duration) ?? []).map((n) => Number(n) || 0);
  return (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000;
}

/** Which page boundaries a run checks after its pages. */
export const BoundaryChecksSchema = z.enum(['sample', 'all'], { error: 'must be "sample" or "all"' });

const COLUMNS_RULE = 'must be a list of at most 500 column names';

const settings = {
  datasetId: name.describe('The dataset to export, as Personalization names it.'),
  format: ExportFormatSchema.describe('The format of the parts.'),
  compression: CompressionSchema.describe(
    'How JSON and CSV parts are compressed: `gzip`, which every tool reads, or `zstd`, which makes JSON parts about a tenth smaller. Default: `gzip`. Parquet parts always use zstd.',
  ),
  pageSize: integer(1, MAX_PAGE_SIZE).describe('Accounts per page: one request, one Lambda invocation, one part.'),
  filter: text.describe('Name or id of a segment: only its accounts are exported.'),
  start: InstantSchema.describe(
    'Fixed start of the engagement statistics. It does not filter accounts. Not together with `window`.',
  ),
  end: InstantSchema.describe(
    'Fixed end of the engagement statistics, later than `start`. Not together with `window`.',
  ),
  window: window.describe(
    'The engagement statistics cover this much time before the run was due. Not together with `start` and `end`.',
  ),
  segmentationId: text.describe('A segmentation, sent to the API as it is.'),
  segmentId: text.describe('A segment, sent to the API as it is.'),
  attributeColumns: z
    .array(text, { error: COLUMNS_RULE })
    .max(500, { error: COLUMNS_RULE })
    .describe('Attributes that queries may name for every account. For CSV, also columns of the table.'),
  maxRecords: integer(1).describe(
    'Record budget: the run fetches no more records than this, probes and retries included. It fails instead.',
  ),
  overlap: z
    .enum(['skip', 'allow'], { error: 'must be "skip" or "allow"' })
    .describe('What happens while another run of the same export is running: `skip` this run, or `allow` both.'),
  onDrift: z
    .enum(['publish', 'fail', 'retry'], { error: 'must be "publish", "fail" or "retry"' })
    .describe(
      'What happens when the data changed during the run: `publish` it with that verdict, `fail` and quarantine it, or `retry` once and then publish.',
    ),
  boundaryChecks: BoundaryChecksSchema.describe(
    'Which page boundaries a run of more than 64 pages checks for accounts that moved: a `sample` of 16, or `all`, which takes one request and about four records per page. With `all`, a run can have at most 10,000 pages; a larger one fails when it is planned.',
  ),
  maxDropPercent: integer(0, 100).describe(
    'A run with a larger drop in accounts since the last published run is quarantined; so is an empty run, unless the last published run was empty, too, or the first run of a whole dataset is empty.',
  ),
};

const optionalSettings = z.object(settings).partial().shape;

/** When a configured export runs; a request cannot set these. */
const scheduling = {
  schedule: textThat(SCHEDULE_RULE, isScheduleExpression).describe('When it runs. Without it, only on demand.'),
  timeZone: textThat(TIME_ZONE_RULE, isTimeZone).describe(
    'The time zone of the schedule, with daylight saving time. Default: UTC. Needs a `schedule`.',
  ),
  flexibleMinutes: integer(1, 1440).describe(
    'The run may start up to this many minutes late. Default: on the minute. Needs a `schedule`.',
  ),
  scheduleEnabled: flag.describe('`false` keeps the schedule but starts nothing. Default: `true`. Needs a `schedule`.'),
};

/** One configured export. */
export const ExportSettingsSchema = z
  .strictObject({
    name: name.describe('The name of the export in requests, tables and events. Unique.'),
    ...optionalSettings,
    datasetId: settings.datasetId,
    format: settings.format.default('json'),
    pageSize: settings.pageSize.default(DEFAULT_PAGE_SIZE),
    overlap: settings.overlap.default('skip'),
    onDrift: settings.onDrift.default('publish'),
    boundaryChecks: settings.boundaryChecks.default('sample'),
    maxDropPercent: settings.maxDropPercent.default(DEFAULT_MAX_DROP_PERCENT),
    ...z.object(scheduling).partial().shape,
  })
  .superRefine(checkCompression)
  .superRefine(checkWindow)
  .superRefine(checkScheduling);
export type ExportSettings = z.infer<typeof ExportSettingsSchema>;

/** The attribute columns of the one CSV table that all exports share, in the order they are first named. */
export function attributeColumnsOf(exports: readonly Pick<ExportSettings, 'format' | 'attributeColumns'>[]): string[] {
  return attributeNamesOf(exports.filter(({ format }) => format === 'csv'));
}

/** The attributes that any export names: `accounts_latest` has each of them for every account. */
export function attributeNamesOf(exports: readonly Pick<ExportSettings, 'attributeColumns'>[]): string[] {
  return [...new Set(exports.flatMap(({ attributeColumns = [] }) => attributeColumns))];
}

/** Of one or more exports, the one whose attribute names are longest together: the one to shorten if a limit is exceeded. */
export function longestAttributeList<T extends Pick<ExportSettings, 'attributeColumns'>>(exports: readonly T[]): T {
  const bytesOf = ({ attributeColumns = [] }: T) => Buffer.byteLength(attributeColumns.join());
  return exports.reduce((longest, next) => (bytesOf(next) > bytesOf(longest) ? next : longest));
}

/** What an execution may be started with: nothing, the name of an export, overrides, or a whole ad-hoc export. */
export const ExportRequestSchema = z
  .strictObject({
    exportName: name
      .optional()
      .describe('The configured export to run. With a `datasetId` and a new name, the name of an ad-hoc export.'),
    ...optionalSettings,
    dryRun: flag.optional().describe('`true` plans and estimates: nothing is exported or written.'),
    dueAt: InstantSchema.optional().describe(
      'When the run was due: its day in the tables, and the end of a `window`. Default: when it was started.',
    ),
    scheduled: z
      .literal(true, { error: 'must be absent, because only schedules set it' })
      .optional()
      .describe('Set by a schedule, not by people: of several deliveries of one `dueAt`, one runs.'),
    resume: name.optional().describe('The failed run to resume. Alone, or with `maxRecords`.'),
    publish: name.optional().describe('The quarantined run to publish. Alone.'),
  })
  .superRefine(checkCompression)
  .superRefine(checkWindow)
  .superRefine(checkSegmentName)
  .refine(({ scheduled, dueAt }) => scheduled === undefined || dueAt !== undefined, {
    path: ['dueAt'],
    error: 'must be set for a scheduled run',
  });
export type ExportRequest = z.infer<typeof ExportRequestSchema>;

/** The default name is the dataset, under which people expect all of its accounts. */
function checkSegmentName(value: ExportNames, context: z.RefinementCtx): void {
  const segment = SEGMENT_KEYS.find((key) => value[key] !== undefined);
  if (value.datasetId === undefined || value.exportName !== undefined || segment === undefined) return;
  const message = `exportName must be set together with ${segment}: without a name, the export would be named after its dataset, as if it held all accounts`;
  context.addIssue({ code: 'custom', message });
}

type ExportNames = {
  readonly [key in 'exportName' | 'datasetId' | (typeof SEGMENT_KEYS)[number]]?: string | undefined;
};

/** Keys that have no meaning without a schedule. */
function checkScheduling(value: Record<string, unknown>, context: z.RefinementCtx): void {
  for (const key of ['timeZone', 'flexibleMinutes', 'scheduleEnabled']) {
    if (value[key] === undefined || value.schedule !== undefined) continue;
    context.addIssue({ code: 'custom', path: [key], message: 'must not be set without a schedule' });
  }
}

/** A Parquet file names the codec of its columns, so every reader knows it: there is nothing to choose. */
function checkCompression(value: { format?: ExportFormat; compression?: string }, context: z.RefinementCtx): void {
  if (value.format !== 'parquet' || value.compression !== 'gzip') return;
  context.addIssue({
    code: 'custom',
    path: ['compression'],
    message: 'must be "zstd" or absent for format parquet',
  });
}

function checkWindow(value: { start?: number; end?: number; window?: string }, context: z.RefinementCtx): void {
  if (value.window !== undefined && (value.start !== undefined || value.end !== undefined)) {
    context.addIssue({ code: 'custom', path: ['window'], message: 'must not be set together with start or end' });
  }
  if (value.start !== undefined && value.end !== undefined && value.start >= value.end) {
    context.addIssue({ code: 'custom', path: ['end'], message: 'must be later than start' });
  }
}
