/** Tickets of the record budget: each reserves the records of one page, and nobody takes one above the limit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ticketBudget, ticketLimitOf } from '../../../functions/export/source/record-budget.ts';
import { NO_USAGE } from '../../../functions/model/usage.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { plannedRun } from '../planned-run.ts';

const FOLDER = 'work/run_id=run-1/tickets/';

function ticketOffice(last: number) {
  const { store, objects } = memoryStore();
  const attempt = (own?: number) =>
    ticketBudget(store, { runId: 'run-1', pageSize: 10, ticketLimit: last, ...(own && { page: own - 1 }) });
  const taken = () => [...objects.keys()].map((key) => Number(key.slice(FOLDER.length, -'.json'.length)));
  return { store, objects, attempt, taken };
}

describe('ticketBudget', () => {
  it('takes the ticket of its page, and others from the highest number down', async () => {
    const { attempt, taken, objects } = ticketOffice(5);
    const tickets = attempt(2);
    await tickets.reserve(10);
    expect([...objects.keys()]).toEqual([`${FOLDER}00000002.json`]);
    await tickets.reserve(10);
    await attempt(2).reserve(10);
    await attempt().reserve(10);
    expect(taken()).toEqual([2, 5, 4, 3]);
  });

  it('takes as many tickets as a request needs, and none for records that a ticket still covers', async () => {
    const { attempt, taken } = ticketOffice(5);
    const tickets = attempt();
    await tickets.reserve(31);
    expect(taken()).toHaveLength(4);
    await tickets.reserve(9);
    expect(taken()).toHaveLength(4);
    tickets.release(12);
    await tickets.reserve(12);
    expect(taken()).toHaveLength(4);
    await tickets.reserve(1);
    expect(taken()).toHaveLength(5);
  });

  it('takes one ticket for many small requests at once', async () => {
    const { attempt, taken } = ticketOffice(5);
    const tickets = attempt();
    await Promise.all(Array.from({ length: 10 }, () => tickets.reserve(1)));
    expect(taken()).toHaveLength(1);
  });

  it.each([
    ['all for a fetch without records', 10, 0],
    ['none for a fetch with one record', 9, 1],
    ['none for a fetch with all records', 0, 1],
  ])('returns %s', async (_what, unfetched, kept) => {
    const { attempt, taken } = ticketOffice(5);
    const tickets = attempt(1);
    await tickets.reserve(10);
    tickets.release(unfetched);
    await tickets.returnTickets();
    expect(taken()).toHaveLength(kept);
  });

  it('returns tickets for records that are counted elsewhere', async () => {
    const { attempt, taken } = ticketOffice(5);
    const tickets = attempt();
    await tickets.reserve(30);
    await tickets.returnTickets(15);
    expect(taken()).toHaveLength(2);
  });

  it('keeps the tickets of an attempt that was killed', async () => {
    const { attempt, taken } = ticketOffice(2);
    await attempt(1).reserve(1);
    await attempt(1).reserve(1);
    expect(taken()).toHaveLength(2);
    await expect(attempt(1).reserve(1)).rejects.toMatchObject({
      name: 'BudgetExceededError',
      message:
        'Record budget exhausted for run "run-1" (the next request needs 10 records): resume the run with a higher maxRecords; if that is too low, the next error says how many records the run needs.',
    });
  });

  it('states the budget of the stored plan when it is exhausted', async () => {
    const { attempt, objects } = ticketOffice(0);
    const plan = { version: 1, run: plannedRun({}), maxRecords: 120, usage: NO_USAGE, rounds: 1 };
    objects.set('work/run_id=run-1/plan.json', Buffer.from(JSON.stringify(plan)));
    await expect(attempt(1).reserve(1)).rejects.toThrow(
      'Record budget exhausted for run "run-1" (maxRecords 120; the next request needs 10 records): resume',
    );
  });

  it.each([3, undefined])(
    'never gives two of five simultaneous attempts the same ticket (own ticket: %s)',
    async (own) => {
      const { attempt, taken } = ticketOffice(3);
      const attempts = await Promise.allSettled([1, 2, 3, 4, 5].map(() => attempt(own).reserve(10)));
      expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
      expect(taken().sort()).toEqual([1, 2, 3]);
    },
  );

  it('recognizes its ticket when the answer to the write was lost', async () => {
    const { attempt, store, taken } = ticketOffice(3);
    const { put } = store;
    store.put = async (...args) => {
      await put(...args);
      return undefined;
    };
    await attempt(1).reserve(10);
    expect(taken()).toEqual([1]);
  });
});

describe('ticketLimitOf', () => {
  it.each([
    [39, [], 3],
    [40, [], 4],
    [9, [], 0],
    [40, [1, 2], 4],
    [40, [1, 9], 3],
    [40, [8, 9], 2],
    [20, [8, 9], 0],
    [10, [8, 9], 0],
  ])('with %i records in pages of 10 and tickets %j taken is %i', (records, taken, last) => {
    expect(ticketLimitOf(records, 10, new Set(taken))).toBe(last);
  });

  it('leaves exactly as many free numbers as further tickets fit', () => {
    fc.assert(
      fc.property(
        fc.nat(500),
        fc.integer({ min: 1, max: 20 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 60 })),
        (records, pageSize, numbers) => {
          const taken = new Set(numbers);
          const last = ticketLimitOf(records, pageSize, taken);
          const free = Array.from({ length: last }, (_, i) => i + 1).filter((number) => !taken.has(number));
          expect(free).toHaveLength(Math.max(0, Math.floor(records / pageSize) - taken.size));
        },
      ),
    );
  });
});
