import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  manifestKey,
  pageOfWorkKey,
  parsePartKey,
  partKey,
  planKey,
  receiptKey,
} from '../../../functions/export/storage/bucket-layout.ts';

const run = { format: 'json', exportName: 'all-accounts', exportDate: '2026-08-22', runId: 'run-1' } as const;

describe('the bucket layout', () => {
  it('puts parts, manifest and work where the contract says', () => {
    expect(partKey(run, 17)).toBe(
      'accounts_json/export_name=all-accounts/export_date=2026-08-22/run_id=run-1/part-00017.json.gz',
    );
    expect(partKey({ ...run, format: 'csv' }, 0)).toBe(
      'accounts_csv/export_name=all-accounts/export_date=2026-08-22/run_id=run-1/part-00000.csv.gz',
    );
    expect(partKey({ ...run, format: 'parquet' }, 29999)).toBe(
      'accounts_parquet/export_name=all-accounts/export_date=2026-08-22/run_id=run-1/part-29999.parquet',
    );
    expect(manifestKey('run-1')).toBe('export_runs/run_id=run-1/manifest.json');
    expect(planKey('run-1')).toBe('work/run_id=run-1/plan.json');
    expect(receiptKey('run-1', 3)).toBe('work/run_id=run-1/pages/00003.json');
    expect(pageOfWorkKey('work/run_id=run-1/failures/00003.json')).toBe(3);
  });

  it('makes a key of run and page that leads back to both', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/);
    fc.assert(
      fc.property(
        fc.constantFrom('json', 'csv', 'parquet'),
        name,
        name,
        fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
        fc.nat(30_000),
        (format, exportName, runId, date, page) => {
          const place = { format, exportName, runId, exportDate: date.toISOString().slice(0, 10) };
          expect(parsePartKey(partKey(place, page))).toEqual({ ...place, page });
        },
      ),
    );
  });

  it.each([
    '',
    'accounts_json/part-00000.json.gz',
    `${partKey(run, 1)}x`,
    partKey(run, 1).replace('.json.gz', '.csv.gz'),
  ])('takes %j for no part', (key) => {
    expect(parsePartKey(key)).toBeUndefined();
  });
});
