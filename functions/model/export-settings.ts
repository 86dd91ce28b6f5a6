/** What can be configured and requested: one schema for `cdk.json`, for executions and for the command line. */
import * as z from 'zod';
import { ExportError, type ExportErrorName } from './errors.ts';
import { ExportFormatSchema } from './export-format.ts';
import { isScheduleExpression, isTimeZone, SCHEDULE_RULE, TIME_ZONE_RULE } from './schedule-expression.ts';

/** Names that become part of a key or a path: nothing in them can climb out of either. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const NAME_RULE = 'up to 128 letters, digits, "_", "." and "-" are allowed, the first a letter or digit';

/** A filter is a segment's name or id; the state of a run must stay small whatever it holds. */
const MAX_TEXT = 1000;
/** Beyond this a page outgrows a Lambda's memory long before the API's patience. */
export const MAX_PAGE_SIZE = 50_000;
export const DEFAULT_PAGE_SIZE = 1000;

const OVERLAP_RULE = '"skip" (yield to a run of the same export that has not ended) or "allow" is needed';

const DRIFT_RULE =
  '"publish" (with the verdict), "fail" or "retry" (export once more, then publish with the verdict) is needed';
/** Halving overnight is rare enough to be looked at. */
export const DEFAULT_MAX_DROP_PERCENT = 50;

export { type ExportFormat, ExportFormatSchema } from './export-format.ts';

const name = z.string({ error: `a name is needed: ${NAME_RULE}` }).regex(NAME_PATTERN, { error: NAME_RULE });
const text = z
  .string({ error: 'a text is needed' })
  .min(1, { error: 'an empty text is not allowed: leave the key out' })
  .max(MAX_TEXT, { error: `at most ${MAX_TEXT} characters are allowed` });

/** The end of the year 9999: a later one is no date of four-digit years, and soon none of JavaScript's. */
const LAST_INSTANT_MS = 253_402_300_799_999;
const INSTANT_RULE =
  'epoch milliseconds or ISO 8601 such as 2026-08-01 or 2026-08-01T06:00:00Z are allowed, from 1970 to 9999';

/** Epoch ms, or ISO 8601 with a date alone (midnight UTC) or a time and its zone; resolves to epoch ms. */
export const InstantSchema = z
  .union([z.int().min(0), z.iso.date(), z.iso.datetime({ offset: true })], { error: INSTANT_RULE })
  .transform((value) => (typeof value === 'number' ? value : Date.parse(value)))
  .pipe(z.number().min(0, { error: INSTANT_RULE }).max(LAST_INSTANT_MS, { error: INSTANT_RULE }));

const DURATION = /^P(?=.)(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,7})M)?)?$/;

/** An ISO 8601 duration of weeks, days, hours and minutes; months and years have no fixed length. */
const window = z.string({ error: 'an ISO 8601 duration such as P7D is needed' }).regex(DURATION, {
  error: 'an ISO 8601 duration of weeks, days, hours or minutes is needed, such as P7D or PT12H',
});

/** The length of a window in ms. @param duration one that the schema let pass */
export function windowMs(duration: string): number {
  const [, weeks = 0, days = 0, hours = 0, minutes = 0] = (DURATION.exec(duration) ?? [])
    .map(Number)
    .map((n) => n || 0);
  return (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000;
}

const settings = {
  datasetId: name.describe('The dataset to export, as Personalization calls it.'),
  format: ExportFormatSchema.describe('What the parts are written as.'),
  pageSize: z
    .int({ error: `an integer from 1 to ${MAX_PAGE_SIZE} is needed` })
    .min(1)
    .max(MAX_PAGE_SIZE, {
      error: `an integer from 1 to ${MAX_PAGE_SIZE} is needed`,
    })
    .describe('Accounts a page: one request, one Lambda invocation, one part.'),
  filter: text.describe('Name or id of a segment: only its accounts are exported.'),
  start: InstantSchema.describe('Fixed start of the statistics. It filters no accounts. Not beside `window`.'),
  end: InstantSchema.describe('Fixed end of the statistics, later than `start`. Not beside `window`.'),
  window: window.describe('The statistics cover this much time before the run was due. Not beside `start` and `end`.'),
  segmentationId: text.describe('A segmentation, sent to the API as it is.'),
  segmentId: text.describe('A segment, sent to the API as it is.'),
  attributeColumns: z
    .array(text, { error: 'a list of column names is needed' })
    .max(500)
    .describe(
      'Attributes that queries may name for every account. For CSV, also the columns of the table behind the standard ones.',
    ),
  maxRecords: z
    .int({ error: 'an integer of at least 1 is needed' })
    .min(1, {
      error: 'an integer of at least 1 is needed',
    })
    .describe('The run fetches no more records than this, probes and retries included; it fails instead.'),
  overlap: z
    .enum(['skip', 'allow'], { error: OVERLAP_RULE })
    .describe('What a run does while another of the same export has not ended: yield to it, or run beside it.'),
  onDrift: z
    .enum(['publish', 'fail', 'retry'], { error: DRIFT_RULE })
    .describe('What becomes of a run under which the source moved.'),
  maxDropPercent: z
    .int({ error: 'an integer from 0 to 100 is needed' })
    .min(0, { error: 'an integer from 0 to 100 is needed' })
    .max(100, { error: 'an integer from 0 to 100 is needed' })
    .describe(
      'A run that has lost a larger share of the accounts of the last published one is held back, and so is one that has lost all.',
    ),
};

/** When a configured export runs; a request has no say in it. */
const scheduling = {
  schedule: z
    .string({ error: SCHEDULE_RULE })
    .refine(isScheduleExpression, { error: SCHEDULE_RULE })
    .optional()
    .describe('When it runs. Without it, only on demand.'),
  timeZone: z
    .string({ error: TIME_ZONE_RULE })
    .refine(isTimeZone, { error: TIME_ZONE_RULE })
    .optional()
    .describe('The time zone of the schedule, summer time included. Without it, UTC. Needs a `schedule`.'),
  flexibleMinutes: z
    .int({ error: 'an integer from 1 to 1440 is needed' })
    .min(1, { error: 'an integer from 1 to 1440 is needed' })
    .max(1440, { error: 'an integer from 1 to 1440 is needed' })
    .optional()
    .describe('The run may start up to so many minutes late. Without it, on the minute. Needs a `schedule`.'),
  scheduleEnabled: z
    .boolean({ error: 'true or false is needed' })
    .optional()
    .describe('`false` keeps the schedule and starts nothing. Without it, the schedule is on. Needs a `schedule`.'),
};

/** One configured export. */
export const ExportSettingsSchema = z
  .strictObject({
    name: name.describe('What requests, tables and events call the export. Each export has its own.'),
    datasetId: settings.datasetId,
    format: settings.format.default('json'),
    pageSize: settings.pageSize.default(DEFAULT_PAGE_SIZE),
    filter: settings.filter.optional(),
    start: settings.start.optional(),
    end: settings.end.optional(),
    window: settings.window.optional(),
    segmentationId: settings.segmentationId.optional(),
    segmentId: settings.segmentId.optional(),
    attributeColumns: settings.attributeColumns.optional(),
    maxRecords: settings.maxRecords.optional(),
    overlap: settings.overlap.default('skip'),
    onDrift: settings.onDrift.default('publish'),
    maxDropPercent: settings.maxDropPercent.default(DEFAULT_MAX_DROP_PERCENT),
    ...scheduling,
  })
  .superRefine(checkWindow)
  .superRefine(checkScheduling);
export type ExportSettings = z.infer<typeof ExportSettingsSchema>;

/** The attribute columns of the one CSV table that all exports share, in the order they are first named. */
export function attributeColumnsOf(exports: readonly Pick<ExportSettings, 'format' | 'attributeColumns'>[]): string[] {
  return [
    ...new Set(
      exports.filter(({ format }) => format === 'csv').flatMap(({ attributeColumns = [] }) => attributeColumns),
    ),
  ];
}

/** The attributes that any export names: analysts may ask `accounts_latest` for each of every account. */
export function attributeNamesOf(exports: readonly Pick<ExportSettings, 'attributeColumns'>[]): string[] {
  return [...new Set(exports.flatMap(({ attributeColumns = [] }) => attributeColumns))];
}

/** What an execution may be started with: nothing, the name of an export, overrides, or a whole ad-hoc export. */
export const ExportRequestSchema = z
  .strictObject({
    exportName: name
      .optional()
      .describe('The configured export to run; with a `datasetId` and a new name, the name of an ad-hoc one.'),
    ...(Object.fromEntries(Object.entries(settings).map(([key, schema]) => [key, schema.optional()])) as {
      [K in keyof typeof settings]: z.ZodOptional<(typeof settings)[K]>;
    }),
    dryRun: z
      .boolean({ error: 'true or false is needed' })
      .optional()
      .describe('`true` plans and reckons: nothing is exported, nothing is written.'),
    /** When the run was due; the schedule fills it in. */
    dueAt: InstantSchema.optional().describe(
      'When the run was due: its day in the tables, and the end of a `window`. Without it, when it was started.',
    ),
    /** Set by a schedule: of several deliveries of one due time, one makes a run. */
    scheduled: z
      .literal(true, { error: 'true is allowed, and only a schedule says it' })
      .optional()
      .describe('Set by a schedule, not by people: of several deliveries of one `dueAt`, one makes a run.'),
    /** The id of a run that failed: goes on where it stopped. */
    resume: name.optional().describe('The run to go on with. Alone, or with `maxRecords`.'),
    /** The id of a run that was held back: publishes it as it is, without asking the API. */
    publish: name.optional().describe('The run that was held back, to be published as it is. Alone.'),
  })
  .superRefine(checkWindow)
  .superRefine(({ scheduled, dueAt }, context) => {
    if (scheduled === true && dueAt === undefined)
      context.addIssue({ code: 'custom', path: ['dueAt'], message: 'a scheduled run needs the time it was due' });
  });
export type ExportRequest = z.infer<typeof ExportRequestSchema>;

/** What only means something beside a schedule. */
function checkScheduling(value: Record<string, unknown>, context: z.RefinementCtx): void {
  for (const key of ['timeZone', 'flexibleMinutes', 'scheduleEnabled']) {
    if (value[key] === undefined || value.schedule !== undefined) continue;
    context.addIssue({ code: 'custom', path: [key], message: 'it belongs to a schedule, and there is none' });
  }
}

function checkWindow(value: { start?: number; end?: number; window?: string }, context: z.RefinementCtx): void {
  if (value.window !== undefined && (value.start !== undefined || value.end !== undefined)) {
    context.addIssue({
      code: 'custom',
      path: ['window'],
      message: 'either window or start and end are allowed, not both',
    });
  }
  if (value.start !== undefined && value.end !== undefined && value.start >= value.end) {
    context.addIssue({ code: 'custom', path: ['end'], message: 'end must be later than start' });
  }
}

/**
 * Parses `input` and reports every problem at once: the key, its value, what is allowed.
 *
 * @param what the input's name at the start of the sentence, such as `The request`
 * @throws ExportError of the given name
 */
export function parseOrThrow<T>(
  schema: z.ZodType<T>,
  input: unknown,
  what: string,
  errorName: ExportErrorName = 'RequestError',
): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ExportError(errorName, `${what} is unusable: ${problemsOf(parsed.error.issues, input)}.`);
}

/** A list of problems longer than this is read by nobody, and an execution's history holds no million of them. */
const MAX_PROBLEMS_CHARACTERS = 1200;

function problemsOf(issues: readonly z.core.$ZodIssue[], input: unknown): string {
  const problems = new Set<string>();
  let characters = 0;
  for (const [i, issue] of issues.entries()) {
    const problem = describeIssue(issue, input);
    if (problems.has(problem)) continue;
    characters += problem.length;
    if (problems.size > 0 && characters > MAX_PROBLEMS_CHARACTERS) {
      return `${[...problems].join('; ')}; and ${issues.length - i} more`;
    }
    problems.add(problem);
  }
  return [...problems].join('; ');
}

function describeIssue(issue: z.core.$ZodIssue, input: unknown): string {
  const path = issue.path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .slice(1);
  if (issue.code === 'unrecognized_keys') {
    const shown = issue.keys.slice(0, MAX_KEYS).map((key) => JSON.stringify(key.slice(0, 60)));
    const keys = [...shown, ...(issue.keys.length > MAX_KEYS ? [`${issue.keys.length - MAX_KEYS} more`] : [])].join(
      ', ',
    );
    return `${path === '' ? '' : `${path}: `}${keys} ${issue.keys.length === 1 ? 'is' : 'are'} not known`;
  }
  let value: unknown = input;
  for (const step of issue.path) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  if (path === '') return issue.message;
  if (value === undefined) return `${path} is missing; ${issue.message}`;
  const shown = mayNameSomebody(issue.path.findLast((step) => typeof step === 'string')) ? 'unusable' : shorten(value);
  return `${path} is ${shown}; ${issue.message}`;
}

/** Sentences are logged, mailed and kept: a segment, which may be one person's, is not shown in them. */
export function mayNameSomebody(key: unknown): boolean {
  return key === 'filter' || key === 'segmentId' || key === 'segmentationId';
}

const MAX_KEYS = 10;

/** Cut before it is written out: a text may be megabytes long, and a list nested deeper than the stack. */
function shorten(value: unknown): string {
  if (typeof value === 'number') return String(value);
  let json: string;
  try {
    json = JSON.stringify(typeof value === 'string' ? value.slice(0, 60) : value) ?? String(value);
  } catch {
    return 'nested too deep to be shown';
  }
  return json.length > 60 ? `${json.slice(0, 57)}…` : json;
}
