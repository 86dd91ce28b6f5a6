/** Requests through a real proxy in this process. */
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { proxyFor } from '../../functions/personalization/proxy.ts';
import { query, safeErrorOf } from '../hostile/servers.ts';
import { addressOfNobody } from '../support/closed-port.ts';
import { commandLine, KEY_ENVIRONMENT, temporaryFolder } from '../support/command-line.ts';
import * as certificates from '../support/test-certificates.ts';

const HOST = 'acme.us-5.evergage.com';
const TRUSTED = tls.getCACertificates('default');
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  tls.setDefaultCACertificates(TRUSTED);
});

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
async function listen<T extends ReturnType<typeof createServer>>(server: T): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

interface ProxyOptions {
  /** What the proxy answers instead of connecting. */
  readonly refuses?: number;
  /** The user and password that it requires. */
  readonly login?: string;
}

/** A proxy that connects every host to the API, which serves no accounts. */
async function startProxy({ refuses, login }: ProxyOptions = {}) {
  tls.setDefaultCACertificates([certificates.CA]);
  const answer = (_request: IncomingMessage, response: { end(text: string): void }) => response.end('[]');
  const secure = await listen(createHttpsServer({ key: certificates.SERVER_KEY, cert: certificates.GOOD }, answer));
  const plain = await listen(createServer(answer));
  const seen: string[] = [];
  const statusFor = ({ headers }: IncomingMessage) => {
    const expected = login && `Basic ${Buffer.from(login).toString('base64')}`;
    return expected && headers['proxy-authorization'] !== expected ? 407 : refuses;
  };
  const proxy = await listen(
    createServer((request, response) => {
      seen.push(`${request.method} ${new URL(request.url ?? '').origin}`);
      const status = statusFor(request);
      if (status !== undefined) return void response.writeHead(status).end();
      const to = { port: portOf(plain), path: new URL(request.url ?? '').pathname, headers: request.headers };
      request.pipe(forward(to, (answered) => answered.pipe(response.writeHead(answered.statusCode ?? 500))));
    }),
  );
  const sockets = new Set<Socket>();
  proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
    sockets.add(socket.on('error', () => undefined));
    seen.push(`CONNECT ${request.url} ${request.headers.authorization ?? 'without key'}`);
    const status = statusFor(request);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const api = connect(portOf(secure), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      api.pipe(socket).pipe(api);
    });
    sockets.add(api.on('error', () => undefined));
  });
  closing.push(() => sockets.forEach((socket) => void socket.destroy()));
  return { seen, port: portOf(proxy) };
}

function client(baseUrl: string, env: Record<string, string>) {
  let time = 0;
  const api = createAccountsApi({
    baseUrl,
    proxy: proxyFor(baseUrl, env),
    credentials: { get: async () => ({ keyId: 'hidden', secret: 'hidden' }) },
    now: () => time,
    random: () => 0.5,
    sleep: async (ms) => {
      time += ms;
    },
  });
  closing.push(() => api.close());
  return api;
}

describe('a request', () => {
  it('to an https host goes through a tunnel, so that the proxy sees neither the key nor the accounts', async () => {
    const { seen, port } = await startProxy();
    const api = client(`https://${HOST}`, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
    for (const page of [0, 1]) expect((await api.fetchPage(query({ page }), decodeJson)).value.records).toBe(0);
    expect(new Set(seen)).toEqual(new Set([`CONNECT ${HOST}:443 without key`]));
  });

  it('to an http host is forwarded', async () => {
    const { seen, port } = await startProxy();
    const api = client(`http://${HOST}`, { http_proxy: `http://127.0.0.1:${port}` });
    await api.fetchPage(query(), decodeJson);
    expect(seen).toEqual([`GET http://${HOST}`]);
  });

  it.each(['https', 'http'])('to an %s host sends the user and password of the proxy', async (scheme) => {
    const { seen, port } = await startProxy({ login: 'me:pass word' });
    const proxy = `http://me:pass%20word@127.0.0.1:${port}`;
    const api = client(`${scheme}://${HOST}`, { HTTPS_PROXY: proxy, HTTP_PROXY: proxy });
    expect((await api.fetchPage(query(), decodeJson)).value.records).toBe(0);
    expect(seen).toHaveLength(1);
  });
});

it('run uses the proxy of the environment for all requests', async () => {
  const { seen, port } = await startProxy();
  const args = ['run', '--api-url', `http://${HOST}`, '--dataset', 'engage', '--out', await temporaryFolder()];
  await commandLine(args, { env: { ...KEY_ENVIRONMENT, HTTP_PROXY: `http://127.0.0.1:${port}` } });
  expect(new Set(seen)).toEqual(new Set([`GET http://${HOST}`]));
});

describe('a proxy', () => {
  it.each(['https', 'http'])(
    'that needs another password fails an %s request once, without printing it',
    async (scheme) => {
      const { seen, port } = await startProxy({ login: 'me:right' });
      const proxy = `http://hidden-user:hidden@127.0.0.1:${port}`;
      const api = client(`${scheme}://${HOST}`, { HTTPS_PROXY: proxy, HTTP_PROXY: proxy });
      expect(await safeErrorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
        name: 'ApiConnectionError',
        message: `Cannot fetch page 0 of dataset "engage" from ${HOST} through the proxy 127.0.0.1:${port} (the proxy answered 407 Proxy Authentication Required): set the user and password of the proxy in HTTPS_PROXY or HTTP_PROXY, then resume the run, or start a new run if it was never planned.`,
        usage: { apiRequests: 1, recordsFetched: 0 },
      });
      expect(seen).toHaveLength(1);
    },
  );

  it.each([403, 405])('that refuses to connect with %i fails the call at once', async (refuses) => {
    const { seen, port } = await startProxy({ refuses });
    const api = client(`https://${HOST}`, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
    expect(await safeErrorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiConnectionError',
      message: expect.stringMatching(
        /the proxy answered 40\d .*: allow the host in the proxy, or name it in NO_PROXY, then/,
      ),
    });
    expect(seen).toHaveLength(1);
  });

  it.each([502, 503])('that cannot reach the API (%i) is asked again for a while', async (refuses) => {
    const { seen, port } = await startProxy({ refuses });
    const api = client(`https://${HOST}`, { HTTPS_PROXY: `http://127.0.0.1:${port}` });
    expect(await safeErrorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiConnectionError',
      message: expect.stringContaining(': check the host, and whether the proxy can reach it, then'),
    });
    expect(seen.length).toBeGreaterThan(4);
    const outage = api.fetchPage(query(), decodeJson, { answeredBefore: true });
    expect(await safeErrorOf(outage)).toMatchObject({ name: 'ApiUnavailableError' });
  });

  it('that cannot be reached is named', async () => {
    const { host, origin } = new URL(await addressOfNobody());
    const api = client(`https://${HOST}`, { HTTPS_PROXY: origin.replace('//', '//hidden:hidden@') });
    expect(await safeErrorOf(api.fetchPage(query(), decodeJson))).toMatchObject({
      name: 'ApiConnectionError',
      message: expect.stringMatching(
        `from ${HOST} through the proxy ${host} \\(connection refused; .*\\): check HTTPS_PROXY or HTTP_PROXY, then`,
      ),
      usage: { recordsFetched: 0 },
    });
  });
});

describe('proxyFor', () => {
  const https = 'https://acme.us-5.evergage.com';
  it.each<[string, string, Record<string, string>, string | undefined]>([
    ['HTTPS_PROXY for https', https, { HTTPS_PROXY: 'http://p:1' }, 'p:1'],
    ['the lower case first', https, { HTTPS_PROXY: 'http://p:1', https_proxy: 'http://q:2' }, 'q:2'],
    ['HTTP_PROXY for http', 'http://api.test', { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://q:2' }, 'p:1'],
    ['not HTTP_PROXY for https', https, { HTTP_PROXY: 'http://p:1' }, undefined],
    ['none without variables', https, {}, undefined],
    ['none if it is empty', https, { HTTPS_PROXY: ' ' }, undefined],
    ['none for this machine', 'http://127.0.0.1:8787', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['none for localhost', 'http://localhost:8787', { HTTP_PROXY: 'http://p:1' }, undefined],
    ['none for ::1', 'http://[::1]:8787', { HTTP_PROXY: 'http://p:1' }, undefined],
    [
      'none for a host in NO_PROXY',
      https,
      { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'x, ACME.us-5.evergage.com' },
      undefined,
    ],
    ['none for a domain in no_proxy', https, { HTTPS_PROXY: 'http://p:1', no_proxy: 'evergage.com' }, undefined],
    ['none for .domain', https, { HTTPS_PROXY: 'http://p:1', NO_PROXY: '.evergage.com' }, undefined],
    ['none for *.domain', https, { HTTPS_PROXY: 'http://p:1', NO_PROXY: '*.evergage.com' }, undefined],
    ['none for *', https, { HTTPS_PROXY: 'http://p:1', NO_PROXY: '*' }, undefined],
    ['none for a host with its port', https, { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'evergage.com:443' }, undefined],
    ['one for another port', https, { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'evergage.com:8443' }, 'p:1'],
    ['one for another domain', https, { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'gage.com,example.com' }, 'p:1'],
  ])('chooses %s', (_what, baseUrl, env, host) => {
    expect(proxyFor(baseUrl, env)?.host).toBe(host);
  });

  it.each(['p:1', 'hidden', 'socks5://hidden:1', 'http://', 'http://hidden%:x@p:1'])(
    'refuses %s without printing it',
    (value) => {
      expect(() => proxyFor(https, { HTTPS_PROXY: value })).toThrow(
        'Invalid proxy in HTTPS_PROXY: set it to an http or https URL, such as http://proxy.example.com:3128.',
      );
    },
  );
});
