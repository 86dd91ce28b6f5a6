/** Publishing verifies a run from the store, writes its manifest once, and adds its partition last. */
import { describe, expect, it } from 'vitest';
import { localCatalog } from '../../../cli/local/run-local.ts';
import type { AccountsApi, PublishedRun } from '../../../functions/export/ports.ts';
import { publishRun } from '../../../functions/export/publish/publish-run.ts';
import { account, accounts } from '../../support/array-api.ts';
import { runSteps } from '../../support/run-steps.ts';
import { MANIFEST, manifestIn, namesIn, PARTS, setUp, WORK } from '../../support/stepped-run.ts';

const RECEIPTS = `${WORK}receipts/`;
const PART = `${PARTS}part-00001.json.gz`;
const nameOf = (raw: string) => (JSON.parse(raw) as { name: string }).name;

/** A run all of whose pages are exported. */
async function exported(total = 25, request: object = {}) {
  const run = setUp(total);
  const plan = await run.steps.plan(request);
  await run.steps.pages(plan);
  const receipt = (page: number) => JSON.parse(String(run.objects.get(`${RECEIPTS}0000${page}.json`)));
  const rewrite = (page: number, more: object) =>
    run.objects.set(`${RECEIPTS}0000${page}.json`, Buffer.from(JSON.stringify({ ...receipt(page), ...more })));
  /** Exports a page again. */
  const again = async (...pageNumbers: number[]) => {
    for (const page of pageNumbers) run.objects.delete(`${RECEIPTS}0000${page}.json`);
    await run.steps.pages({ ...plan, pageNumbers });
  };
  return { ...run, plan, receipt, rewrite, again, publish: () => run.steps.publish(plan) };
}

describe('publishing', () => {
  it('returns where the run is, how long it took, and a query for it', async () => {
    const { plan, api, store, publish } = await exported();
    expect(await publish()).toMatchObject({
      status: 'published',
      seconds: 90,
      parts: `memory/${PARTS}`,
      manifest: `memory/${MANIFEST}`,
      query:
        "SELECT * FROM accounts_history WHERE export_name = 'all' AND export_date = '2026-08-22' AND run_id = 'run-1' LIMIT 10",
    });
    const catalog = { ...localCatalog(), database: 'exports' };
    expect(await publishRun({ api, store, catalog, clock: { now: () => 0 } }, plan)).toMatchObject({
      query: expect.stringMatching(/^SELECT \* FROM exports\.accounts_history WHERE /),
    });
  });

  it('sends one request per page boundary if nothing changed, the last of which counts again', async () => {
    const { queries, publish } = await exported();
    const before = queries.length;
    expect(await publish()).toMatchObject({ consistency: { accountsAfter: 25, boundariesChecked: 4 } });
    const asked = queries.slice(before).map(({ pageSize, page }) => [pageSize, page]);
    expect(asked.toSorted()).toEqual([
      [1, 0],
      [2, 12],
      [3, 3],
      [3, 6],
    ]);
  });

  it('asks an empty export once whether it is still empty', async () => {
    const { queries, publish } = await exported(0);
    const before = queries.length;
    expect(await publish()).toMatchObject({ verdict: 'consistent', consistency: { accountsAfter: 0 } });
    expect(queries.slice(before)).toMatchObject([{ pageSize: 1, page: 0 }]);
  });

  it('checks the boundaries of the tail in place of the end of the planned pages', async () => {
    const { source, publish } = await exported();
    source.list.push(...accounts(20, 'late'));
    // Before the pages 0 to 4, and after the last one.
    expect(await publish()).toMatchObject({
      verdict: 'drifted',
      consistency: { accountsAfter: 45, boundariesChecked: 6, boundariesMoved: 0 },
    });
  });

  it('notices an account that left the tail for the page before it', async () => {
    let isPublishing = false;
    const run = setUp(25, ({ pageSize, page }) => {
      // Account 20 moves to page 1, which was read, before page 2 is read again.
      if (isPublishing && pageSize === 10 && page === 2) run.source.list.splice(3, 1);
    });
    const plan = await run.steps.plan();
    await run.steps.pages(plan);
    isPublishing = true;
    run.source.list.push(account('late'));
    const outcome = await run.steps.publish(plan);
    expect(namesIn(run.objects)).not.toContain('account 20');
    expect(outcome).toMatchObject({
      verdict: 'drifted',
      accounts: 25,
      consistency: { accountsBefore: 25, accountsAfter: 25, boundariesChecked: 4, boundariesMoved: 1 },
    });
  });

  it('checks all boundaries of many pages on request, a few at a time', async () => {
    for (const [boundaryChecks, checked] of [
      ['sample', 16],
      ['all', 71],
    ] as const) {
      const { api, store, plan } = await exported(140, { pageSize: 2, boundaryChecks });
      let [inFlight, most] = [0, 0];
      const counting: AccountsApi = {
        ...api,
        fetchPage: async (...request) => {
          most = Math.max(most, ++inFlight);
          await Promise.resolve();
          return api.fetchPage(...request).finally(() => inFlight--);
        },
      };
      const ports = { api: counting, store, catalog: localCatalog(), clock: { now: () => 0 } };
      const { run, execution, outcome } = plan;
      expect(await publishRun(ports, { run, execution, outcome, concurrency: 5 })).toMatchObject({
        verdict: 'consistent',
        consistency: { boundariesChecked: checked, boundariesMoved: 0 },
      });
      expect(most).toBe(5);
    }
  });

  it('changes nothing when it is repeated, and sends no request', async () => {
    const { steps, objects, queries, publish } = await exported();
    const first = await publish();
    const [before, asked] = [new Map(objects), queries.length];
    expect(await publish()).toEqual(first);
    expect(objects).toEqual(before);
    expect(queries).toHaveLength(asked);
    expect(steps.partitions).toHaveLength(2);
  });

  it('returns the manifest that was written first, if two publish at the same moment', async () => {
    const { steps, store, objects, publish } = await exported();
    const { put } = store;
    store.put = async (key, body, condition) => {
      if (key === MANIFEST) {
        const other = { ...JSON.parse(Buffer.from(body).toString()), publishedAt: '2026-08-22T02:01:00.000Z' };
        objects.set(MANIFEST, Buffer.from(JSON.stringify(other)));
      }
      return put(key, body, condition);
    };
    expect(await publish()).toMatchObject({ publishedAt: '2026-08-22T02:01:00.000Z', seconds: 60 });
    expect(steps.partitions).toMatchObject([{ publishedAt: '2026-08-22T02:01:00.000Z' }]);
  });

  it('writes no tail to a run that another attempt published meanwhile', async () => {
    const { source, objects, plan, publish, api, store } = await exported();
    const { promise, resolve } = Promise.withResolvers<void>();
    let isFetching = false;
    const slow: AccountsApi = {
      ...api,
      fetchPage: async (query, ...rest) => {
        const answer = await api.fetchPage(query, ...rest);
        if (query.pageSize === 10) {
          isFetching = true;
          await promise;
        }
        return answer;
      },
    };
    source.list.push(account('late'));
    const straggler = runSteps(slow, store).publish(plan);
    straggler.catch(() => undefined);
    await expect.poll(() => isFetching).toBe(true);
    source.list.pop();
    await publish();
    const published = new Map([...objects].filter(([key]) => !key.includes('/failures/')));
    resolve();
    await expect(straggler).rejects.toMatchObject({
      name: 'RequestError',
      message: 'Cannot write page 2 of run "run-1": the run is already published. No action is needed.',
    });
    expect(new Map([...objects].filter(([key]) => !key.includes('/failures/')))).toEqual(published);
  });

  it('takes the manifest back if a part was modified after it was compared, and before the manifest was there', async () => {
    const { steps, store, objects, publish } = await exported();
    const key = `${PARTS}part-00001.json.gz`;
    const part = objects.get(key) as Buffer;
    const { put } = store;
    store.put = async (path, ...rest) => {
      if (path === MANIFEST) objects.set(key, Buffer.from('of an attempt that outlived its execution'));
      return put(path, ...rest);
    };
    await expect(publish()).rejects.toMatchObject({
      name: 'RunIncompleteError',
      message: expect.stringContaining('was modified'),
    });
    expect([objects.has(MANIFEST), steps.partitions]).toEqual([false, []]);
    store.put = put;
    objects.set(key, part);
    expect(await publish()).toMatchObject({ status: 'published' });
  });

  it('fails, but leaves the manifest of another attempt, if a part was modified since', async () => {
    const { steps, store, objects, publish } = await exported();
    const { put } = store;
    store.put = async (key, body, condition) => {
      if (key === MANIFEST) {
        objects.set(MANIFEST, Buffer.from(body));
        objects.set(`${PARTS}part-00001.json.gz`, Buffer.from('of an attempt that outlived its execution'));
      }
      return put(key, body, condition);
    };
    await expect(publish()).rejects.toMatchObject({ name: 'RunIncompleteError' });
    expect([objects.has(MANIFEST), steps.partitions]).toEqual([true, []]);
  });

  it('dates a run after its start and after the run of the same day that it replaces, if the clock was set back', async () => {
    const { api, store, plan } = await exported();
    const at = async (time: string, { run, outcome, execution } = plan) => {
      const clock = { now: () => Date.parse(time) };
      return publishRun({ api, store, catalog: localCatalog(), clock }, { run, outcome, execution });
    };
    expect(await at('2026-08-22T01:00:00.000Z')).toMatchObject({ publishedAt: plan.run.startedAt, seconds: 0 });
    const second = runSteps(api, store, 'run-2');
    const next = await second.plan();
    await second.pages(next);
    expect(await at('2026-08-22T01:00:00.000Z', next)).toMatchObject({ publishedAt: '2026-08-22T02:00:00.001Z' });
  });

  it('names fifty of the fields without a column, and all of them, sorted, in the manifest', async () => {
    const { steps, source, objects } = setUp(25);
    const fields = Array.from({ length: 60 }, (_, i) => `field${String(i).padStart(2, '0')}`);
    source.list[3] = account(
      'a',
      fields
        .slice(30)
        .map((field) => `,"${field}":1`)
        .join(''),
    );
    source.list[23] = account(
      'b',
      fields
        .slice(0, 31)
        .map((field) => `,"${field}":1`)
        .join(''),
    );
    expect((await steps.all()).unmappedColumns).toEqual(fields.slice(0, 50));
    expect(manifestIn(objects).unmappedColumns).toEqual(fields);
  });

  it('gives the catalog only the columns of the CSV table', async () => {
    const { plan, api, store } = await exported(25, { format: 'csv' });
    const columns = [...(plan.run.csv?.columns ?? []), 'extra'];
    const added: PublishedRun[] = [];
    const catalog = { ...localCatalog(), addRun: async (run: PublishedRun) => void added.push(run) };
    const run = { ...plan.run, csv: { columns, tableColumns: columns.length - 1, finalNewline: true } };
    const clock = { now: () => Date.parse('2026-08-22T02:00:03.250Z') };
    expect(await publishRun({ api, store, catalog, clock }, { ...plan, run })).toMatchObject({ seconds: 3.3 });
    expect(added[0]?.csvColumns).toEqual(columns.slice(0, -1));
    expect(added[0]?.csvColumns?.length).toBeGreaterThan(3);
  });

  it('refuses an invalid event', async () => {
    const { api, store } = setUp(0);
    const catalog = localCatalog();
    await expect(publishRun({ api, store, catalog, clock: { now: () => 0 } }, { run: {} })).rejects.toMatchObject({
      name: 'RequestError',
      message: expect.stringMatching(/^Invalid event of Publish run: run\.runId .* \(missing\); /),
    });
  });
});

describe('accounts that come and go while pages are read', () => {
  it.each([
    ['after a short last page', 25, 30, 6],
    ['after a full last page', 30, 1, 4],
  ])('are exported if they were added %s, and the run is called drifted', async (_where, total, added, pages) => {
    const { source, objects, publish } = await exported(total);
    source.list.push(...accounts(added, 'late'));
    const now = total + added;
    expect(await publish()).toMatchObject({ accounts: now, distinctAccounts: now, pages, verdict: 'drifted' });
    expect(namesIn(objects)).toEqual(source.list.map(nameOf));
    expect(manifestIn(objects)).toMatchObject({
      plannedRecords: total,
      records: now,
      duplicates: 0,
      consistency: { accountsBefore: total, accountsAfter: now },
    });
  });

  it('are noticed at equal counts', async () => {
    const { steps, source } = setUp(95);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0, 1, 2, 3, 4] });
    source.list.splice(3, 1);
    source.list.push(account('new'));
    await steps.pages(plan);
    expect(await steps.publish(plan)).toMatchObject({ accounts: 95, verdict: 'drifted' });
  });

  it('are counted as duplicates if they were read twice', async () => {
    const { steps, source, objects } = setUp(25);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0] });
    source.list.unshift(account('new'));
    await steps.pages(plan);
    await steps.publish(plan);
    expect(manifestIn(objects)).toMatchObject({ records: 26, distinctAccounts: 25, duplicates: 1 });
  });

  it('may leave empty pages', async () => {
    const { source, again, publish } = await exported(45);
    source.list.splice(10);
    await again(1, 2, 3, 4);
    const consistency = { verdict: 'drifted', boundariesChecked: 2 };
    expect(await publish()).toMatchObject({ accounts: 10, pages: 5, consistency });
  });
});

describe('an incomplete run', () => {
  async function refused(
    { publish, objects, steps }: Awaited<ReturnType<typeof exported>>,
    message: string,
    name = 'RunIncompleteError',
  ) {
    await expect(publish()).rejects.toMatchObject({ name, message });
    expect(objects.has(MANIFEST)).toBe(false);
    expect(steps.partitions).toEqual([]);
  }

  it('is refused without its plan', async () => {
    const run = await exported();
    run.objects.delete(`${WORK}plan.json`);
    await refused(run, `The plan of run "run-1" is missing (${WORK}plan.json): start a new run.`, 'RequestError');
  });

  it.each([
    [[0], '1 of 8 pages of run "run-1" are missing (0)'],
    [[7], '1 of 8 pages of run "run-1" are missing (7)'],
    [[1, 2, 3, 4, 5], '5 of 8 pages of run "run-1" are missing (1, 2, 3, 4, 5)'],
    [[0, 1, 2, 3, 4, 6], '6 of 8 pages of run "run-1" are missing (0, 1, 2, 3, 4, …)'],
  ])('is refused without pages %j', async (missing, sentence) => {
    const run = await exported(75);
    for (const page of missing) run.objects.delete(`${RECEIPTS}0000${page}.json`);
    await refused(run, `${sentence}. Resume the run to export them.`);
  });

  it('is refused with a gap before a page of the tail', async () => {
    const run = await exported();
    run.objects.set(`${RECEIPTS}00004.json`, Buffer.from(JSON.stringify({ ...run.receipt(2), page: 4 })));
    await refused(run, '1 of 5 pages of run "run-1" are missing (3). Resume the run to export them.');
  });

  const modified = (found: string, bytes: number) =>
    `The part of page 1 of run "run-1" ${found.replace('{}', `${bytes}`)}: resume the run to export it again.`;

  it.each([
    ['missing', undefined, `is missing (${PART})`],
    ['truncated', () => Buffer.from('xyz'), `was modified (${PART}: 3 bytes now, {} when exported)`],
  ])('is refused with a part that is %s', async (_what, body, found) => {
    const run = await exported();
    if (body) run.objects.set(PART, body());
    else run.objects.delete(PART);
    await refused(run, modified(found, run.receipt(1).bytes));
  });

  it('is refused with another part of equal length, or one that is removed while it is read', async () => {
    const other = await exported();
    const { bytes } = other.receipt(1);
    other.objects.set(PART, Buffer.alloc(bytes, 'x'));
    await refused(other, modified(`was modified (${PART}: different content, same size)`, bytes));

    const gone = await exported();
    gone.rewrite(1, { etag: '"of a copy"' });
    const { get } = gone.store;
    gone.store.get = async (key) => (key === PART ? undefined : get(key));
    await refused(gone, modified(`was modified (${PART}: different content, same size)`, bytes));
  });

  it('is refused with an unknown object among its parts', async () => {
    const run = await exported();
    run.objects.set(`${PARTS}part-00003.json.gz`, Buffer.from('x'));
    await refused(
      run,
      `Unexpected object in the folder of run "run-1" (${PARTS}part-00003.json.gz): delete it, because queries would read it, then resume the run.`,
    );
  });

  it('is complete by the listing of its parts alone: none is read', async () => {
    const { store, publish } = await exported();
    const { get } = store;
    const read: string[] = [];
    store.get = (key) => {
      read.push(key);
      return get(key);
    };
    expect(await publish()).toMatchObject({ status: 'published' });
    expect(read.filter((key) => key.startsWith(PARTS))).toEqual([]);
  });

  it('is complete with an equal part that was written again', async () => {
    const { rewrite, publish } = await exported();
    rewrite(1, { etag: '"of a copy"' });
    expect(await publish()).toMatchObject({ status: 'published', verdict: 'consistent' });
  });
});

describe('two equal pages', () => {
  const REPEATED = { name: 'PagingError', message: expect.stringMatching(/pages 0 and 1 have the same accounts/) };

  it.each([
    ['for every request of the real page size', ({ pageSize }: { pageSize: number }) => pageSize === 10],
    ['for every request', () => true],
  ])('mean a PagingError if the API repeats them %s', async (_what, repeats) => {
    const { steps, api, store, objects } = setUp(30);
    const plan = await steps.plan();
    const stuck: AccountsApi = {
      ...api,
      fetchPage: (query, ...rest) =>
        api.fetchPage(repeats(query) && query.page < 3 ? { ...query, page: 0 } : query, ...rest),
    };
    const repeating = runSteps(stuck, store);
    await repeating.pages(plan);
    await expect(repeating.publish(plan)).rejects.toMatchObject(REPEATED);
    expect(objects.has(MANIFEST)).toBe(false);
  });

  it.each([{}, { onDrift: 'fail' }, { onDrift: 'retry' }])(
    'mean drift if a page of accounts was inserted at the front, with %j',
    async (policy) => {
      const { steps, source } = setUp(50);
      const plan = await steps.plan(policy);
      await steps.pages({ ...plan, pageNumbers: [0, 1] });
      source.list.unshift(...accounts(10, 'front'));
      await steps.pages(plan);
      const finished = steps.finish(plan);
      if (policy.onDrift === 'fail') await expect(finished).rejects.toMatchObject({ name: 'DriftedError' });
      else if (policy.onDrift === 'retry') expect(await finished).toMatchObject({ status: 'drifted' });
      else expect(await finished).toMatchObject({ status: 'published', verdict: 'drifted' });
    },
  );

  it('mean drift if the pages are not equal any more, whatever happens while they are compared', async () => {
    const { source, again, publish } = await exported(4, { pageSize: 2 });
    source.list.splice(2, 2, ...accounts(2));
    await again(1);
    source.list.splice(0);
    expect(await publish()).toMatchObject({ verdict: 'drifted' });
  });

  it('mean drift if they have one account each, which may well have moved', async () => {
    const { source, again, publish } = await exported(2, { pageSize: 1 });
    source.list.reverse();
    await again(1);
    expect(await publish()).toMatchObject({ accounts: 2, distinctAccounts: 1, verdict: 'drifted' });
  });
});

describe('a run that is counted by pages', () => {
  /** Pages of fewer than five records do not move. */
  const setUpPages = (total: number) => {
    const run = setUp(total);
    const paged: AccountsApi = {
      ...run.api,
      fetchPage: (query, ...rest) => run.api.fetchPage(query.pageSize < 5 ? { ...query, page: 0 } : query, ...rest),
    };
    return { ...run, steps: runSteps(paged, run.store) };
  };

  it('is called unverified if all counts agree, and drifted if they do not', async () => {
    expect(await setUpPages(25).steps.all()).toMatchObject({
      accounts: 25,
      verdict: 'unverified',
      consistency: { boundariesChecked: 0, boundariesMoved: 0 },
    });
    const { steps, source } = setUpPages(25);
    const plan = await steps.plan();
    await steps.pages(plan);
    source.list.push(account('late'));
    expect(await steps.publish(plan)).toMatchObject({ accounts: 26, verdict: 'drifted' });
  });
});

describe('the manifest', () => {
  it('adds up the usage of every attempt at every task', async () => {
    const plain = await exported();
    await plain.publish();
    const { objects, publish } = await exported();
    const fail = (execution: string, task: number | 'plan' | 'publish', attempts: number, usage: object) =>
      objects.set(
        `${WORK}failures/${execution}/${typeof task === 'number' ? `0000${task}` : task}.json`,
        Buffer.from(JSON.stringify({ version: 1, task, attempts, error: 'StorageError', message: 'Full.', usage })),
      );
    fail('a', 'plan', 2, { apiRequests: 100, recordsFetched: 1000, retries: { '429': 7 } });
    fail('b', 'publish', 3, { apiRequests: 200, recordsFetched: 2000, retries: { '429': 1, connection: 20 } });
    fail('b', 1, 5, { apiRequests: 400, recordsFetched: 4000, retries: {} });
    await publish();
    const [manifest, without] = [manifestIn(objects), manifestIn(plain.objects)];
    expect(manifest.apiRequests - without.apiRequests).toBe(700);
    expect(manifest.recordsFetched - without.recordsFetched).toBe(7000);
    // Ten failed attempts, and 28 retries within them.
    expect([manifest.retries, without.retries]).toEqual([38, 0]);
  });

  it('counts the usage of pages that the tail wrote again', async () => {
    const { source, objects, queries, publish } = await exported();
    source.list.push(...accounts(20, 'late'));
    await publish();
    expect(manifestIn(objects)).toMatchObject({ records: 45, pages: 5, apiRequests: queries.length });
  });

  it('describes each part as it is stored, and sums them up', async () => {
    const { objects, rewrite, receipt, publish } = await exported();
    rewrite(0, { escapedLineBreaks: 2 });
    rewrite(2, { escapedLineBreaks: 3 });
    await publish();
    const manifest = manifestIn(objects);
    const parts = [0, 1, 2].map((page) => {
      const key = `${PARTS}part-0000${page}.json.gz`;
      return {
        key,
        page,
        records: [10, 10, 5][page],
        bytes: objects.get(key)?.length ?? 0,
        sha256: receipt(page).sha256,
      };
    });
    expect(manifest.parts).toEqual(parts);
    expect(manifest.bytes).toBe(parts.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(manifest.escapedLineBreaks).toBe(5);
  });
});
