import { GlueClient } from '@aws-sdk/client-glue';
import { afterEach, describe, expect, it } from 'vitest';
import { glueCatalog } from '../../functions/aws/glue-catalog.ts';
import { startSmallGlue } from '../support/small-glue.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function glue(...options: Parameters<typeof startSmallGlue>) {
  const { url, close, ...server } = await startSmallGlue(...options);
  const client = new GlueClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  closing.push(() => {
    client.destroy();
    close();
  });
  const slept: string[] = [];
  const warned: string[] = [];
  const warn = (message: string, error: unknown) => warned.push(`${message}: ${(error as Error).message}`);
  const sleep = async (ms: number) => slept.push(`${ms} ms after ${server.calls.at(-1)?.input.TableName}`);
  return {
    catalog: glueCatalog({ client, database: 'exports', bucket: 'bucket', warn, sleep }),
    slept,
    warned,
    ...server,
  };
}

const run = {
  format: 'json',
  exportName: 'all',
  exportDate: '2026-08-22',
  runId: 'run-1',
  publishedAt: '2026-08-22T02:01:30.000Z',
} as const;
const ACCOUNTS = 'accounts_json all/2026-08-22/run-1';
const NEWEST = 'newest_json all/2026-08-22/run-1';
const RUNS = 'export_runs run-1';

describe('glueCatalog', () => {
  it('succeeds with a warning if the previous newest run cannot be removed', async () => {
    const { catalog, partitions, warned } = await glue(({ action }) =>
      action === 'GetPartitions' ? { status: 500, type: 'InternalServiceException' } : undefined,
    );
    await catalog.addRun(run);
    expect([...partitions.keys()]).toEqual([ACCOUNTS, NEWEST, RUNS]);
    expect(warned).toEqual([
      'The previous run could not be removed from the tables of the newest runs: Finding the newest run of "all" in exports failed (InternalServiceException): transient AWS error; run the command again in a minute.',
    ]);
  });

  it('never removes the newest run of another export, even if Glue returns it', async () => {
    const { catalog, partitions } = await glue(undefined, false);
    await catalog.addRun({ ...run, exportName: 'other', exportDate: '2026-08-21', runId: 'older' });
    await catalog.addRun(run);
    expect([...partitions.keys()].filter((key) => key.startsWith('newest_json'))).toEqual([
      'newest_json other/2026-08-21/older',
      NEWEST,
    ]);
  });

  it('adds the partition of export_runs last', async () => {
    const { catalog, partitions, calls } = await glue();
    await catalog.addRun(run);
    expect(calls.slice(0, 3).map(({ action, input }) => `${action} ${input.TableName}`)).toEqual([
      'BatchCreatePartition accounts_json',
      'BatchCreatePartition newest_json',
      'BatchCreatePartition export_runs',
    ]);
    expect(partitions.get(ACCOUNTS)?.StorageDescriptor).toMatchObject({
      Location: 's3://bucket/accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/',
      SerdeInfo: { SerializationLibrary: 'org.apache.hive.hcatalog.data.JsonSerDe' },
    });
    expect(partitions.get(RUNS)?.StorageDescriptor.Location).toBe('s3://bucket/export_runs/run_id=run-1/');
  });

  it('gives a CSV partition the columns of its parts', async () => {
    const { catalog, partitions } = await glue();
    await catalog.addRun({ ...run, format: 'csv', csvColumns: ['name', 'superseded', 'Annual Revenue'] });
    const { StorageDescriptor } = partitions.get('accounts_csv all/2026-08-22/run-1') ?? {};
    expect(StorageDescriptor?.Columns.map(({ Name }) => Name)).toEqual(['name', 'superseded', 'annual_revenue']);
  });

  it('changes nothing if a run is added again', async () => {
    const { catalog, partitions } = await glue();
    await catalog.addRun(run);
    await catalog.addRun(run);
    expect([...partitions.keys()]).toEqual([ACCOUNTS, NEWEST, RUNS]);
  });

  const newestRuns = (partitions: ReadonlyMap<string, unknown>) =>
    [...partitions.keys()].filter((key) => key.startsWith('newest_'));

  it('keeps the run of the latest day, and the one published last within a day, in the newest tables', async () => {
    const { catalog, partitions } = await glue();
    await catalog.addRun(run);
    await catalog.addRun({
      ...run,
      runId: 'backfilled',
      exportDate: '2026-08-01',
      publishedAt: '2026-08-23T00:00:00.000Z',
    });
    expect(newestRuns(partitions)).toEqual([NEWEST]);
    await catalog.addRun({ ...run, runId: 'again', format: 'parquet', publishedAt: '2026-08-22T03:00:00.000Z' });
    await catalog.addRun({ ...run, exportName: 'other' });
    expect(newestRuns(partitions)).toEqual([
      'newest_parquet all/2026-08-22/again',
      'newest_json other/2026-08-22/run-1',
    ]);
    await catalog.addRun(run);
    expect(newestRuns(partitions)).toContain('newest_parquet all/2026-08-22/again');
    expect([...partitions.keys()].filter((key) => key.startsWith('accounts_'))).toHaveLength(4);
  });

  it('removes all older runs from the newest tables, also with several pages of partitions', async () => {
    const { catalog, partitions } = await glue();
    await catalog.addRun(run);
    for (const runId of ['run-2', 'run-3', 'run-4', 'run-5']) {
      for (const [table, values] of [
        ['newest_json', ['all', '2026-08-21', runId]],
        ['export_runs', [runId]],
      ] as const) {
        const partition = { Values: [...values], StorageDescriptor: { Location: 's3://bucket/', Columns: [] } };
        partitions.set(`${table} ${values.join('/')}`, partition);
      }
    }
    await catalog.addRun(run);
    expect(newestRuns(partitions)).toEqual([NEWEST]);
  });

  it('waits before a run becomes visible and before the previous one is removed', async () => {
    const { catalog, slept } = await glue();
    await catalog.addRun(run);
    expect(slept).toEqual(['5000 ms after newest_json']);
    await catalog.addRun({ ...run, runId: 'run-2', publishedAt: '2026-08-22T03:00:00.000Z' });
    expect(slept.slice(1)).toEqual(['5000 ms after newest_json', '5000 ms after export_runs']);
  });

  it('does not remove the visible run for one that is not visible yet', async () => {
    const { catalog, partitions } = await glue();
    partitions.set('newest_json all/2026-08-23/coming', {
      Values: ['all', '2026-08-23', 'coming'],
      StorageDescriptor: { Location: 's3://x/', Columns: [] },
    });
    await catalog.addRun(run);
    expect(newestRuns(partitions)).toEqual(['newest_json all/2026-08-23/coming', NEWEST]);
  });

  it('rejects an existing partition with another location', async () => {
    const { catalog, partitions } = await glue();
    partitions.set(ACCOUNTS, { StorageDescriptor: { Location: 's3://other/place/', Columns: [] } });
    await expect(catalog.addRun(run)).rejects.toMatchObject({
      name: 'ConfigError',
      message:
        'Partition all/2026-08-22/run-1 of exports.accounts_json already exists with another location (s3://other/place/, expected s3://bucket/accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/): delete that partition, then resume the run.',
    });
    expect(partitions.has(RUNS)).toBe(false);
  });

  it('removes a run, starting with export_runs, and ignores a missing one', async () => {
    const { catalog, partitions, calls } = await glue();
    await catalog.addRun(run);
    calls.splice(0);
    await catalog.removeRun(run);
    await catalog.removeRun(run);
    expect(partitions.size).toBe(0);
    expect(calls.slice(0, 3).map(({ input }) => input.TableName)).toEqual([
      'export_runs',
      'newest_json',
      'accounts_json',
    ]);
  });

  it('checks the tables of a format and changes nothing', async () => {
    const { catalog, calls } = await glue();
    await catalog.check('csv');
    expect(calls.map(({ action, input }) => `${action} ${input.DatabaseName}.${input.Name}`).sort()).toEqual([
      'GetTable exports.accounts_csv',
      'GetTable exports.export_runs',
      'GetTable exports.newest_csv',
    ]);
  });

  it.each([
    [
      'EntityNotFoundException',
      'Database exports not found.',
      '(EntityNotFoundException): the Glue table or database does not exist; restore it as described in docs/operations.md, "Restore the tables".',
    ],
    [
      'AccessDeniedException',
      'Insufficient Lake Formation permission(s): Required Describe on accounts_json',
      '(AccessDeniedException): Lake Formation requires the permission Describe; grant each role the permissions listed in docs/security.md, "Lake Formation and encrypted catalogs".',
    ],
    [
      'AccessDeniedException',
      'User: arn:aws:sts::1:assumed-role/x is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:…',
      '(AccessDeniedException): your AWS credentials lack the permission kms:Decrypt on the KMS key; grant it (for the key of an encrypted Data Catalog, see docs/security.md, "Lake Formation and encrypted catalogs").',
    ],
    [
      'GlueEncryptionException',
      'An encryption operation failed.',
      '(GlueEncryptionException): your AWS credentials are not allowed to use the KMS key of the encrypted Data Catalog; allow the permissions in docs/security.md, "Lake Formation and encrypted catalogs".',
    ],
  ])('explains %s: %s', async (type, message, advice) => {
    const { catalog } = await glue(({ action }) =>
      action === 'GetTable' ? { status: 400, type, message } : undefined,
    );
    await expect(catalog.check('json')).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/^Looking up the table exports\.\w+ failed /),
    });
    await expect(catalog.check('json')).rejects.toThrow(advice);
  });

  it.each([
    [
      400,
      'EntityNotFoundException',
      'ConfigError',
      'Adding the partition all/2026-08-22/run-1 to exports.accounts_json failed (EntityNotFoundException): the Glue table or database does not exist',
    ],
    [
      400,
      'ThrottlingException',
      'StorageError',
      'Adding the partition all/2026-08-22/run-1 to exports.accounts_json failed (ThrottlingException): transient AWS error',
    ],
    [
      500,
      'InternalServiceException',
      'StorageError',
      'Adding the partition all/2026-08-22/run-1 to exports.accounts_json failed (InternalServiceException): transient AWS error',
    ],
  ])('reports %i %s', async (status, type, name, message) => {
    const { catalog } = await glue(() => ({ status, type }));
    await expect(catalog.addRun(run)).rejects.toMatchObject({ name, message: expect.stringContaining(message) });
  });
});
