import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, it } from 'vitest';
import { secretCredentials } from '../../functions/aws/secret-credentials.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A minimal Secrets Manager. */
async function secretsManager(answer: (call: number) => { status?: number; body: object }) {
  let calls = 0;
  const server = createServer((request, response) => {
    request.resume();
    const { status = 200, body } = answer(++calls);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new SecretsManagerClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  closing.push(() => {
    client.destroy();
    server.close();
  });
  return { credentials: secretCredentials({ secretId: 'key', client }), calls: () => calls };
}

const secret = (keyId: string) => ({ body: { Name: 'key', SecretString: JSON.stringify({ keyId, secret: 's:1' }) } });
const failure = (type: string, status = 400) => ({ status, body: { __type: type, message: 'hidden' } });

describe('secretCredentials', () => {
  it('caches the key', async () => {
    const { credentials, calls } = await secretsManager((call) => secret(`k${call}`));
    expect(await credentials.get()).toEqual({ keyId: 'k1', secret: 's:1' });
    expect(await credentials.get()).toEqual({ keyId: 'k1', secret: 's:1' });
    expect(calls()).toBe(1);
  });

  it('bypasses and replaces the cached key on request', async () => {
    const { credentials, calls } = await secretsManager((call) => secret(`k${call}`));
    await credentials.get();
    expect(await credentials.get({ fresh: true })).toMatchObject({ keyId: 'k2' });
    expect(await credentials.get()).toMatchObject({ keyId: 'k2' });
    expect(calls()).toBe(2);
  });

  it('reads a key set after the first read immediately, although the empty one is cached', async () => {
    let stored = secret('');
    const { credentials, calls } = await secretsManager(() => stored);
    await expect(credentials.get()).rejects.toThrow('keyId is empty');
    stored = secret('k1');
    expect(await credentials.get()).toMatchObject({ keyId: 'k1' });
    const read = calls();
    expect(await credentials.get()).toMatchObject({ keyId: 'k1' });
    expect(calls()).toBe(read);
  });

  it.each([
    [
      failure('ResourceNotFoundException'),
      'ApiCredentialsError',
      'No API key in secret "key": the secret does not exist or is empty. Set it to {"keyId":"…","secret":"…"}.',
    ],
    [failure('AccessDeniedException'), 'ApiCredentialsError', 'Reading secret "key" failed (AccessDeniedException)'],
    [
      failure('InvalidRequestException'),
      'ApiCredentialsError',
      'Reading secret "key" failed (InvalidRequestException): it is scheduled for deletion. Restore it or use another secret.',
    ],
    [
      failure('ThrottlingException'),
      'StorageError',
      'Reading secret "key" failed (ThrottlingException): transient AWS error',
    ],
    [
      failure('InternalServiceError', 500),
      'StorageError',
      'Reading secret "key" failed (InternalServiceError): transient AWS error',
    ],
    [
      secret(''),
      'ApiCredentialsError',
      'Invalid API key in secret "key": keyId is empty. Set it to {"keyId":"…","secret":"…"}.',
    ],
  ])('reports failure %#', async (answer, name, message) => {
    const { credentials } = await secretsManager(() => answer);
    await expect(credentials.get()).rejects.toMatchObject({ name, message: expect.stringContaining(message) });
  });
});
