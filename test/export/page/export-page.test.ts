import { describe, expect, it } from 'vitest';
import { ExportError } from '../../../functions/model/errors.ts';
import { runSteps } from '../../support/run-steps.ts';
import { MANIFEST, manifestIn, PARTS, setUp } from '../../support/stepped-run.ts';

describe('a try that outlives its run', () => {
  /** A page whose write is held up until it is let go. */
  async function withLateWrite(total: number, earlier: number[] = []) {
    const run = setUp(total);
    const plan = await run.steps.plan();
    await run.steps.pages({ ...plan, pageNumbers: earlier });
    const letGo = Promise.withResolvers<void>();
    const held: typeof run.store = {
      ...run.store,
      async putOver(key, ...rest) {
        await letGo.promise;
        return run.store.putOver(key, ...rest);
      },
    };
    const late = runSteps(run.api, held).pages({ ...plan, pageNumbers: [1] });
    late.catch(() => undefined);
    // It has seen what lies there, and fetched its page.
    await expect.poll(() => run.pageFetches(10).includes(1)).toBe(true);
    return { ...run, plan, late, letGo: letGo.resolve };
  }

  it('does not replace what was published meanwhile', async () => {
    const { steps, plan, late, letGo, source, objects } = await withLateWrite(25);
    source.list.splice(0, 1);
    const taken = (await steps.resume('run-1')) as typeof plan;
    await steps.pages(taken);
    await steps.publish(taken);
    const published = new Map(objects);
    letGo();
    await expect(late).rejects.toMatchObject({
      name: 'StorageError',
      message: 'The part of page 1 was written by another try meanwhile; it can be tried again later.',
    });
    for (const key of published.keys()) {
      if (key.startsWith('accounts_') || key.includes('/pages/') || key === MANIFEST)
        expect([key, objects.get(key)]).toEqual([key, published.get(key)]);
    }
  });

  it('takes its own part for its own, though the answer to its write was lost', async () => {
    const { steps, store } = setUp(25);
    const { putOver } = store;
    store.putOver = async (...args) => {
      await putOver(...args);
      return undefined;
    };
    const plan = await steps.plan();
    expect(await steps.pages(plan)).toEqual([10, 10, 5]);
    expect(await steps.publish(plan)).toMatchObject({ status: 'published', accounts: 25 });
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
        error.usage = { apiRequests: 4, recordsFetched: 20, retries: { '5xx': 3 } };
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
