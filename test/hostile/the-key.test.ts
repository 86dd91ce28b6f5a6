/** The key: a sentence for each way to get it wrong, no tries with a wrong one, and one fresh read for a new one. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, describe, expect, it } from 'vitest';
import { localCatalog } from '../../cli/local/local-catalog.ts';
import { runLocal } from '../../cli/local/run-local.ts';
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

/** A Secrets Manager with one secret, which the test may change, and a count of how often it was read. */
async function secretsManager(secret: Secret) {
  const state = { secret, reads: 0 };
  const server = createServer((request, response) => {
    request.resume();
    state.reads++;
    const { status = 200, ...body } = { status: 200, ...state.secret };
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
    // Slow enough that calls which start together are all under way before the first has an answer.
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

/** A simulated API, and the real client with the key from that Secrets Manager. */
async function simulated(secret: Secret, options: SimulatorOptions = {}) {
  const simulator = await startSimulator({ accounts: 95, latencyMs: 5, ...options });
  closing.push(() => simulator.close());
  const { state, credentials } = await secretsManager(secret);
  return { simulator, state, api: client(simulator.url, { credentials, concurrency: 8 }) };
}

const IT_SHOULD = 'it should be {"keyId":"…","secret":"…"}.';

describe('a secret that is no key', () => {
  it.each<[string, Secret, string]>([
    ['a text', { SecretString: 'hidden' }, `The API key in secret "key" is not JSON: ${IT_SHOULD}`],
    [
      'both halves as the header has them',
      { SecretString: 'k:hidden' },
      `The API key in secret "key" is not JSON: ${IT_SHOULD}`,
    ],
    [
      'JSON that broke off',
      { SecretString: '{"keyId":"hidden' },
      `The API key in secret "key" is not JSON: ${IT_SHOULD}`,
    ],
    ['an array', { SecretString: '["k","hidden"]' }, `The API key in secret "key" is not an object: ${IT_SHOULD}`],
    ['a number', { SecretString: '12345' }, `The API key in secret "key" is not an object: ${IT_SHOULD}`],
    ['null', { SecretString: 'null' }, `The API key in secret "key" is not an object: ${IT_SHOULD}`],
    ['a JSON text', { SecretString: '"hidden"' }, `The API key in secret "key" is not an object: ${IT_SHOULD}`],
    ['nothing', { SecretString: '' }, `The API key in secret "key" is not JSON: ${IT_SHOULD}`],
    ['neither text nor bytes', {}, `The API key in secret "key" is not JSON: ${IT_SHOULD}`],
    [
      'bytes',
      { SecretBinary: Buffer.from('{"keyId":"hidden","secret":"hidden"}').toString('base64') },
      'The API key in secret "key" is stored as bytes (SecretBinary): store it as a text (SecretString), {"keyId":"…","secret":"…"}.',
    ],
    [
      'an object without either',
      { SecretString: '{}' },
      `The keyId of the API key in secret "key" is missing: ${IT_SHOULD}`,
    ],
    [
      'other keys',
      { SecretString: '{"hidden":"hidden","password":"hidden"}' },
      `The keyId of the API key in secret "key" is missing: ${IT_SHOULD}`,
    ],
    [
      'keys in another case',
      { SecretString: '{"KeyId":"hidden","Secret":"hidden"}' },
      `The keyId of the API key in secret "key" is missing: ${IT_SHOULD}`,
    ],
    [
      'a key in its prototype',
      { SecretString: '{"__proto__":{"keyId":"hidden","secret":"hidden"}}' },
      `The keyId of the API key in secret "key" is missing: ${IT_SHOULD}`,
    ],
    [
      'no secret',
      { SecretString: '{"keyId":"hidden"}' },
      `The secret of the API key in secret "key" is missing: ${IT_SHOULD}`,
    ],
    ['an empty keyId', keyOf('', 'hidden'), `The keyId of the API key in secret "key" is empty: ${IT_SHOULD}`],
    ['an empty secret', keyOf('hidden', ''), `The secret of the API key in secret "key" is empty: ${IT_SHOULD}`],
    [
      'a keyId that is a number',
      { SecretString: '{"keyId":5,"secret":"hidden"}' },
      `The keyId of the API key in secret "key" is not a text: ${IT_SHOULD}`,
    ],
    [
      'a secret that is null',
      { SecretString: '{"keyId":"k","secret":null}' },
      `The secret of the API key in secret "key" is not a text: ${IT_SHOULD}`,
    ],
    [
      'a secret that is a list',
      { SecretString: '{"keyId":"k","secret":["hidden"]}' },
      `The secret of the API key in secret "key" is not a text: ${IT_SHOULD}`,
    ],
    [
      'a keyId with a blank before it',
      keyOf(' hidden', 'x'),
      'The keyId of the API key in secret "key" starts or ends with a blank or a line break: put it there without.',
    ],
    [
      'a secret with a line break behind it',
      keyOf('k', 'hidden\n'),
      'The secret of the API key in secret "key" starts or ends with a blank or a line break: put it there without.',
    ],
    [
      'a secret with a no-break space behind it',
      keyOf('k', 'hidden\u00a0'),
      'The secret of the API key in secret "key" starts or ends with a blank or a line break: put it there without.',
    ],
    [
      'both halves in one',
      keyOf('k:hidden', 'x'),
      'The keyId of the API key in secret "key" holds a colon, which it cannot: were both halves put into it?',
    ],
  ])('has a sentence that does not show it, and is sent to nobody: %s', async (_name, secret, message) => {
    const { api, simulator } = await simulated(secret);
    const error = await api.fetchPage(query(), decodeJson).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ApiCredentialsError', transient: false, message });
    expect(message.includes('hidden')).toBe(false);
    expect(simulator.requests).toEqual([]);
  });

  it('may lie in blanks, and hold blanks and colons inside', async () => {
    const { api } = await simulated(
      { SecretString: ' {"keyId":"demo-key",\n"secret":"de mo:sec:ret","note":"x"}\n' },
      { keySecret: 'de mo:sec:ret' },
    );
    expect((await api.fetchPage(query(), decodeJson)).value.records).toBe(10);
  });

  it('is refused from the environment in the same words', () => {
    expect(() => staticCredentials({ keyId: 'k', secret: 'hidden\n' })).toThrow(
      'The secret of the API key in the key given starts or ends with a blank or a line break: put it there without.',
    );
  });
});

describe('a wrong key', () => {
  const FIRST_ROUND = 8;

  it.each<[number, Secret, SimulatorOptions]>([
    [401, WRONG, {}],
    [403, RIGHT, { forbiddenDatasets: ['engage'] }],
  ])('ends a whole run within seconds, after one fresh read and no other try: %i', async (status, secret, options) => {
    const { api, simulator, state } = await simulated(secret, options);
    const { store, objects } = memoryStore();
    const startedAt = Date.now();
    const outcome = await runLocal({
      api,
      store,
      catalog: localCatalog(),
      clock: { now: Date.now },
      runId: 'run-1',
      request: { exportName: 'all', datasetId: 'engage', pageSize: 10 },
      exports: [],
      concurrency: 8,
      signal: new AbortController().signal,
    });
    expect(Date.now() - startedAt).toBeLessThan(3000);
    expect(outcome).toMatchObject({ status: 'failed', failure: { error: 'ApiCredentialsError' } });
    expect(JSON.stringify(outcome)).not.toContain('hidden');
    expect(simulator.requests.length).toBeLessThanOrEqual(FIRST_ROUND);
    const pages = simulator.requests.map(({ page, pageSize }) => `${page}/${pageSize}`);
    expect(new Set(pages).size).toBe(pages.length);
    expect(simulator.requests.every((request) => request.status === status)).toBe(true);
    expect(state.reads).toBe(2);
    expect([...objects.keys()].filter((key) => !key.startsWith('work/'))).toEqual([]);
  });

  it('costs a fresh read again when it is tried again later', async () => {
    const { api, state } = await simulated(WRONG);
    await safeErrorOf(api.fetchPage(query(), decodeJson));
    await safeErrorOf(api.fetchPage(query(), decodeJson));
    expect(state.reads).toBe(3);
  });

  it('that cannot be read anew ends with that, and with what the request cost', async () => {
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

describe('a key that is changed during a run', () => {
  it('costs one fresh read between all pages, and no failure', async () => {
    const { api, simulator, state } = await simulated(RIGHT);
    const { store } = memoryStore();
    const steps = runSteps(api, store);
    const plan = await steps.plan();
    expect(state.reads).toBe(1);

    simulator.setKey('new-key', 'new:secret');
    state.secret = keyOf('new-key', 'new:secret');
    const before = simulator.requests.length;
    await Promise.all(plan.pageNumbers.map((page) => exportPage({ api, store }, { page, run: plan.run })));
    expect(state.reads).toBe(2);
    const refused = simulator.requests.slice(before).filter(({ status }) => status === 401).length;
    expect(refused).toBeGreaterThan(0);
    // Those in flight when it changed, and none that left after the new one was known.
    expect(refused).toBeLessThanOrEqual(10);
    expect(simulator.requests.length - before).toBe(10 + refused);

    expect(await steps.publish(plan)).toMatchObject({ accounts: 95, verdict: 'consistent' });
    expect(state.reads).toBe(2);
  });

  it('is not read again for an answer that comes late', async () => {
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

  it('to one that is refused too, and changed again and again, ends the call after one fresh read', async () => {
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

  it('twice costs a fresh read each time', async () => {
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

it('calls that start together read the secret once', async () => {
  const { api, state } = await simulated(RIGHT);
  await Promise.all([0, 1, 2, 3, 4, 5].map((page) => api.fetchPage(query({ page }), decodeJson)));
  expect(state.reads).toBe(1);
});
