import { describe, expect, it } from 'vitest';
import { ExportError } from '../../functions/errors.ts';
import { runSteps } from '../support/run-steps.ts';
import { manifestIn, PARTS, setUp } from '../support/stepped-run.ts';

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
