import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s3ObjectStore } from '../../functions/aws/s3-object-store.ts';
import { type SmallS3, startSmallS3 } from '../support/small-s3.ts';

const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
const s3At = (endpoint: string) =>
  new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });

describe('s3ObjectStore', () => {
  let server: SmallS3;
  let client: S3Client;
  const contentTypes: (string | undefined)[] = [];

  beforeAll(async () => {
    server = await startSmallS3(['exports'], (method, key, headers) => {
      if (method === 'PUT') contentTypes.push(headers['content-type']);
      return method === 'DELETE' && key.endsWith('/locked') ? { status: 403, code: 'AccessDenied' } : undefined;
    });
    client = s3At(server.url);
  });

  afterAll(async () => {
    client.destroy();
    await server.close();
  });

  it('returns stored bytes, and undefined for a missing object', async () => {
    const store = s3ObjectStore({ client, bucket: 'exports', prefix: 'team/a/' });
    await store.put('work/x.json', Buffer.from([0, 255, 10]));
    expect(Buffer.from((await store.get('work/x.json'))?.body ?? [])).toEqual(Buffer.from([0, 255, 10]));
    expect(await store.get('work/y.json')).toBeUndefined();
    expect(store.location).toBe('s3://exports/team/a/');
  });

  it.each([
    ['work/run_id=r/plan.json', 'application/json'],
    ['export_runs/run_id=r/_report.html', 'text/html; charset=utf-8'],
    ['accounts_json/part-00000.json.gz', 'application/gzip'],
    ['accounts_csv/part-00000.csv.zst', 'application/zstd'],
    ['accounts_parquet/part-00000.parquet', 'application/vnd.apache.parquet'],
  ])('stores %s as %s', async (key, contentType) => {
    await s3ObjectStore({ client, bucket: 'exports', prefix: 'types' }).put(key, Buffer.from('x'));
    expect(contentTypes.at(-1)).toBe(contentType);
  });

  it('replaces only the expected version', async () => {
    const store = s3ObjectStore({ client, bucket: 'exports', prefix: 'over' });
    const text = async () => String(Buffer.from((await store.get('k'))?.body ?? []));
    const first = await store.put('k', Buffer.from('one'), { ifNoneMatch: '*' });
    expect(first).toBe((await store.get('k'))?.etag);
    expect(await store.put('k', Buffer.from('two'), { ifNoneMatch: '*' })).toBeUndefined();
    expect(await text()).toBe('one');
    const second = await store.put('k', Buffer.from('three'), { ifMatch: first ?? '' });
    expect(await store.get('k')).toMatchObject({ etag: second });
    expect(await text()).toBe('three');
    expect((await store.list('')).map(({ etag }) => etag)).toContain(second);
    expect(await store.put('k', Buffer.from('four'), { ifMatch: first ?? '' })).toBeUndefined();
    await store.delete('k');
    expect(await store.put('k', Buffer.from('five'), { ifMatch: second ?? '' })).toBeUndefined();
    expect(await store.get('k')).toBeUndefined();
  });

  it('lets only one of several concurrent writers create an object', async () => {
    const store = s3ObjectStore({ client, bucket: 'exports', prefix: 'create' });
    const texts = Array.from({ length: 20 }, (_, i) => `writer ${i}`);
    const create = (text: string) => store.put('a/b', Buffer.from(text), { ifNoneMatch: '*' });
    const etags = await Promise.all(texts.map(create));
    expect(etags.filter((etag) => etag !== undefined)).toHaveLength(1);
    const stored = await store.get('a/b');
    expect(String(Buffer.from(stored?.body ?? []))).toBe(texts[etags.indexOf(stored?.etag)]);
    expect(await create('late')).toBeUndefined();
  });

  it('replaces and deletes objects', async () => {
    const store = s3ObjectStore({ client, bucket: 'exports' });
    await store.put('k', Buffer.from('one'));
    await store.put('k', Buffer.from('two!'));
    expect(await store.list('k')).toMatchObject([{ key: 'k', bytes: 4 }]);
    await store.delete('k');
    await store.delete('k');
    expect(await store.get('k')).toBeUndefined();
  });

  it('deletes several objects with one request, and reports one that cannot be deleted', async () => {
    const store = s3ObjectStore({ client, bucket: 'exports', prefix: 'several' });
    const keys = ['a', 'b', 'kept'];
    for (const key of [...keys, 'locked']) await store.put(key, Buffer.from(key));
    const before = server.bulkDeletes.length;
    await store.delete('a', 'b', 'missing');
    expect(server.bulkDeletes.slice(before)).toEqual([3]);
    expect((await store.list('')).map(({ key }) => key)).toEqual(['kept', 'locked']);
    await expect(store.delete('kept', 'locked')).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('Deleting s3://exports/several/kept and 1 other objects failed (AccessDenied)'),
    });
  });

  it('lists more objects than fit in one response, in order and without the prefix', async () => {
    const store = s3ObjectStore({ client, bucket: 'exports', prefix: 'many' });
    const keys = Array.from({ length: 1203 }, (_, i) => `pages/${String(i).padStart(5, '0')}.json`);
    for (let i = 0; i < keys.length; i += 100) {
      await Promise.all(keys.slice(i, i + 100).map((key) => store.put(key, Buffer.from(key))));
    }
    const listedBefore = server.lists();
    expect((await store.list('pages/')).map(({ key }) => key)).toEqual(keys);
    expect(server.lists() - listedBefore).toBe(2);
  });

  it('lists the folders below a prefix', async () => {
    const store = s3ObjectStore({ client, bucket: 'exports', prefix: 'folders' });
    for (const key of ['t/b=2/x/1', 't/a=1/x', 't/a=1/y', 't/file']) await store.put(key, Buffer.from('x'));
    expect(await store.listFolders('t/')).toEqual(['a=1', 'b=2']);
    expect(await store.listFolders('nothing/')).toEqual([]);
  });

  it('reports a missing bucket', async () => {
    const store = s3ObjectStore({ client, bucket: 'nobodys' });
    await expect(store.put('k', Buffer.from('x'))).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining(
        'Writing s3://nobodys/k failed (NoSuchBucket): the bucket does not exist; check its name',
      ),
    });
  });
});

it.each([
  [503, 'SlowDown', 'StorageError', 'Writing s3://exports/k failed (SlowDown): transient AWS error'],
  [500, 'InternalError', 'StorageError', 'Writing s3://exports/k failed (InternalError): transient AWS error'],
  [403, 'AccessDenied', 'ConfigError', 'Writing s3://exports/k failed (AccessDenied)'],
])('s3ObjectStore reports %i %s as %s', async (status, code, name, message) => {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>secret</Message></Error>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = s3At(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    await expect(s3ObjectStore({ client, bucket: 'exports' }).put('k', Buffer.from('x'))).rejects.toMatchObject({
      name,
      message: expect.stringContaining(message),
    });
  } finally {
    client.destroy();
    server.close();
  }
});

describe('two writes of one key at the same moment', () => {
  const conflicting = async (conflicts: number) => {
    let puts = 0;
    const server = await startSmallS3(['exports'], (method) =>
      method === 'PUT' && ++puts <= conflicts ? { status: 409, code: 'ConditionalRequestConflict' } : undefined,
    );
    const client = s3At(server.url);
    const write = s3ObjectStore({ client, bucket: 'exports' }).put('k', Buffer.from('x'), { ifNoneMatch: '*' });
    return { written: write.finally(() => server.close()), puts: () => puts };
  };

  it('are one after the other', async () => {
    const { written, puts } = await conflicting(2);
    expect(await written).toMatch(/^"/);
    expect(puts()).toBe(3);
  });

  it('are reported if they conflict again and again', async () => {
    const { written, puts } = await conflicting(Infinity);
    await expect(written).rejects.toMatchObject({
      name: 'StorageError',
      message: expect.stringContaining('Writing s3://exports/k failed (ConditionalRequestConflict)'),
    });
    expect(puts()).toBe(5);
  });
});

it('a bucket that cannot be listed is reported with the prefix', async () => {
  const server = await startSmallS3([]);
  const client = s3At(server.url);
  await expect(s3ObjectStore({ client, bucket: 'exports' }).list('work/')).rejects.toMatchObject({
    name: 'ConfigError',
    message: expect.stringContaining('Listing s3://exports/work/ failed (NoSuchBucket)'),
  });
  await server.close();
});
