import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GlueClient } from '@aws-sdk/client-glue';
import { afterEach, describe, expect, it } from 'vitest';
import { glueCatalogue } from '../../functions/aws/glue-catalogue.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Call {
  readonly action: string;
  readonly input: { TableName: string; [key: string]: unknown };
}

/** A server that speaks Glue's protocol and keeps partitions by table and values. */
async function glue(fail: (call: Call) => { status: number; type: string } | undefined = () => undefined) {
  const calls: Call[] = [];
  const partitions = new Map<string, { StorageDescriptor: { Location: string; Columns: { Name: string }[] } }>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const call: Call = {
      action: String(request.headers['x-amz-target']).replace('AWSGlue.', ''),
      input: JSON.parse(Buffer.concat(chunks).toString()),
    };
    calls.push(call);
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(body));
    };
    const failure = fail(call);
    if (failure) return answer(failure.status, { __type: failure.type, message: 'hidden' });
    const { TableName, PartitionInputList, PartitionsToDelete, PartitionValues } = call.input as never as {
      TableName: string;
      PartitionInputList?: { Values: string[]; StorageDescriptor: { Location: string; Columns: { Name: string }[] } }[];
      PartitionsToDelete?: { Values: string[] }[];
      PartitionValues?: string[];
    };
    const keyOf = (values: readonly string[]) => `${TableName} ${values.join('/')}`;
    const errors: object[] = [];
    for (const partition of PartitionInputList ?? []) {
      const key = keyOf(partition.Values);
      if (partitions.has(key))
        errors.push({ PartitionValues: partition.Values, ErrorDetail: { ErrorCode: 'AlreadyExistsException' } });
      else partitions.set(key, partition);
    }
    for (const { Values } of PartitionsToDelete ?? []) {
      if (!partitions.delete(keyOf(Values)))
        errors.push({ PartitionValues: Values, ErrorDetail: { ErrorCode: 'EntityNotFoundException' } });
    }
    answer(200, PartitionValues ? { Partition: partitions.get(keyOf(PartitionValues)) } : { Errors: errors });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new GlueClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  closing.push(() => {
    client.destroy();
    server.close();
  });
  return { catalogue: glueCatalogue({ client, database: 'exports', bucket: 'bucket' }), calls, partitions };
}

const run = { format: 'json', exportName: 'all', exportDate: '2026-08-22', runId: 'run-1' } as const;
const ACCOUNTS = 'accounts_json all/2026-08-22/run-1';
const RUNS = 'export_runs run-1';

describe('glueCatalogue', () => {
  it('adds the partition of the accounts, and the one of the run after it', async () => {
    const { catalogue, partitions, calls } = await glue();
    await catalogue.addRun(run);
    expect(calls.map(({ action, input }) => `${action} ${input.TableName}`)).toEqual([
      'BatchCreatePartition accounts_json',
      'BatchCreatePartition export_runs',
    ]);
    expect(partitions.get(ACCOUNTS)?.StorageDescriptor).toMatchObject({
      Location: 's3://bucket/accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/',
      SerdeInfo: { SerializationLibrary: 'org.apache.hive.hcatalog.data.JsonSerDe' },
    });
    expect(partitions.get(RUNS)?.StorageDescriptor.Location).toBe('s3://bucket/export_runs/run_id=run-1/');
  });

  it('gives a CSV partition the columns that its parts were written with', async () => {
    const { catalogue, partitions } = await glue();
    await catalogue.addRun({ ...run, format: 'csv', csvColumns: ['name', 'superseded', 'Annual Revenue'] });
    const { StorageDescriptor } = partitions.get('accounts_csv all/2026-08-22/run-1') ?? {};
    expect(StorageDescriptor?.Columns.map(({ Name }) => Name)).toEqual(['name', 'superseded', 'annual_revenue']);
  });

  it('changes nothing when a run is added again', async () => {
    const { catalogue, partitions } = await glue();
    await catalogue.addRun(run);
    await catalogue.addRun(run);
    expect([...partitions.keys()]).toEqual([ACCOUNTS, RUNS]);
  });

  it('refuses a partition that is there and points elsewhere', async () => {
    const { catalogue, partitions } = await glue();
    partitions.set(ACCOUNTS, { StorageDescriptor: { Location: 's3://other/place/', Columns: [] } });
    await expect(catalogue.addRun(run)).rejects.toMatchObject({
      name: 'ConfigError',
      message:
        'Adding the partition all/2026-08-22/run-1 to exports.accounts_json failed: it is there already and points to s3://other/place/, not to s3://bucket/accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/. Remove that partition and start the run again.',
    });
    expect(partitions.has(RUNS)).toBe(false);
  });

  it('takes a run away, its row first, also when it is gone already', async () => {
    const { catalogue, partitions, calls } = await glue();
    await catalogue.addRun(run);
    calls.splice(0);
    await catalogue.removeRun(run);
    await catalogue.removeRun(run);
    expect(partitions.size).toBe(0);
    expect(calls.slice(0, 2).map(({ input }) => input.TableName)).toEqual(['export_runs', 'accounts_json']);
  });

  it.each([
    [
      400,
      'EntityNotFoundException',
      'ConfigError',
      'Adding the partition all/2026-08-22/run-1 to exports.accounts_json failed (EntityNotFoundException): the table or the database does not exist; deploy the stack first',
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
    const { catalogue } = await glue(() => ({ status, type }));
    await expect(catalogue.addRun(run)).rejects.toMatchObject({ name, message });
  });
});
