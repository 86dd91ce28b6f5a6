/** A run is proven whole from what lies in the store, and its manifest says all it took. */
import { describe, expect, it } from 'vitest';
import { account, accounts } from '../../support/array-api.ts';
import { manifestIn, PARTS, setUp } from '../../support/stepped-run.ts';

const PAGES = 'work/run_id=run-1/pages/';
const FAILURES = 'work/run_id=run-1/failures/';

/** A run all of whose pages are there. */
async function exported(total = 25, request: object = {}) {
  const run = setUp(total);
  const plan = await run.steps.plan(request);
  await run.steps.pages(plan);
  const record = (page: number) => JSON.parse(String(run.objects.get(`${PAGES}0000${page}.json`)));
  const rewrite = (page: number, more: object) =>
    run.objects.set(`${PAGES}0000${page}.json`, Buffer.from(JSON.stringify({ ...record(page), ...more })));
  return { ...run, plan, record, rewrite, publish: () => run.steps.publish(plan) };
}

const incomplete = (message: string) => ({ name: 'RunIncompleteError', message });

describe('a run is not whole', () => {
  it('without its plan', async () => {
    const { objects, publish } = await exported();
    objects.delete('work/run_id=run-1/plan.json');
    await expect(publish()).rejects.toMatchObject(
      incomplete('The plan of run "run-1" is gone from work/run_id=run-1/plan.json: start a new run.'),
    );
  });

  it.each([
    [[0], '1 of 8 pages of run "run-1" have no part (0)'],
    [[7], '1 of 8 pages of run "run-1" have no part (7)'],
    [[1, 2, 3, 4, 5], '5 of 8 pages of run "run-1" have no part (1, 2, 3, 4, 5)'],
    [[0, 1, 2, 3, 4, 6], '6 of 8 pages of run "run-1" have no part (0, 1, 2, 3, 4 …)'],
  ])('without pages %j', async (missing, sentence) => {
    const { objects, publish } = await exported(75);
    for (const page of missing) objects.delete(`${PAGES}0000${page}.json`);
    await expect(publish()).rejects.toMatchObject(
      incomplete(`${sentence}: go on with it (redrive, or run --run-id) to export them.`),
    );
  });

  it('with a gap before a page that reading on wrote', async () => {
    const { objects, record, publish } = await exported();
    objects.set(`${PAGES}00004.json`, Buffer.from(JSON.stringify({ ...record(2), page: 4 })));
    await expect(publish()).rejects.toMatchObject(
      incomplete(
        '1 of 5 pages of run "run-1" have no part (3): go on with it (redrive, or run --run-id) to export them.',
      ),
    );
  });

  it('with a part that is gone, was cut, or is of another page', async () => {
    const key = `${PARTS}part-00001.json.gz`;
    const gone = await exported();
    gone.objects.delete(key);
    await expect(gone.publish()).rejects.toMatchObject(
      incomplete(
        `The part of page 1 (${key}) has no bytes where ${gone.record(1).bytes} were written: go on with the run (redrive, or run --run-id) to export it again.`,
      ),
    );
    const cut = await exported();
    cut.objects.set(key, Buffer.from('xyz'));
    await expect(cut.publish()).rejects.toMatchObject(
      incomplete(
        `The part of page 1 (${key}) has 3 bytes where ${cut.record(1).bytes} were written: go on with the run (redrive, or run --run-id) to export it again.`,
      ),
    );
  });

  it('with a stranger among its parts, which a query would read too', async () => {
    const { objects, publish } = await exported();
    objects.set(`${PARTS}part-00003.json.gz`, Buffer.from('x'));
    await expect(publish()).rejects.toMatchObject(
      incomplete(
        `${PARTS}part-00003.json.gz lies among the parts of run "run-1" and belongs to no page: a query would read it too. Remove it and go on with the run (redrive, or run --run-id).`,
      ),
    );
  });

  it('with a part that was written again and is now another, or gone once it is looked at', async () => {
    const key = `${PARTS}part-00001.json.gz`;
    const message = `The part of page 1 (${key}) does not hold what was written: go on with the run (redrive, or run --run-id) to export it again.`;
    const other = await exported();
    const length = other.objects.get(key)?.length ?? 0;
    other.objects.set(key, Buffer.alloc(length, 'x'));
    await expect(other.publish()).rejects.toMatchObject(incomplete(message));

    const gone = await exported();
    gone.rewrite(1, { etag: '"of a copy"' });
    const { get } = gone.store;
    gone.store.get = async (asked) => (asked === key ? undefined : get(asked));
    await expect(gone.publish()).rejects.toMatchObject(incomplete(message));
  });

  it('with two pages of the same two accounts', async () => {
    const { objects, source, plan, steps, publish } = await exported(4, { pageSize: 2 });
    objects.delete(`${PAGES}00001.json`);
    source.list.splice(2, 2, ...accounts(2));
    await steps.pages(plan);
    await expect(publish()).rejects.toMatchObject({ name: 'PagingError' });
  });

  it('with two pages of the same accounts, however far apart', async () => {
    const { objects, source, plan, steps, publish } = await exported();
    objects.delete(`${PAGES}00002.json`);
    source.list.splice(20, 5, ...accounts(10));
    await steps.pages(plan);
    await expect(publish()).rejects.toMatchObject({
      name: 'PagingError',
      message:
        'Pages 0 and 2 hold the same 10 accounts: the API did not serve the page it was asked for, so the run is not complete.',
    });
  });
});

describe('a run is whole', () => {
  it('by what the listing says of its parts: none is read that was written once', async () => {
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

  it('with a part that was written again and is the same', async () => {
    const { rewrite, publish } = await exported();
    rewrite(1, { etag: '"of a copy"' });
    expect(await publish()).toMatchObject({ status: 'published', verdict: 'consistent' });
  });

  it('with two pages of one account each that are the same one: it may well have moved', async () => {
    const { objects, source, plan, steps, publish } = await exported(2, { pageSize: 1 });
    objects.delete(`${PAGES}00001.json`);
    source.list.reverse();
    await steps.pages(plan);
    expect(await publish()).toMatchObject({ accounts: 2, distinctAccounts: 1, verdict: 'drifted' });
  });

  it('with empty pages behind those that were left of it', async () => {
    const { objects, source, plan, steps, publish } = await exported(45);
    for (const page of [1, 2, 3, 4]) objects.delete(`${PAGES}0000${page}.json`);
    source.list.splice(10);
    await steps.pages(plan);
    expect(await publish()).toMatchObject({
      accounts: 10,
      pages: 5,
      verdict: 'drifted',
      // Those of the one page that is not empty.
      consistency: { boundariesChecked: 2 },
    });
  });
});

describe('the manifest', () => {
  it('adds up what every try of every task cost', async () => {
    const plain = await exported();
    await plain.publish();
    const { objects, publish } = await exported();
    const usage = (apiRequests: number, recordsFetched: number, retries: object) => ({
      usage: { apiRequests, recordsFetched, retries },
    });
    const write = (name: string, value: object) =>
      objects.set(`${FAILURES}${name}.json`, Buffer.from(JSON.stringify({ version: 1, ...value })));
    write('plan', { attempts: 2, ...usage(100, 1000, { '429': 7 }) });
    write('publish', { attempts: 3, ...usage(200, 2000, { '429': 1, connection: 20 }) });
    write('00001', {
      page: 1,
      start: 1,
      attempts: 5,
      error: 'StorageError',
      message: 'Full.',
      ...usage(400, 4000, {}),
    });
    await publish();
    const [manifest, without] = [manifestIn(objects), manifestIn(plain.objects)];
    expect(manifest.apiRequests - without.apiRequests).toBe(700);
    expect(manifest.recordsFetched - without.recordsFetched).toBe(7000);
    // Two, three and five tries that failed, and 28 retries within them.
    expect(manifest.retries).toBe(38);
    expect(without.retries).toBe(0);
  });

  it('counts what pages cost that were written again', async () => {
    const { source, objects, queries, publish } = await exported();
    source.list.push(...accounts(20, 'late'));
    await publish();
    expect(manifestIn(objects)).toMatchObject({ records: 45, pages: 5, apiRequests: queries.length });
  });

  it('describes each part as it lies there, and sums them up', async () => {
    const { objects, rewrite, record, publish } = await exported();
    rewrite(0, { escapedLineBreaks: 2 });
    rewrite(2, { escapedLineBreaks: 3 });
    await publish();
    const manifest = manifestIn(objects);
    expect(manifest.parts).toEqual(
      [0, 1, 2].map((page) => ({
        key: `${PARTS}part-0000${page}.json.gz`,
        page,
        records: [10, 10, 5][page],
        bytes: objects.get(`${PARTS}part-0000${page}.json.gz`)?.length,
        sha256: record(page).sha256,
      })),
    );
    const bytes = [...objects].filter(([key]) => key.startsWith(PARTS)).map(([, body]) => body.length);
    expect(manifest.bytes).toBe(bytes.reduce((a, b) => a + b));
    expect(manifest.escapedLineBreaks).toBe(5);
  });

  it('names each field that no column takes once, sorted', async () => {
    const { steps, source, objects } = setUp(25);
    source.list[3] = account('a', ',"zeta":1');
    source.list[13] = account('b', ',"zeta":1,"alpha":2');
    source.list[23] = account('c', ',"midi":1');
    await steps.all();
    expect(manifestIn(objects).unmappedColumns).toEqual(['alpha', 'midi', 'zeta']);
  });

  it('tells what the plan had counted from what was exported', async () => {
    const { source, objects, publish } = await exported();
    source.list.push(account('late'));
    await publish();
    expect(manifestIn(objects)).toMatchObject({ plannedRecords: 25, records: 26, duplicates: 0 });
  });
});
