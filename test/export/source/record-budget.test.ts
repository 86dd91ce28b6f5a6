/** `maxRecords` holds, whatever fails: what the API sent is counted where it is sent. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExportError } from '../../../functions/model/errors.ts';
import { randomFrom } from '../../support/random.ts';
import { manifestIn, setUp } from '../../support/stepped-run.ts';

/** A body that broke off: counted as many records as were asked for. */
function brokeOff(pageSize: number): ExportError {
  const error = new ExportError('ApiAnswerError', 'The body broke off.');
  error.usage = { apiRequests: 1, recordsFetched: pageSize, retries: {} };
  return error;
}

/** A run whose API sends bodies that break off when `breaks` says so, and counts what it sent. */
function countingRun(total: number, breaks: (query: { page: number; pageSize: number }) => boolean) {
  const sent = { records: 0 };
  const run = setUp(total, (query) => {
    if (breaks(query)) {
      sent.records += query.pageSize;
      throw brokeOff(query.pageSize);
    }
    sent.records += Math.max(0, Math.min(query.pageSize, total - query.page * query.pageSize));
  });
  return { ...run, sent };
}

describe('a record budget', () => {
  it('refuses a run that could pass it before a page is fetched, and says what the run needs', async () => {
    const { steps, pageFetches, sent } = countingRun(25, () => false);
    await expect(steps.plan({ maxRecords: 222 })).rejects.toMatchObject({
      name: 'BudgetExceededError',
      message:
        'The run could fetch 223 records (3 pages of 10, 9 for planning, 184 to prove it whole), and maxRecords allows 222.',
    });
    expect(pageFetches(10)).toEqual([3]);
    expect(sent.records).toBe(9);
  });

  it('lets a run through that fits exactly', async () => {
    const { steps, objects, sent } = countingRun(25, () => false);
    await steps.all({ maxRecords: 223 });
    expect(manifestIn(objects).recordsFetched).toBe(sent.records);
  });

  it('stops counting before it is passed', async () => {
    const { steps, sent } = countingRun(100_000, () => false);
    await expect(steps.plan({ maxRecords: 12 })).rejects.toMatchObject({
      name: 'BudgetExceededError',
      message: 'Counting the accounts could fetch more records than maxRecords allows, which is 12.',
    });
    expect(sent.records).toBeLessThanOrEqual(12);
  });

  it('remembers what failed tries at planning spent', async () => {
    let broken = true;
    const { steps, sent, objects } = countingRun(25, ({ pageSize }) => broken && pageSize === 10);
    await expect(steps.plan({ maxRecords: 240 })).rejects.toThrow('broke off');
    broken = false;
    const wasted = sent.records;
    await expect(steps.plan({ maxRecords: 240 })).rejects.toThrow(`${wasted + 9} for planning`);
    await steps.all({ maxRecords: 280 });
    expect(manifestIn(objects)).toMatchObject({ retries: 2, recordsFetched: sent.records });
  });

  it('buys a page once more as long as there is room, and stops the run when there is none', async () => {
    let failures = 3;
    const { steps, sent, objects } = countingRun(25, ({ pageSize, page }) => {
      return pageSize === 10 && page === 1 && failures-- > 0;
    });
    const plan = await steps.plan({ maxRecords: 245 });
    for (const _try of [1, 2]) await expect(steps.pages(plan)).rejects.toThrow('broke off');
    await expect(steps.pages(plan)).rejects.toThrow('broke off');
    await expect(steps.pages(plan)).rejects.toMatchObject({
      name: 'BudgetExceededError',
      message:
        'maxRecords leaves no room to fetch page 1 once more: go on with {"resume":"run-1","maxRecords":…} and a higher number, or start a new run.',
    });
    const more = (await steps.resume('run-1', { maxRecords: 280 })) as typeof plan;
    await steps.pages(more);
    await steps.publish(more);
    expect(manifestIn(objects)).toMatchObject({ records: 25, recordsFetched: sent.records });
    expect(sent.records).toBeLessThanOrEqual(280);
  });

  it('counts a try that was killed without a word as one that cost all it could', async () => {
    const { steps, objects, pageFetches } = countingRun(25, () => false);
    const plan = await steps.plan({ maxRecords: 233 });
    // The try took what was set aside for the page, and was gone.
    objects.set('work/run_id=run-1/budget/1/page-00001/00000001.json', Buffer.from('{"token":"x"}\n'));
    await steps.pages(plan);
    expect(pageFetches(10)).toEqual([3, 0, 1, 2]);
    objects.delete('work/run_id=run-1/pages/00001.json');
    await expect(steps.pages(plan)).rejects.toMatchObject({ name: 'BudgetExceededError' });
  });

  it('loses nothing to tries that fetched nothing, however many there were', async () => {
    let refusals = 12;
    const { steps, objects } = setUp(25, ({ pageSize, page }) => {
      if (pageSize === 10 && page < 3 && refusals-- > 0) throw new ExportError('ApiUnavailableError', 'No answer.');
    });
    const plan = await steps.plan({ maxRecords: 223 });
    for (let tries = 0; tries < 12; tries++) await expect(steps.pages(plan)).rejects.toThrow('No answer.');
    await steps.pages(plan);
    await steps.publish(plan);
    expect(manifestIn(objects)).toMatchObject({ records: 25, retries: 12 });
  });

  it('loses nothing when a manifest could not be written at once', async () => {
    const { steps, objects, store, sent } = countingRun(25, () => false);
    const { create } = store;
    let failures = 3;
    store.create = async (key, ...rest) => {
      if (key.startsWith('export_runs/') && failures-- > 0) throw new ExportError('StorageError', 'No answer.');
      return create(key, ...rest);
    };
    const plan = await steps.plan({ maxRecords: 400 });
    await steps.pages(plan);
    for (let tries = 0; tries < 3; tries++) await expect(steps.publish(plan)).rejects.toThrow('No answer.');
    await steps.publish(plan);
    expect(manifestIn(objects)).toMatchObject({ retries: 3, recordsFetched: sent.records });
  });

  it('takes what was set aside though the answer to its claim was lost', async () => {
    const { steps, store, pageFetches } = countingRun(25, () => false);
    const { create } = store;
    store.create = async (key, ...rest) => {
      const created = await create(key, ...rest);
      return key.includes('/budget/') ? false : created;
    };
    const plan = await steps.plan({ maxRecords: 223 });
    await steps.pages(plan);
    expect(pageFetches(10)).toEqual([3, 0, 1, 2]);
  });

  it('counts what a run spent before it had a budget, and refuses one that it has passed', async () => {
    let broken = true;
    const { steps, sent } = countingRun(25, ({ pageSize, page }) => broken && pageSize === 10 && page === 2);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0, 1] });
    for (let tries = 0; tries < 20; tries++) await expect(steps.pages(plan)).rejects.toThrow('broke off');
    broken = false;
    expect(sent.records).toBe(229);
    // 229 are spent, a page of 10 and 184 to prove it whole are to come.
    await expect(steps.resume('run-1', { maxRecords: 422 })).rejects.toMatchObject({ name: 'BudgetExceededError' });
    const taken = (await steps.resume('run-1', { maxRecords: 423 })) as typeof plan;
    await steps.pages(taken);
    await steps.publish(taken);
    expect(sent.records).toBeLessThanOrEqual(423);
  });

  it('remembers a plan that it refused', async () => {
    const { steps, sent } = countingRun(25, () => false);
    for (let tries = 0; tries < 60; tries++)
      await expect(steps.plan({ maxRecords: 200 })).rejects.toMatchObject({ name: 'BudgetExceededError' });
    expect(sent.records).toBeLessThanOrEqual(200);
  });

  it('reads on behind the last page only as far as there is room', async () => {
    const { steps, source } = setUp(25);
    const plan = await steps.plan({ maxRecords: 240 });
    await steps.pages(plan);
    source.list.push(...setUp(400).source.list.slice(25));
    await expect(steps.publish(plan)).rejects.toMatchObject({ name: 'BudgetExceededError' });
  });

  it('is never passed, whatever breaks off and however often the run is taken up again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(80),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(600),
        fc.nat(),
        async (total, pageSize, maxRecords, seed) => {
          const random = randomFrom(seed);
          const { steps, sent } = countingRun(total, () => random() < 0.15);
          for (let start = 0; start < 6; start++) {
            try {
              await steps.all({ maxRecords: maxRecords + 1, pageSize });
              break;
            } catch (error) {
              if (!(error instanceof ExportError)) throw error;
            }
          }
          expect(sent.records).toBeLessThanOrEqual(maxRecords + 1);
        },
      ),
      { numRuns: 300 },
    );
  });
});
