/** The traces and logs of deployed functions contain no secrets, account data or filters. */
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

interface Recorded {
  readonly functions: DeployedFunctions;
  readonly daemon: Awaited<ReturnType<typeof startTraceDaemon>>;
  readonly taken: Taken;
  /** All traces and output. */
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
): Promise<Recorded> {
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

/** Strings in accounts, including nested attribute values. */
function valuesOf({ functions }: Recorded): string[] {
  const { tenant } = functions.simulator;
  const texts = (value: unknown): string[] => {
    if (typeof value === 'string') return [value];
    return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
  };
  const accounts = Array.from({ length: tenant.total }, (_, i) => texts(JSON.parse(tenant.json(i, true) ?? '{}')));
  // Shorter ones may appear by chance.
  return [...new Set(accounts.flat())].filter((text) => text.length >= 6);
}

function personalIn(recorded: Recorded): string[] {
  const secrets = [
    KEY.secret,
    KEY.keyId,
    basicAuthorization(KEY).replace('Basic ', ''),
    'a-secret-that-nobody-may-see',
  ];
  const filters = [FILTER, encodeURIComponent(FILTER), new URLSearchParams({ FILTER }).toString().slice(7)];
  return [...secrets, ...filters, ...valuesOf(recorded)].filter((text) => recorded.all.includes(text));
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
  ['published after faults', published, undefined],
  ['that fails with 404', refused, 'ApiNotFoundError'],
  ['that fails with truncated responses', garbage, 'ApiResponseError'],
])('a run %s', (_what, recorded, errorName) => {
  it('ends as expected and is traced', () => {
    expect(recorded.taken.failure === undefined).toBe(errorName === undefined);
    expect(recorded.daemon.segments().length).toBeGreaterThan(10);
    expect(valuesOf(recorded).length).toBeGreaterThan(100);
  });

  it('has no key, account data or filter in traces and logs', () => {
    expect(personalIn(recorded)).toEqual([]);
  });

  it('has only expected properties in traces', () => {
    const keys = new Set(recorded.daemon.segments().flatMap(Object.keys));
    const known = ['id', 'name', 'start_time', 'end_time', 'type', 'parent_id', 'trace_id'];
    expect([...keys].filter((key) => !known.includes(key)).sort()).toEqual(
      errorName === undefined ? ['annotations', 'namespace'] : ['annotations', 'error', 'namespace'],
    );
    const annotated = new Set(recorded.daemon.segments().flatMap(({ annotations = {} }) => Object.keys(annotations)));
    for (const key of annotated) expect(['apiRequests', 'errorName', 'page', 'pageSize']).toContain(key);
  });

  it('has run and export in every log line, and the page in those of pages', () => {
    expect(recorded.log.length).toBeGreaterThan(1);
    for (const line of recorded.log) {
      expect(line).toMatchObject({ runId: 'run-1', exportName: 'all' });
      if (String(line.message).startsWith('Export page')) expect(line.page).toBe(0);
    }
  });
});

describe('traces', () => {
  const named = (recorded: Recorded, name: string) =>
    recorded.daemon.segments().filter((segment) => segment.name === name);

  it('have a subsegment per invocation and, in it, per page, with the number of requests', () => {
    const [page] = named(published, 'Export page');
    const asked = named(published, 'Account Export API').filter(({ parent_id }) => parent_id === page?.id);
    expect(asked.map(({ annotations }) => annotations)).toEqual([{ page: 0, pageSize: 1000, apiRequests: 4 }]);
  });

  it('have the error name of a failed page', () => {
    const failed = named(refused, 'Account Export API').filter(({ error }) => error);
    expect(failed.length).toBeGreaterThan(0);
    for (const { annotations } of failed) expect(annotations?.errorName).toBe('ApiNotFoundError');
    expect(named(refused, 'Export page').every(({ error }) => error === true)).toBe(true);
  });
});

describe('an API that echoes the key', () => {
  it('does not get it into traces or logs, and receives no trace id', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(...Object.keys(request.headers));
      const { authorization = '' } = request.headers;
      const echo = `Jane Doe may not: ${authorization}`;
      response.writeHead(403, echo, { 'x-note': echo, 'content-type': 'text/plain' });
      response.end(echo);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(async () => void server.close());
    const recorded = await run({}, REQUEST, { API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    expect(recorded.taken.failure?.name).toBeDefined();
    expect(recorded.daemon.segments().some(({ error }) => error)).toBe(true);
    expect(personalIn(recorded)).toEqual([]);
    expect(recorded.all).not.toMatch(/Jane|Basic/);
    expect(seen).toContain('authorization');
    expect(seen).not.toContain('x-amzn-trace-id');
  });
});

it('an invalid export name is not logged', async () => {
  const recorded = await run({}, { ...REQUEST, exportName: 'Jane Doe' });
  expect(recorded.log.map(({ message }) => message)).toEqual(['Plan export failed', 'Report failure done']);
  expect(recorded.log.every((line) => line.runId === 'run-1' && !('exportName' in line))).toBe(true);
});
