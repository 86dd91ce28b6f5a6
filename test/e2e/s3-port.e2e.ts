import { CreateBucketCommand, GetObjectAttributesCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s3ObjectStore } from '../../functions/aws/s3-object-store.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { awsError, emulatedService } from './emulated-service.ts';
import { limitedUser } from './limited-user.ts';

const BUCKET = 'exports';
const PART = 'accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/part-00000.json.gz';
const HELLO = Buffer.from('hello');
const HELLO_ETAG = '"5d41402abc4b2a76b9719d911017c592"';

const s3 = emulatedService(S3Client);
beforeAll(async () => {
  await s3.client.send(new CreateBucketCommand({ Bucket: BUCKET }));
});

/** Each test has its own prefix. */
const storeAt = (prefix: string, client = s3.client) => s3ObjectStore({ client, bucket: BUCKET, prefix });
const write = (store: ObjectStore, key: string, body: Uint8Array = HELLO) => store.put(key, body);
/** @returns whether the object was created */
const create = async (store: ObjectStore, key: string, body: Uint8Array = HELLO) =>
  (await store.put(key, body, { ifNoneMatch: '*' })) !== undefined;
const overwrite = (store: ObjectStore, key: string, text: string, etag = '') =>
  store.put(key, Buffer.from(text), { ifMatch: etag });
const etagIn = async (store: ObjectStore, key: string) => (await store.get(key))?.etag;
const textIn = async (store: ObjectStore, key: string) => String(Buffer.from((await store.get(key))?.body ?? []));

describe('objects', () => {
  it.each([
    ['nothing', 0],
    ['one byte', 1],
    ['30 MB', 30_000_000],
  ])('are read back byte for byte: %s', async (_name, bytes) => {
    const store = storeAt('bytes');
    const body = Buffer.alloc(
      bytes,
      Uint8Array.from({ length: 251 }, (_, i) => i),
    );
    const etag = await write(store, PART, body);
    const found = await store.get(PART);
    expect(found && Buffer.compare(found.body, body)).toBe(0);
    expect(await store.list('accounts_json/')).toEqual([{ key: PART, bytes, etag }]);
    expect(found?.etag).toBe(etag);
  });

  it('accept keys with special characters', async () => {
    const store = storeAt('odd/+&=%41 é');
    const key = "work/run_id=a.b-c_d/receipts/it's (1)+2=3 & 100%25~*!@,;:$?#[]é.json";
    await write(store, key);
    expect(await textIn(store, key)).toBe('hello');
    expect(await store.list('work/')).toMatchObject([{ key, bytes: 5 }]);
    expect(await store.listFolders('work/')).toEqual(['run_id=a.b-c_d']);
    await store.delete(key);
    expect(await store.list('')).toEqual([]);
  });

  it('are deleted, and deleting a missing one is no error', async () => {
    const store = storeAt('delete');
    await write(store, 'k');
    await store.delete('k');
    await store.delete('k');
    expect(await store.get('k')).toBeUndefined();
  });

  it('are deleted together, also those with special characters', async () => {
    const store = storeAt('delete-several');
    const keys = ['a', 'b & c <d>', 'é', 'kept'];
    for (const key of keys) await write(store, key);
    await store.delete('a', 'b & c <d>', 'missing', 'é');
    expect((await store.list('')).map(({ key }) => key)).toEqual(['kept']);
  });

  it('of one prefix are not listed under another that starts with the same characters', async () => {
    await write(storeAt('team'), 'k');
    await write(storeAt('team-b'), 'k');
    await write(storeAt('team/'), 'l');
    expect((await storeAt('team').list('')).map(({ key }) => key)).toEqual(['k', 'l']);
  });
});

describe('conditional writes', () => {
  it('create an object only if it is absent', async () => {
    const store = storeAt('create');
    expect(await create(store, 'k')).toBe(true);
    expect(await create(store, 'k', Buffer.from('late'))).toBe(false);
    expect(await textIn(store, 'k')).toBe('hello');
    await store.delete('k');
    expect(await create(store, 'k', Buffer.from('again'))).toBe(true);
  });

  it('overwrite only the version that was read', async () => {
    const store = storeAt('over');
    const first = await write(store, 'k', Buffer.from('one'));
    const second = await overwrite(store, 'k', 'two', first);
    expect(await overwrite(store, 'k', 'three', first)).toBeUndefined();
    expect(await textIn(store, 'k')).toBe('two');
    expect(second).toBe(await etagIn(store, 'k'));
    const [listed] = await store.list('');
    expect(await overwrite(store, 'k', 'four', listed?.etag)).toMatch(/^"[0-9a-f]{32}"$/);
    expect(await textIn(store, 'k')).toBe('four');
  });

  it('do not restore a deleted object', async () => {
    const store = storeAt('gone');
    const seen = await write(store, 'k');
    await store.delete('k');
    expect(await overwrite(store, 'k', 'two', seen)).toBeUndefined();
    expect(await store.get('k')).toBeUndefined();
  });

  const texts = Array.from({ length: 20 }, (_, i) => `writer ${i}`);

  it('let one of 20 concurrent writers create an object', async () => {
    const store = storeAt('race');
    const created = await Promise.all(texts.map((text) => create(store, 'k', Buffer.from(text))));
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(await textIn(store, 'k')).toBe(texts[created.indexOf(true)]);
  });

  it('let one of 20 concurrent writers overwrite the version that all have read', async () => {
    const store = storeAt('race-over');
    const seen = await write(store, 'k');
    const written = await Promise.all(texts.map((text) => overwrite(store, 'k', text, seen)));
    const winners = written.filter((etag) => etag !== undefined);
    expect(winners).toEqual([await etagIn(store, 'k')]);
    expect(await textIn(store, 'k')).toBe(texts[written.indexOf(winners[0])]);
  });

  it('are retried after a conflict with another writer', async () => {
    const store = storeAt('conflict', s3.proxied);
    s3.proxy.follow('conflict', 'conflict', 'pass');
    expect(await create(store, 'k')).toBe(true);
    s3.proxy.follow('conflict', 'pass');
    expect(await create(store, 'k', Buffer.from('late'))).toBe(false);
    expect(await textIn(store, 'k')).toBe('hello');
  });

  it('fail after five attempts when conflicts persist', async () => {
    const store = storeAt('conflicts', s3.proxied);
    const { error, requests } = await s3.proxy.failureOf(['conflict'], () => create(store, 'k'));
    expect(error).toMatchObject(awsError('StorageError', 's3://exports/conflicts/k', 'ConditionalRequestConflict'));
    expect(requests).toBe(5);
  });
});

describe('listing', () => {
  const runs = Array.from({ length: 2103 }, (_, i) => `run_id=${String(i).padStart(5, '0')}`);

  it('returns every key and folder once and in order, across several responses', async () => {
    const store = storeAt('many', s3.proxied);
    const direct = storeAt('many');
    const keys = runs.map((run) => `export_runs/${run}/manifest.json`);
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(keys.slice(i, i + 50).map((key) => write(direct, key)));
    }
    await write(direct, 'export_runs/run_id=01000/other.json');
    await write(direct, 'export_sums/k');

    const before = s3.proxy.requests.length;
    const listed = await store.list('export_runs/');
    expect(s3.proxy.requests.length - before).toBe(3);
    expect(listed.map(({ key }) => key)).toEqual([
      ...keys.slice(0, 1001),
      'export_runs/run_id=01000/other.json',
      ...keys.slice(1001),
    ]);
    expect(listed[2103]).toEqual({
      key: 'export_runs/run_id=02102/manifest.json',
      bytes: 5,
      etag: HELLO_ETAG,
    });

    expect(await store.listFolders('export_runs/')).toEqual(runs);
    expect(s3.proxy.requests.length - before).toBe(6);
  });

  it('sorts folders by their names', async () => {
    const store = storeAt('sorted');
    for (const run of ['daily', 'daily-2', 'daily.2', 'daily0']) await write(store, `t/${run}/k`);
    expect(await store.listFolders('t/')).toEqual(['daily', 'daily-2', 'daily.2', 'daily0']);
  });

  it('returns nothing for an empty prefix', async () => {
    expect([await storeAt('none').list('t/'), await storeAt('none').listFolders('t/')]).toEqual([[], []]);
  });
});

describe('checksums', () => {
  it('are sent with every object and stored', async () => {
    const before = s3.proxy.requests.length;
    await write(storeAt('sums', s3.proxied), 'k');
    await create(storeAt('sums', s3.proxied), 'l');
    expect(s3.proxy.requests.slice(before).map(({ headers }) => headers['x-amz-checksum-crc32'])).toEqual([
      'NhCmhg==',
      'NhCmhg==',
    ]);
    const stored = await s3.client.send(
      new GetObjectAttributesCommand({ Bucket: BUCKET, Key: 'sums/l', ObjectAttributes: ['Checksum'] }),
    );
    expect(stored.Checksum).toEqual({ ChecksumCRC32: 'NhCmhg==', ChecksumType: 'FULL_OBJECT' });
  });

  it('that are wrong are rejected by the service, and nothing is written', async () => {
    const wrong = { Bucket: BUCKET, Key: 'wrong/k', Body: HELLO, ChecksumCRC32: 'AAAAAA==' };
    await expect(s3.client.send(new PutObjectCommand(wrong))).rejects.toMatchObject({ name: 'BadDigest' });
    expect(await storeAt('wrong').get('k')).toBeUndefined();
  });

  it('detect a body corrupted on its way to the bucket', async () => {
    const store = storeAt('damage', s3.proxied);
    const { error } = await s3.proxy.failureOf(['damage request', 'pass'], () => write(store, 'k'));
    expect(error).toMatchObject(awsError('StorageError', 's3://exports/damage/k', 'BadDigest'));
    expect(await store.get('k')).toBeUndefined();
  });

  it('detect a body corrupted on its way from the bucket', async () => {
    const store = storeAt('damaged', s3.proxied);
    await write(store, 'k');
    const { error } = await s3.proxy.failureOf(['damage answer', 'pass'], () => store.get('k'));
    expect(error).toMatchObject(awsError('StorageError', 's3://exports/damaged/k', 'ChecksumMismatch'));
    expect(await textIn(store, 'k')).toBe('hello');
  });
});

type Operation = readonly [name: string, operate: (store: ObjectStore) => Promise<unknown>];
const OPERATIONS: readonly Operation[] = [
  ['put', (store) => write(store, 'k')],
  ['put if absent', (store) => create(store, 'k')],
  ['put if unchanged', (store) => overwrite(store, 'k', 'hello', HELLO_ETAG)],
  ['get', (store) => store.get('k')],
  ['list', (store) => store.list('k')],
  ['listFolders', (store) => store.listFolders('k')],
  ['delete', (store) => store.delete('k')],
];

describe('throttling', () => {
  it.each(OPERATIONS)('is retried: %s', async (name, operate) => {
    await write(storeAt(`patient/${name}`), 'l');
    const before = s3.proxy.requests.length;
    s3.proxy.follow('throttle', 'throttle', 'pass');
    await operate(storeAt(`patient/${name}`, s3.proxied));
    expect(s3.proxy.requests.length - before).toBe(3);
  });

  it.each(OPERATIONS)('fails after three attempts: %s', async (_name, operate) => {
    const store = storeAt('throttled', s3.proxied);
    const { error, requests } = await s3.proxy.failureOf(['throttle'], () => operate(store));
    expect(error).toMatchObject(awsError('StorageError', 's3://exports/throttled/k', 'SlowDown'));
    expect(requests).toBe(3);
  });
});

it.each(OPERATIONS)('a missing bucket is reported: %s', async (_name, operate) => {
  const store = s3ObjectStore({ client: s3.client, bucket: 'missing' });
  await expect(operate(store)).rejects.toMatchObject(awsError('ConfigError', 's3://missing/k', 'NoSuchBucket'));
});

describe('a bucket in another region', () => {
  let abroad: S3Client;
  beforeAll(async () => {
    abroad = new S3Client({ ...s3.service.client, region: 'eu-west-1' });
    const place = { CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } } as const;
    await abroad.send(new CreateBucketCommand({ Bucket: 'far-away', ...place }));
  });
  afterAll(() => abroad?.destroy());

  it.each(OPERATIONS)('is reported with the setting to change: %s', async (_name, operate) => {
    const store = s3ObjectStore({ client: s3.client, bucket: 'far-away' });
    await expect(operate(store)).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/s3:\/\/far-away\/k failed \(PermanentRedirect\).*AWS_REGION/),
    });
  });
});

describe('permissions', () => {
  const objects = [`arn:aws:s3:::${BUCKET}/*`];
  const clients: S3Client[] = [];
  const limited = async (name: string, actions: readonly string[]) => {
    const user = new S3Client(await limitedUser(s3.service, name, [{ actions, resources: objects }]));
    clients.push(user);
    return user;
  };
  afterAll(() => {
    for (const each of clients) each.destroy();
  });

  it('that are missing are reported for every operation', async () => {
    const nobody = await limited('nobody', ['s3:GetObjectTagging']);
    for (const [, operate] of OPERATIONS) {
      await expect(operate(storeAt('private', nobody))).rejects.toMatchObject(
        awsError('ConfigError', 's3://exports/private/k', 'AccessDenied'),
      );
    }
  });

  it('to read do not include writing', async () => {
    await write(storeAt('shared'), 'k');
    const store = storeAt('shared', await limited('reader', ['s3:GetObject']));
    expect(await textIn(store, 'k')).toBe('hello');
    expect(await etagIn(store, 'k')).toBe(HELLO_ETAG);
    await expect(create(store, 'l')).rejects.toThrow('(AccessDenied)');
    await expect(store.delete('k')).rejects.toThrow('(AccessDenied)');
  });

  it.each([
    ['a wrong secret', 'SignatureDoesNotMatch', undefined],
    ['an unknown access key', 'InvalidAccessKeyId', 'AKIAIOSFODNN7EXAMPLE'],
  ])('need valid credentials: %s', async (_name, code, unknownId) => {
    const user = await limitedUser(s3.service, `user-of-${code}`, [{ actions: ['s3:PutObject'], resources: objects }]);
    const credentials = {
      accessKeyId: unknownId ?? user.credentials.accessKeyId,
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    };
    const stranger = new S3Client({ ...user, credentials });
    clients.push(stranger);
    const error = awsError('ConfigError', 's3://exports/shared/k', code);
    await expect(write(storeAt('shared', stranger), 'k')).rejects.toMatchObject(error);
  });
});
