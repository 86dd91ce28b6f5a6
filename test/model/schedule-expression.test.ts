/** Most examples are from the EventBridge Scheduler user guide, "Schedule types in EventBridge Scheduler". */
import { describe, expect, it } from 'vitest';
import { isScheduleExpression, isTimeZone, longestGapHours } from '../../functions/model/schedule-expression.ts';

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
    'rate(15 minutes)',
    'rate(123456 days)',
    'at(2026-11-20T13:00:00)',
    'at(2028-02-29T23:59:59)',
  ])('accepts %s', (text) => expect(isScheduleExpression(text)).toBe(true));

  it.each([
    '',
    '0 6 * * ? *',
    '2026-11-20T13:00:00',
    'every(1 hour)',
    'cron()',
    'cron(0 6 * * ?)',
    'cron(0 6 * * ? * *)',
    // Both days, neither day.
    'cron(0 6 * * * *)',
    'cron(0 6 ? * ? *)',
    'cron(0  6 * * ? *)',
    'cron(0 6 * * ? *) ',
    'xcron(0 6 * * ? *)',
    'cron(0 6 * * ? *',
    'rate(1 hours)',
    'rate(5 hour)',
    'rate(15 hour)',
    'rate(0 minutes)',
    'rate(5 seconds)',
    'rate(05 hours)',
    'rate(1234567 hours)',
    'rate(1 hour )',
    'rate(x5 hours)',
    'at(2026-11-20)',
    'at(2026-11-20T13:00:00Z)',
    'at(2026-11-20T13:00:00.000)',
    'at(2026-11-20T24:00:00)',
    'at(2026-11-31T13:00:00)',
    'at(2026-02-29T13:00:00)',
    'at(26-11-20T13:00:00)',
    'at(x2026-11-20T13:00:00)',
  ])('refuses %j', (text) => expect(isScheduleExpression(text)).toBe(false));
});

const cron = (fields: string) => isScheduleExpression(`cron(${fields})`);

describe('a field of cron', () => {
  it.each([
    ['minutes', (value: string) => cron(`${value} 6 * * ? *`), '0', '59', '60'],
    ['hours', (value: string) => cron(`0 ${value} * * ? *`), '0', '23', '24'],
    ['days of a month', (value: string) => cron(`0 6 ${value} * ? *`), '1', '31', '32'],
    ['months', (value: string) => cron(`0 6 1 ${value} ? *`), '1', '12', '13'],
    ['days of a week', (value: string) => cron(`0 6 ? * ${value} *`), '1', '7', '8'],
    ['years', (value: string) => cron(`0 6 * * ? ${value}`), '1970', '2199', '2200'],
  ])(
    'accepts %s from its first number to its last, in ranges and lists, too',
    (...[_what, accepts, first, last, after]) => {
      for (const value of [first, last, `${first}-${last}`, `${first},${last}`]) expect(accepts(value)).toBe(true);
      const before = String(Number(first) - 1);
      const wrong = [
        before,
        after,
        `${first}-${after}`,
        `${after}-${last}`,
        `${first},${after}`,
        `${after},${first}`,
        `${first},`,
      ];
      for (const value of wrong) expect([value, accepts(value)]).toEqual([value, false]);
    },
  );

  it.each([
    [
      'minutes',
      (value: string) => cron(`${value} 6 * * ? *`),
      ['*/5', '0/5', '0-30/10', '0/1'],
      ['0/0', '0/00', '0/x', '0/5x', '0/5/5', '/5', 'x0', '0x', '5m', '', '-', '0-', '1-2-3', 'MON', '?', 'L'],
    ],
    [
      'days of a week',
      (value: string) => cron(`0 6 ? * ${value} *`),
      ['SUN', 'sat', 'MON-FRI', 'MON#5'],
      ['2#6', '8L', 'MONx', 'JAN', 'FOO', 'MON,FOO'],
    ],
    ['days of a month', (value: string) => cron(`0 6 ${value} * ? *`), ['1W', '31W'], ['0W', '32W', 'LW', 'xL']],
  ])('accepts only the forms of %s', (_what, accepts, right, wrong) => {
    expect(right.filter((value) => !accepts(value))).toEqual([]);
    expect(wrong.filter(accepts)).toEqual([]);
  });
});

describe('isTimeZone', () => {
  it.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'])('accepts %s', (text) =>
    expect(isTimeZone(text)).toBe(true),
  );
  it.each(['', 'Europe/Atlantis', '+01:00', '-05:00', '+0100', '1Europe/Berlin', ' Europe/Berlin', 'CEST+1'])(
    'refuses %j',
    (text) => expect(isTimeZone(text)).toBe(false),
  );
});

describe('longestGapHours', () => {
  it.each([
    ['rate(5 minutes)', 5 / 60],
    ['rate(1 hour)', 1],
    ['rate(2 days)', 48],
    ['cron(0 6 * * ? *)', 24],
    ['cron(0 6,18 * * ? *)', 12],
    ['cron(0 6,8 * * ? *)', 22],
    ['cron(0 0,23 * * ? *)', 23],
    ['cron(30 * * * ? *)', 1],
    ['cron(*/20 * * * ? *)', 1 / 3],
    ['cron(10/20 * * * ? *)', 1 / 3],
    ['cron(0/20 8-17 * * ? *)', 14 + 20 / 60],
    ['cron(0 22-2 * * ? *)', 20],
    ['cron(0 6 ? * MON-FRI *)', 72],
    ['cron(0 6 ? * FRI-MON *)', 96],
    ['cron(0 6 ? * 2 *)', 168],
    ['cron(0 6 ? * SUN,WED *)', 96],
    ['cron(0 6 1 * ? *)', 31 * 24],
    ['cron(0 6 1,15 * ? *)', 17 * 24],
    ['cron(0 6 1 1,7 ? *)', 184 * 24],
    ['cron(0 6 1 JAN,MAR ? *)', 306 * 24],
    ['cron(0 6 * NOV-FEB ? *)', 246 * 24],
    ['cron(0 9 L * ? *)', 35 * 24],
    ['cron(0 9 ? * 2#1 *)', 35 * 24],
  ])('of %s is %d', (expression, hours) => expect(longestGapHours(expression)).toBeCloseTo(hours, 6));

  it.each([
    'at(2026-11-20T13:00:00)',
    'cron(0 9 L 1 ? *)',
    'cron(15 10 ? * 6L 2022-2023)',
    'cron(0 6 29 FEB ? *)',
    'cron(0 6 * * ? 2027)',
  ])('of %s is unknown', (expression) => expect(longestGapHours(expression)).toBeUndefined());
});
