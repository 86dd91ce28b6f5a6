/** `doctor` for a tenant: the diagnosis of each way in which its API can differ from what a run needs. */
import dns from 'node:dns';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkTenant } from '../../cli/tenant/check-tenant.ts';
import { lookAtTenant } from '../../cli/tenant/look-at-tenant.ts';
import { collectResponses } from '../../cli/tenant/responses.ts';
import type { Finding } from '../../cli/terminal/findings.ts';
import type { AccountsApi } from '../../functions/export/ports.ts';
import { ExportSettingsSchema } from '../../functions/model/export-settings.ts';
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import { serveHttp } from '../hostile/servers.ts';
import { type AlteredResponse, alteredApi } from '../support/altered-api.ts';
import { addressOfNobody } from '../support/closed-port.ts';
import { commandLine, startCommandLine } from '../support/command-line.ts';
import { simulatedTenant } from '../support/simulated-tenant.ts';
import { startSmallSecrets } from '../support/small-secrets.ts';
import * as certificates from '../support/test-certificates.ts';
import { until } from '../support/until.ts';

const TRUSTED = tls.getCACertificates('default');
const closing: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  tls.setDefaultCACertificates(TRUSTED);
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

/** The flags for a simulated tenant. */
const simulated = async (options: SimulatorOptions) => ['--api-url', (await simulatedTenant(options)).url];
const TENANT = ['--account', 'acme', '--instance', 'us-5'];

/** Starts what a variant needs. @returns the flags for the host */
type Start = () => Promise<readonly string[]>;
/** The lines that are not ok, without line breaks and columns. */
type Variant = readonly [start: Start, problems: readonly string[], ...flags: string[]];

const served = async (listener: Parameters<typeof serveHttp>[0]) => ['--api-url', await serveHttp(listener)];
const LOGIN = '<!doctype html><title>Sign in</title>';

const FAILED: Readonly<Record<string, Variant>> = {
  'a wrong key': [
    () => simulated({ keySecret: 'another' }),
    ['fail API key 401 Unauthorized from HOST Check that the API key is correct, enabled, and belongs to this tenant.'],
  ],
  'a secret without a key': [
    async () => {
      const secrets = await startSmallSecrets({ secret: 'hidden' });
      closing.push(() => void secrets.close());
      for (const [name, value] of Object.entries({
        AWS_ENDPOINT_URL: secrets.url,
        AWS_REGION: 'eu-west-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
      }))
        vi.stubEnv(name, value);
      return [...(await simulated({})), '--secret-id', 'doctor/key'];
    },
    ['fail API key Invalid API key in secret "doctor/key" keyId is missing. Set it to {"keyId":"…","secret":"…"}.'],
  ],
  'an unknown dataset': [
    () => simulated({ datasets: ['other'] }),
    ['fail dataset 404 Not Found for dataset "engage" at HOST Check the dataset and --api-url.'],
  ],
  'an address that is not on the IP Accept List': [
    () => simulated({ forbiddenDatasets: ['engage'] }),
    ['fail dataset 403 Forbidden for dataset "engage" Check the key\'s permissions and its IP Accept List.'],
  ],
  'a login page of another host': [
    () => served((_request, response) => response.setHeader('content-type', 'text/html').end(LOGIN)),
    ['fail host HTML instead of JSON for page 0 of dataset "engage" (status 200) Check --api-url, then check again.'],
  ],
  'a redirect of another host': [
    () => served((_request, response) => response.writeHead(302, { location: '/login' }).end()),
    [
      'fail host Redirect from HOST (302) Check --api-url. Redirects are not followed, so that no other host receives the key.',
    ],
  ],
  'a certificate of an unknown CA': [
    async () => {
      const server = createHttpsServer({ key: certificates.SERVER_KEY, cert: certificates.GOOD });
      return ['--api-url', `https://127.0.0.1:${await listen(server)}`];
    },
    [
      'fail host HOST (the TLS certificate was rejected: UNABLE_TO_VERIFY_LEAF_SIGNATURE) Set NODE_EXTRA_CA_CERTS to a file with the CA certificate of your network, then check again.',
    ],
  ],
  'http on an https port': [
    async () => {
      const server = createHttpsServer({ key: certificates.SERVER_KEY, cert: certificates.GOOD });
      return ['--api-url', `http://127.0.0.1:${await listen(server)}`];
    },
    ['fail host HOST: the host expects https Use https instead of http, then check again.'],
  ],
  'https on an http port': [
    async () => ['--api-url', `https://127.0.0.1:${await listen(createServer())}`],
    ['fail host HOST (the response is not TLS) Check whether the host expects http or https, then check again.'],
  ],
  'a host name that does not exist': [
    async () => {
      vi.spyOn(dns, 'lookup').mockImplementation(((host: string, _: unknown, callback: (error: Error) => void) => {
        callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }));
      }) as never);
      return TENANT;
    },
    [
      'fail host acme.us-5.evergage.com (host name not found) Check --account and --instance, and the name resolution (DNS) of this network, then check again.',
    ],
  ],
  'a proxy that refuses the host': [
    async () => {
      const proxy = createServer().on('connect', (_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
      vi.stubEnv('HTTPS_PROXY', `http://user:hidden@127.0.0.1:${await listen(proxy)}`);
      return TENANT;
    },
    [
      'fail host acme.us-5.evergage.com through the proxy HOST (the proxy answered 403 Forbidden) Allow the host in the proxy, or name it in NO_PROXY, then check again.',
    ],
  ],
  'no server': [
    async () => ['--api-url', await addressOfNobody()],
    ['fail host HOST (connection refused) Check the host and the network, then check again.'],
  ],
  'an outage': [
    () => simulated({ faults: [{ fault: { status: 503 }, times: 10 }] }),
    [
      'fail host 503 Service Unavailable for page 0 of dataset "engage" (4 requests in N s) Wait until the API is available, then check again.',
    ],
  ],
  'parameters that the API refuses': [
    () => simulated({ faults: [{ fault: { status: 418 }, times: 10 }] }),
    ['fail dataset 418 I\'m a Teapot for page 0 of dataset "engage" Check --dataset, then check again.'],
  ],
  'a filter that the API may refuse': [
    () => simulated({ faults: [{ fault: { status: 400 }, times: 10 }] }),
    ['fail dataset 400 Bad Request for page 0 of dataset "engage" Check --dataset and --filter, then check again.'],
    ...['--filter', 'Active (30d), page'],
  ],
  'a server that throttles all requests': [
    () => simulated({ faults: [{ fault: { status: 429 }, times: 10 }] }),
    [
      'fail retries 429 Too Many Requests for page 0 of dataset "engage" (4 requests in N s) Lower --concurrency, then check again.',
    ],
  ],
  'an API that asks to wait for an hour': [
    () => simulated({ faults: [{ fault: { status: 429, retryAfter: '3600' } }] }),
    [
      'fail retries A run waits at most 900 s, but HOST asks to wait 3,600 s (Retry-After) When that time is over, check again.',
    ],
  ],
};

const FOUND: Readonly<Record<string, Variant>> = {
  'nothing wrong with a tenant as expected': [() => simulated({ unknownField: false }), []],
  'an ignored page number': [
    () => simulated({ ignorePage: true }),
    [
      'fail offsets the API ignores the page parameter: every page has the same accounts Contact Salesforce.',
      'warn not run run: it needs the result of a check above Follow the advice above, then check again.',
    ],
  ],
  'pages that are no offsets': [
    () => simulated({ minPageSize: 50 }),
    [
      'warn offsets page × pageSize is not an offset Runs count with whole pages, which uses more records, and their verdict is "unverified".',
      'warn run not estimated: without offsets, counting takes whole pages run --dry-run counts the accounts, and estimates a run.',
    ],
  ],
  'a page size cap': [
    () => simulated({ pageSizeCap: 20 }),
    ['fail page size the API caps pages at 20 accounts (30 requested) Use --page-size 20.'],
  ],
  'no page size cap if smaller pages are requested': [() => simulated({ pageSizeCap: 20 }), [], '--page-size', '20'],
  'an unstable order': [
    () => simulated({ unstableOrder: true }),
    [
      'fail order three requests for the same page return different accounts Pages of a run would miss accounts and repeat others: contact Salesforce.',
      'warn not run offsets, run: they need the result of a check above Follow the advice above, then check again.',
    ],
  ],
  'an account that is added between two requests': [
    () => simulated({ onRequest: ({ pageSize }, tenant) => pageSize === 5 && tenant.insertAt(0, 1) }),
    [
      'warn order the accounts changed between two requests Check again.',
      'warn not run offsets, run: they need the result of a check above Follow the advice above, then check again.',
    ],
  ],
  'no attributes': [
    () =>
      altered(({ url, ...response }) => {
        if (!url.includes('.json')) return response.body;
        const accounts = JSON.parse(response.body) as object[];
        return JSON.stringify(accounts.map((account) => ({ ...account, attributes: undefined })));
      }),
    [
      'warn attributes no account of 30 has attributes Check that the dataset has attributes, and that the API key may read them.',
    ],
  ],
  'CSV without names': [
    () => altered(({ url, body }) => (url.includes('.csv') ? body.replace('name,', 'title,') : body)),
    ['fail CSV CSV without the column "name" for page 0 of dataset "engage" (16 columns) Use --format json.'],
    ...['--format', 'csv'],
  ],
  'CSV without names, which matters less to an export as JSON': [
    () => altered(({ url, body }) => (url.includes('.csv') ? body.replace('name,', 'title,') : body)),
    ['warn CSV CSV without the column "name" for page 0 of dataset "engage" (16 columns) Use --format json.'],
  ],
  'CSV columns that the table does not have': [
    () => simulated({}),
    [
      'warn CSV 16 columns; without a column in the table: region, employees, annualRevenue, owner, tier, crmId, tags, note To query them, append them to --attribute-columns, or to attributeColumns in cdk.json.',
    ],
    ...['--format', 'csv', '--attribute-columns', 'industry'],
  ],
  'CSV that lists other accounts than JSON': [
    () => altered(({ url, body }) => (url.includes('.csv') ? body.replace(/\n.*\n/, '\n') : body)),
    [
      'warn CSV 16 columns; 9 of them need --attribute-columns in a CSV export; it lists other accounts than JSON Do not compare exports of both formats.',
    ],
  ],
  'another charset, which accounts in ASCII hide': [
    () =>
      altered(({ url, headers, body }) => {
        headers.set(
          'content-type',
          url.includes('.json') ? 'application/json;charset=ISO-8859-1' : 'text/csv; secret=hidden',
        );
        return body.replaceAll(/[^\x20-\x7e\n]/g, '?');
      }),
    [
      'warn responses JSON: application/json, iso-8859-1; CSV: text/csv; not compressed With this charset, pages with non-ASCII characters fail: contact Salesforce.',
    ],
  ],
  'values that the columns cannot hold': [
    () => altered(({ body }) => body.replace(/"totalActions":\d+/, '"totalActions":"many"')),
    [
      'warn fields 8 fields in 30 accounts; values that the columns cannot hold: totalActions Queries read NULL or a converted value; the parts also keep what was sent.',
    ],
  ],
  'a server that throttles': [
    () => simulated({ faults: [{ fault: { status: 429, retryAfter: '2' }, pages: [0] }] }),
    [
      'warn retries 4 in 29 requests (429: 4); the longest wait was N s Runs wait as the API asks; a lower --concurrency avoids most of it.',
    ],
  ],
  'a clock that is behind': [
    () =>
      altered(({ headers, body }) => {
        headers.set('date', new Date(Date.now() + 3_600_000).toUTCString());
        return body;
      }),
    [
      'warn clock this machine is 1 h 0 min behind the API Correct the clock of this machine: a run takes its window and date from it.',
    ],
  ],
  'an empty dataset': [
    () => simulated({ accounts: 0 }),
    [
      'warn dataset engage has no accounts Check the dataset, and the segment if you set one.',
      'warn not run responses, fields, attributes, page size, order, offsets, latency, run: they need the result of a check above Follow the advice above, then check again.',
    ],
  ],
  'an API that ignores the page size, after the fact': [
    () => altered(({ url, body }) => (url.includes('pageSize=30') ? manyAccounts(200) : body)),
    [
      'fail page size The API ignores the page size (200 accounts for page 0 of dataset "engage", 30 requested) Contact Salesforce.',
      'warn not run responses, fields, attributes, CSV, order, offsets, latency, run: they need the result of a check above Follow the advice above, then check again.',
      'warn contract 201 records used, in 2 requests: the API ignores pageSize Contact Salesforce.',
    ],
  ],
};

const manyAccounts = (count: number) => JSON.stringify(Array.from({ length: count }, (_, i) => ({ name: `a${i}` })));

/** The flags for a simulated tenant whose bodies are changed. */
async function altered(bodyOf: (response: AlteredResponse) => string): Promise<string[]> {
  const { url } = await simulatedTenant({ unknownField: false });
  const api = await alteredApi(url, (response) => {
    response.body = bodyOf(response);
  });
  return ['--api-url', api];
}

async function doctor(...flags: readonly string[]) {
  const { code, stdout, stderr } = await commandLine(['doctor', '--dataset', 'engage', ...flags]);
  expect(stderr).toBe('');
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  return { code, text: stdout.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST') };
}

/** The lines that are not ok, each finding without line breaks and columns. */
function problemsIn(text: string): string[] {
  const [findings = ''] = text.split('\n\n');
  return findings
    .split(/\n(?=\w)/)
    .filter((finding) => !finding.startsWith('ok'))
    .map((finding) => finding.replaceAll(/\s+/g, ' ').trim())
    .map((finding) => finding.replaceAll(/(?<=in |was )[\d.]+ s\b/g, 'N s'));
}

describe('doctor', () => {
  it.each(Object.entries(FAILED))('finds %s, and runs no check that needs an answer', async (_name, variant) => {
    const [start, problems, ...flags] = variant;
    const { code, text } = await doctor(...(await start()), ...flags);
    const [notRun, ...others] = problemsIn(text).reverse();
    expect({ code, problems: others }).toEqual({ code: 1, problems });
    expect(notRun).toMatch(/^warn not run (?:[\w ]+, )*[\w ]+: they need the result of a check above Follow/);
    expect(text).toMatch(/^ok {4}contract {7}0 records of at most 100 used, in \d requests?$/m);
    expect(text).not.toContain('hidden');
  });

  it.each(Object.entries(FOUND))('finds %s', async (_name, [start, problems, ...flags]) => {
    const { code, text } = await doctor(...(await start()), ...flags);
    const failed = problems.some((problem) => problem.startsWith('fail'));
    expect({ code, problems: problemsIn(text) }).toEqual({ code: failed ? 1 : 0, problems });
    expect(text).not.toContain('hidden');
  });

  it.each([
    ['flat', 'ok    attributes     flat objects; 9 attributes: industry, region, employees,\n'],
    ['array', 'ok    attributes     arrays of {name, value}; 9 attributes: industry, region,\n'],
    ['objects', 'ok    attributes     objects of {value}; 9 attributes: industry, region,\n'],
    [
      'mixed',
      'ok    attributes     mixed (10 flat objects, 10 arrays of {name, value}, 10\n                     objects of {value}); 9 attributes: industry, region,\n',
    ],
  ] as const)('names the shape of attributes: %s', async (attributeShape, lines) => {
    const { text } = await doctor(...(await simulated({ attributeShape })));
    expect(text).toContain(lines);
  });

  it('has a line for each check, of at most 80 columns', async () => {
    const { code, text } = await doctor(...(await simulated({ unknownField: false })));
    const fixed = text
      .replace(/^(ok {4}latency +).*/m, '$1…')
      .replace(/about \d+ s/, 'about N s')
      .replace(/0\.0\d+ USD/, '0.00 USD');
    expect({ code, lines: fixed.split('\n') }).toEqual({
      code: 0,
      lines: [
        'ok    host           HOST, without TLS, no proxy',
        'ok    API key        accepted',
        'ok    dataset        engage can be read',
        'ok    responses      JSON: application/json, utf-8; CSV: text/csv, utf-8; gzip',
        'ok    fields         8 fields in 30 accounts',
        'ok    attributes     flat objects; 9 attributes: industry, region, employees,',
        '                     annualRevenue, owner, tier, crmId, tags, note',
        'ok    CSV            16 columns; 9 of them need --attribute-columns in a CSV',
        '                     export',
        'ok    page size      pages of 30 are served; run --dry-run checks larger ones',
        'ok    order          two requests return the same accounts in the same order',
        'ok    offsets        page × pageSize is an offset',
        'ok    latency        …',
        'ok    run            12,431 accounts in 13 pages of 1,000; about N s with 8',
        '                     requests at a time; 46 requests, 12,509 records of the',
        '                     contract; 0.00 USD on AWS',
        'ok    clock          this machine and the API agree within a minute',
        'ok    retries        none in 25 requests, up to 8 at a time',
        'ok    contract       71 records of at most 100 used, in 25 requests',
        '',
        '0 failures, 0 warnings, 15 ok',
        '',
      ],
    });
  });

  it('says that a certificate is trusted', async () => {
    tls.setDefaultCACertificates([certificates.CA]);
    const options = { key: certificates.SERVER_KEY, cert: certificates.GOOD };
    const server = createHttpsServer(options, (_request, response) => response.end('[]'));
    const { code, text } = await doctor('--api-url', `https://127.0.0.1:${await listen(server)}`);
    expect(code).toBe(0);
    expect(text).toContain('ok    host           HOST, its TLS certificate is trusted, no proxy\n');
  });

  it('cuts the names of fields', async () => {
    const host = await altered(({ url, body }) =>
      url.includes('.json') ? body.replaceAll('{"name":', `{"${'long'.repeat(251)}":1,"name":`) : body,
    );
    const { text } = await doctor(...host);
    expect(text).toContain(`without a column:\n                     ${'long'.repeat(14)}l…\n`);
  });

  it('estimates a run with pages of the size that the API serves', async () => {
    const { text } = await doctor(...(await simulated({ pageSizeCap: 20 })));
    expect(text).toContain('ok    run            12,431 accounts in 622 pages of 20; ');
  });

  it('is an array with --json, and prints nothing with --quiet', async () => {
    const host = await simulated({ keySecret: 'another' });
    const { code, stdout } = await commandLine(['doctor', '--dataset', 'engage', ...host, '--json']);
    const findings = JSON.parse(stdout) as Finding[];
    expect(code).toBe(1);
    expect(findings.map(({ name, status }) => `${name}: ${status}`)).toEqual([
      'host: ok',
      'API key: fail',
      'clock: ok',
      'not run: warn',
      'contract: ok',
    ]);
    expect(await doctor(...host, '--quiet')).toEqual({ code: 1, text: '' });
  });

  it('prints no name or value of an account, and no part of the key', async () => {
    const { url, tenant } = await simulatedTenant({ attributeShape: 'mixed' });
    const { stdout } = await commandLine(['doctor', '--dataset', 'engage', '--api-url', url, '--json']);
    const values = Array.from({ length: 40 }, (_, i) => [...(tenant.csvCells(i)?.values() ?? [])]).flat();
    const shown = values.filter((value) => value.length > 4 && stdout.includes(value));
    expect(shown).toEqual([]);
    expect(stdout).not.toMatch(/demo|c2VjcmV0/);
  });

  it('stops at Ctrl-C', async () => {
    const { url, requests } = await simulatedTenant({ faults: [{ fault: 'hang', pages: [0], times: 1 }] });
    const running = startCommandLine(['doctor', '--dataset', 'engage', '--api-url', url]);
    await until(() => requests.length > 0);
    running.interrupt();
    expect(await running.finished).toEqual({
      code: 1,
      stdout: '',
      stderr: 'Interrupted  the checks, after 0 responses\n',
    });
  });

  it.each([
    [[], /^error: Nothing to check: pass --account, --instance and --dataset to check a tenant, or --stack to check a/],
    [
      ['--stack', 'A', '--api-url', 'http://127.0.0.1:1'],
      /^error: Conflicting flags \(--stack and --api-url\): check a/,
    ],
    [
      ['--account', 'acme', '--region', 'eu-west-1'],
      /^error: Conflicting flags \(--account and --region\): --region needs/,
    ],
    [
      ['--account', 'acme', '--instance', 'us-5'],
      /^error: Missing dataset: pass --dataset with the dataset to check\.\n$/,
    ],
    [['--dataset', 'engage'], /^error: Missing API host: pass either --account and --instance, or --api-url\.\n$/],
    [['--dataset', 'a b', ...TENANT], /^error: Invalid command line: --dataset must have/],
  ])('refuses %j with exit code 2, before any request', async (flags, message) => {
    const { code, stdout, stderr } = await commandLine(['doctor', ...flags]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});

describe('100 records', () => {
  /** A tenant of numbered accounts. */
  const numbered = (accounts: number, latencyMs = 1): AccountsApi => ({
    host: 'acme.us-5.evergage.com',
    async fetchPage({ page, pageSize, endpoint }, decode, { budget } = {}) {
      await budget?.reserve(pageSize);
      const from = Math.min(page * pageSize, accounts);
      const names = Array.from({ length: Math.min(pageSize, accounts - from) }, (_, i) => `account ${from + i}`);
      const json = JSON.stringify(names.map((name) => ({ name })));
      const value = decode(Buffer.from(endpoint === 'json' ? json : ['name', ...names, ''].join('\n')));
      budget?.release(pageSize - value.records);
      return { value, usage: { apiRequests: 1, recordsFetched: value.records, retries: {} }, latencyMs };
    },
  });
  const look = (api: AccountsApi) =>
    lookAtTenant({
      api,
      datasetId: 'engage',
      parameters: { pageSize: 1000 },
      concurrency: 8,
      signal: new AbortController().signal,
      now: () => 0,
    });

  it.each([1, 2, 3, 29, 30, 31, 1000, 12_431, 100_000, 999_999, 1_000_000, 7_654_321, 12_999_999])(
    'are enough to count %d accounts',
    async (accounts) => {
      const { count, usage, offsets } = await look(numbered(accounts));
      expect(count?.value?.accounts).toBe(accounts);
      expect(usage.recordsFetched).toBeLessThanOrEqual(100);
      expect(usage.apiRequests).toBeLessThanOrEqual(100);
      expect(offsets?.value).toBe(accounts < 3 ? 'too few accounts' : 'offsets');
    },
  );

  it('are never exceeded, also by answers that break off, which count as full pages', async () => {
    const { url, recordsServed, requests } = await simulatedTenant({
      faults: [{ fault: 'truncate', times: 3, minPageSize: 3 }],
    });
    const { text } = await doctor('--api-url', url);
    expect(recordsServed()).toBeLessThanOrEqual(100);
    expect(requests.reduce((sum, { pageSize, records }) => sum + Math.min(pageSize, records), 0)).toBeLessThanOrEqual(
      100,
    );
    expect(problemsIn(text)).toContain(
      'warn responses not checked: the limit of 100 records or 150 requests is used up Follow the advice of the other checks, then check again.',
    );
  });

  it.each([
    [0.05, '7 ms for one account'],
    [0.15, '7 ms for one account, 0.1 ms for each further one'],
    [2, '7 ms for one account, 2.0 ms for each further one'],
  ])('show the latency without the variation between requests: %d ms for each account', async (each, detail) => {
    const api = numbered(5000);
    const measured: AccountsApi = {
      ...api,
      async fetchPage(query, decode, options) {
        const answer = await api.fetchPage(query, decode, options);
        return { ...answer, latencyMs: 7 + (query.pageSize === 30 ? each * 29 : 0) };
      },
    };
    const settings = ExportSettingsSchema.parse({ name: 'doctor', datasetId: 'engage' });
    const responses = collectResponses(() => 0);
    const checked = { baseUrl: 'https://a.b.c', usesApiUrl: false, proxy: undefined, settings, concurrency: 8 };
    const findings = checkTenant({ ...checked, responses, look: await look(measured) });
    expect(findings.find(({ name }) => name === 'latency')?.detail).toBe(detail);
  });

  it('show a slow API, and which page size it can serve', async () => {
    const api = numbered(5000);
    const slow: AccountsApi = {
      ...api,
      async fetchPage(query, decode, options) {
        const answer = await api.fetchPage(query, decode, options);
        return { ...answer, latencyMs: 6000 + 200 * (query.pageSize - 1) };
      },
    };
    const settings = ExportSettingsSchema.parse({ name: 'doctor', datasetId: 'engage' });
    const responses = collectResponses(() => 0);
    const checked = {
      baseUrl: 'https://a.b.c',
      usesApiUrl: false,
      proxy: undefined,
      settings,
      concurrency: 8,
      responses,
    };
    const findings = checkTenant({ ...checked, look: await look(slow) });
    expect(findings.find(({ name }) => name === 'latency')).toEqual({
      name: 'latency',
      status: 'warn',
      detail: '6,000 ms for one account, 200.0 ms for each further one; a page of 1,000 takes about 3 min',
      remedy: 'A request fails after 120 s without an answer: use --page-size 270.',
      command: null,
    });
  });
});
