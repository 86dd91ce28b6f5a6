import { describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG } from '../support/synthesized.ts';

describe('parseStackConfig', () => {
  it('fills in what is left out', () => {
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

  it('reports every mistake at once: the key, its value, what is allowed', () => {
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
          'The configuration accountExport in cdk.json is unusable: exports[0].name is "a b"; up to 128 letters, digits, "_", "." and "-" are allowed, the first a letter or digit; exports[0].pageSize is "5k"; an integer from 1 to 50000 is needed; concurrency is 0; an integer from 1 to 1000 is needed; "concurency" is not known.',
      }),
    );
  });

  it.each([
    [undefined, /accountName is missing; .*instance is missing; .*exports is missing/],
    [{ ...CONFIG, exports: [] }, /exports is \[\]; at least one export is needed/],
    [
      { ...CONFIG, exports: [CONFIG.exports[0], CONFIG.exports[0]] },
      /exports\[1\]\.name is "all-accounts"; another export has this name already/,
    ],
    [
      {
        ...CONFIG,
        exports: [
          ...CONFIG.exports,
          { name: 'x', datasetId: 'x', format: 'csv', attributeColumns: ['region', 'industry'] },
        ],
      },
      /exports\[1\]\.attributeColumns is \["industry"\]; CSV exports share one table, so this list must be how the longest one begins: region, industry/,
    ],
    [
      { ...CONFIG, accountName: 'acme.evil.example/', instance: 'x.y', concurrency: 0 },
      /accountName is "acme.evil.example\/"; up to 63 letters.*; instance is "x\.y"; up to 63 .*; concurrency is 0/,
    ],
    [
      { ...CONFIG, exports: [{ name: 'x', datasetId: 'x', schedule: '0 6 * * *', timeZone: 'Berlin' }] },
      /exports\[0\]\.schedule is "0 6 \* \* \*"; cron\(.*is needed; exports\[0\]\.timeZone is "Berlin"; a name of the IANA/,
    ],
    [
      { ...CONFIG, exports: [{ name: 'x', datasetId: 'x', timeZone: 'Europe/Berlin', flexibleMinutes: 5 }] },
      /timeZone is "Europe\/Berlin"; it belongs to a schedule, and there is none; exports\[0\]\.flexibleMinutes is 5; it/,
    ],
    [
      { ...CONFIG, exports: [{ name: 'x', datasetId: 'x', overlap: 'queue' }] },
      /overlap is "queue"; "skip" \(yield to a run of the same export that has not ended\) or "allow" is needed/,
    ],
    [{ ...CONFIG, alarmEmail: 'nobody' }, /alarmEmail is "nobody"; an e-mail address is needed/],
    [{ ...CONFIG, logRetentionDays: 42 }, /logRetentionDays is 42; a number of days that CloudWatch offers/],
  ])('refuses %#', (config, message) => {
    expect(() => parseStackConfig(config)).toThrow(message);
  });
});
