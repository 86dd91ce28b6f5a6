/** APIs that answer 404 or 204 after the last page; a dataset that is deleted must never look like an empty one. */
import { describe, expect, it } from 'vitest';
import { decodeJson } from '../../../functions/formats/json-lines.ts';
import type { Manifest } from '../../../functions/model/manifest.ts';
import type { PageQuery } from '../../../functions/model/run.ts';
import { client, query, serveHttp } from '../../hostile/servers.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { runSteps } from '../../support/run-steps.ts';

interface Options {
  /** The answer after the last account. */
  readonly atEnd: number;
  readonly format?: 'json' | 'csv';
  /** Whether a request gets a 404. */
  readonly isGone?: (query: Pick<PageQuery, 'page' | 'pageSize'>) => boolean;
}

async function endingApi(accounts: number, { atEnd, isGone = () => false }: Options) {
  const requests: string[] = [];
  const url = await serveHttp((request, response) => {
    const parameters = new URL(request.url ?? '', 'http://localhost').searchParams;
    const [page, pageSize] = [Number(parameters.get('page')), Number(parameters.get('pageSize'))];
    requests.push(`${page}/${pageSize}`);
    const from = page * pageSize;
    if (isGone({ page, pageSize })) return void response.writeHead(404).end();
    if (from >= accounts) return void response.writeHead(atEnd).end();
    const names = Array.from({ length: Math.min(pageSize, accounts - from) }, (_, i) => `account ${from + i}`);
    const csv = request.url?.includes('accounts.csv') === true;
    response.end(csv ? `name\n${names.join('\n')}\n` : JSON.stringify(names.map((name) => ({ name }))));
  });
  const { store, objects } = memoryStore();
  const steps = runSteps(client(url), store);
  const manifest = () => JSON.parse(String(objects.get('export_runs/run_id=run-1/manifest.json'))) as Manifest;
  return { steps, requests, manifest, objects };
}

describe.each(['json', 'csv'] as const)('%s: an API that ends its data with', (format) => {
  it.each([
    [404, 95],
    [204, 95],
    [404, 100],
    [204, 100],
    [404, 1],
    [204, 1],
    [404, 3],
    [410, 25],
  ])('%i publishes all %i accounts', async (atEnd, accounts) => {
    const { steps, manifest } = await endingApi(accounts, { atEnd });
    expect(await steps.all({ format })).toMatchObject({ accounts, verdict: 'consistent' });
    expect(manifest()).toMatchObject({ records: accounts, plannedRecords: accounts });
  });
});

describe('a dataset', () => {
  const gone = { name: 'ApiNotFoundError', message: expect.stringMatching(/^404 Not Found for dataset "engage"/) };

  it('that does not exist fails the plan, after one more request that confirms it', async () => {
    const { steps, requests } = await endingApi(95, { atEnd: 404, isGone: () => true });
    await expect(steps.plan()).rejects.toMatchObject(gone);
    expect(requests.filter((request) => request === '0/1')).toHaveLength(1);
    expect(requests.length).toBeLessThanOrEqual(9);
  });

  it('that is deleted while pages are exported fails the run', async () => {
    let deleted = false;
    const { steps, objects } = await endingApi(95, { atEnd: 404, isGone: () => deleted });
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0, 1, 2] });
    deleted = true;
    for (const page of [3, 9]) await expect(steps.pages({ ...plan, pageNumbers: [page] })).rejects.toMatchObject(gone);
    expect([...objects.keys()].filter((key) => key.startsWith('export_runs/'))).toEqual([]);
  });

  it('that is deleted while it is counted fails the run', async () => {
    let answered = 0;
    const { steps } = await endingApi(10_000, { atEnd: 404, isGone: () => ++answered > 8 });
    await expect(steps.all()).rejects.toMatchObject(gone);
  });

  it('that is deleted before the run is published fails the run', async () => {
    let deleted = false;
    const { steps, objects } = await endingApi(95, { atEnd: 404, isGone: () => deleted });
    const plan = await steps.plan();
    await steps.pages(plan);
    deleted = true;
    await expect(steps.publish(plan)).rejects.toMatchObject(gone);
    expect([...objects.keys()].filter((key) => key.startsWith('export_runs/'))).toEqual([]);
  });

  it('that is deleted while the run is verified fails it', async () => {
    let publishing = false;
    let answered = 0;
    const { steps } = await endingApi(95, { atEnd: 404, isGone: () => publishing && ++answered > 4 });
    const plan = await steps.plan();
    await steps.pages(plan);
    publishing = true;
    await expect(steps.publish(plan)).rejects.toMatchObject(gone);
  });

  it('with a page that is not found once is exported completely', async () => {
    let missing = 1;
    const isGone = ({ page, pageSize }: { page: number; pageSize: number }) =>
      pageSize === 10 && page === 5 && missing-- > 0;
    const { steps } = await endingApi(95, { atEnd: 404, isGone });
    expect(await steps.all()).toMatchObject({ accounts: 95, verdict: 'consistent' });
  });

  it('with a page that is never found fails the run, because accounts follow it', async () => {
    const { steps } = await endingApi(95, {
      atEnd: 404,
      isGone: ({ page, pageSize }) => pageSize === 10 && page === 5,
    });
    await expect(steps.all()).rejects.toMatchObject(gone);
  });

  it('whose first page is not found fails the run', async () => {
    const { steps } = await endingApi(95, {
      atEnd: 404,
      isGone: ({ page, pageSize }) => pageSize === 10 && page === 0,
    });
    await expect(steps.all()).rejects.toMatchObject(gone);
  });
});

it('204 for every request is not an empty dataset', async () => {
  const url = await serveHttp((_request, response) => response.writeHead(204).end());
  const failed = await client(url)
    .fetchPage(query(), decodeJson)
    .catch((error: Error) => error);
  expect(failed).toMatchObject({
    name: 'ApiNotFoundError',
    message: expect.stringMatching(/^204 No Content for dataset "engage"/),
  });
});

it('a 404 is not the end of the data if nobody can tell whether the dataset is there', async () => {
  let planned = false;
  const url = await serveHttp((request, response) => {
    const parameters = new URL(request.url ?? '', 'http://localhost').searchParams;
    const page = Number(parameters.get('page'));
    if (!planned) return void response.end(page === 0 ? '[{"name":"a"}]' : '[]');
    response.writeHead(page === 0 ? 401 : 404).end();
  });
  const steps = runSteps(client(url), memoryStore().store);
  const plan = await steps.plan({ pageSize: 1 });
  planned = true;
  await expect(steps.pages({ ...plan, pageNumbers: [1] })).rejects.toMatchObject({ name: 'ApiCredentialsError' });
});
