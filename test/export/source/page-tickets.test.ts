/** The arithmetic of a record budget, one buyer at a time and several at once. */
import { describe, expect, it } from 'vitest';
import {
  countdown,
  recordsOfPages,
  recordsToVerify,
  runAllowance,
  spareFetches,
  usageOfKilledAttempts,
} from '../../../functions/export/source/record-budget.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { plannedRun } from '../planned-run.ts';

const SPARE = 'work/run_id=run-1/budget/1/spare/';

/** What one page, or publishing, of a run with so many spare fetches of ten records may fetch. */
function buyers(spare: number) {
  const { store, objects } = memoryStore();
  const run = plannedRun({ spareFetches: spare });
  const allowanceOf = (what: { page: number } | 'publish') => {
    const allowance = runAllowance(store, run, what);
    if (!allowance) throw new Error('a run with a budget has an allowance');
    return allowance;
  };
  const bought = () => [...objects.keys()].filter((key) => key.startsWith(SPARE)).map((key) => key.slice(SPARE.length));
  return { allowanceOf, bought, objects, store, run };
}

describe('what a run sets aside', () => {
  it('is one fetch of each page, a full one to read on, and seven records a boundary and 62 to count again', () => {
    expect(recordsToVerify(10)).toBe(184);
    expect(recordsOfPages(3, 10)).toBe(214);
  });

  it.each([
    [223, 0],
    [232, 0],
    [233, 1],
    [242, 1],
    [243, 2],
  ])('leaves of %i records %i further fetches of a page', (maxRecords, fetches) => {
    expect(spareFetches(maxRecords, 9, 3, 10)).toBe(fetches);
  });
});

describe('the countdown of planning', () => {
  it('lets its last record be taken and none after it', async () => {
    const allowance = countdown(10, 99);
    await allowance.take(4);
    await allowance.take(6);
    await expect(allowance.take(1)).rejects.toMatchObject({
      name: 'BudgetExceededError',
      message: 'Counting the accounts could fetch more records than maxRecords allows, which is 99.',
    });
  });

  it('lets what was given back be taken again, and no more', async () => {
    const allowance = countdown(10, 99);
    await allowance.take(10);
    allowance.giveBack(3);
    await allowance.take(3);
    await expect(allowance.take(1)).rejects.toMatchObject({ name: 'BudgetExceededError' });
  });

  it('takes nothing for a request that it refuses, and names a page that is too large', async () => {
    const allowance = countdown(10, 99);
    await expect(allowance.take(11)).rejects.toMatchObject({
      name: 'BudgetExceededError',
      message:
        'Asking for one page of 11, to see that it is served, could fetch more records than maxRecords allows, which is 99; a smaller page size needs less.',
    });
    await allowance.take(10);
  });
});

describe('the allowance of a page', () => {
  it('is not limited without a budget', () => {
    expect(runAllowance(memoryStore().store, plannedRun(), { page: 0 })).toBeUndefined();
  });

  it('has one fetch set aside and buys each further one', async () => {
    const { allowanceOf, bought, objects } = buyers(2);
    const allowance = allowanceOf({ page: 1 });
    await allowance.take(10);
    expect([...objects.keys()]).toEqual(['work/run_id=run-1/budget/1/page-00001/00000001.json']);
    await allowance.take(10);
    await allowance.take(10);
    expect(bought()).toEqual(['00000001.json', '00000002.json']);
    expect([...objects.keys()].filter((key) => key.includes('/page-'))).toHaveLength(1);
    await expect(allowance.take(10)).rejects.toMatchObject({
      name: 'BudgetExceededError',
      message:
        'maxRecords leaves no room to fetch page 1 once more: go on with {"resume":"run-1","maxRecords":…} and a higher number, or start a new run.',
    });
  });

  it('fetches with what was given back before it buys', async () => {
    const { allowanceOf, bought } = buyers(1);
    const allowance = allowanceOf({ page: 1 });
    await allowance.take(10);
    allowance.giveBack(7);
    await allowance.take(7);
    expect(bought()).toEqual([]);
    await allowance.take(1);
    expect(bought()).toEqual(['00000001.json']);
    // Nine of the ten bought are left.
    await allowance.take(9);
    expect(bought()).toHaveLength(1);
  });

  it('buys as many fetches as a dear request needs', async () => {
    const { allowanceOf, bought } = buyers(3);
    await allowanceOf({ page: 1 }).take(31);
    expect(bought()).toHaveLength(3);
  });

  it('goes to the first who tries: another try at the page buys', async () => {
    const { allowanceOf, bought } = buyers(1);
    await allowanceOf({ page: 2 }).take(10);
    expect(bought()).toEqual([]);
    await allowanceOf({ page: 2 }).take(10);
    expect(bought()).toEqual(['00000001.json']);
  });

  it('goes on with what the try before left, when that said so', async () => {
    const { allowanceOf, bought } = buyers(1);
    const first = allowanceOf({ page: 2 });
    await first.take(10);
    first.giveBack(6);
    await first.settle();
    const second = allowanceOf({ page: 2 });
    await second.take(6);
    expect(bought()).toEqual([]);
    await second.take(1);
    expect(bought()).toEqual(['00000001.json']);
  });

  it('leaves nothing to tell where nothing was asked for', async () => {
    const { allowanceOf, objects } = buyers(1);
    await allowanceOf({ page: 2 }).settle();
    expect(objects.size).toBe(0);
  });

  it('is bought whole for a page behind the last one planned', async () => {
    const { allowanceOf, bought } = buyers(1);
    await allowanceOf({ page: 3 }).take(10);
    expect(bought()).toEqual(['00000001.json']);
  });

  it('is bought once by many small requests at once that one fetch pays for', async () => {
    const { allowanceOf, bought } = buyers(5);
    const allowance = allowanceOf({ page: 3 });
    await Promise.all(Array.from({ length: 10 }, () => allowance.take(1)));
    expect(bought()).toEqual(['00000001.json']);
  });

  it('is of one budget alone', async () => {
    const { store, run, objects } = buyers(0);
    await runAllowance(store, run, { page: 0 })?.take(10);
    await runAllowance(store, { ...run, budget: 2 }, { page: 0 })?.take(10);
    expect([...objects.keys()]).toEqual([
      'work/run_id=run-1/budget/1/page-00000/00000001.json',
      'work/run_id=run-1/budget/2/page-00000/00000001.json',
    ]);
  });
});

describe('several that buy at once', () => {
  it('share what is set aside for a page between them: one has it, the other buys', async () => {
    const { allowanceOf, bought } = buyers(2);
    await Promise.all([allowanceOf({ page: 1 }).take(10), allowanceOf({ page: 1 }).take(10)]);
    expect(bought()).toEqual(['00000001.json']);
  });

  it('get one further fetch each, while there are as many', async () => {
    const { allowanceOf, bought } = buyers(3);
    await Promise.all([3, 4, 5].map((page) => allowanceOf({ page }).take(10)));
    expect(bought()).toEqual(['00000001.json', '00000002.json', '00000003.json']);
  });

  it('leave none for the last of them when there is one too few', async () => {
    const { allowanceOf, bought } = buyers(2);
    const taken = await Promise.allSettled([3, 4, 5].map((page) => allowanceOf({ page }).take(10)));
    expect(taken.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(bought()).toHaveLength(2);
  });
});

describe('what was spent without a word', () => {
  it('is all that tries could have had which did not say what they left', async () => {
    const { allowanceOf, store } = buyers(3);
    const told = allowanceOf({ page: 0 });
    await told.take(10);
    await told.settle();
    await allowanceOf({ page: 1 }).take(1);
    await allowanceOf({ page: 2 }).take(20);
    expect(await usageOfKilledAttempts(store, 'run-1', 1, 10)).toBe(20);
    await allowanceOf('publish').take(1);
    expect(await usageOfKilledAttempts(store, 'run-1', 1, 10)).toBe(204);
    expect(await usageOfKilledAttempts(store, 'run-1', 2, 10)).toBe(0);
  });
});

describe('the allowance of publishing', () => {
  it('has what proving takes set aside, and buys a page of records beyond it', async () => {
    const { allowanceOf, bought, objects } = buyers(1);
    const allowance = allowanceOf('publish');
    await allowance.take(184);
    expect([...objects.keys()]).toEqual(['work/run_id=run-1/budget/1/publish/00000001.json']);
    await allowance.take(10);
    expect(bought()).toEqual(['00000001.json']);
    await expect(allowance.take(1)).rejects.toMatchObject({
      name: 'BudgetExceededError',
      message:
        'maxRecords leaves no room to fetch what publishing needs once more: go on with {"resume":"run-1","maxRecords":…} and a higher number, or start a new run.',
    });
  });
});
