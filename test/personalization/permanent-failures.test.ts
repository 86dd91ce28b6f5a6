/** Failures that no retry changes end a call after one or two connections, and say what to do. */
import dns from 'node:dns';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { localCatalog, runLocal } from '../../cli/local/run-local.ts';
import { decodeCsv } from '../../functions/formats/csv.ts';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { type AccountsApiOptions, createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { query, safeErrorOf } from '../hostile/servers.ts';
import { commandLine, KEY_ENVIRONMENT, temporaryFolder } from '../support/command-line.ts';
import { memoryStore } from '../support/memory-store.ts';
import * as certificates from '../support/test-certificates.ts';

const TRUSTED = tls.getCACertificates('default');
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  tls.setDefaultCACertificates(TRUSTED);
  vi.restoreAllMocks();
});

/** Starts a server that counts its connections. */
async function counted(server: NetServer) {
  const count = { connections: 0, port: 0 };
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    count.connections++;
    sockets.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  count.port = (server.address() as AddressInfo).port;
  return count;
}

const answering = (_request: unknown, response: { end(text: string): void }) => response.end('[]');
const https = (cert: string) => counted(createHttpsServer({ key: certificates.SERVER_KEY, cert }, answering));

/** A client whose time passes only while it waits. */
function client(baseUrl: string, options: Partial<AccountsApiOptions> = {}) {
  let time = 0;
  const api = createAccountsApi({
    baseUrl,
    credentials: { get: async () => ({ keyId: 'hidden', secret: 'hidden' }) },
    random: () => 0.5,
    now: () => time,
    sleep: async (ms) => {
      time += ms;
    },
    ...options,
  });
  closing.push(() => api.close());
  return { api, waitedMs: () => time };
}

describe('a certificate', () => {
  it.each([
    [
      'of an unknown CA',
      certificates.GOOD,
      false,
      'set NODE_EXTRA_CA_CERTS to a file with the CA certificate of your network',
    ],
    ['signed by itself', certificates.SELF_SIGNED, true, 'set NODE_EXTRA_CA_CERTS'],
    [
      'that has expired',
      certificates.EXPIRED,
      true,
      'check the clock of this machine; if it is right, wait for a new certificate',
    ],
    ['of another host', certificates.OTHER_HOST, true, 'the certificate is for another host'],
  ])('%s fails a call after one connection', async (_what, certificate, isTrusted, remedy) => {
    if (isTrusted) tls.setDefaultCACertificates([certificates.CA]);
    const server = await https(certificate);
    const { api } = client(`https://127.0.0.1:${server.port}`);
    const error = await safeErrorOf(api.fetchPage(query(), decodeJson));
    expect(error).toMatchObject({
      name: 'ApiConnectionError',
      transient: false,
      message: expect.stringContaining(remedy),
      usage: { apiRequests: 1, recordsFetched: 0 },
    });
    expect(server.connections).toBe(1);
  });

  it('of a CA that NODE_EXTRA_CA_CERTS names is accepted', async () => {
    // Node.js reads the variable when it starts; this sets the same list.
    tls.setDefaultCACertificates([certificates.CA]);
    const server = await https(certificates.GOOD);
    const { api } = client(`https://127.0.0.1:${server.port}`);
    expect((await api.fetchPage(query(), decodeJson)).value.records).toBe(0);
  });

  it('of an unknown CA fails a run on one machine after at most 8 connections', async () => {
    const server = await https(certificates.GOOD);
    const outcome = await runLocal({
      api: client(`https://127.0.0.1:${server.port}`, { concurrency: 8 }).api,
      store: memoryStore().store,
      catalog: localCatalog(),
      runId: 'run-1',
      request: { exportName: 'all', datasetId: 'engage', pageSize: 10 },
      concurrency: 8,
      retryIntervalMs: 1,
      signal: new AbortController().signal,
    });
    expect(outcome).toMatchObject({ outcome: 'failed', failure: { error: 'ApiConnectionError' } });
    expect(server.connections).toBeLessThanOrEqual(8);
  });
});

describe('the wrong protocol', () => {
  it('https to an http port fails a call after one connection', async () => {
    const server = await counted(createHttpServer(answering));
    const { api } = client(`https://127.0.0.1:${server.port}`);
    expect(await safeErrorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiConnectionError',
      message: expect.stringContaining('(the response is not TLS): check whether the host expects http or https'),
    });
    expect(server.connections).toBe(1);
  });

  /** Answers plain HTTP on a TLS port with 400, as nginx, Apache, Go and load balancers do. */
  async function tlsOr400() {
    const secure = createHttpsServer({ key: certificates.SERVER_KEY, cert: certificates.GOOD }, answering);
    return counted(
      createNetServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', (bytes) => {
          if (bytes[0] !== TLS_HANDSHAKE) {
            socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
            return;
          }
          socket.pause().unshift(bytes);
          secure.emit('connection', socket);
        });
      }),
    );
  }
  const TLS_HANDSHAKE = 22;
  const alerting = () =>
    counted(
      createNetServer((socket) => {
        socket.on('error', () => undefined).once('data', () => socket.end(Buffer.from('15030100020246', 'hex')));
      }),
    );
  const redirecting = () =>
    counted(
      createHttpServer((_request, response) => response.writeHead(301, { location: 'https://127.0.0.1/' }).end()),
    );

  it.each([
    ['closes the connection (Node.js)', () => https(certificates.GOOD), 2],
    ['answers 400 (nginx)', tlsOr400, 2],
    ['sends a TLS alert (OpenSSL)', alerting, 1],
    ['redirects to https', redirecting, 1],
  ])('http to a server that expects https and %s fails a call after one request', async (_what, start, connections) => {
    const server = await start();
    const { api } = client(`http://127.0.0.1:${server.port}`);
    expect(await safeErrorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiConnectionError',
      message: expect.stringContaining(
        `127.0.0.1:${server.port}: the host expects https: use https instead of http, then`,
      ),
      usage: { apiRequests: 1, recordsFetched: 0 },
    });
    // A second one finds out whether the port speaks TLS.
    expect(server.connections).toBe(connections);
  });

  it('of a run that was not planned says to repeat the command, without a line about the contract', async () => {
    const { port } = await alerting();
    const args = [
      'run',
      '--api-url',
      `http://127.0.0.1:${port}`,
      '--dataset',
      'engage',
      '--out',
      await temporaryFolder(),
    ];
    const { stderr } = await commandLine(args, { env: KEY_ENVIRONMENT });
    expect(stderr).toMatch(/: the host expects https: use https instead of http, then repeat this command\.\n$/);
    expect(stderr).not.toMatch(/Contract|resume/i);
  });

  it('http to a server that closes the connection and does not speak TLS is retried', async () => {
    const server = await counted(createNetServer((socket) => void socket.once('data', () => socket.destroy())));
    const { api } = client(`http://127.0.0.1:${server.port}`);
    expect(await safeErrorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiUnavailableError',
      usage: { apiRequests: 4 },
    });
  });

  it('https to a server that closes the connection sends no request, and names the protocol', async () => {
    const server = await counted(createNetServer((socket) => void socket.once('data', () => socket.end())));
    const { api } = client(`https://127.0.0.1:${server.port}`);
    expect(await safeErrorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiConnectionError',
      message: expect.stringMatching(
        /closed the connection instead of starting TLS; .*: check whether the host expects http or https/,
      ),
      usage: { recordsFetched: 0 },
    });
  });
});

describe('a host name', () => {
  function lookupsFail(code: string, times = Number.POSITIVE_INFINITY): () => number {
    let lookups = 0;
    vi.spyOn(dns, 'lookup').mockImplementation(((
      host: string,
      options: { all?: boolean },
      callback: (...found: unknown[]) => void,
    ) => {
      if (++lookups <= times) callback(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code }));
      else callback(null, options.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4);
    }) as never);
    return () => lookups;
  }

  it('that is found at the fifth lookup costs no failure', async () => {
    const server = await counted(createHttpServer(answering));
    lookupsFail('ENOTFOUND', 4);
    const { api } = client(`http://acme.us-5.evergage.test:${server.port}`);
    expect(await api.fetchPage(query(), decodeJson)).toMatchObject({ usage: { apiRequests: 5, recordsFetched: 0 } });
  });
});

describe('an answer that is not what was requested', () => {
  const html = '<!doctype html><title>Sign in</title>';
  it.each<[string, 'json' | 'csv', string, Record<string, string>, string]>([
    ['a login page', 'json', html, { 'content-type': 'text/html' }, 'HTML instead of JSON'],
    ['a login page labeled as JSON', 'json', html, { 'content-type': 'application/json' }, 'HTML instead of JSON'],
    ['a login page for CSV', 'csv', html, { 'content-type': 'text/csv' }, 'HTML instead of CSV'],
    ['an error object', 'json', '{"error":"hidden"}', {}, '(an object instead of an array of accounts)'],
    ['an error string', 'json', '"hidden"', {}, '(a string instead of an array of accounts)'],
    ['an error for CSV', 'csv', 'Sorry, hidden\n', {}, 'Text instead of CSV'],
    ['an unknown encoding', 'json', 'hidden', { 'content-encoding': 'zstd' }, 'Unsupported content encoding'],
    [
      'another charset',
      'json',
      '["\u00e9"]',
      { 'content-type': 'application/json; charset=utf-16' },
      'Body is not UTF-8',
    ],
  ])('is requested again once, then fails for good: %s', async (...[_what, endpoint, body, headers, problem]) => {
    let requests = 0;
    const server = await counted(
      createHttpServer((_request, response) => {
        requests++;
        response.writeHead(200, headers).end(body);
      }),
    );
    const decode = (bytes: Buffer) =>
      endpoint === 'json' ? decodeJson(bytes) : decodeCsv(bytes, { finalNewline: undefined });
    const { api } = client(`http://127.0.0.1:${server.port}`);
    expect(await safeErrorOf(api.fetchPage(query({ endpoint }), decode))).toMatchObject({
      name: 'ApiContentError',
      transient: false,
      message: expect.stringContaining(problem),
    });
    expect(requests).toBe(2);
  });

  it('costs nothing if the next answer is right', async () => {
    let requests = 0;
    const server = await counted(
      createHttpServer((_request, response) => {
        if (++requests === 1) response.writeHead(200, { 'content-type': 'text/html' }).end(html);
        else response.end('[{"name":"a"}]');
      }),
    );
    const { api } = client(`http://127.0.0.1:${server.port}`);
    expect(await api.fetchPage(query(), decodeJson)).toMatchObject({ usage: { apiRequests: 2, recordsFetched: 1 } });
  });
});
