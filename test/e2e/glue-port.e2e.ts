import { setImmediate } from 'node:timers/promises';
import {
  CreateDatabaseCommand,
  CreatePartitionCommand,
  CreateTableCommand,
  GetPartitionsCommand,
  GlueClient,
  type Partition,
} from '@aws-sdk/client-glue';
import { describe, expect, it } from 'vitest';
import { glueCatalog } from '../../functions/aws/glue-catalog.ts';
import { type TableColumn, tableDefinitions } from '../../functions/catalog/tables.ts';
import type { PublishedRun } from '../../functions/export/ports.ts';
import { awsError, emulatedService, type Service } from './emulated-service.ts';
import { ACCOUNT, REGION, startEmulator } from './emulator.ts';
import { startGlueEmulator } from './glue-emulator.ts';
import { limitedUser } from './limited-user.ts';

const run = {
  format: 'json',
  exportName: 'all',
  exportDate: '2026-08-22',
  runId: 'run-1',
  publishedAt: '2026-08-22T02:01:30.000Z',
} as const;

/** A Glue emulator with databases of the project's tables. */
function glueOf(start?: () => Promise<Service>) {
  const glue = emulatedService(GlueClient, start);
  return {
    service: () => glue.service,
    proxy: () => glue.proxy,
    client: () => glue.client,
    /** Each test has its own database. */
    catalogOf: (database: string, client: GlueClient = glue.proxied) =>
      glueCatalog({ client, database, bucket: 'bucket', sleep: () => setImmediate() }),
    async createDatabase(database: string) {
      await glue.client.send(new CreateDatabaseCommand({ DatabaseInput: { Name: database } }));
      for (const table of tableDefinitions([])) {
        await glue.client.send(
          new CreateTableCommand({
            DatabaseName: database,
            TableInput: {
              Name: table.name,
              TableType: 'EXTERNAL_TABLE',
              Parameters: { EXTERNAL: 'TRUE', ...table.parameters },
              PartitionKeys: table.partitionKeys.map(columnOf),
              StorageDescriptor: { Columns: table.columns.map(columnOf), Location: `s3://bucket/${table.prefix}` },
            },
          }),
        );
      }
    },
    async createPartition(DatabaseName: string, TableName: string, Values: string[], Location: string) {
      const PartitionInput = { Values, StorageDescriptor: { Location } };
      await glue.client.send(new CreatePartitionCommand({ DatabaseName, TableName, PartitionInput }));
    },
    async partitionsOf(database: string, table: string): Promise<Partition[]> {
      return (
        (await glue.client.send(new GetPartitionsCommand({ DatabaseName: database, TableName: table }))).Partitions ??
        []
      );
    },
    /** `accounts_json all/2026-08-22/run-1` */
    async allPartitionsOf(database: string): Promise<string[]> {
      const found: string[] = [];
      for (const { name } of tableDefinitions([])) {
        for (const { Values = [] } of await this.partitionsOf(database, name))
          found.push(`${name} ${Values.join('/')}`);
      }
      return found.sort();
    },
  };
}

function columnOf({ name, type, comment }: TableColumn) {
  return { Name: name, Type: type, Comment: comment };
}

const ADDED = ['accounts_json all/2026-08-22/run-1', 'export_runs run-1', 'newest_json all/2026-08-22/run-1'];

describe.each([
  ['the emulator', startEmulator],
  ['the Glue emulator', startGlueEmulator],
])('glueCatalog in %s', (_name, start) => {
  const glue = glueOf(start);

  it('adds the partitions of a run with location and SerDe', async () => {
    await glue.createDatabase('added');
    await glue.catalogOf('added').addRun(run);
    expect(await glue.allPartitionsOf('added')).toEqual(ADDED);
    const location = 's3://bucket/accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/';
    const serde = { SerializationLibrary: 'org.apache.hive.hcatalog.data.JsonSerDe' };
    expect(await glue.partitionsOf('added', 'accounts_json')).toMatchObject([
      {
        Values: ['all', '2026-08-22', 'run-1'],
        Parameters: { classification: 'json' },
        StorageDescriptor: { Location: location, SerdeInfo: serde },
      },
    ]);
    expect(await glue.partitionsOf('added', 'newest_json')).toMatchObject([
      { Parameters: { published_at: '2026-08-22T02:01:30.000Z' }, StorageDescriptor: { Location: location } },
    ]);
    expect(await glue.partitionsOf('added', 'export_runs')).toMatchObject([
      { Values: ['run-1'], StorageDescriptor: { Location: 's3://bucket/export_runs/run_id=run-1/' } },
    ]);
  });

  it('gives a CSV partition the columns of its parts, not of the table', async () => {
    await glue.createDatabase('csv');
    await glue.catalogOf('csv').addRun({ ...run, format: 'csv', csvColumns: ['name', 'superseded', 'Annual Revenue'] });
    const [partition] = await glue.partitionsOf('csv', 'accounts_csv');
    expect(partition?.StorageDescriptor?.Columns).toEqual([
      { Name: 'name', Type: 'string' },
      { Name: 'superseded', Type: 'string' },
      { Name: 'annual_revenue', Type: 'string' },
    ]);
    expect(partition?.Parameters?.['skip.header.line.count']).toBe('1');
  });

  it('adds nothing twice when a run is added again', async () => {
    await glue.createDatabase('again');
    await glue.catalogOf('again').addRun(run);
    await glue.catalogOf('again').addRun(run);
    expect(await glue.allPartitionsOf('again')).toEqual(ADDED);
  });

  it('completes a run that was added partially', async () => {
    await glue.createDatabase('cut');
    const { error } = await glue.proxy().failureOf(['pass', 'throttle'], () => glue.catalogOf('cut').addRun(run));
    expect(error).toMatchObject({ name: 'StorageError' });
    expect(await glue.allPartitionsOf('cut')).toEqual(['accounts_json all/2026-08-22/run-1']);
    await glue.catalogOf('cut').addRun(run);
    expect(await glue.allPartitionsOf('cut')).toEqual(ADDED);
  });

  it('refuses an existing partition with another location and does not show the run', async () => {
    await glue.createDatabase('elsewhere');
    await glue.createPartition('elsewhere', 'accounts_json', ['all', '2026-08-22', 'run-1'], 's3://other/place/');
    await expect(glue.catalogOf('elsewhere').addRun(run)).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/all\/2026-08-22\/run-1.*elsewhere\.accounts_json.*s3:\/\/other\/place\//),
    });
    expect(await glue.allPartitionsOf('elsewhere')).toEqual(['accounts_json all/2026-08-22/run-1']);
  });

  it('ignores a missing trailing slash in a location', async () => {
    await glue.createDatabase('slash');
    await glue.createPartition('slash', 'export_runs', ['run-1'], 's3://bucket/export_runs/run_id=run-1');
    await glue.catalogOf('slash').addRun(run);
    expect(await glue.allPartitionsOf('slash')).toEqual(ADDED);
  });

  it('retries throttling', async () => {
    await glue.createDatabase('busy');
    const before = glue.proxy().requests.length;
    glue.proxy().follow('throttle', 'throttle', 'pass');
    await glue.catalogOf('busy').addRun(run);
    expect(
      glue
        .proxy()
        .requests.slice(before, before + 5)
        .map(({ target }) => target),
    ).toEqual(Array(5).fill('AWSGlue.BatchCreatePartition'));
    expect(await glue.allPartitionsOf('busy')).toEqual(ADDED);
  });

  it('fails after three throttled attempts', async () => {
    await glue.createDatabase('throttled');
    const add = () => glue.catalogOf('throttled').addRun(run);
    const { error, requests } = await glue.proxy().failureOf(['throttle'], add);
    expect(error).toMatchObject(awsError('StorageError', 'throttled.accounts_json', 'ThrottlingException'));
    expect(requests).toBe(3);
    expect(await glue.allPartitionsOf('throttled')).toEqual([]);
  });

  it('shows a run even when throttling prevents the removal of older ones', async () => {
    await glue.createDatabase('kept');
    glue.proxy().follow('pass', 'pass', 'pass', 'throttle');
    await glue.catalogOf('kept').addRun(run);
    glue.proxy().follow('pass');
    expect(await glue.allPartitionsOf('kept')).toEqual(ADDED);
  });
});

describe('glueCatalog and permissions', () => {
  const glue = glueOf();
  const resources = ['catalog', 'database/held', 'table/held/*'].map(
    (resource) => `arn:aws:glue:${REGION}:${ACCOUNT}:${resource}`,
  );
  const clientWith = async (name: string, actions: readonly string[]) =>
    new GlueClient(await limitedUser(glue.service(), name, [{ actions, resources }]));

  it('needs only the listed permissions and reports missing ones', async () => {
    await glue.createDatabase('held');
    const reader = await clientWith('reader', ['glue:GetPartition', 'glue:GetPartitions']);
    await expect(glue.catalogOf('held', reader).addRun(run)).rejects.toMatchObject(
      awsError('ConfigError', 'held.accounts_json', 'AccessDeniedException'),
    );
    const publisher = await clientWith('publisher', [
      'glue:BatchCreatePartition',
      'glue:GetPartition',
      'glue:GetPartitions',
      'glue:DeletePartition',
    ]);
    await glue.catalogOf('held', publisher).addRun(run);
    await glue.catalogOf('held', publisher).addRun(run);
    expect(await glue.allPartitionsOf('held')).toEqual(ADDED);
    reader.destroy();
    publisher.destroy();
  });
});

describe('glueCatalog in the Glue emulator only', () => {
  const glue = glueOf(startGlueEmulator);
  const later: PublishedRun = { ...run, runId: 'run-2', publishedAt: '2026-08-22T03:00:00.000Z' };
  const newestOf = async (database: string) =>
    (await glue.allPartitionsOf(database)).filter((partition) => partition.startsWith('newest_'));

  it('keeps only the newest run of each export, in any format, in the newest_* tables', async () => {
    await glue.createDatabase('newest');
    const catalog = glue.catalogOf('newest');
    await catalog.addRun(run);
    await catalog.addRun({ ...run, exportName: 'other' });
    await catalog.addRun({ ...run, exportName: 'all-of-it', runId: 'run-0' });
    await catalog.addRun({ ...later, format: 'parquet' });
    await catalog.addRun({
      ...run,
      runId: 'backfill',
      exportDate: '2026-08-01',
      publishedAt: '2026-08-23T00:00:00.000Z',
    });
    expect(await glue.allPartitionsOf('newest')).toEqual([
      'accounts_json all-of-it/2026-08-22/run-0',
      'accounts_json all/2026-08-01/backfill',
      'accounts_json all/2026-08-22/run-1',
      'accounts_json other/2026-08-22/run-1',
      'accounts_parquet all/2026-08-22/run-2',
      'export_runs backfill',
      'export_runs run-0',
      'export_runs run-1',
      'export_runs run-2',
      'newest_json all-of-it/2026-08-22/run-0',
      'newest_json other/2026-08-22/run-1',
      'newest_parquet all/2026-08-22/run-2',
    ]);
  });

  it('keeps the newest of runs published at the same moment', async () => {
    await glue.createDatabase('together');
    await Promise.all([glue.catalogOf('together').addRun(run), glue.catalogOf('together').addRun(later)]);
    expect(await newestOf('together')).toContain('newest_json all/2026-08-22/run-2');
    await glue.catalogOf('together').addRun(run);
    expect(await newestOf('together')).toEqual(['newest_json all/2026-08-22/run-2']);
  });

  it('removes only the given run, and removing it again is no error', async () => {
    await glue.createDatabase('removed');
    const catalog = glue.catalogOf('removed');
    await catalog.addRun(run);
    await catalog.addRun(later);
    await catalog.removeRun(run);
    await catalog.removeRun(run);
    expect(await glue.allPartitionsOf('removed')).toEqual([
      'accounts_json all/2026-08-22/run-2',
      'export_runs run-2',
      'newest_json all/2026-08-22/run-2',
    ]);
  });

  it('removes the rest of a partially removed run', async () => {
    await glue.createDatabase('half');
    const catalog = glue.catalogOf('half');
    await catalog.addRun(run);
    const { error } = await glue.proxy().failureOf(['pass', 'throttle'], () => catalog.removeRun(run));
    expect(error).toMatchObject(awsError('StorageError', 'half.newest_json', 'ThrottlingException'));
    expect(await glue.allPartitionsOf('half')).toEqual([
      'accounts_json all/2026-08-22/run-1',
      'newest_json all/2026-08-22/run-1',
    ]);
    await catalog.removeRun(run);
    expect(await glue.allPartitionsOf('half')).toEqual([]);
  });

  it.each([
    ['database', 'missing', async () => undefined],
    ['table', 'bare', () => glue.client().send(new CreateDatabaseCommand({ DatabaseInput: { Name: 'bare' } }))],
  ])('reports a missing %s when adding a run, and has nothing to remove', async (_what, database, prepare) => {
    await prepare();
    await expect(glue.catalogOf(database).addRun(run)).rejects.toMatchObject(
      awsError('ConfigError', `${database}.accounts_json`, 'EntityNotFoundException'),
    );
    await expect(glue.catalogOf(database).removeRun(run)).resolves.toBeUndefined();
  });
});
