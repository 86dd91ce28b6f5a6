/** What the functions, as they are deployed, tell X-Ray and the log of runs that succeed and fail: nothing that they work on. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { basicAuthorization } from '../../functions/personalization/credentials.ts';
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import { type DeployedFunctions, KEY, startDeployedFunctions, type Taken } from '../support/deployed-run.ts';
import { startTraceDaemon } from '../support/trace-daemon.ts';

const FILTER = 'Tier 1 & 2/EMEA';
const REQUEST = { exportName: 'all', datasetId: 'engage', filter: FILTER, dueAt: '2026-08-22' };

interface Told {
  readonly functions: DeployedFunctions;
  readonly daemon: Awaited<ReturnType<typeof startTraceDaemon>>;
  readonly taken: Taken;
  /** Everything that was said anywhere. */
  readonly all: string;
  readonly log: readonly Record<string, unknown>[];
}

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

async function run(
  simulated: SimulatorOptions,
  request: object = REQUEST,
  environment: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const daemon = await startTraceDaemon();
  const functions = await startDeployedFunctions(simulated, { ...daemon.environment, ...environment });
  closing.push(functions.close, daemon.close);
  const taken = await functions.execute({ runId: 'run-1', request, concurrency: 1, retries: 2 });
  const log = taken.printed
    .split('\n')
    .filter((line) => line.startsWith('{') && !line.includes('"_aws"'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { functions, daemon, taken, all: [...daemon.datagrams, taken.printed].join('\n'), log };
}

/** Texts that are in accounts: names, and values of attributes, however they are nested. */
function valuesOf({ functions }: Told): string[] {
  const { tenant } = functions.simulator;
  const texts = (value: unknown): string[] => {
    if (typeof value === 'string') return [value];
    return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
  };
  const accounts = Array.from({ length: tenant.total }, (_, i) => texts(JSON.parse(tenant.json(i, true) ?? '{}')));
  // Shorter ones, such as "DE", are in any text.
  return [...new Set(accounts.flat())].filter((text) => text.length >= 6);
}

function personalIn(told: Told): string[] {
  const secrets = [
    KEY.secret,
    KEY.keyId,
    basicAuthorization(KEY).replace('Basic ', ''),
    'a-secret-that-nobody-may-see',
  ];
  const filters = [FILTER, encodeURIComponent(FILTER), new URLSearchParams({ FILTER }).toString().slice(7)];
  return [...secrets, ...filters, ...valuesOf(told)].filter((text) => told.all.includes(text));
}

const published = await run({
  accounts: 400,
  faults: [
    { fault: 'reset', minPageSize: 10, pages: [0] },
    { fault: 'truncate', minPageSize: 10, pages: [0] },
    { fault: { status: 503 }, minPageSize: 10, pages: [0] },
  ],
});
const refused = await run({ accounts: 400, faults: [{ fault: { status: 404 }, minPageSize: 10, times: 99 }] });
const garbage = await run({ accounts: 400, faults: [{ fault: 'truncate', minPageSize: 10, times: 99 }] });

describe.each([
  ['that is published after faults', published, undefined],
  ['that is refused', refused, 'ApiNotFoundError'],
  ['whose answers break off', garbage, 'ApiResponseError'],
])('a run %s', (_what, told, errorName) => {
  it('ends as it is meant to, and is traced', () => {
    expect(told.taken.failure === undefined).toBe(errorName === undefined);
    expect(told.daemon.segments().length).toBeGreaterThan(20);
    expect(valuesOf(told).length).toBeGreaterThan(100);
  });

  it('tells neither X-Ray nor the log the key, a value of an account or the filter', () => {
    expect(personalIn(told)).toEqual([]);
  });

  it('has no message, cause, request or response in its traces', () => {
    const keys = new Set(told.daemon.segments().flatMap(Object.keys));
    const known = ['id', 'name', 'start_time', 'end_time', 'type', 'parent_id', 'trace_id'];
    expect([...keys].filter((key) => !known.includes(key)).sort()).toEqual(
      errorName === undefined ? ['annotations', 'namespace'] : ['annotations', 'error', 'namespace'],
    );
    const annotated = new Set(told.daemon.segments().flatMap(({ annotations = {} }) => Object.keys(annotations)));
    for (const key of annotated) expect(['apiRequests', 'errorName', 'page', 'pageSize']).toContain(key);
  });

  it('has the run and its export in every line of the log, and the page in those of pages', () => {
    expect(told.log.length).toBeGreaterThan(1);
    for (const line of told.log) {
      expect(line).toMatchObject({ runId: 'run-1', exportName: 'all' });
      if (String(line.message).startsWith('Export page')) expect(line.page).toBe(0);
    }
  });
});

describe('traces', () => {
  const named = (told: Told, name: string) => told.daemon.segments().filter((segment) => segment.name === name);

  it('have each invocation, and below it each page that was asked for, with its tries', () => {
    const [page] = named(published, 'Export page');
    const asked = named(published, 'Account Export API').filter(({ parent_id }) => parent_id === page?.id);
    expect(asked.map(({ annotations }) => annotations)).toEqual([{ page: 0, pageSize: 1000, apiRequests: 4 }]);
  });

  it('say of a page that failed which error it was', () => {
    const failed = named(refused, 'Account Export API').filter(({ error }) => error);
    expect(failed.length).toBeGreaterThan(0);
    for (const { annotations } of failed) expect(annotations?.errorName).toBe('ApiNotFoundError');
    expect(named(refused, 'Export page').every(({ error }) => error === true)).toBe(true);
  });
});

describe('an API that says more than it should', () => {
  it('is told of nobody: neither its words nor its headers, and no id of the trace goes to it', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(...Object.keys(request.headers));
      const { authorization = '' } = request.headers;
      const said = `Jane Doe may not: ${authorization}`;
      response.writeHead(403, said, { 'x-note': said, 'content-type': 'text/plain' });
      response.end(said);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(async () => void server.close());
    const told = await run({}, REQUEST, { API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    expect(told.taken.failure?.name).toBeDefined();
    expect(told.daemon.segments().some(({ error }) => error)).toBe(true);
    expect(personalIn(told)).toEqual([]);
    expect(told.all).not.toMatch(/Jane|Basic/);
    expect(seen).toContain('authorization');
    expect(seen).not.toContain('x-amzn-trace-id');
  });
});

it('a text in the place of a name is no id of a line: it may be anything', async () => {
  const told = await run({}, { ...REQUEST, exportName: 'Jane Doe' });
  expect(told.log.map(({ message }) => message)).toEqual(['Plan export failed', 'Report failure done']);
  expect(told.log.every((line) => line.runId === 'run-1' && !('exportName' in line))).toBe(true);
});
