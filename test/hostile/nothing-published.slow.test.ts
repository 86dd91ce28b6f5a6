/** A hostile response at any step fails with a named error, publishes nothing, and does not prevent a retry. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { localCatalog, runLocal } from '../../cli/local/run-local.ts';
import type { ExportErrorName } from '../../functions/model/errors.ts';
import { readHiveJson } from '../formats/hive-json-serde.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';
import { ACCOUNT, client, safeErrorOf, serveHttp } from './servers.ts';

type Attack = (response: ServerResponse, body: Buffer) => void;
interface Named {
  readonly attack: Attack;
  readonly error: ExportErrorName;
}

const sends =
  (body: string | Buffer, headers: Record<string, string> = {}): Attack =>
  (response) =>
    response.writeHead(200, headers).end(body);
const answers = (attack: Attack): Named => ({ attack, error: 'ApiAnswerError' });
/** A complete answer that is not a page of accounts. */
const isOther = (attack: Attack): Named => ({ attack, error: 'ApiContentError' });
const fails = (attack: Attack): Named => ({ attack, error: 'ApiUnavailableError' });
const tooLarge = (attack: Attack): Named => ({ attack, error: 'PageTooLargeError' });

const drips: Attack = (response) => {
  const timer = setInterval(() => response.write(' '), 10);
  response.once('close', () => clearInterval(timer));
};

const BOTH: Record<string, Named> = {
  'a body over the limit': tooLarge(sends(Buffer.alloc(3 * 1024 * 1024, ' '))),
  'a gzip bomb': tooLarge(sends(gzipSync(Buffer.alloc(32 * 1024 * 1024)), { 'content-encoding': 'gzip' })),
  'an encoding that the client does not accept': isOther(sends(gzipSync('[]'), { 'content-encoding': 'zstd' })),
  'invalid UTF-8': answers(sends(Buffer.from([0x6e, 0xc3, 0x28]))),
  'another charset': isOther((response, body) =>
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-16' }).end(body.toString(), 'utf16le'),
  ),
  'an HTML page': isOther(sends(`<html>${ACCOUNT}</html>`, { 'content-type': 'text/html' })),
  'a redirect': { attack: (response) => response.writeHead(302, { location: '/' }).end(), error: 'ApiRequestError' },
  'a body shorter than its length': fails((response, body) => {
    response.writeHead(200, { 'content-length': body.length + 1 });
    response.write(body, () => response.socket?.end());
  }),
  'a reset during the body': fails((response, body) => {
    response.writeHead(200);
    response.write(body, () => response.socket?.resetAndDestroy());
  }),
  'a slow body': fails(drips),
};

const JSON_ONLY: Record<string, Named> = {
  'arrays nested 10,000 deep': isOther(sends(`[{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}]`)),
  'an unclosed string': answers(sends(`[{"name":"${ACCOUNT}`)),
  'half of the body': answers((response, body) => response.end(body.subarray(0, body.length / 2))),
  'records that are not objects': isOther(sends(`["${ACCOUNT}",1,null]`)),
  'an object': isOther(sends(`{"error":"${ACCOUNT}"}`)),
};

const CSV_ONLY: Record<string, Named> = {
  'text instead of a header': isOther(sends(`Sorry, ${ACCOUNT} is down\n`)),
  'text without a newline': isOther(sends(`Sorry, ${ACCOUNT} is down`)),
  'UTF-16 without a charset': isOther((response, body) =>
    response.end(Buffer.from(body.toString(), 'utf16le').swap16()),
  ),
  'an unclosed quote': answers(sends(`name,note\n"${ACCOUNT},x\n`)),
};

const TOTAL = 25;

/** An API with 25 accounts that attacks where `state.hostile` returns true. */
async function hostileApi(attack: Attack) {
  const state = { hostile: (_page: number, _pageSize: number) => false };
  const url = await serveHttp((request: IncomingMessage, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    const [page, pageSize] = [Number(searchParams.get('page')), Number(searchParams.get('pageSize'))];
    const numbers = Array.from({ length: TOTAL }, (_, i) => i).slice(page * pageSize, (page + 1) * pageSize);
    const body = pathname.endsWith('.json')
      ? JSON.stringify(numbers.map((i) => ({ name: `account ${i}`, note: 'x' })))
      : `${['name,note', ...numbers.map((i) => `account ${i},x`)].join('\n')}\n`;
    if (state.hostile(page, pageSize)) attack(response, Buffer.from(body));
    else response.end(body);
  });
  const limits = { maxRequests: 1, totalTimeoutMs: attack === drips ? 1000 : 5000, bodyLimitBytes: 1024 * 1024 };
  return { api: client(url, { limits }), state };
}

/** The key and the account of the servers. Reports contain `hidden` as CSS. */
const HIDDEN = /hidden[-: ](id|secret|account)/;

function expectNothingPublished(objects: Map<string, Buffer>, partitions: readonly unknown[]): void {
  expect([...objects.keys()].filter((key) => key.startsWith('export_runs/'))).toEqual([]);
  expect(partitions).toEqual([]);
  for (const body of objects.values()) expect(body.toString('latin1')).not.toMatch(HIDDEN);
}

describe.each([
  ['json', { ...BOTH, ...JSON_ONLY }],
  ['csv', { ...BOTH, ...CSV_ONLY }],
] as const)('a hostile response to a %s export', (format, attacks) => {
  it.each(Object.entries(attacks))(
    'fails each step with a named error and publishes nothing: %s',
    async (_name, named) => {
      const { api, state } = await hostileApi(named.attack);
      const { store, objects } = memoryStore();
      const steps = runSteps(api, store);
      const endsHere = async (step: () => Promise<unknown>) => {
        expect((await safeErrorOf(step())).name).toBe(named.error);
        expectNothingPublished(objects, steps.partitions);
      };

      state.hostile = () => true;
      await endsHere(() => steps.plan({ format }));
      state.hostile = () => false;
      const plan = await steps.plan({ format });

      state.hostile = (page, pageSize) => page === 1 && pageSize === 10;
      await endsHere(() => steps.pages(plan));
      expect([...objects.keys()].filter((key) => key.includes('part-00001'))).toEqual([]);
      state.hostile = () => false;
      await steps.pages(plan);

      state.hostile = () => true;
      await endsHere(() => steps.publish(plan));
      state.hostile = () => false;
      expect(await steps.publish(plan)).toMatchObject({
        accounts: TOTAL,
        distinctAccounts: TOTAL,
        verdict: 'consistent',
      });
    },
  );
});

it('a CSV row truncated within its last cell is rejected if the plan saw complete rows', async () => {
  const { api, state } = await hostileApi((response, body) => response.end(body.subarray(0, -2)));
  const { store, objects } = memoryStore();
  const steps = runSteps(api, store);
  const plan = await steps.plan({ format: 'csv' });
  state.hostile = (page, pageSize) => page === 1 && pageSize === 10;
  expect((await safeErrorOf(steps.pages(plan))).name).toBe('ApiAnswerError');
  state.hostile = () => false;
  await steps.pages(plan);
  state.hostile = () => true;
  expect((await safeErrorOf(steps.publish(plan))).name).toBe('ApiAnswerError');
  expectNothingPublished(objects, steps.partitions);
});

it.each([
  ['a gzip bomb', BOTH['a gzip bomb'] as Named],
  ['arrays nested 10,000 deep', JSON_ONLY['arrays nested 10,000 deep'] as Named],
])('a local run fails with the same error: %s', async (_name, { attack, error }) => {
  const { api, state } = await hostileApi(attack);
  state.hostile = (page, pageSize) => page === 1 && pageSize === 10;
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
  expect(outcome).toMatchObject({ outcome: 'failed', failure: { error } });
  expect(JSON.stringify(outcome)).not.toMatch(HIDDEN);
  expectNothingPublished(objects, []);
});

describe('repeated keys of an account', () => {
  const sent =
    '{"name":"old","name":"a","attributes":{"k":"1","k":[2]},"totalActions":"n/a","totalActions":7,"NAME":"b"}';

  it('stay in a JSON part, and the SerDe reads the last value', async () => {
    const url = await serveHttp((request, response) =>
      response.end(request.url?.endsWith('page=0') ? `[${sent}]` : '[]'),
    );
    const { store, objects } = memoryStore();
    const steps = runSteps(client(url), store);
    expect(await steps.all()).toMatchObject({ accounts: 1, verdict: 'consistent' });
    const [, part] = [...objects].find(([key]) => key.endsWith('part-00000.json.gz')) ?? [];
    const line = gunzipSync(part as Buffer).toString();
    expect(line).toBe(
      '{"name_as_sent":"old","name_as_sent":"a","attributes":{"k":"[2]"},"attributes_as_sent":{"k":"1","k":[2]},"totalActions_as_sent":"n/a","totalActions":7,"name":"b"}\n',
    );
    const table = { name: 'string', totalactions: 'bigint', attributes: 'map<string,string>' } as const;
    expect(readHiveJson(line, table)).toEqual({
      name: 'b',
      totalactions: 7n,
      attributes: new Map([['k', '[2]']]),
    });
  });
});
