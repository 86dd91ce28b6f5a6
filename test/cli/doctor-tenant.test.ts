/** `doctor` for a tenant: the diagnosis of each way in which its API can differ from what a run needs. */
import dns from 'node:dns';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import { serveHttp } from '../hostile/servers.ts';
import { alteredApi } from '../support/altered-api.ts';
import { addressOfNobody } from '../support/closed-port.ts';
import { commandLine, KEY_ENVIRONMENT } from '../support/command-line.ts';
import { simulatedTenant } from '../support/simulated-tenant.ts';
import * as certificates from '../support/test-certificates.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) close();
});

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const simulated = async (options: SimulatorOptions) => ['--api-url', (await simulatedTenant(options)).url];
const TENANT = ['--account', 'acme', '--instance', 'us-5'];

interface Variant {
  /** Starts what the variant needs. @returns the flags for the host */
  readonly start: () => Promise<readonly string[]>;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly code: number;
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  'a wrong key': { start: () => simulated({ keySecret: 'another' }), code: 1 },
  'an unknown dataset': { start: () => simulated({ datasets: ['other'] }), code: 1 },
  'an address that is not on the IP allowlist': { start: () => simulated({ forbiddenDatasets: ['engage'] }), code: 1 },
  'a login page': {
    start: async () => {
      const login = '<!doctype html><title>Sign in</title>';
      return [
        '--api-url',
        await serveHttp((_, response) => response.setHeader('content-type', 'text/html').end(login)),
      ];
    },
    code: 1,
  },
  'a redirect': {
    start: async () => [
      '--api-url',
      await serveHttp((_, response) => response.writeHead(302, { location: '/login' }).end()),
    ],
    code: 1,
  },
  'an unknown CA': {
    start: async () => {
      const server = createHttpsServer({ key: certificates.SERVER_KEY, cert: certificates.GOOD });
      return ['--api-url', `https://127.0.0.1:${await listen(server)}`];
    },
    code: 1,
  },
  'https to an http port': {
    start: async () => ['--api-url', `https://127.0.0.1:${await listen(createServer())}`],
    code: 1,
  },
  'a host name that does not exist': {
    start: async () => {
      vi.spyOn(dns, 'lookup').mockImplementation(((host: string, _: unknown, callback: (error: Error) => void) => {
        callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }));
      }) as never);
      return TENANT;
    },
    code: 1,
  },
  'no connection': { start: async () => ['--api-url', await addressOfNobody()], code: 1 },
  'pages that are no offsets': { start: () => simulated({ minPageSize: 50 }), code: 0 },
  'an ignored page number': { start: () => simulated({ ignorePage: true }), code: 1 },
  'a page size cap': { start: () => simulated({ pageSizeCap: 20 }), code: 1 },
  'an unstable order': { start: () => simulated({ unstableOrder: true }), code: 1 },
  'attributes as arrays': { start: () => simulated({ attributeShape: 'array' }), code: 0 },
  'attributes of several shapes': { start: () => simulated({ attributeShape: 'mixed' }), code: 0 },
  'CSV without names': {
    start: async () => {
      const { url } = await simulatedTenant();
      const api = await alteredApi(url, (response) => {
        if (response.url.includes('.csv')) response.body = response.body.replace('name,', 'title,');
      });
      return ['--api-url', api];
    },
    flags: ['--format', 'csv'],
    code: 1,
  },
  'a server that throttles': {
    start: () => simulated({ faults: [{ fault: { status: 429, retryAfter: '2' }, pages: [0] }] }),
    code: 0,
  },
  'a server that asks to wait for an hour': {
    start: () => simulated({ faults: [{ fault: { status: 429, retryAfter: '3600' } }] }),
    code: 1,
  },
  'an outage': {
    start: () => simulated({ faults: [{ fault: { status: 503 }, times: 100 }] }),
    code: 1,
  },
  'another clock': {
    start: async () => {
      const { url } = await simulatedTenant();
      const later = new Date(Date.now() + 3_600_000).toUTCString();
      return ['--api-url', await alteredApi(url, ({ headers }) => headers.set('date', later))];
    },
    code: 0,
  },
  'an empty dataset': { start: () => simulated({ accounts: 0 }), code: 0 },
};

describe('doctor finds', () => {
  it.each(Object.entries(VARIANTS))('%s', async (name, { start, flags = [], env = {}, code }) => {
    const host = await start();
    const { stdout, stderr, ...ended } = await commandLine(['doctor', ...host, '--dataset', 'engage', ...flags], {
      env: { ...KEY_ENVIRONMENT, ...env },
    });
    console.log(name, '\n' + stdout);
    expect({ stderr, code: ended.code }).toEqual({ stderr: '', code });
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});
