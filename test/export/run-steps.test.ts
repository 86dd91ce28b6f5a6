import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Manifest, ManifestSchema, PageRecordSchema } from '../../functions/contracts.ts';
import { ExportError } from '../../functions/errors.ts';
import { reportFailure } from '../../functions/export/report-failure.ts';
import { account, accounts, arrayApi } from '../support/array-api.ts';
import { memoryStore } from '../support/memory-store.ts';
import { runSteps } from '../support/run-steps.ts';

const PARTS = 'accounts_json/export_name=all/export_date=2026-08-22/run_id=run-1/';
const MANIFEST = 'export_runs/run_id=run-1/manifest.json';

function setUp(total: number, beforeAnswer?: Parameters<typeof arrayApi>[1]) {
  const source = { list: accounts(total) };
  const { api, queries, pageFetches } = arrayApi(source, beforeAnswer);
  const memory = memoryStore();
  return { source, api, queries, pageFetches, ...memory, steps: runSteps(api, memory.store) };
}

const manifestIn = (objects: Map<string, Buffer>): Manifest =>
  ManifestSchema.parse(JSON.parse(String(objects.get(MANIFEST))));

function namesIn(objects: Map<string, Buffer>): string[] {
  return [...objects]
    .filter(([key]) => key.startsWith(PARTS))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, body]) => gunzipSync(body).toString().split('\n').filter(Boolean))
    .map((line) => (JSON.parse(line) as { name: string }).name);
}

describe('a run', () => {
  it('loses no account and doubles none, for any total and page size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(120), fc.integer({ min: 1, max: 40 }), async (total, pageSize) => {
        const { steps, objects } = setUp(total);
        await steps.all({ pageSize });
        expect(namesIn(objects)).toEqual(Array.from({ length: total }, (_, i) => `account ${i}`));
        expect(manifestIn(objects).consistency.verdict).toBe('steady');
      }),
    );
  });

  it('publishes an empty export: one empty part and a manifest', async () => {
    const { steps, objects } = setUp(0);
    expect(await steps.all()).toMatchObject({ accounts: 0, pages: 1, verdict: 'steady' });
    expect(gunzipSync(objects.get(`${PARTS}part-00000.json.gz`) ?? '').toString()).toBe('');
  });

  it('writes the manifest after every part and adds the partition after the manifest', async () => {
    const { steps, puts } = setUp(25);
    await steps.all();
    expect(puts.at(-1)).toBe(MANIFEST);
    expect(steps.partitions).toEqual([
      {
        format: 'json',
        exportName: 'all',
        exportDate: '2026-08-22',
        runId: 'run-1',
        publishedAt: '2026-08-22T02:01:30.000Z',
        csvColumns: undefined,
      },
    ]);
  });

  it('describes itself in the manifest', async () => {
    const { steps, objects, queries } = setUp(25);
    await steps.all({ window: 'P7D', filter: 'EMEA' });
    const manifest = manifestIn(objects);
    expect(manifest).toMatchObject({
      version: 1,
      runId: 'run-1',
      exportName: 'all',
      datasetId: 'engage',
      format: 'json',
      parameters: { filter: 'EMEA', start: 1786759200000, end: 1787364000000, pageSize: 10 },
      dueAt: '2026-08-22T02:00:00.000Z',
      startedAt: '2026-08-22T02:00:00.000Z',
      publishedAt: '2026-08-22T02:01:30.000Z',
      pages: 3,
      records: 25,
      distinctAccounts: 25,
      duplicates: 0,
      plannedRecords: 25,
      retries: 0,
      consistency: { verdict: 'steady', accountsBefore: 25, accountsAfter: 25, seamsProbed: 4, seamsMoved: 0 },
      unmappedColumns: [],
      escapedLineBreaks: 0,
    });
    expect(manifest.parts.map(({ page, records }) => [page, records])).toEqual([
      [0, 10],
      [1, 10],
      [2, 5],
    ]);
    expect(manifest.apiRequests).toBe(queries.length);
    expect(String(objects.get(MANIFEST)).split('\n')).toHaveLength(2);
  });

  it('counts every record that was fetched, probes too', async () => {
    let served = 0;
    const { steps, objects, source } = setUp(25, ({ page, pageSize }) => {
      served += Math.max(0, Math.min(pageSize, 25 - page * pageSize));
    });
    await steps.all();
    expect(source.list).toHaveLength(25);
    expect(manifestIn(objects).recordsFetched).toBe(served);
  });

  it('asks every page with the window that the plan resolved', async () => {
    const { steps, queries } = setUp(25);
    await steps.all({ window: 'P7D' });
    expect(new Set(queries.map(({ start, end }) => `${start} ${end}`))).toEqual(
      new Set(['1786759200000 1787364000000']),
    );
  });

  it('keeps no name in its page records', async () => {
    const { steps, objects } = setUp(25);
    await steps.all();
    const work = [...objects].filter(([key]) => key.startsWith('work/')).map(([, body]) => String(body));
    expect(work.length).toBe(4);
    expect(work.join()).not.toContain('account 1');
  });
});

describe('planning', () => {
  it('exports nothing and leaves nothing behind in a dry run', async () => {
    const { steps, objects } = setUp(25);
    expect(await steps.plan({ dryRun: true })).toMatchObject({ dryRun: true, accounts: 25, pages: 3, pageNumbers: [] });
    expect(objects.size).toBe(0);
  });

  it('makes the same plan again for the same run, without a request', async () => {
    const { steps, source, queries } = setUp(25);
    const first = await steps.plan();
    const asked = queries.length;
    source.list.push(account('late'));
    const second = await steps.plan();
    expect({ ...second, plan: first.plan }).toEqual(first);
    expect(second.plan.resumed).toBe(true);
    expect(queries).toHaveLength(asked);
  });

  it('refuses a run id that was planned for something else', async () => {
    const { steps } = setUp(25);
    await steps.plan();
    await expect(steps.plan({ pageSize: 20, filter: 'EMEA' })).rejects.toMatchObject({
      name: 'RequestError',
      message:
        'Run "run-1" was planned for something else (the page size was 10 and is now 20; the filter was not set and is now EMEA): start it as before, or choose another run id.',
    });
  });

  it('refuses more than 30,000 pages and names the page size that would do', async () => {
    const { steps, pageFetches } = setUp(60_001);
    await expect(steps.plan({ pageSize: 2 })).rejects.toMatchObject({
      name: 'PlanTooLargeError',
      message: '60001 accounts make 30001 pages of 2, and a run has at most 30000: a page size of 100 would do.',
    });
    expect(pageFetches(2).filter((page) => page !== 1)).toEqual([30_001]);
  });

  it('refuses a run over its budget before a page is fetched, and allows one that fits', async () => {
    const { steps, objects, pageFetches } = setUp(25);
    await expect(steps.plan({ maxRecords: 25 })).rejects.toMatchObject({ name: 'BudgetExceededError' });
    expect(pageFetches(10)).toEqual([3]);
    expect(objects.size).toBe(0);
    await expect(steps.plan({ maxRecords: 100 })).resolves.toMatchObject({ accounts: 25 });
  });

  it('starts from the size of the last published run', async () => {
    const { steps, api, store } = setUp(4000);
    await steps.all({ pageSize: 500 });
    const next = await runSteps(api, store, 'run-2').plan({ pageSize: 500 });
    expect(next.plan).toMatchObject({ rounds: 2, recordsFetched: 6 });
  });

  it('refuses to plan a published run whose work has expired', async () => {
    const { steps, objects } = setUp(25);
    await steps.all();
    for (const key of objects.keys()) if (key.startsWith('work/')) objects.delete(key);
    await expect(steps.plan()).rejects.toMatchObject({
      message: 'Run "run-1" has been published already: choose another run id.',
    });
  });

  it('keeps the state of 30,000 pages under 256 KiB with the longest texts allowed', async () => {
    const { steps } = setUp(30_000);
    const plan = await steps.plan({
      pageSize: 1,
      filter: 'ü'.repeat(1000),
      segmentId: 'ü'.repeat(1000),
      segmentationId: 'ü'.repeat(1000),
    });
    expect(plan.pageNumbers).toHaveLength(30_000);
    expect(Buffer.byteLength(JSON.stringify(plan))).toBeLessThan(256 * 1024 - 45_000);
  });
});

describe('a page', () => {
  it('writes the same object when it is exported again', async () => {
    const { steps, objects, store } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    const before = objects.get(`${PARTS}part-00001.json.gz`);
    await store.delete('work/run_id=run-1/pages/00001.json');
    await steps.pages(plan);
    expect(objects.get(`${PARTS}part-00001.json.gz`)).toEqual(before);
    expect([...objects.keys()].filter((key) => key.startsWith(PARTS))).toHaveLength(3);
  });

  it('is not fetched again while its record and its part agree', async () => {
    const { steps, objects, pageFetches } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    objects.set(`${PARTS}part-00002.json.gz`, Buffer.from('cut'));
    await steps.pages(plan);
    expect(pageFetches(10)).toEqual([3, 0, 1, 2, 2]);
  });

  it('names the page size of an API that caps it in silence', async () => {
    const { steps, api, store } = setUp(95);
    const capped: typeof api = {
      fetchPage: (query, decode) =>
        api.fetchPage({ ...query, page: query.page, pageSize: query.pageSize }, (body) => {
          const page = JSON.parse(body.toString()) as unknown[];
          return decode(Buffer.from(JSON.stringify(page.slice(0, 4))));
        }),
    };
    const plan = await steps.plan();
    await expect(runSteps(capped, store).pages(plan)).rejects.toMatchObject({
      name: 'PageSizeCappedError',
      message: 'The API serves 4 accounts a page where 10 were asked for: set the page size to 4.',
    });
  });

  it('takes a page that shrank for what it is when nothing lies behind it', async () => {
    const { steps, source } = setUp(25);
    const plan = await steps.plan();
    source.list.splice(12);
    expect(await steps.pages(plan)).toEqual([10, 2, 0]);
    expect(await steps.publish(plan)).toMatchObject({ accounts: 12, verdict: 'drifted' });
  });

  it('adds up what its failed attempts cost', async () => {
    let fail = true;
    const { steps, objects } = setUp(25, ({ pageSize, page }) => {
      if (pageSize === 10 && page === 1 && fail) {
        const error = new ExportError('ApiUnavailableError', 'Page 1 was answered with 502.');
        error.spent = { apiRequests: 4, recordsFetched: 20, retries: { '5xx': 3 } };
        throw error;
      }
    });
    const plan = await steps.plan();
    await expect(steps.pages(plan)).rejects.toThrow('502');
    fail = false;
    await steps.pages(plan);
    await steps.publish(plan);
    const without = setUp(25);
    await without.steps.all();
    const [manifest, plain] = [manifestIn(objects), manifestIn(without.objects)];
    expect(manifest.apiRequests - plain.apiRequests).toBe(4);
    expect(manifest.recordsFetched - plain.recordsFetched).toBe(20);
    expect(manifest.retries).toBe(4);
  });
});

describe('publishing', () => {
  it('exports accounts that were added behind the last page, and says that the source moved', async () => {
    const { steps, source, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    source.list.push(...accounts(30, 'late'));
    expect(await steps.publish(plan)).toMatchObject({
      accounts: 55,
      distinctAccounts: 55,
      pages: 6,
      verdict: 'drifted',
    });
    expect(namesIn(objects)).toEqual(source.list.map((raw) => (JSON.parse(raw) as { name: string }).name));
    expect(manifestIn(objects).consistency).toMatchObject({ accountsBefore: 25, accountsAfter: 55 });
  });

  it('exports accounts that were added behind a full last page', async () => {
    const { steps, source } = setUp(30);
    const plan = await steps.plan();
    await steps.pages(plan);
    source.list.push(account('late'));
    expect(await steps.publish(plan)).toMatchObject({ accounts: 31, pages: 4 });
  });

  it('finds accounts that a removal moved over a seam already read', async () => {
    const { steps, source } = setUp(95);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0, 1, 2, 3, 4] });
    source.list.splice(3, 1);
    source.list.push(account('new'));
    await steps.pages(plan);
    expect(await steps.publish(plan)).toMatchObject({ accounts: 95, verdict: 'drifted' });
  });

  it('counts an account that came twice', async () => {
    const { steps, source, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0] });
    source.list.splice(0, 0, account('new'));
    await steps.pages(plan);
    await steps.publish(plan);
    expect(manifestIn(objects)).toMatchObject({ records: 26, distinctAccounts: 25, duplicates: 1 });
  });

  it('refuses a missing page, and publishes nothing', async () => {
    const { steps, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0, 2] });
    await expect(steps.publish(plan)).rejects.toMatchObject({
      name: 'RunIncompleteError',
      message: '1 of 3 pages of run "run-1" have no part (1): start the run again under the same id to export them.',
    });
    expect(objects.has(MANIFEST)).toBe(false);
    expect(steps.partitions).toEqual([]);
  });

  it.each([
    [
      'a part that is gone',
      (objects: Map<string, Buffer>) => objects.delete(`${PARTS}part-00001.json.gz`),
      /page 1 .* no bytes/,
    ],
    [
      'a part that was cut',
      (objects: Map<string, Buffer>) => objects.set(`${PARTS}part-00001.json.gz`, Buffer.from('x')),
      /page 1 .* has 1 bytes/,
    ],
    [
      'a stranger among the parts',
      (objects: Map<string, Buffer>) => objects.set(`${PARTS}part-00009.json.gz`, Buffer.from('x')),
      /part-00009.* belongs to no page/,
    ],
  ])('refuses %s', async (_name, spoil, message) => {
    const { steps, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    spoil(objects);
    await expect(steps.publish(plan)).rejects.toMatchObject({
      name: 'RunIncompleteError',
      message: expect.stringMatching(message),
    });
    expect(objects.has(MANIFEST)).toBe(false);
  });

  it('refuses two pages that hold the same accounts', async () => {
    const { steps, api, store, objects } = setUp(30);
    const plan = await steps.plan();
    const stuck: typeof api = {
      fetchPage: (query, decode) =>
        api.fetchPage(query.pageSize === 10 && query.page < 3 ? { ...query, page: 0 } : query, decode),
    };
    await runSteps(stuck, store).pages(plan);
    await expect(steps.publish(plan)).rejects.toMatchObject({
      name: 'PagingError',
      message:
        'Pages 0 and 1 hold the same 10 accounts: the API did not serve the page it was asked for, so the run is not complete.',
    });
    expect(objects.has(MANIFEST)).toBe(false);
  });

  it('changes nothing when it is done again', async () => {
    const { steps, objects, queries } = setUp(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    const first = await steps.publish(plan);
    const [manifest, asked] = [objects.get(MANIFEST), queries.length];
    expect(await steps.publish(plan)).toEqual(first);
    expect(objects.get(MANIFEST)).toEqual(manifest);
    expect(queries).toHaveLength(asked);
    expect(steps.partitions).toHaveLength(2);
  });
});

describe('a CSV run', () => {
  it('gives all parts the header that the plan pinned', async () => {
    const { steps, objects } = setUp(25);
    await steps.all({ format: 'csv', attributeColumns: ['industry'] });
    const parts = [...objects]
      .filter(([key]) => key.endsWith('.csv.gz'))
      .map(([, body]) => gunzipSync(body).toString());
    const headers = new Set(parts.map((part) => part.split('\n')[0]));
    expect(headers.size).toBe(1);
    expect(parts.map((part) => part.trimEnd().split('\n').length - 1)).toEqual([10, 10, 5]);
  });
});

describe('reportFailure', () => {
  it('finds the sentence of the page behind the error of a Distributed Map', async () => {
    const { steps, store } = setUp(25, ({ pageSize, page }) => {
      if (pageSize === 10 && page === 2) throw new ExportError('ApiCredentialsError', 'The API refused the key.');
    });
    const plan = await steps.plan();
    await expect(steps.pages(plan)).rejects.toThrow();
    const failure = {
      Error: 'States.ExceedToleratedFailureThreshold',
      Cause: 'The specified tolerated failure threshold was exceeded',
    };
    expect(await reportFailure({ store }, { runId: 'run-1', request: {}, failure })).toEqual({
      error: 'ApiCredentialsError',
      cause: 'The API refused the key. 2 of 3 pages are done and kept.',
    });
  });

  it('takes the message out of what Lambda reports, and leaves the stack behind', async () => {
    const { store } = memoryStore();
    const Cause = JSON.stringify({
      errorType: 'RequestError',
      errorMessage: 'No export "x".',
      trace: ['at secret.ts:1'],
    });
    expect(
      await reportFailure({ store }, { runId: 'run-1', request: {}, failure: { Error: 'RequestError', Cause } }),
    ).toEqual({
      error: 'RequestError',
      cause: 'No export "x".',
    });
  });

  it('looks up the run that an execution went on with', async () => {
    const { steps, store } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0] });
    const event = {
      runId: 'again',
      request: { resume: 'run-1' },
      failure: { Error: 'ApiThrottledError', Cause: 'Refused.' },
    };
    expect(await reportFailure({ store }, event)).toMatchObject({ cause: 'Refused. 1 of 3 pages are done and kept.' });
  });
});

describe('page records', () => {
  it('say what the part is', async () => {
    const { steps, objects } = setUp(25);
    await steps.all();
    const record = PageRecordSchema.parse(JSON.parse(String(objects.get('work/run_id=run-1/pages/00002.json'))));
    expect(record).toMatchObject({ page: 2, key: `${PARTS}part-00002.json.gz`, records: 5, escapedLineBreaks: 0 });
    expect(record.bytes).toBe(objects.get(record.key)?.length);
    expect(Buffer.from(record.accountHashes, 'base64')).toHaveLength(40);
  });
});
