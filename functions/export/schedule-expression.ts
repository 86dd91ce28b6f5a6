/**
 * The expressions that EventBridge Scheduler takes, checked before a deployment finds out.
 * Source: EventBridge Scheduler user guide, "Schedule types in EventBridge Scheduler".
 */

export const SCHEDULE_RULE =
  'cron(minutes hours day-of-month month day-of-week year) with one of the two days "?", rate(1 hour) or at(2026-08-01T06:00:00) is needed';
export const TIME_ZONE_RULE = 'a name of the IANA time zone database is needed, such as Europe/Berlin';

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

interface CronField {
  readonly min: number;
  readonly max: number;
  /** What may stand for the numbers from `min` on. */
  readonly names?: readonly string[];
  /** Forms beside numbers, ranges, lists and steps. */
  readonly special?: RegExp;
}

const CRON_FIELDS: readonly CronField[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31, special: /^(\?|L|(?:[1-9]|[12]\d|3[01])W)$/ },
  { min: 1, max: 12, names: MONTHS },
  { min: 1, max: 7, names: DAYS, special: /^(\?|L|[1-7]L|(?:[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)#[1-5])$/ },
  { min: 1970, max: 2199 },
];

/** Whether EventBridge Scheduler would take it: `cron(…)`, `rate(…)` or `at(…)`. */
export function isScheduleExpression(text: string): boolean {
  const [, kind, inner = ''] = /^(cron|rate|at)\((.*)\)$/.exec(text) ?? [];
  if (kind === 'cron') return isCron(inner.split(' '));
  if (kind === 'rate') return /^(1 (minute|hour|day)|(?!1 )[1-9]\d{0,5} (minutes|hours|days))$/.test(inner);
  return kind === 'at' && isLocalTime(inner);
}

function isCron(fields: readonly string[]): boolean {
  if (fields.length !== CRON_FIELDS.length) return false;
  // One of the two ways to name a day, and only one.
  if ((fields[2] === '?') === (fields[4] === '?')) return false;
  return CRON_FIELDS.every((field, i) => (fields[i] ?? '').split(',').every((item) => isCronItem(item, field)));
}

function isCronItem(item: string, field: CronField): boolean {
  if (field.special?.test(item)) return true;
  const [, range = '', step] = /^([^/]+)(?:\/(\d{1,4}))?$/.exec(item) ?? [];
  if (step !== undefined && Number(step) < 1) return false;
  if (range === '*') return true;
  const ends = range.split('-').map((end) => cronNumber(end, field));
  return ends.length <= 2 && ends.every((end) => end >= field.min && end <= field.max);
}

function cronNumber(text: string, { min, names = [] }: CronField): number {
  if (/^\d+$/.test(text)) return Number(text);
  const index = names.indexOf(text.toUpperCase());
  return index < 0 ? Number.NaN : min + index;
}

function isLocalTime(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return false;
  const time = new Date(`${text}Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
}

/** Whether it names a time zone; offsets such as `+01:00` do not, since they know no summer time. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
