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
  const sleep = async (ms: number) => slept.push(`${ms} ms after ${server.calls.at(-1)?.input.TableName}`);
  return { catalog: glueCatalog({ client, database: 'exports', bucket: 'bucket', sleep }), slept, ...server };
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
  it('has shown a run though what was the newest before cannot be taken away', async () => {
    const { catalog, partitions } = await glue(({ action }) =>
      action === 'GetPartitions' ? { status: 500, type: 'InternalServiceException' } : undefined,
    );
    await catalog.addRun(run);
    expect([...partitions.keys()]).toEqual([ACCOUNTS, NEWEST, RUNS]);
  });

  it('never takes away the newest run of another export, whatever a filter lets through', async () => {
    const { catalog, partitions } = await glue(undefined, false);
    await catalog.addRun({ ...run, exportName: 'other', exportDate: '2026-08-21', runId: 'older' });
    await catalog.addRun(run);
    expect([...partitions.keys()].filter((key) => key.startsWith('newest_json'))).toEqual([
      'newest_json other/2026-08-21/older',
      NEWEST,
    ]);
  });

  it('adds the partitions of the accounts, and the one of the run after them', async () => {
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

  it('gives a CSV partition the columns that its parts were written with', async () => {
    const { catalog, partitions } = await glue();
    await catalog.addRun({ ...run, format: 'csv', csvColumns: ['name', 'superseded', 'Annual Revenue'] });
    const { StorageDescriptor } = partitions.get('accounts_csv all/2026-08-22/run-1') ?? {};
    expect(StorageDescriptor?.Columns.map(({ Name }) => Name)).toEqual(['name', 'superseded', 'annual_revenue']);
  });

  it('changes nothing when a run is added again', async () => {
    const { catalog, partitions } = await glue();
    await catalog.addRun(run);
    await catalog.addRun(run);
    expect([...partitions.keys()]).toEqual([ACCOUNTS, NEWEST, RUNS]);
  });

  const newestRuns = (partitions: ReadonlyMap<string, unknown>) =>
    [...partitions.keys()].filter((key) => key.startsWith('newest_'));

  it('leaves in the newest tables the run of the latest day, and of one day the one published last', async () => {
    const { catalog, partitions } = await glue();
    await catalog.addRun(run);
    await catalog.addRun({
      ...run,
      runId: 'filled-in',
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

  it('takes away all that was the newest before, though Glue names them on more than one page', async () => {
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

  it('lets queries that are being planned pass before a run is shown, and before its forerunner goes', async () => {
    const { catalog, slept } = await glue();
    await catalog.addRun(run);
    expect(slept).toEqual(['5000 ms after newest_json']);
    await catalog.addRun({ ...run, runId: 'run-2', publishedAt: '2026-08-22T03:00:00.000Z' });
    expect(slept.slice(1)).toEqual(['5000 ms after newest_json', '5000 ms after export_runs']);
  });

  it('takes no run away for one that is not shown yet', async () => {
    const { catalog, partitions } = await glue();
    partitions.set('newest_json all/2026-08-23/coming', {
      Values: ['all', '2026-08-23', 'coming'],
      StorageDescriptor: { Location: 's3://x/', Columns: [] },
    });
    await catalog.addRun(run);
    expect(newestRuns(partitions)).toEqual(['newest_json all/2026-08-23/coming', NEWEST]);
  });

  it('refuses a partition that is there and points elsewhere', async () => {
    const { catalog, partitions } = await glue();
    partitions.set(ACCOUNTS, { StorageDescriptor: { Location: 's3://other/place/', Columns: [] } });
    await expect(catalog.addRun(run)).rejects.toMatchObject({
      name: 'ConfigError',
      message:
        'Adding the partition all/2026-08-22/run-1 to exports.accounts_json failed: it is there already and points to s3://other/place/, not to s3://bucket/accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/. Remove that partition and start the run again.',
    });
    expect(partitions.has(RUNS)).toBe(false);
  });

  it('takes a run away, its row first, also when it is gone already', async () => {
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

  it.each([
    [
      400,
      'EntityNotFoundException',
      'ConfigError',
      'Adding the partition all/2026-08-22/run-1 to exports.accounts_json failed (EntityNotFoundException): the table or the database does not exist; deploy the stack first.',
    ],
    [
      400,
      'ThrottlingException',
      'StorageError',
      'Adding the partition all/2026-08-22/run-1 to exports.accounts_json failed (ThrottlingException); it can be tried again later.',
    ],
    [
      500,
      'InternalServiceException',
      'StorageError',
      'Adding the partition all/2026-08-22/run-1 to exports.accounts_json failed (InternalServiceException); it can be tried again later.',
    ],
  ])('gives a sentence for %i %s', async (status, type, name, message) => {
    const { catalog } = await glue(() => ({ status, type }));
    await expect(catalog.addRun(run)).rejects.toMatchObject({ name, message });
  });
});
