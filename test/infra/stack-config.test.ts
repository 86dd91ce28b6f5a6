import { describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG } from '../support/synthesized.ts';

const [EXPORT] = CONFIG.exports;

describe('parseStackConfig', () => {
  it('fills in defaults', () => {
    expect(parseStackConfig(CONFIG)).toMatchObject({
      concurrency: 20,
      workRetentionDays: 30,
      logRetentionDays: 90,
      deleteDataWithStack: false,
      exports: [
        { name: 'all-accounts', format: 'json', pageSize: 1000 },
        { name: 'emea', format: 'csv' },
      ],
    });
  });

  it('reports every problem at once, each with the key, the rule and the value', () => {
    const broken = {
      ...CONFIG,
      concurency: 5,
      concurrency: 0,
      exports: [{ name: 'a b', datasetId: 'x', pageSize: '5k' }],
    };
    expect(() => parseStackConfig(broken)).toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        message:
          'Invalid accountExport configuration in cdk.json: exports[0].name must have up to 128 letters, digits, "_", "." or "-" and start with a letter or digit (got "a b"); exports[0].pageSize must be an integer from 1 to 50000 (got "5k"); concurrency must be an integer from 1 to 1000 (got 0); unknown key "concurency".',
      }),
    );
  });

  it.each([
    [undefined, /accountName must be .* \(missing\); instance must be .* \(missing\); exports must be .* \(missing\)/],
    [{ exports: [] }, 'exports must have at least one export (got [])'],
    [{ exports: [EXPORT, EXPORT] }, 'exports[1].name must be unique (got "all-accounts")'],
    [
      {
        exports: [...CONFIG.exports, { ...EXPORT, name: 'x', format: 'csv', attributeColumns: ['region', 'industry'] }],
      },
      'exports[1].attributeColumns must be the beginning of the longest list (region, industry): the same names in the same order, because all CSV exports share one table (got ["industry"])',
    ],
    [
      { accountName: 'acme.evil.example/', instance: 'x.y' },
      /accountName must be one part of the host name, such as acme in .*; instance must be one part of the host name, such as us-5 in /,
    ],
    [
      { exports: [{ ...EXPORT, schedule: '0 6 * * *', timeZone: 'Berlin' }] },
      /exports\[0\]\.schedule must .* \(got "0 6 \* \* \*"\); exports\[0\]\.timeZone must .* \(got "Berlin"\)/,
    ],
    [
      { exports: [{ ...EXPORT, timeZone: 'Europe/Berlin', flexibleMinutes: 5 }] },
      /timeZone must not be set without a schedule .*; exports\[0\]\.flexibleMinutes must not be set without/,
    ],
    [{ exports: [{ ...EXPORT, overlap: 'queue' }] }, 'overlap must be "skip" or "allow" (got "queue")'],
    [{ stackName: 5 }, 'stackName must be up to 40 letters, digits and hyphens, starting with a letter (got 5)'],
    [{ alarmEmail: 'nobody' }, 'alarmEmail must be an email address (got "nobody")'],
    [{ logRetentionDays: 42 }, 'logRetentionDays must be a number of days that CloudWatch Logs accepts'],
    [{ databaseName: 2024 }, 'databaseName must be up to 63 lowercase letters, digits and underscores'],
    [{ secretName: 5 }, 'secretName must be up to 512 characters: letters, digits, and any of /_+=.@- (got 5)'],
    [{ encryption: 'kms' }, 'encryption must be "s3-managed" or "customer-key" (got "kms")'],
  ])('refuses %j', (config, message) => {
    expect(() => parseStackConfig(config && { ...CONFIG, ...config })).toThrow(message);
  });
});
