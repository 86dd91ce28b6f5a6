import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { describe, expect, it } from 'vitest';
import { secretCredentials } from '../../functions/aws/secret-credentials.ts';
import { awsError, emulatedService } from './emulated-service.ts';
import { ACCOUNT, REGION } from './emulator.ts';
import { limitedUser } from './limited-user.ts';

const secrets = emulatedService(SecretsManagerClient);

const keyIn = (secretId: string, by = secrets.proxied) => secretCredentials({ secretId, client: by });
const store = async (Name: string, SecretString: string) =>
  (await secrets.client.send(new CreateSecretCommand({ Name, SecretString }))).ARN ?? '';
const change = (SecretId: string, SecretString: string) =>
  secrets.client.send(new PutSecretValueCommand({ SecretId, SecretString }));

describe('secretCredentials', () => {
  it('reads a key with special characters by the name of its secret and by its ARN', async () => {
    const arn = await store('key/by-name', '{"keyId":"id","secret":"a:b \\"ü\\" \\\\ €"}');
    expect(await keyIn('key/by-name').get()).toEqual({ keyId: 'id', secret: 'a:b "ü" \\ €' });
    expect(await keyIn(arn).get()).toEqual({ keyId: 'id', secret: 'a:b "ü" \\ €' });
  });

  it('caches the key and reads a rotated one when a fresh key is requested', async () => {
    await store('rotated', '{"keyId":"old","secret":"s"}');
    const credentials = keyIn('rotated');
    const before = secrets.proxy.requests.length;
    await credentials.get();
    await change('rotated', '{"keyId":"new","secret":"s"}');
    expect(await credentials.get()).toMatchObject({ keyId: 'old' });
    expect(secrets.proxy.requests.length - before).toBe(1);
    expect(await credentials.get({ fresh: true })).toMatchObject({ keyId: 'new' });
    expect(await credentials.get()).toMatchObject({ keyId: 'new' });
    expect(secrets.proxy.requests.length - before).toBe(2);
  });

  it('reads a key as soon as an empty secret gets its value', async () => {
    await secrets.client.send(new CreateSecretCommand({ Name: 'made-by-the-stack' }));
    const credentials = keyIn('made-by-the-stack');
    // AWS answers with ResourceNotFoundException, the emulator with an empty value: an ApiCredentialsError in both cases.
    await expect(credentials.get()).rejects.toMatchObject({ name: 'ApiCredentialsError' });
    await change('made-by-the-stack', '{"keyId":"id","secret":"s"}');
    expect(await credentials.get()).toEqual({ keyId: 'id', secret: 's' });
  });

  it('reports a missing secret and how to store the key', async () => {
    await expect(keyIn('nowhere').get()).rejects.toMatchObject({
      name: 'ApiCredentialsError',
      message: expect.stringMatching(/"nowhere".*\{"keyId":"…","secret":"…"\}/),
    });
  });

  it('reports a secret that is marked for deletion', async () => {
    await store('deleted', '{"keyId":"id","secret":"s"}');
    await secrets.client.send(new DeleteSecretCommand({ SecretId: 'deleted' }));
    await expect(keyIn('deleted').get()).rejects.toMatchObject(
      awsError('ApiCredentialsError', 'secret "deleted"', 'InvalidRequestException'),
    );
  });

  it('reports a key that is stored as bytes and how to store it', async () => {
    await secrets.client.send(
      new CreateSecretCommand({ Name: 'bytes', SecretBinary: Buffer.from('{"keyId":"id","secret":"s"}') }),
    );
    await expect(keyIn('bytes').get()).rejects.toMatchObject({
      name: 'ApiCredentialsError',
      message: expect.stringMatching(/"bytes".*SecretString.*\{"keyId":"…","secret":"…"\}/),
    });
  });

  it('retries throttling and fails after three attempts', async () => {
    await store('busy', '{"keyId":"id","secret":"s"}');
    secrets.proxy.follow('throttle', 'throttle', 'pass');
    expect(await keyIn('busy').get()).toEqual({ keyId: 'id', secret: 's' });
    const { error, requests } = await secrets.proxy.failureOf(['throttle'], () => keyIn('busy').get());
    expect(error).toMatchObject(awsError('StorageError', 'secret "busy"', 'ThrottlingException'));
    expect(requests).toBe(3);
  });

  it('needs the permission to read this secret', async () => {
    const mine = await store('mine', '{"keyId":"id","secret":"s"}');
    await store('theirs', '{"keyId":"id","secret":"s"}');
    const user = await limitedUser(secrets.service, 'function', [
      { actions: ['secretsmanager:GetSecretValue'], resources: [mine] },
    ]);
    const limited = new SecretsManagerClient(user);
    expect(mine).toMatch(`arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:mine-`);
    expect(await keyIn(mine, limited).get()).toEqual({ keyId: 'id', secret: 's' });
    await expect(keyIn('theirs', limited).get()).rejects.toMatchObject(
      awsError('ApiCredentialsError', 'secret "theirs"', 'AccessDeniedException'),
    );
    limited.destroy();
  });
});
