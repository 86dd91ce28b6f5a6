/**
 * The expressions that EventBridge Scheduler accepts, checked before deployment.
 * Source: EventBridge Scheduler user guide, "Schedule types in EventBridge Scheduler".
 */

export const SCHEDULE_RULE =
  'must be an expression such as rate(1 hour) or at(2026-08-01T06:00:00), or cron(minutes hours day-of-month month day-of-week year) with "?" for day-of-month or day-of-week';
export const TIME_ZONE_RULE = 'must be a name of the IANA time zone database, such as Europe/Berlin';

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

interface CronField {
  readonly min: number;
  readonly max: number;
  /** Names for the numbers from `min` on. */
  readonly names?: readonly string[];
  /** Forms other than numbers, ranges, lists and steps. */
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

/** Whether EventBridge Scheduler accepts it: `cron(…)`, `rate(…)` or `at(…)`. */
export function isScheduleExpression(text: string): boolean {
  const [, kind, inner = ''] = /^(cron|rate|at)\((.*)\)$/.exec(text) ?? [];
  if (kind === 'cron') return isCron(inner.split(' '));
  if (kind === 'rate') return /^(1 (minute|hour|day)|(?!1 )[1-9]\d{0,5} (minutes|hours|days))$/.test(inner);
  return kind === 'at' && isLocalTime(inner);
}

function isCron(fields: readonly string[]): boolean {
  // One of the two ways to name a day, and only one.
  if (fields.length !== CRON_FIELDS.length || (fields[2] === '?') === (fields[4] === '?')) return false;
  return CRON_FIELDS.every((field, i) => (fields[i] ?? '').split(',').every((item) => valuesOf(item, field)));
}

/** The values of a number, range or step; `NaN` for what needs a calendar; `undefined` when it is invalid. */
function valuesOf(item: string, field: CronField): readonly number[] | undefined {
  if (field.special?.test(item)) return [Number.NaN];
  const { min, max } = field;
  const [, range = '', every] = /^([^/]+)(?:\/(\d{1,4}))?$/.exec(item) ?? [];
  const step = Number(every ?? 1);
  const ends = range === '*' ? [min, max] : range.split('-').map((end) => cronNumber(end, field));
  if (step < 1 || ends.length > 2 || !ends.every((end) => end >= min && end <= max)) return undefined;
  const [start = min, end = every === undefined ? start : max] = ends;
  const size = max - min + 1;
  // A range may go over the end, as FRI-MON does.
  const span = (end - start + size) % size;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => min + ((start - min + i * step) % size));
}

function cronNumber(text: string, { min, names = [] }: CronField): number {
  if (/^\d+$/.test(text)) return Number(text);
  const index = names.indexOf(text.toUpperCase());
  return index < 0 ? Number.NaN : min + index;
}

function isLocalTime(text: string): boolean {
  const time = Date.parse(`${text}Z`);
  return /^[\d-]{10}T[\d:]{8}$/.test(text) && !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** Whether it names a time zone. Offsets such as `+01:00` do not: they have no daylight saving time. */
export function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return /^[A-Za-z]/.test(text);
  } catch {
    return false;
  }
}

/**
 * When a one-time schedule is due, in epoch milliseconds.
 *
 * @param expression one that `isScheduleExpression` accepts
 * @param timeZone one that `isTimeZone` accepts
 * @returns `undefined` for a schedule that repeats
 */
export function oneTimeMs(expression: string, timeZone = 'Etc/UTC'): number | undefined {
  const [, local] = /^at\((.*)\)$/.exec(expression) ?? [];
  if (local === undefined) return undefined;
  const wanted = Date.parse(`${local}Z`);
  // The offset of the zone can differ between the first guess and the result, so it is applied twice.
  const first = wanted - offsetMs(wanted, timeZone);
  return wanted - offsetMs(first, timeZone);
}

/** How far the clocks of a time zone are ahead of UTC at a time, in milliseconds. */
function offsetMs(time: number, timeZone: string): number {
  const options = { timeZone, dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' } as const;
  // Swedish dates have the form of ISO 8601: 2026-12-24 18:00:00.
  const local = new Intl.DateTimeFormat('sv', options).format(time);
  return Date.parse(`${local.replace(' ', 'T')}Z`) - time;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The first Mondays of two months are up to five weeks apart, and no day that `L`, `W` or `#` names is further. */
const LONGEST_MONTH_HOURS = 35 * 24;
const RATE_HOURS: Readonly<Record<string, number>> = { minute: 1 / 60, hour: 1, day: 24 };

/**
 * The longest time between two runs, in hours, to detect a missing run. The caller adds grace for clock changes.
 *
 * @param expression one that `isScheduleExpression` accepts
 * @returns `undefined` for a schedule that does not repeat, or not within a year
 */
export function longestGapHours(expression: string): number | undefined {
  const [, kind, inner = ''] = /^(cron|rate|at)\((.*)\)$/.exec(expression) ?? [];
  if (kind === 'rate') {
    const [amount = '', unit = ''] = inner.split(' ');
    return Number(amount) * (RATE_HOURS[unit.replace(/s$/, '')] ?? 0);
  }
  if (kind !== 'cron') return undefined;
  const [minutes, hours, monthDays, months, weekDays, years] = inner.split(' ').map((field, i) => cronValues(field, i));
  if (years) return undefined;
  const hasSpecial = monthDays?.has(Number.NaN) || weekDays?.has(Number.NaN);
  /** A field without values allows all. */
  const allows = (values: ReadonlySet<number> | undefined, value: number) => values?.has(value) ?? true;
  const days: number[] = [];
  // A leap year and the one after it hold every distance between two days, but for 29 February itself.
  for (let day = Date.UTC(2028, 0, 1); day < Date.UTC(2030, 0, 1); day += DAY_MS) {
    const date = new Date(day);
    if (!allows(months, date.getUTCMonth() + 1)) continue;
    if (allows(monthDays, date.getUTCDate()) && allows(weekDays, date.getUTCDay() + 1)) days.push(day);
  }
  const times = [...Array(24).keys()]
    .filter((hour) => allows(hours, hour))
    .flatMap((hour) => [...Array(60).keys()].filter((m) => allows(minutes, m)).map((m) => hour + m / 60));
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const within = Math.max(0, ...times.slice(1).map((time, i) => time - (times[i] ?? 0)));
  const between = Math.max(...days.slice(1).map((day, i) => (day - (days[i] ?? 0)) / HOUR_MS)) - last + first;
  if (hasSpecial) return months === undefined ? LONGEST_MONTH_HOURS - last + first : undefined;
  return Math.max(within, between) || undefined;
}

/** The values that a field allows; `undefined` for all. */
function cronValues(text: string, index: number): ReadonlySet<number> | undefined {
  const field = CRON_FIELDS[index];
  if (!field || text === '*' || text === '?') return undefined;
  return new Set(text.split(',').flatMap((item) => valuesOf(item, field) ?? []));
}
