import { expect, it } from 'vitest';
import { configurationSummary } from '../../infra/configuration-summary.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';

const CONFIG = { accountName: 'initech', instance: 'eu-1', exports: [{ name: 'all', datasetId: 'engage' }] };
const summaryOf = (config: object, region?: string) =>
  configurationSummary(parseStackConfig({ ...CONFIG, ...config }), region).join('\n');

it('shows the stack, its exports, and where they are written', () => {
  const exports = [
    {
      ...{ name: 'all-accounts', datasetId: 'engage', window: 'P7D', schedule: 'cron(0 6 * * ? *)' },
      ...{ timeZone: 'Europe/Berlin', flexibleMinutes: 15 },
    },
    { name: 'emea', datasetId: 'engage', format: 'csv', compression: 'zstd', pageSize: 500, filter: 'Ana García' },
    { name: 'off', datasetId: 'd', schedule: 'rate(1 day)', scheduleEnabled: false },
  ];
  expect(summaryOf({ exports, alarmEmail: 'data@example.com', secretName: 'team/key' }, 'eu-central-1')).toBe(`\
Configured stack AccountExport, eu-central-1
Account    initech.eu-1.evergage.com
Export     all-accounts
           dataset engage, json, pages of 1000, statistics of P7D
           cron(0 6 * * ? *), time zone Europe/Berlin, up to 15 minutes late
Export     emea
           dataset engage, csv (zstd), pages of 500, one segment
           on demand
Export     off
           dataset d, json, pages of 1000
           rate(1 day), time zone UTC (turned off: scheduleEnabled is false)
Written to a bucket of the stack; runs are kept 400 days
           Athena database and workgroup account_export
API key    secret team/key
Email      data@example.com
Then       confirm the subscription that AWS sends to data@example.com`);
});

it('names what is missing', () => {
  const summary = summaryOf({ accountName: 'acme', instance: 'us-5' });
  expect(summary.split('\n').slice(0, 1)).toEqual(['Configured stack AccountExport, region not known: set AWS_REGION']);
  expect(summary.split('\n').slice(-6)).toEqual([
    'API key    a secret of the stack',
    'Email      none',
    'Missing    accountName and instance are still those of the example',
    'Missing    alarmEmail: nobody receives emails about failures',
    'Missing    schedule: no export runs automatically',
    'Then       store the API key with the command in the output PutKeyCommand',
  ]);
});

it('fits into 80 columns, and names at most 20 exports', () => {
  const exports = Array.from({ length: 30 }, (_, i) => ({
    ...{ name: `export-${i}`.padEnd(60, 'x'), datasetId: 'd'.repeat(30), window: 'P7D', filter: 'x' },
    schedule: 'cron(0/15 0,6,12,18 ? JAN-MAR,OCT-DEC MON#1 2026-2030)',
    timeZone: 'America/Argentina/ComodRivadavia',
    flexibleMinutes: 1440,
  }));
  const lines = summaryOf({ exports, alarmEmail: `${'a'.repeat(50)}@example.com` }).split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.filter((line) => line.startsWith('Export '))).toHaveLength(20);
  expect(lines).toContain('           and 10 more');
});
