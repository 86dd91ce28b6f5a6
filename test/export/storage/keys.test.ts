/** The keys under `work/`, literally: runs that were begun before a change must be found after it. */
import { describe, expect, it } from 'vitest';
import {
  budgetPrefix,
  claimKey,
  claimNumber,
  claimsPrefix,
  driftKey,
  pageFailureKey,
  pageFailuresPrefix,
  pageOfWorkKey,
  parsePartKey,
  quarantinedManifestKey,
  receiptsPrefix,
  runClaimsPrefix,
  tablePrefix,
  taskFailureKey,
  tickKey,
  workPrefix,
} from '../../../functions/export/storage/bucket-layout.ts';

describe('the keys of a run', () => {
  it.each([
    ['all that only the run needs', () => workPrefix('run-1'), 'work/run_id=run-1/'],
    [
      'the manifest of a run that is held back',
      () => quarantinedManifestKey('run-1'),
      'work/run_id=run-1/manifest.json',
    ],
    ['that the source moved', () => driftKey('run-1'), 'work/run_id=run-1/drift.json'],
    ['page records', () => receiptsPrefix('run-1'), 'work/run_id=run-1/pages/'],
    ['failures', () => pageFailuresPrefix('run-1'), 'work/run_id=run-1/failures/'],
    ['the failures of a page', () => pageFailureKey('run-1', 7), 'work/run_id=run-1/failures/00007.json'],
    ['failed planning', () => taskFailureKey('run-1', 'plan'), 'work/run_id=run-1/failures/plan.json'],
    ['failed publishing', () => taskFailureKey('run-1', 'publish'), 'work/run_id=run-1/failures/publish.json'],
    ['a budget', () => budgetPrefix('run-1', 2), 'work/run_id=run-1/budget/2/'],
    ['a tick', () => tickKey('all', '2026-08-22T02:00:00.000Z'), 'work/export_name=all/ticks/20260822T020000Z.json'],
    ['claims', () => claimsPrefix('all'), 'work/export_name=all/claims/'],
    ['claims of a run', () => runClaimsPrefix('run-1'), 'work/run_id=run-1/claims/'],
    ['a claim', () => claimKey(claimsPrefix('all'), 12), 'work/export_name=all/claims/00000012.json'],
    ['a table', () => tablePrefix('parquet'), 'accounts_parquet/'],
  ])('name %s', (_what, key, expected) => {
    expect(key()).toBe(expected);
  });
});

describe('the number of a claim', () => {
  it.each([
    ['work/export_name=all/claims/00000001.json', 1],
    ['work/export_name=all/claims/123456789.json', 123_456_789],
    ['work/export_name=all/claims/0000001.json', 0],
    ['work/export_name=all/claims/00000001.json.tmp', 0],
    ['work/export_name=all/claims/00000001xjson', 0],
    ['work/export_name=all/claims/x00000001.json', 0],
  ])('of %s is %i', (key, number) => {
    expect(claimNumber(key)).toBe(number);
  });
});

describe('the page of a key under work/', () => {
  it.each([
    ['work/run_id=run-1/pages/00000.json', 0],
    ['work/run_id=run-1/pages/29999.json', 29_999],
    ['work/run_id=run-1/failures/123456.json', 123_456],
    ['work/run_id=run-1/failures/plan.json', undefined],
    ['work/run_id=run-1/pages/0001.json', undefined],
    ['work/run_id=run-1/pages/00001.json.tmp', undefined],
    ['work/run_id=run-1/pages/00001xjson', undefined],
    ['work/run_id=run-1/budget/00001.json', undefined],
    ['work/run_id=run-1/pages/x/00001.json', undefined],
  ])('of %s is %s', (key, page) => {
    expect(pageOfWorkKey(key)).toBe(page);
  });
});

describe('a key that is like a part', () => {
  const PLACE = 'accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1';

  it('is one whose number outgrew five digits', () => {
    expect(parsePartKey(`${PLACE}/part-123456.json.gz`)).toEqual({
      format: 'json',
      exportName: 'all',
      exportDate: '2026-08-22',
      runId: 'run-1',
      page: 123_456,
    });
  });

  it.each([
    `prefix/${PLACE}/part-00001.json.gz`,
    `${PLACE}/part-0001.json.gz`,
    `${PLACE}/part-00001.jsonxgz`,
    `${PLACE}/part-00001.json`,
    `${PLACE}/more/part-00001.json.gz`,
    'accounts_csv/export_name=all/export_date=2026-08-22/run_id=run-1/part-00001.csvxgz',
    'accounts_xml/export_name=all/export_date=2026-08-22/run_id=run-1/part-00001.json.gz',
    'accounts_json/export_name=/export_date=2026-08-22/run_id=run-1/part-00001.json.gz',
    'accounts_json/export_name=a/b/export_date=2026-08-22/run_id=run-1/part-00001.json.gz',
    'accounts_json/export_name=all/export_date=2026-8-22/run_id=run-1/part-00001.json.gz',
    'accounts_json/export_name=all/export_date=20-08-22/run_id=run-1/part-00001.json.gz',
    'accounts_json/export_name=all/export_date=xxxx-08-22/run_id=run-1/part-00001.json.gz',
    'accounts_json/export_name=all/export_date=2026-xx-22/run_id=run-1/part-00001.json.gz',
    'accounts_json/export_name=all/export_date=2026-08-xx/run_id=run-1/part-00001.json.gz',
    'accounts_json/export_name=all/export_date=2026-08-22/run_id=/part-00001.json.gz',
  ])('is none: %s', (key) => {
    expect(parsePartKey(key)).toBeUndefined();
  });
});
