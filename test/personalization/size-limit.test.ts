/** One size limit for pages and probes: whether an account can be exported does not depend on its place. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeJson } from '../../functions/formats/json-lines.ts';
import { client, query, serveHttp } from '../hostile/servers.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';

const MIB = 1024 * 1024;
const ACCOUNTS = 7;

/** An API of seven accounts, one of them large. */
async function apiWithLargeAccount(at: number, bytes: number, compress = false): Promise<string> {
  const accounts = Array.from({ length: ACCOUNTS }, (_, i) => ({
    name: `account ${i}`,
    attributes: { note: i === at ? 'x'.repeat(bytes) : '' },
  }));
  return serveHttp((request, response) => {
    const parameters = new URL(request.url ?? '', 'http://localhost').searchParams;
    const [page, pageSize] = [Number(parameters.get('page')), Number(parameters.get('pageSize'))];
    const body = JSON.stringify(accounts.slice(page * pageSize, (page + 1) * pageSize));
    response.setHeader('content-encoding', compress ? 'gzip' : 'identity');
    response.end(compress ? gzipSync(body, { level: 1 }) : body);
  });
}

const POSITIONS = Array.from({ length: ACCOUNTS }, (_, position) => [position]);

describe('an account of 3 MB', () => {
  it.each(POSITIONS)('is published at position %i of 7', async (position) => {
    const api = client(await apiWithLargeAccount(position, 3 * MIB));
    expect(await runSteps(api, memoryStore().store).all({ pageSize: 3 })).toMatchObject({
      accounts: 7,
      verdict: 'consistent',
    });
  });

  it('is published when it is compressed', async () => {
    const api = client(await apiWithLargeAccount(0, 3 * MIB, true));
    expect(await runSteps(api, memoryStore().store).all({ pageSize: 3 })).toMatchObject({ verdict: 'consistent' });
  });
});

describe('an account over the limit', () => {
  it.each(POSITIONS)('is refused at position %i of 7', async (position) => {
    const api = client(await apiWithLargeAccount(position, 3 * MIB), { limits: { bodyLimitBytes: 2 * MIB } });
    await expect(runSteps(api, memoryStore().store).all({ pageSize: 3 })).rejects.toMatchObject({
      name: 'PageTooLargeError',
      message: expect.stringContaining('esponse over 2 MiB'),
    });
  });
});

it('a page that needs too much memory names a smaller page size', async () => {
  // More values than a page may have, in few bytes.
  const api = client(
    await serveHttp((_request, response) => void response.end(`[{"name":"a","b":[${'0,'.repeat(3_000_000)}0]}]`)),
  );
  await expect(api.fetchPage(query({ pageSize: 100 }), decodeJson)).rejects.toMatchObject({
    name: 'PageTooLargeError',
    message: expect.stringContaining('pageSize 50'),
  });
});

it('a body that is too large lets the next large body in', async () => {
  const url = await serveHttp((request, response) => {
    const page = Number(new URL(request.url ?? '', 'http://localhost').searchParams.get('page'));
    response.end(page === 2 ? Buffer.alloc(5 * MIB) : `[{"name":"${'x'.repeat(3 * MIB)}"}]`);
  });
  const api = client(url, { limits: { bodyLimitBytes: 4 * MIB } });
  const outcomes = [0, 1, 2, 3, 4, 5].map((page) =>
    api.fetchPage(query({ page, pageSize: 1 }), decodeJson).then(
      ({ value }) => value.records,
      (error: Error) => error.name,
    ),
  );
  expect(await Promise.all(outcomes)).toEqual([1, 1, 'PageTooLargeError', 1, 1, 1]);
});
