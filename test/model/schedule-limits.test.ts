/** The borders of each field of a schedule, and what only looks like one. */
import { describe, expect, it } from 'vitest';
import { isScheduleExpression, isTimeZone, longestGapHours } from '../../functions/model/schedule-expression.ts';

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
    'of %s holds its first and its last number, and neither the one before nor the one after',
    (_what, takes, ...at) => {
      const [first, last, after] = at;
      expect([first, last, after, String(Number(first) - 1)].map(takes)).toEqual([true, true, false, false]);
      expect(takes(`${first}-${last}`)).toBe(true);
      expect(takes(`${first}-${after}`)).toBe(false);
      expect(takes(`${after}-${last}`)).toBe(false);
      expect(takes(`${first},${last}`)).toBe(true);
      expect(takes(`${first},${after}`)).toBe(false);
      expect(takes(`${after},${first}`)).toBe(false);
      expect(takes(`${first},`)).toBe(false);
    },
  );

  it.each([
    ['*/5', true],
    ['0/5', true],
    ['0-30/10', true],
    ['0/1', true],
    ['0/0', false],
    ['0/00', false],
    ['0/x', false],
    ['0/5x', false],
    ['0/5/5', false],
    ['/5', false],
    ['x0', false],
    ['0x', false],
    ['5m', false],
    ['', false],
    ['-', false],
    ['0-', false],
    ['1-2-3', false],
    ['MON', false],
    ['?', false],
    ['L', false],
  ])('of minutes: %j is %s', (minutes, taken) => {
    expect(cron(`${minutes} 6 * * ? *`)).toBe(taken);
  });

  it.each([
    ['SUN', true],
    ['sat', true],
    ['MON-FRI', true],
    ['MON#5', true],
    ['2#6', false],
    ['8L', false],
    ['MONx', false],
    ['JAN', false],
    ['MON,FOO', false],
  ])('of days of a week: %s is %s', (days, taken) => {
    expect(cron(`0 6 ? * ${days} *`)).toBe(taken);
  });

  it.each([
    ['1W', true],
    ['31W', true],
    ['0W', false],
    ['32W', false],
    ['LW', false],
    ['xL', false],
  ])('of days of a month: %s is %s', (days, taken) => {
    expect(cron(`0 6 ${days} * ? *`)).toBe(taken);
  });

  it.each([
    ['0 6 * * ?', 'five'],
    ['0 6 * * ? * *', 'seven'],
    ['', 'none'],
  ])('is one of six: %j has %s', (fields) => {
    expect(cron(fields)).toBe(false);
  });
});

describe('an expression', () => {
  it.each([
    'cron(0 6 * * ? *) ',
    'cron(0 6 * * ? *)x',
    'xcron(0 6 * * ? *)',
    'cron(0 6 * * ? *',
    'every(1 hour)',
    'every(2026-11-20T13:00:00)',
    '2026-11-20T13:00:00',
    'rate(x1 hour)',
    'rate(1 hour )',
    'rate(1 hourx)',
    'rate(x5 hours)',
    'rate(15 hour)',
    'rate(1x hours)',
    'rate(05 hours)',
    'rate(1234567 hours)',
    'at(x2026-11-20T13:00:00)',
    'at(2026-11-20T13:00:00x)',
    'at(2026-11-20T13:00:00.000)',
    'at(2026-11-20T24:00:00)',
    'at(2026-02-29T13:00:00)',
    'at(26-11-20T13:00:00)',
  ])('is none: %s', (text) => {
    expect(isScheduleExpression(text)).toBe(false);
  });

  it.each(['rate(15 minutes)', 'rate(123456 days)', 'rate(10 hours)', 'at(2028-02-29T23:59:59)'])('is %s', (text) => {
    expect(isScheduleExpression(text)).toBe(true);
  });
});

describe('a time zone', () => {
  it.each(['+01:00', '-05:00', '+0100', '1Europe/Berlin', ' Europe/Berlin'])('is not %j', (text) => {
    expect(isTimeZone(text)).toBe(false);
  });
});

describe('the longest gap', () => {
  it.each([
    ['from Monday to Friday, where a range of days goes over the end of the week', 'cron(0 6 ? * FRI-MON *)', 96],
    ['from two to twenty-two, where a range of hours goes over midnight', 'cron(0 22-2 * * ? *)', 20],
    ['from February to November, where a range of months goes over the new year', 'cron(0 6 * NOV-FEB ? *)', 5904],
    ['from March to January', 'cron(0 6 1 JAN,MAR ? *)', 7344],
    ['between two hours of one day', 'cron(0 0,23 * * ? *)', 23],
    ['a third of an hour, from the first minute on', 'cron(*/20 * * * ? *)', 1 / 3],
    ['a third of an hour, from the tenth minute on', 'cron(10/20 * * * ? *)', 1 / 3],
    ['that of the rate', 'rate(5 days)', 120],
  ])('is %s', (_what, expression, hours) => {
    expect(longestGapHours(expression)).toBeCloseTo(hours, 6);
  });

  it.each(['cron(0 6 29 FEB ? *)', 'at(2026-11-20T13:00:00)', 'cron(0 6 * * ? 2027)'])(
    'is none of %s',
    (expression) => {
      expect(longestGapHours(expression)).toBeUndefined();
    },
  );
});
