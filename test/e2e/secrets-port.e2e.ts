import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secretCredentials } from '../../functions/aws/secret-credentials.ts';
import { ACCOUNT, type Emulator, REGION, startEmulator } from './emulator.ts';
import { limitedUser } from './limited-user.ts';
import { type ServiceProxy, startServiceProxy } from './service-proxy.ts';

let emulator: Emulator;
let proxy: ServiceProxy;
let client: SecretsManagerClient;
/** The same, by way of the proxy. */
let proxied: SecretsManagerClient;

beforeAll(async () => {
  emulator = await startEmulator();
  proxy = await startServiceProxy(emulator.url);
  client = new SecretsManagerClient(emulator.client);
  proxied = new SecretsManagerClient({ ...emulator.client, endpoint: proxy.url });
});

afterAll(async () => {
  client?.destroy();
  proxied?.destroy();
  await proxy?.close();
  await emulator?.close();
});

const keyIn = (secretId: string, by = proxied) => secretCredentials({ secretId, client: by });
const store = async (Name: string, SecretString: string) =>
  (await client.send(new CreateSecretCommand({ Name, SecretString }))).ARN ?? '';
const change = (SecretId: string, SecretString: string) =>
  client.send(new PutSecretValueCommand({ SecretId, SecretString }));

describe('secretCredentials', () => {
  it('reads a key by the name of its secret and by its ARN, whatever characters it has', async () => {
    const arn = await store('key/by-name', '{"keyId":"id","secret":"a:b \\"ü\\" \\\\ €"}');
    expect(await keyIn('key/by-name').get()).toEqual({ keyId: 'id', secret: 'a:b "ü" \\ €' });
    expect(await keyIn(arn).get()).toEqual({ keyId: 'id', secret: 'a:b "ü" \\ €' });
  });

  it('keeps the key that it read, and reads one that was rotated when it is asked for a fresh one', async () => {
    await store('rotated', '{"keyId":"old","secret":"s"}');
    const credentials = keyIn('rotated');
    const before = proxy.requests.length;
    await credentials.get();
    await change('rotated', '{"keyId":"new","secret":"s"}');
    expect(await credentials.get()).toMatchObject({ keyId: 'old' });
    expect(proxy.requests.length - before).toBe(1);
    expect(await credentials.get({ fresh: true })).toMatchObject({ keyId: 'new' });
    expect(await credentials.get()).toMatchObject({ keyId: 'new' });
    expect(proxy.requests.length - before).toBe(2);
  });

  it('takes a key at once that was put into a secret without a value', async () => {
    await client.send(new CreateSecretCommand({ Name: 'made-by-the-stack' }));
    const credentials = keyIn('made-by-the-stack');
    // AWS has no value there to give (ResourceNotFoundException), the emulator an empty one: an ApiCredentialsError in both.
    await expect(credentials.get()).rejects.toMatchObject({ name: 'ApiCredentialsError' });
    await change('made-by-the-stack', '{"keyId":"id","secret":"s"}');
    expect(await credentials.get()).toEqual({ keyId: 'id', secret: 's' });
  });

  it('says of a secret that is not there what to do', async () => {
    await expect(keyIn('nowhere').get()).rejects.toMatchObject({
      name: 'ApiCredentialsError',
      message:
        'There is no secret "nowhere", or it holds no value yet: put the API key into it as {"keyId":"…","secret":"…"}.',
    });
  });

  it('says of a secret that is marked for deletion what to do', async () => {
    await store('deleted', '{"keyId":"id","secret":"s"}');
    await client.send(new DeleteSecretCommand({ SecretId: 'deleted' }));
    await expect(keyIn('deleted').get()).rejects.toMatchObject({
      name: 'ApiCredentialsError',
      message:
        'Reading secret "deleted" failed (InvalidRequestException): it is marked for deletion; restore it, or put the API key into another.',
    });
  });

  it('says of a key that is stored as bytes how to store it', async () => {
    await client.send(
      new CreateSecretCommand({ Name: 'bytes', SecretBinary: Buffer.from('{"keyId":"id","secret":"s"}') }),
    );
    await expect(keyIn('bytes').get()).rejects.toMatchObject({
      name: 'ApiCredentialsError',
      message:
        'The API key in secret "bytes" is stored as bytes (SecretBinary): store it as a text (SecretString), {"keyId":"…","secret":"…"}.',
    });
  });

  it('waits throttling out, and gives it up when it does not end, after three tries', async () => {
    await store('busy', '{"keyId":"id","secret":"s"}');
    proxy.follow('throttle', 'throttle', 'pass');
    expect(await keyIn('busy').get()).toEqual({ keyId: 'id', secret: 's' });
    const before = proxy.requests.length;
    proxy.follow('throttle');
    const failure = await keyIn('busy')
      .get()
      .catch((error: unknown) => error);
    proxy.follow('pass');
    expect(failure).toMatchObject({
      name: 'StorageError',
      transient: true,
      message: 'Reading secret "busy" failed (ThrottlingException); it can be tried again later.',
    });
    expect(proxy.requests.length - before).toBe(3);
  });

  it('reads the secret that it may read, and says of another that it may not', async () => {
    const mine = await store('mine', '{"keyId":"id","secret":"s"}');
    await store('theirs', '{"keyId":"id","secret":"s"}');
    const user = await limitedUser(emulator, 'function', [
      { actions: ['secretsmanager:GetSecretValue'], resources: [mine] },
    ]);
    const limited = new SecretsManagerClient(user);
    expect(mine).toMatch(`arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:mine-`);
    expect(await keyIn(mine, limited).get()).toEqual({ keyId: 'id', secret: 's' });
    await expect(keyIn('theirs', limited).get()).rejects.toMatchObject({
      name: 'ApiCredentialsError',
      message: 'Reading secret "theirs" failed (AccessDeniedException): the role or user may not do this.',
    });
    limited.destroy();
  });
});
