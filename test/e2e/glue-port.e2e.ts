import { setImmediate } from 'node:timers/promises';
import {
  CreateDatabaseCommand,
  CreatePartitionCommand,
  CreateTableCommand,
  GetPartitionsCommand,
  GlueClient,
  type Partition,
} from '@aws-sdk/client-glue';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { glueCatalog } from '../../functions/aws/glue-catalog.ts';
import { type TableColumn, tableDefinitions } from '../../functions/catalog/tables.ts';
import type { PublishedRun } from '../../functions/export/ports.ts';
import { ACCOUNT, type Emulator, REGION, startEmulator } from './emulator.ts';
import { startGlueEmulator } from './glue-emulator.ts';
import { limitedUser } from './limited-user.ts';
import { type ServiceProxy, startServiceProxy } from './service-proxy.ts';

const run = {
  format: 'json',
  exportName: 'all',
  exportDate: '2026-08-22',
  runId: 'run-1',
  publishedAt: '2026-08-22T02:01:30.000Z',
} as const;

type Service = Pick<Emulator, 'url' | 'client' | 'close'>;

/** A Glue with databases of our tables in it. */
function glueOf(start: () => Promise<Service>) {
  let service: Service;
  let proxy: ServiceProxy;
  let client: GlueClient;
  let proxied: GlueClient;
  beforeAll(async () => {
    service = await start();
    proxy = await startServiceProxy(service.url);
    client = new GlueClient(service.client);
    proxied = new GlueClient({ ...service.client, endpoint: proxy.url });
  });
  afterAll(async () => {
    client?.destroy();
    proxied?.destroy();
    await proxy?.close();
    await service?.close();
  });
  return {
    proxy: () => proxy,
    client: () => client,
    /** Through the proxy, which passes all on unless told otherwise. Each test has a database of its own. */
    catalogueOf: (database: string, by: GlueClient = proxied) =>
      glueCatalog({ client: by, database, bucket: 'bucket', sleep: () => setImmediate() }),
    async createDatabase(database: string) {
      await client.send(new CreateDatabaseCommand({ DatabaseInput: { Name: database } }));
      for (const table of tableDefinitions([])) {
        await client.send(
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
    async partitionsOf(database: string, table: string): Promise<Partition[]> {
      return (
        (await client.send(new GetPartitionsCommand({ DatabaseName: database, TableName: table }))).Partitions ?? []
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
  ['the emulator of Glue', startGlueEmulator],
])('glueCatalog in %s', (_name, start) => {
  const glue = glueOf(start);

  it('adds a run to its tables, each partition with its place and its SerDe', async () => {
    await glue.createDatabase('added');
    await glue.catalogueOf('added').addRun(run);
    expect(await glue.allPartitionsOf('added')).toEqual(ADDED);
    const place = 's3://bucket/accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/';
    const serde = { SerializationLibrary: 'org.apache.hive.hcatalog.data.JsonSerDe' };
    expect(await glue.partitionsOf('added', 'accounts_json')).toMatchObject([
      {
        Values: ['all', '2026-08-22', 'run-1'],
        Parameters: { classification: 'json', compressionType: 'gzip' },
        StorageDescriptor: { Location: place, SerdeInfo: serde },
      },
    ]);
    expect(await glue.partitionsOf('added', 'newest_json')).toMatchObject([
      { Parameters: { published_at: '2026-08-22T02:01:30.000Z' }, StorageDescriptor: { Location: place } },
    ]);
    expect(await glue.partitionsOf('added', 'export_runs')).toMatchObject([
      { Values: ['run-1'], StorageDescriptor: { Location: 's3://bucket/export_runs/run_id=run-1/' } },
    ]);
  });

  it('gives a CSV partition the columns of its parts, whatever the table has', async () => {
    await glue.createDatabase('csv');
    await glue
      .catalogueOf('csv')
      .addRun({ ...run, format: 'csv', csvColumns: ['name', 'superseded', 'Annual Revenue'] });
    const [partition] = await glue.partitionsOf('csv', 'accounts_csv');
    expect(partition?.StorageDescriptor?.Columns).toEqual([
      { Name: 'name', Type: 'string' },
      { Name: 'superseded', Type: 'string' },
      { Name: 'annual_revenue', Type: 'string' },
    ]);
    expect(partition?.Parameters?.['skip.header.line.count']).toBe('1');
  });

  it('adds a run again, and nothing is there twice', async () => {
    await glue.createDatabase('again');
    await glue.catalogueOf('again').addRun(run);
    await glue.catalogueOf('again').addRun(run);
    expect(await glue.allPartitionsOf('again')).toEqual(ADDED);
  });

  it('adds what was left out when a run was cut short', async () => {
    await glue.createDatabase('cut');
    glue.proxy().follow('pass', 'throttle');
    await expect(glue.catalogueOf('cut').addRun(run)).rejects.toMatchObject({ name: 'StorageError' });
    glue.proxy().follow('pass');
    expect(await glue.allPartitionsOf('cut')).toEqual(['accounts_json all/2026-08-22/run-1']);
    await glue.catalogueOf('cut').addRun(run);
    expect(await glue.allPartitionsOf('cut')).toEqual(ADDED);
  });

  it('refuses a partition that is there and points elsewhere, and does not show the run', async () => {
    await glue.createDatabase('elsewhere');
    await glue.client().send(
      new CreatePartitionCommand({
        DatabaseName: 'elsewhere',
        TableName: 'accounts_json',
        PartitionInput: {
          Values: ['all', '2026-08-22', 'run-1'],
          StorageDescriptor: { Location: 's3://other/place/' },
        },
      }),
    );
    await expect(glue.catalogueOf('elsewhere').addRun(run)).rejects.toMatchObject({
      name: 'ConfigError',
      message:
        'Adding the partition all/2026-08-22/run-1 to elsewhere.accounts_json failed: it is there already and points to s3://other/place/, not to s3://bucket/accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/. Remove that partition and start the run again.',
    });
    expect(await glue.allPartitionsOf('elsewhere')).toEqual(['accounts_json all/2026-08-22/run-1']);
  });

  it('takes the place without its last slash for the same', async () => {
    await glue.createDatabase('slash');
    await glue.client().send(
      new CreatePartitionCommand({
        DatabaseName: 'slash',
        TableName: 'export_runs',
        PartitionInput: {
          Values: ['run-1'],
          StorageDescriptor: { Location: 's3://bucket/export_runs/run_id=run-1' },
        },
      }),
    );
    await glue.catalogueOf('slash').addRun(run);
    expect(await glue.allPartitionsOf('slash')).toEqual(ADDED);
  });

  it('waits throttling out', async () => {
    await glue.createDatabase('busy');
    const before = glue.proxy().requests.length;
    glue.proxy().follow('throttle', 'throttle', 'pass');
    await glue.catalogueOf('busy').addRun(run);
    expect(
      glue
        .proxy()
        .requests.slice(before, before + 5)
        .map(({ target }) => target),
    ).toEqual(Array(5).fill('AWSGlue.BatchCreatePartition'));
    expect(await glue.allPartitionsOf('busy')).toEqual(ADDED);
  });

  it('gives throttling up that does not end, after three tries', async () => {
    await glue.createDatabase('throttled');
    const before = glue.proxy().requests.length;
    glue.proxy().follow('throttle');
    const failure = await glue
      .catalogueOf('throttled')
      .addRun(run)
      .catch((error: unknown) => error);
    glue.proxy().follow('pass');
    expect(failure).toMatchObject({
      name: 'StorageError',
      transient: true,
      message:
        'Adding the partition all/2026-08-22/run-1 to throttled.accounts_json failed (ThrottlingException); it can be tried again later.',
    });
    expect(glue.proxy().requests.length - before).toBe(3);
    expect(await glue.allPartitionsOf('throttled')).toEqual([]);
  });

  it('has shown a run though throttling lets nothing older be taken away', async () => {
    await glue.createDatabase('kept');
    glue.proxy().follow('pass', 'pass', 'pass', 'throttle');
    await glue.catalogueOf('kept').addRun(run);
    glue.proxy().follow('pass');
    expect(await glue.allPartitionsOf('kept')).toEqual(ADDED);
  });
});

describe('glueCatalog and rights', () => {
  let emulator: Emulator;
  const glue = glueOf(async () => {
    emulator = await startEmulator();
    return emulator;
  });
  const resources = ['catalog', 'database/held', 'table/held/*'].map(
    (resource) => `arn:aws:glue:${REGION}:${ACCOUNT}:${resource}`,
  );
  const clientWith = async (name: string, actions: readonly string[]) =>
    new GlueClient(await limitedUser(emulator, name, [{ actions, resources }]));

  it('adds a run with no more rights than it names, and without them says so', async () => {
    await glue.createDatabase('held');
    const reader = await clientWith('reader', ['glue:GetPartition', 'glue:GetPartitions']);
    await expect(glue.catalogueOf('held', reader).addRun(run)).rejects.toMatchObject({
      name: 'ConfigError',
      message:
        'Adding the partition all/2026-08-22/run-1 to held.accounts_json failed (AccessDeniedException): the role or user may not do this.',
    });
    const publisher = await clientWith('publisher', [
      'glue:BatchCreatePartition',
      'glue:GetPartition',
      'glue:GetPartitions',
      'glue:DeletePartition',
    ]);
    await glue.catalogueOf('held', publisher).addRun(run);
    await glue.catalogueOf('held', publisher).addRun(run);
    expect(await glue.allPartitionsOf('held')).toEqual(ADDED);
    reader.destroy();
    publisher.destroy();
  });
});

describe('glueCatalog in the emulator of Glue alone', () => {
  const glue = glueOf(startGlueEmulator);
  const later: PublishedRun = { ...run, runId: 'run-2', publishedAt: '2026-08-22T03:00:00.000Z' };
  const newestOf = async (database: string) =>
    (await glue.allPartitionsOf(database)).filter((partition) => partition.startsWith('newest_'));

  it('leaves in the newest tables the newest run of each export, whatever its format, and all in the others', async () => {
    await glue.createDatabase('newest');
    const catalog = glue.catalogueOf('newest');
    await catalog.addRun(run);
    await catalog.addRun({ ...run, exportName: 'other' });
    await catalog.addRun({ ...run, exportName: 'all-of-it', runId: 'run-0' });
    await catalog.addRun({ ...later, format: 'parquet' });
    await catalog.addRun({
      ...run,
      runId: 'filled-in',
      exportDate: '2026-08-01',
      publishedAt: '2026-08-23T00:00:00.000Z',
    });
    expect(await glue.allPartitionsOf('newest')).toEqual([
      'accounts_json all-of-it/2026-08-22/run-0',
      'accounts_json all/2026-08-01/filled-in',
      'accounts_json all/2026-08-22/run-1',
      'accounts_json other/2026-08-22/run-1',
      'accounts_parquet all/2026-08-22/run-2',
      'export_runs filled-in',
      'export_runs run-0',
      'export_runs run-1',
      'export_runs run-2',
      'newest_json all-of-it/2026-08-22/run-0',
      'newest_json other/2026-08-22/run-1',
      'newest_parquet all/2026-08-22/run-2',
    ]);
  });

  it('keeps the newest of runs that are published at the same moment', async () => {
    await glue.createDatabase('together');
    await Promise.all([glue.catalogueOf('together').addRun(run), glue.catalogueOf('together').addRun(later)]);
    expect(await newestOf('together')).toContain('newest_json all/2026-08-22/run-2');
    await glue.catalogueOf('together').addRun(run);
    expect(await newestOf('together')).toEqual(['newest_json all/2026-08-22/run-2']);
  });

  it('takes a run away, and no other, also when it is gone already', async () => {
    await glue.createDatabase('removed');
    const catalog = glue.catalogueOf('removed');
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

  it('takes the rest of a run away that was left half way', async () => {
    await glue.createDatabase('half');
    const catalog = glue.catalogueOf('half');
    await catalog.addRun(run);
    glue.proxy().follow('pass', 'throttle');
    const failure = await catalog.removeRun(run).catch((error: unknown) => error);
    glue.proxy().follow('pass');
    expect(failure).toMatchObject({
      name: 'StorageError',
      message:
        'Removing the partition all/2026-08-22/run-1 from half.newest_json failed (ThrottlingException); it can be tried again later.',
    });
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
  ])('says that the %s is missing to who adds a run, and has nothing to remove', async (_what, database, prepare) => {
    await prepare();
    await expect(glue.catalogueOf(database).addRun(run)).rejects.toMatchObject({
      name: 'ConfigError',
      message: `Adding the partition all/2026-08-22/run-1 to ${database}.accounts_json failed (EntityNotFoundException): the table or the database does not exist; deploy the stack first.`,
    });
    // What is in no table need not be removed from it.
    await expect(glue.catalogueOf(database).removeRun(run)).resolves.toBeUndefined();
  });
});
