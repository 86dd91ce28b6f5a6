/** API keys: messages for invalid secrets, no retries with a wrong key, and one fresh read after a rotation. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, it } from 'vitest';
import { localCatalog, runLocal } from '../../cli/local/run-local.ts';
import { secretCredentials } from '../../functions/aws/secret-credentials.ts';
import { exportPage } from '../../functions/export/page/export-page.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { staticCredentials } from '../../functions/personalization/credentials.ts';
import { type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';
import { client, query, safeErrorOf, serveHttp } from './servers.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Secret = { SecretString?: string; SecretBinary?: string } | { status: number; __type: string };

/** A Secrets Manager with one secret that tests can change, and a count of its reads. */
async function secretsManager(secret: Secret) {
  const state = { secret, reads: 0 };
  const server = createServer((request, response) => {
    request.resume();
    state.reads++;
    const { status = 200, ...body } = { status: 200, ...state.secret };
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
    // Slow enough for concurrent calls to overlap.
    setTimeout(() => response.end(JSON.stringify({ Name: 'key', ...body })), 20);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sdk = new SecretsManagerClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  closing.push(() => {
    sdk.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { state, credentials: secretCredentials({ secretId: 'key', client: sdk }) };
}

const keyOf = (keyId: string, secret: string): Secret => ({ SecretString: JSON.stringify({ keyId, secret }) });
const RIGHT = keyOf('demo-key', 'demo:secret');
const WRONG = keyOf('demo-key', 'hidden');

async function simulated(secret: Secret, options: SimulatorOptions = {}) {
  const simulator = await startSimulator({ accounts: 95, latencyMs: 5, ...options });
  closing.push(() => simulator.close());
  const { state, credentials } = await secretsManager(secret);
  return { simulator, state, api: client(simulator.url, { credentials, concurrency: 8 }) };
}

const invalid = (problem: string) => `Invalid API key in secret "key": ${problem}`;
const expected = (problem: string) => invalid(`${problem}. Set it to {"keyId":"…","secret":"…"}.`);

describe('an invalid secret', () => {
  it.each<[string, Secret, string]>([
    ['a string', { SecretString: 'hidden' }, expected('it is not JSON')],
    ['keyId:secret', { SecretString: 'k:hidden' }, expected('it is not JSON')],
    ['truncated JSON', { SecretString: '{"keyId":"hidden' }, expected('it is not JSON')],
    ['an array', { SecretString: '["k","hidden"]' }, expected('it is not a JSON object')],
    ['a number', { SecretString: '12345' }, expected('it is not a JSON object')],
    ['null', { SecretString: 'null' }, expected('it is not a JSON object')],
    ['a JSON string', { SecretString: '"hidden"' }, expected('it is not a JSON object')],
    ['an empty string', { SecretString: '' }, expected('it is not JSON')],
    ['no value', {}, expected('it is not JSON')],
    [
      'bytes',
      { SecretBinary: Buffer.from('{"keyId":"hidden","secret":"hidden"}').toString('base64') },
      invalid('it is binary (SecretBinary). Store it as text (SecretString): {"keyId":"…","secret":"…"}.'),
    ],
    ['an empty object', { SecretString: '{}' }, expected('keyId is missing')],
    ['other keys', { SecretString: '{"hidden":"hidden","password":"hidden"}' }, expected('keyId is missing')],
    ['keys in another case', { SecretString: '{"KeyId":"hidden","Secret":"hidden"}' }, expected('keyId is missing')],
    [
      'a key in __proto__',
      { SecretString: '{"__proto__":{"keyId":"hidden","secret":"hidden"}}' },
      expected('keyId is missing'),
    ],
    ['no secret', { SecretString: '{"keyId":"hidden"}' }, expected('secret is missing')],
    ['an empty keyId', keyOf('', 'hidden'), expected('keyId is empty')],
    ['an empty secret', keyOf('hidden', ''), expected('secret is empty')],
    ['a keyId that is a number', { SecretString: '{"keyId":5,"secret":"hidden"}' }, expected('keyId is not a string')],
    ['a secret that is null', { SecretString: '{"keyId":"k","secret":null}' }, expected('secret is not a string')],
    [
      'a secret that is an array',
      { SecretString: '{"keyId":"k","secret":["hidden"]}' },
      expected('secret is not a string'),
    ],
    [
      'a keyId with a leading space',
      keyOf(' hidden', 'x'),
      'Invalid API key in value "keyId" of secret "key": remove the whitespace at the start or end of this value.',
    ],
    [
      'a secret with a trailing line break',
      keyOf('k', 'hidden\n'),
      'Invalid API key in value "secret" of secret "key": remove the whitespace at the start or end of this value.',
    ],
    [
      'a secret with a trailing no-break space',
      keyOf('k', 'hidden\u00a0'),
      'Invalid API key in value "secret" of secret "key": remove the whitespace at the start or end of this value.',
    ],
    [
      'keyId and secret in one value',
      keyOf('k:hidden', 'x'),
      'Invalid API key in value "keyId" of secret "key": the key id contains a colon. Keep only the part before it.',
    ],
  ])('is reported without its value, and no request is sent: %s', async (_name, secret, message) => {
    const { api, simulator } = await simulated(secret);
    const error = await api.fetchPage(query(), decodeJson).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ApiCredentialsError', transient: false, message });
    expect(message.includes('hidden')).toBe(false);
    expect(simulator.requests).toEqual([]);
  });

  it('is accepted with whitespace around it, and with spaces and colons in the secret', async () => {
    const { api } = await simulated(
      { SecretString: ' {"keyId":"demo-key",\n"secret":"de mo:sec:ret","note":"x"}\n' },
      { keySecret: 'de mo:sec:ret' },
    );
    expect((await api.fetchPage(query(), decodeJson)).value.records).toBe(10);
  });

  it('is reported the same way for static credentials', () => {
    expect(() => staticCredentials({ keyId: 'k', secret: 'hidden\n' })).toThrow(
      'Invalid API key in secret: remove the whitespace at the start or end of this value.',
    );
  });
});

describe('a wrong key', () => {
  const FIRST_ROUND = 8;

  it.each<[number, Secret, SimulatorOptions]>([
    [401, WRONG, {}],
    [403, RIGHT, { forbiddenDatasets: ['engage'] }],
  ])('fails a run after one fresh read, without retries: %i', async (status, secret, options) => {
    const { api, simulator, state } = await simulated(secret, options);
    const { store, objects } = memoryStore();
    const outcome = await runLocal({
      api,
      store,
      catalog: localCatalog(),
      clock: { now: Date.now },
      runId: 'run-1',
      request: { exportName: 'all', datasetId: 'engage', pageSize: 10 },
      exports: [],
      concurrency: 8,
      retryIntervalMs: 1,
      signal: new AbortController().signal,
    });
    expect(outcome).toMatchObject({ outcome: 'failed', failure: { error: 'ApiCredentialsError' } });
    expect(JSON.stringify(outcome)).not.toContain('hidden');
    expect(simulator.requests.length).toBeLessThanOrEqual(FIRST_ROUND);
    const pages = simulator.requests.map(({ page, pageSize }) => `${page}/${pageSize}`);
    expect(new Set(pages).size).toBe(pages.length);
    expect(simulator.requests.every((request) => request.status === status)).toBe(true);
    expect(state.reads).toBe(2);
    expect([...objects.keys()].filter((key) => !key.startsWith('work/'))).toEqual([]);
  });

  it('causes another fresh read in a later call', async () => {
    const { api, state } = await simulated(WRONG);
    await safeErrorOf(api.fetchPage(query(), decodeJson));
    await safeErrorOf(api.fetchPage(query(), decodeJson));
    expect(state.reads).toBe(3);
  });

  it('fails with the error of the fresh read, and reports usage', async () => {
    const { api, simulator, state } = await simulated(WRONG, {
      onRequest: () => {
        state.secret = { status: 400, __type: 'ThrottlingException' };
      },
    });
    const error = await safeErrorOf(api.fetchPage(query(), decodeJson));
    expect(error).toMatchObject({
      name: 'StorageError',
      transient: true,
      usage: { apiRequests: 1, recordsFetched: 0 },
    });
    expect(simulator.requests).toHaveLength(1);
  });
});

describe('a key rotated during a run', () => {
  it('causes one fresh read in total and no failure', async () => {
    const { api, simulator, state } = await simulated(RIGHT);
    const { store } = memoryStore();
    const steps = runSteps(api, store);
    const plan = await steps.plan();
    expect(state.reads).toBe(1);

    simulator.setKey('new-key', 'new:secret');
    state.secret = keyOf('new-key', 'new:secret');
    const before = simulator.requests.length;
    await Promise.all(
      plan.pageNumbers.map((page) =>
        exportPage({ api, store, clock: { now: () => 0 } }, { page, run: plan.run, execution: plan.execution }),
      ),
    );
    expect(state.reads).toBe(2);
    const refused = simulator.requests.slice(before).filter(({ status }) => status === 401).length;
    expect(refused).toBeGreaterThan(0);
    // The requests in flight during the rotation.
    expect(refused).toBeLessThanOrEqual(10);
    expect(simulator.requests.length - before).toBe(10 + refused);

    expect(await steps.publish(plan)).toMatchObject({ accounts: 95, verdict: 'consistent' });
    expect(state.reads).toBe(2);
  });

  it('is not read again for a late 401', async () => {
    const { state, credentials } = await secretsManager(keyOf('old', 's'));
    const url = await serveHttp((request, response) => {
      const old = request.headers.authorization === `Basic ${Buffer.from('old:s').toString('base64')}`;
      const lateMs = request.url?.endsWith('page=1') ? 200 : 0;
      setTimeout(() => response.writeHead(old ? 401 : 200).end('[]'), lateMs);
    });
    const api = client(url, { credentials });
    await credentials.get();
    state.secret = keyOf('new', 's');
    await Promise.all([0, 1].map((page) => api.fetchPage(query({ page }), decodeJson)));
    expect(state.reads).toBe(2);
  });

  it('fails the call after one fresh read if it changes all the time', async () => {
    let reads = 0;
    let requests = 0;
    const url = await serveHttp((_request, response) => {
      requests++;
      response.writeHead(401).end();
    });
    const credentials = { get: async () => ({ keyId: `key-${++reads}`, secret: 's' }) };
    const error = await safeErrorOf(client(url, { credentials }).fetchPage(query(), decodeJson));
    expect(error.name).toBe('ApiCredentialsError');
    expect([reads, requests]).toEqual([2, 2]);
  });

  it('causes one fresh read per rotation', async () => {
    const { api, simulator, state } = await simulated(RIGHT);
    for (const n of [1, 2, 3]) {
      await api.fetchPage(query(), decodeJson);
      simulator.setKey(`key-${n}`, 's');
      state.secret = keyOf(`key-${n}`, 's');
    }
    await api.fetchPage(query(), decodeJson);
    expect(state.reads).toBe(4);
  });
});

it('concurrent calls read the secret once', async () => {
  const { api, state } = await simulated(RIGHT);
  await Promise.all([0, 1, 2, 3, 4, 5].map((page) => api.fetchPage(query({ page }), decodeJson)));
  expect(state.reads).toBe(1);
});
