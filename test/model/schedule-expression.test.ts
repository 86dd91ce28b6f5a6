import { describe, expect, it } from 'vitest';
import { isScheduleExpression, isTimeZone, longestGapHours } from '../../functions/model/schedule-expression.ts';

/** Most are examples of the EventBridge Scheduler user guide, "Schedule types in EventBridge Scheduler". */
describe('isScheduleExpression', () => {
  it.each([
    'cron(0 6 * * ? *)',
    'cron(15 10 ? * 6L 2022-2023)',
    'cron(0/5 8-17 ? * MON-FRI *)',
    'cron(0 18 ? * mon-fri *)',
    'cron(0 8 1 * ? *)',
    'cron(0 0 L * ? *)',
    'cron(0 9 3W * ? *)',
    'cron(0 9 ? * 2#1 *)',
    'cron(30 6,18 ? JAN,JUL 1 2026)',
    'rate(1 hour)',
    'rate(1 day)',
    'rate(5 minutes)',
    'at(2026-11-20T13:00:00)',
  ])('takes %s', (text) => expect(isScheduleExpression(text)).toBe(true));

  it.each([
    ['', 'nothing'],
    ['0 6 * * ? *', 'no kind'],
    ['cron(0 6 * * *)', 'five fields, as in crontab'],
    ['cron(0 6 * * * *)', 'both days'],
    ['cron(0 6 ? * ? *)', 'neither day'],
    ['cron(60 6 * * ? *)', 'a minute too late'],
    ['cron(0 24 * * ? *)', 'an hour too late'],
    ['cron(0 6 0 * ? *)', 'a day before the first'],
    ['cron(0 6 * 13 ? *)', 'a thirteenth month'],
    ['cron(0 6 ? * 0 *)', 'days count from 1'],
    ['cron(0 6 ? * FOO *)', 'no day'],
    ['cron(0 6 * * ? 1969)', 'a year too early'],
    ['cron(0/0 6 * * ? *)', 'a step of nothing'],
    ['cron(0  6 * * ? *)', 'two blanks'],
    ['cron(0 6-7-8 * * ? *)', 'a range of three'],
    ['rate(1 hours)', 'one is no plural'],
    ['rate(5 hour)', 'five are no singular'],
    ['rate(0 minutes)', 'no time at all'],
    ['rate(5 seconds)', 'seconds'],
    ['at(2026-11-20)', 'no time of day'],
    ['at(2026-11-31T13:00:00)', 'a day that does not exist'],
    ['at(2026-11-20T13:00:00Z)', 'a zone: that is timeZone'],
  ])('refuses %j: %s', (text) => expect(isScheduleExpression(text)).toBe(false));
});

describe('isTimeZone', () => {
  it.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'])('takes %s', (text) =>
    expect(isTimeZone(text)).toBe(true),
  );
  it.each(['', 'Europe/Atlantis', '+01:00', 'CEST+1'])('refuses %j', (text) => expect(isTimeZone(text)).toBe(false));
});

describe('longestGapHours', () => {
  it.each([
    ['rate(5 minutes)', 5 / 60],
    ['rate(1 hour)', 1],
    ['rate(2 days)', 48],
    ['cron(0 6 * * ? *)', 24],
    ['cron(0 6,18 * * ? *)', 12],
    ['cron(0 6,8 * * ? *)', 22],
    ['cron(30 * * * ? *)', 1],
    ['cron(0/20 8-17 * * ? *)', 14 + 20 / 60],
    ['cron(0 6 ? * MON-FRI *)', 72],
    ['cron(0 6 ? * 2 *)', 168],
    ['cron(0 6 ? * SUN,WED *)', 96],
    ['cron(0 6 1 * ? *)', 31 * 24],
    ['cron(0 6 1,15 * ? *)', 17 * 24],
    ['cron(0 6 1 1,7 ? *)', 184 * 24],
    ['cron(0 9 L * ? *)', 35 * 24],
    ['cron(0 9 ? * 2#1 *)', 35 * 24],
  ])('of %s is %d', (expression, hours) => expect(longestGapHours(expression)).toBeCloseTo(hours, 6));

  it.each(['at(2026-11-20T13:00:00)', 'cron(0 9 L 1 ? *)', 'cron(15 10 ? * 6L 2022-2023)'])(
    'of %s cannot be told',
    (expression) => expect(longestGapHours(expression)).toBeUndefined(),
  );
});
