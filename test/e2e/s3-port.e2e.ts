import { CreateBucketCommand, GetObjectAttributesCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s3ObjectStore } from '../../functions/aws/s3-object-store.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { type Emulator, startEmulator } from './emulator.ts';
import { limitedUser } from './limited-user.ts';
import { type ServiceProxy, startServiceProxy } from './service-proxy.ts';

const BUCKET = 'exports';
const PART = 'accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/part-00000.json.gz';
const hello = Buffer.from('hello');

let emulator: Emulator;
let proxy: ServiceProxy;
let client: S3Client;
/** The same, by way of the proxy. */
let proxied: S3Client;

beforeAll(async () => {
  emulator = await startEmulator();
  proxy = await startServiceProxy(emulator.url);
  client = new S3Client(emulator.client);
  proxied = new S3Client({ ...emulator.client, endpoint: proxy.url });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
});

afterAll(async () => {
  client?.destroy();
  proxied?.destroy();
  await proxy?.close();
  await emulator?.close();
});

/** Each test has a prefix of its own. */
const storeAt = (prefix: string, by = client) => s3ObjectStore({ client: by, bucket: BUCKET, prefix });
const textIn = async (store: ObjectStore, key: string) => String(Buffer.from((await store.get(key)) ?? []));

describe('objects', () => {
  it.each([
    ['nothing', 0],
    ['one byte', 1],
    ['30 MB', 30_000_000],
  ])('come back byte for byte: %s', async (_name, bytes) => {
    const store = storeAt('bytes');
    const body = Buffer.alloc(
      bytes,
      Uint8Array.from({ length: 251 }, (_, i) => i),
    );
    const etag = await store.put(PART, body, 'application/gzip');
    const found = await store.get(PART);
    expect(found === undefined ? undefined : Buffer.compare(found, body)).toBe(0);
    expect(await store.list('accounts_json/')).toEqual([{ key: PART, bytes, etag }]);
    expect(await store.etagOf(PART)).toBe(etag);
  });

  it('lie under keys as long and as odd as the layout makes them', async () => {
    const store = storeAt('odd/+&=%41 é');
    const key = "work/run_id=a.b-c_d/pages/it's (1)+2=3 & 100%25~*!@,;:$?#[]é.json";
    await store.put(key, hello, 'text/plain');
    expect(await textIn(store, key)).toBe('hello');
    expect(await store.list('work/')).toMatchObject([{ key, bytes: 5 }]);
    expect(await store.listFolders('work/')).toEqual(['run_id=a.b-c_d']);
    await store.delete(key);
    expect(await store.list('')).toEqual([]);
  });

  it('are deleted also when they are gone already, and are not there then', async () => {
    const store = storeAt('delete');
    await store.put('k', hello, 'text/plain');
    await store.delete('k');
    await store.delete('k');
    expect([await store.get('k'), await store.etagOf('k')]).toEqual([undefined, undefined]);
  });

  it('of one prefix are none of another that starts alike', async () => {
    await storeAt('team').put('k', hello, 'text/plain');
    await storeAt('team-b').put('k', hello, 'text/plain');
    await storeAt('team/').put('l', hello, 'text/plain');
    expect((await storeAt('team').list('')).map(({ key }) => key)).toEqual(['k', 'l']);
  });
});

describe('conditional writes', () => {
  it('create an object once, and leave the bytes of the first', async () => {
    const store = storeAt('create');
    expect(await store.create('k', hello, 'text/plain')).toBe(true);
    expect(await store.create('k', Buffer.from('late'), 'text/plain')).toBe(false);
    expect(await textIn(store, 'k')).toBe('hello');
    await store.delete('k');
    expect(await store.create('k', Buffer.from('again'), 'text/plain')).toBe(true);
  });

  it('write over the version that was seen, and over no other', async () => {
    const store = storeAt('over');
    const first = await store.putOver('k', Buffer.from('one'), 'text/plain', undefined);
    const second = await store.putOver('k', Buffer.from('two'), 'text/plain', first);
    expect(await store.putOver('k', Buffer.from('three'), 'text/plain', first)).toBeUndefined();
    expect(await textIn(store, 'k')).toBe('two');
    expect(second).toBe(await store.etagOf('k'));
    const [listed] = await store.list('');
    expect(await store.putOver('k', Buffer.from('four'), 'text/plain', listed?.etag)).toMatch(/^"[0-9a-f]{32}"$/);
    expect(await textIn(store, 'k')).toBe('four');
  });

  it('do not bring back an object that is gone', async () => {
    const store = storeAt('gone');
    const seen = await store.put('k', hello, 'text/plain');
    await store.delete('k');
    expect(await store.putOver('k', Buffer.from('two'), 'text/plain', seen)).toBeUndefined();
    expect(await store.get('k')).toBeUndefined();
  });

  const texts = Array.from({ length: 20 }, (_, i) => `writer ${i}`);

  it('of twenty at the same moment create one', async () => {
    const store = storeAt('race');
    const created = await Promise.all(texts.map((text) => store.create('k', Buffer.from(text), 'text/plain')));
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(await textIn(store, 'k')).toBe(texts[created.indexOf(true)]);
  });

  it('of twenty at the same moment write over what all of them saw once', async () => {
    const store = storeAt('race-over');
    const seen = await store.put('k', hello, 'text/plain');
    const written = await Promise.all(texts.map((text) => store.putOver('k', Buffer.from(text), 'text/plain', seen)));
    const winners = written.filter((etag) => etag !== undefined);
    expect(winners).toEqual([await store.etagOf('k')]);
    expect(await textIn(store, 'k')).toBe(texts[written.indexOf(winners[0])]);
  });

  it('that meet another writer at work try again, and find what that one has left', async () => {
    const store = storeAt('conflict', proxied);
    proxy.follow('conflict', 'conflict', 'pass');
    expect(await store.create('k', hello, 'text/plain')).toBe(true);
    proxy.follow('conflict', 'pass');
    expect(await store.create('k', Buffer.from('late'), 'text/plain')).toBe(false);
    expect(await textIn(store, 'k')).toBe('hello');
  });

  it('that meet another writer again and again are given up after five tries', async () => {
    const before = proxy.requests.length;
    proxy.follow('conflict');
    const failure = await storeAt('conflicts', proxied)
      .create('k', hello, 'text/plain')
      .catch((error: unknown) => error);
    proxy.follow('pass');
    expect(failure).toMatchObject({
      name: 'StorageError',
      transient: true,
      message: 'Writing s3://exports/conflicts/k failed (ConditionalRequestConflict); it can be tried again later.',
    });
    expect(proxy.requests.length - before).toBe(5);
  });
});

describe('listing', () => {
  const runs = Array.from({ length: 2103 }, (_, i) => `run_id=${String(i).padStart(5, '0')}`);

  it('gives more than two answers hold: every key and every folder once, in order', async () => {
    const store = storeAt('many', proxied);
    const direct = storeAt('many');
    const keys = runs.map((run) => `export_runs/${run}/manifest.json`);
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(keys.slice(i, i + 50).map((key) => direct.put(key, hello, 'application/json')));
    }
    await direct.put('export_runs/run_id=01000/other.json', hello, 'application/json');
    await direct.put('export_sums/k', hello, 'text/plain');

    const before = proxy.requests.length;
    const listed = await store.list('export_runs/');
    expect(proxy.requests.length - before).toBe(3);
    expect(listed.map(({ key }) => key)).toEqual([
      ...keys.slice(0, 1001),
      'export_runs/run_id=01000/other.json',
      ...keys.slice(1001),
    ]);
    expect(listed[2103]).toEqual({
      key: 'export_runs/run_id=02102/manifest.json',
      bytes: 5,
      etag: '"5d41402abc4b2a76b9719d911017c592"',
    });

    expect(await store.listFolders('export_runs/')).toEqual(runs);
    expect(proxy.requests.length - before).toBe(6);
  });

  it('sorts folders by their names, not by what stands behind them', async () => {
    const store = storeAt('sorted');
    for (const run of ['daily', 'daily-2', 'daily.2', 'daily0']) await store.put(`t/${run}/k`, hello, 'text/plain');
    expect(await store.listFolders('t/')).toEqual(['daily', 'daily-2', 'daily.2', 'daily0']);
  });

  it('finds nothing where there is nothing', async () => {
    expect([await storeAt('none').list('t/'), await storeAt('none').listFolders('t/')]).toEqual([[], []]);
  });
});

describe('checksums', () => {
  it('are sent with every object, and kept', async () => {
    const before = proxy.requests.length;
    await storeAt('sums', proxied).put('k', hello, 'text/plain');
    await storeAt('sums', proxied).create('l', hello, 'text/plain');
    expect(proxy.requests.slice(before).map(({ headers }) => headers['x-amz-checksum-crc32'])).toEqual([
      'NhCmhg==',
      'NhCmhg==',
    ]);
    const kept = await client.send(
      new GetObjectAttributesCommand({ Bucket: BUCKET, Key: 'sums/l', ObjectAttributes: ['Checksum'] }),
    );
    expect(kept.Checksum).toEqual({ ChecksumCRC32: 'NhCmhg==', ChecksumType: 'FULL_OBJECT' });
  });

  it('that are wrong are refused by the service, and nothing is written', async () => {
    const wrong = { Bucket: BUCKET, Key: 'wrong/k', Body: hello, ChecksumCRC32: 'AAAAAA==' };
    await expect(client.send(new PutObjectCommand(wrong))).rejects.toMatchObject({ name: 'BadDigest' });
    expect(await storeAt('wrong').get('k')).toBeUndefined();
  });

  it('catch a body that is damaged on its way to the bucket: nothing is written, and it can be tried again', async () => {
    const store = storeAt('damage', proxied);
    proxy.follow('damage request', 'pass');
    await expect(store.put('k', hello, 'text/plain')).rejects.toMatchObject({
      name: 'StorageError',
      transient: true,
      message: 'Writing s3://exports/damage/k failed (BadDigest); it can be tried again later.',
    });
    expect(await store.get('k')).toBeUndefined();
  });

  it('catch a body that is damaged on its way from the bucket', async () => {
    const store = storeAt('damaged', proxied);
    await store.put('k', hello, 'text/plain');
    proxy.follow('damage answer', 'pass');
    await expect(store.get('k')).rejects.toMatchObject({
      name: 'StorageError',
      transient: true,
      message: 'Reading s3://exports/damaged/k failed (ChecksumMismatch); it can be tried again later.',
    });
    expect(await textIn(store, 'k')).toBe('hello');
  });
});

type Operation = readonly [name: string, what: string, operate: (store: ObjectStore) => Promise<unknown>];
const OPERATIONS: readonly Operation[] = [
  ['put', 'Writing', (store) => store.put('k', hello, 'text/plain')],
  ['create', 'Writing', (store) => store.create('k', hello, 'text/plain')],
  ['putOver', 'Writing', (store) => store.putOver('k', hello, 'text/plain', '"5d41402abc4b2a76b9719d911017c592"')],
  ['get', 'Reading', (store) => store.get('k')],
  ['list', 'Listing', (store) => store.list('k')],
  ['listFolders', 'Listing', (store) => store.listFolders('k')],
  ['delete', 'Deleting', (store) => store.delete('k')],
];

const LOOKING: Operation = ['etagOf', 'Looking at', (store) => store.etagOf('k')];

describe('throttling', () => {
  it.each([...OPERATIONS, LOOKING])('that passes is waited out: %s', async (name, _what, operate) => {
    await storeAt(`patient/${name}`).put('l', hello, 'text/plain');
    const before = proxy.requests.length;
    proxy.follow('throttle', 'throttle', 'pass');
    await operate(storeAt(`patient/${name}`, proxied));
    expect(proxy.requests.length - before).toBe(3);
  });

  // The answer to HEAD has no body, and so no name.
  it.each([...OPERATIONS.map((operation) => [...operation, 'SlowDown'] as const), [...LOOKING, 'status 503'] as const])(
    'that does not end is given up after three tries: %s',
    async (_name, what, operate, said) => {
      const before = proxy.requests.length;
      proxy.follow('throttle');
      const failure = await operate(storeAt('throttled', proxied)).catch((error: unknown) => error);
      proxy.follow('pass');
      expect(failure).toMatchObject({
        name: 'StorageError',
        transient: true,
        message: `${what} s3://exports/throttled/k failed (${said}); it can be tried again later.`,
      });
      expect(proxy.requests.length - before).toBe(3);
    },
  );
});

describe('a bucket that is not there', () => {
  it.each(OPERATIONS)('is named: %s', async (_name, what, operate) => {
    await expect(operate(s3ObjectStore({ client, bucket: 'of-nobody' }))).rejects.toMatchObject({
      name: 'ConfigError',
      message: `${what} s3://of-nobody/k failed (NoSuchBucket): there is no such bucket.`,
    });
  });
});

describe('a bucket in another region', () => {
  let abroad: S3Client;
  beforeAll(async () => {
    abroad = new S3Client({ ...emulator.client, region: 'eu-west-1' });
    const place = { CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } } as const;
    await abroad.send(new CreateBucketCommand({ Bucket: 'far-away', ...place }));
  });
  afterAll(() => abroad?.destroy());

  it.each([
    ...OPERATIONS.map((operation) => [...operation, 'PermanentRedirect'] as const),
    [...LOOKING, 'status 301'] as const,
  ])('is told by what there is to do: %s', async (_name, what, operate, said) => {
    await expect(operate(s3ObjectStore({ client, bucket: 'far-away' }))).rejects.toMatchObject({
      name: 'ConfigError',
      message: `${what} s3://far-away/k failed (${said}): the bucket lies in another region: set AWS_REGION.`,
    });
  });
});

describe('rights', () => {
  const objects = [`arn:aws:s3:::${BUCKET}/*`];
  const clients: S3Client[] = [];
  let limited: (name: string, actions: readonly string[]) => Promise<S3Client>;

  beforeAll(() => {
    limited = async (name, actions) => {
      const user = new S3Client(await limitedUser(emulator, name, [{ actions, resources: objects }]));
      clients.push(user);
      return user;
    };
  });
  afterAll(() => {
    for (const each of clients) each.destroy();
  });

  it('that are missing are said, whatever was tried', async () => {
    const nobody = await limited('nobody', ['s3:GetObjectTagging']);
    for (const [, what, operate] of OPERATIONS) {
      await expect(operate(storeAt('private', nobody))).rejects.toMatchObject({
        name: 'ConfigError',
        message: `${what} s3://exports/private/k failed (AccessDenied): the role or user may not do this.`,
      });
    }
    await expect(storeAt('private', nobody).etagOf('k')).rejects.toMatchObject({
      name: 'ConfigError',
      message:
        'Looking at s3://exports/private/k failed (status 403): the role or user may not do this, or the AWS credentials are not valid.',
    });
  });

  it('to read do not suffice to write', async () => {
    await storeAt('shared').put('k', hello, 'text/plain');
    const store = storeAt('shared', await limited('reader', ['s3:GetObject']));
    expect(await textIn(store, 'k')).toBe('hello');
    expect(await store.etagOf('k')).toBe('"5d41402abc4b2a76b9719d911017c592"');
    await expect(store.create('l', hello, 'text/plain')).rejects.toThrow('(AccessDenied)');
    await expect(store.delete('k')).rejects.toThrow('(AccessDenied)');
  });

  it.each([
    ['a secret that is wrong', 'SignatureDoesNotMatch', undefined],
    ['a key that nobody has', 'InvalidAccessKeyId', 'AKIAIOSFODNN7EXAMPLE'],
  ])('come with valid credentials only: %s', async (_name, code, unknownId) => {
    const user = await limitedUser(emulator, `user-of-${code}`, [{ actions: ['s3:PutObject'], resources: objects }]);
    const credentials = {
      accessKeyId: unknownId ?? user.credentials.accessKeyId,
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    };
    const stranger = new S3Client({ ...user, credentials });
    clients.push(stranger);
    await expect(storeAt('shared', stranger).put('k', hello, 'text/plain')).rejects.toMatchObject({
      name: 'ConfigError',
      message: `Writing s3://exports/shared/k failed (${code}): the AWS credentials are not valid.`,
    });
  });
});
