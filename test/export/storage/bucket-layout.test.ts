/** The keys of the bucket are a contract, so they are written out here. */
import { describe, expect, it } from 'vitest';
import * as layout from '../../../functions/export/storage/bucket-layout.ts';

const RUN = { format: 'json', exportName: 'all', exportDate: '2026-08-22', runId: 'run-1' } as const;
const EXECUTION = 'arn:aws:states:eu-west-1:1:execution:exports:run-2';
const failuresPrefix = () => layout.executionFailuresPrefix('run-1', EXECUTION);

describe('a key', () => {
  it.each([
    [
      'JSON part',
      () => layout.partKey(RUN, 17),
      'accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/part-00017.json.gz',
    ],
    [
      'CSV part',
      () => layout.partKey({ ...RUN, format: 'csv' }, 0),
      'accounts_csv/export_name=all/export_date=2026-08-22/run_id=run-1/part-00000.csv.gz',
    ],
    [
      'JSON part with zstd',
      () => layout.partKey({ ...RUN, compression: 'zstd' }, 17),
      'accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/part-00017.json.zst',
    ],
    [
      'CSV part with zstd',
      () => layout.partKey({ ...RUN, format: 'csv', compression: 'zstd' }, 0),
      'accounts_csv/export_name=all/export_date=2026-08-22/run_id=run-1/part-00000.csv.zst',
    ],
    [
      'Parquet part',
      () => layout.partKey({ ...RUN, format: 'parquet' }, 29_999),
      'accounts_parquet/export_name=all/export_date=2026-08-22/run_id=run-1/part-29999.parquet',
    ],
    ['manifest', () => layout.manifestKey('run-1'), 'export_runs/run_id=run-1/manifest.json'],
    ['plan', () => layout.planKey('run-1'), 'work/run_id=run-1/plan.json'],
    ['quarantined manifest', () => layout.quarantinedManifestKey('run-1'), 'work/run_id=run-1/manifest.json'],
    ['receipt', () => layout.receiptKey('run-1', 3), 'work/run_id=run-1/receipts/00003.json'],
    ['failed page', () => layout.failureKey(failuresPrefix(), 7), 'work/run_id=run-1/failures/run-2/00007.json'],
    [
      'failed planning',
      () => layout.failureKey(failuresPrefix(), 'plan'),
      'work/run_id=run-1/failures/run-2/plan.json',
    ],
    [
      'failures on one machine',
      () => layout.executionFailuresPrefix('run-1', 'local/host/1/uuid'),
      'work/run_id=run-1/failures/uuid/',
    ],
    ['ticket', () => layout.numberedKey(layout.ticketsPrefix('run-1'), 12), 'work/run_id=run-1/tickets/00000012.json'],
    [
      'lock of a run',
      () => layout.numberedKey(layout.runLockPrefix('run-1'), 1),
      'work/run_id=run-1/locks/00000001.json',
    ],
    [
      'lock of an export',
      () => layout.numberedKey(layout.exportLockPrefix('all'), 1),
      'work/export_name=all/locks/running/00000001.json',
    ],
    [
      'lock of a scheduled time',
      () => layout.scheduledLockPrefix('all', '2026-08-22T02:00:00.000Z'),
      'work/export_name=all/locks/scheduled/20260822T020000Z/',
    ],
    ['host of an export', () => layout.exportHostKey('all'), 'work/export_name=all/locks/host.json'],
  ])('of a %s is part of the contract', (_what, key, expected) => {
    expect(key()).toBe(expected);
  });
});

it('the id of a run is in the name of its folder', () => {
  expect(layout.runIdOfFolder('run_id=run-1')).toBe('run-1');
});

describe('numberOfKey', () => {
  it.each([
    ['work/run_id=run-1/locks/00000001.json', 1],
    ['work/run_id=run-1/tickets/123456789.json', 123_456_789],
    ['work/run_id=run-1/locks/0000001.json', 0],
    ['work/run_id=run-1/locks/00000001.json.tmp', 0],
    ['work/run_id=run-1/locks/x00000001.json', 0],
  ])('of %s is %i', (key, number) => {
    expect(layout.numberOfKey(key)).toBe(number);
  });
});

describe('pageOfKey', () => {
  it.each([
    ['work/run_id=run-1/receipts/00000.json', 0],
    ['work/run_id=run-1/receipts/29999.json', 29_999],
    ['work/run_id=run-1/failures/run-2/123456.json', 123_456],
    ['work/run_id=run-1/failures/run-2/plan.json', undefined],
    ['work/run_id=run-1/receipts/0001.json', undefined],
    ['work/run_id=run-1/receipts/00001.json.tmp', undefined],
  ])('of %s is %s', (key, page) => {
    expect(layout.pageOfKey(key)).toBe(page);
  });
});
