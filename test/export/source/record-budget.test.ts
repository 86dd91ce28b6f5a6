/** `maxRecords` holds whatever fails, and is not used up without cause. The API counts what it serves. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exportPage } from '../../../functions/export/page/export-page.ts';
import type { AccountsApi } from '../../../functions/export/ports.ts';
import { ExportError } from '../../../functions/model/errors.ts';
import type { PlanResult } from '../../../functions/model/outcomes.ts';
import { account, accounts, arrayApi } from '../../support/array-api.ts';
import { memoryStore } from '../../support/memory-store.ts';
import { propertyRuns } from '../../support/property-runs.ts';
import { randomFrom } from '../../support/random.ts';
import { ALONE, runSteps } from '../../support/run-steps.ts';
import { manifestIn, setUp, WORK } from '../../support/stepped-run.ts';

/** A body that was truncated counts as a full page; a refused request counts nothing. */
const truncated = (pageSize: number) =>
  Object.assign(new ExportError('ApiAnswerError', 'The body was truncated.'), {
    usage: { apiRequests: 1, recordsFetched: pageSize, retries: {} },
  });
const refused = (name: 'ApiCredentialsError' | 'ApiNotFoundError' | 'ApiUnavailableError') =>
  Object.assign(new ExportError(name, 'Refused.'), { usage: { apiRequests: 1, recordsFetched: 0, retries: {} } });

/** A run whose API truncates bodies when `breaks` says so, and counts what it serves. */
function countingRun(total: number, breaks: (query: { page: number; pageSize: number }) => boolean = () => false) {
  const served = { records: 0 };
  const run = setUp(total, ({ pageSize, page }) => {
    if (breaks({ pageSize, page })) {
      served.records += pageSize;
      throw truncated(pageSize);
    }
    served.records += Math.max(0, Math.min(pageSize, total - page * pageSize));
  });
  const tickets = () => [...run.objects.keys()].filter((key) => key.startsWith(`${WORK}tickets/`));
  return { ...run, served, tickets };
}

/** What a run of 25 accounts in pages of ten needs: 9 to plan, 3 pages, and 9 pages' worth to verify. */
const NEEDED = 129;
const EXHAUSTED = {
  name: 'BudgetExceededError',
  message: expect.stringMatching(/^Record budget exhausted for run "run-1"/),
};

describe('a record budget', () => {
  it('refuses a run that does not fit before a page is fetched, and says what it needs', async () => {
    const { steps, pageFetches, served, tickets } = countingRun(25);
    await expect(steps.plan({ maxRecords: NEEDED - 1 })).rejects.toMatchObject({
      name: 'BudgetExceededError',
      message:
        'Record budget too small for run "run-1" (maxRecords 128): it needs 129 records in total (9 already used for planning, 120 for 12 pages of 10 accounts). Start a new run with maxRecords 129 or more, or with a smaller pageSize.',
    });
    expect(pageFetches(10)).toEqual([3]);
    expect(served.records).toBe(9);
    expect(tickets()).toEqual([]);
  });

  it.each([
    ['25 accounts', 25],
    ['no accounts', 0],
  ])('accepts a run of %s with exactly the records that a dry run names', async (_what, total) => {
    const { maxRecordsNeeded: maxRecords } = (await setUp(total).steps.dryRun()).estimate;
    const { steps, objects, served } = countingRun(total);
    await expect(countingRun(total).steps.plan({ maxRecords: maxRecords - 1 })).rejects.toThrow('too small');
    await steps.all({ maxRecords });
    expect(manifestIn(objects).recordsFetched).toBe(served.records);
  });

  it('stops planning before it is exceeded', async () => {
    const { steps, served } = countingRun(100_000);
    await expect(steps.plan({ maxRecords: 12 })).rejects.toMatchObject(EXHAUSTED);
    expect(served.records).toBeLessThanOrEqual(12);
  });

  it('counts failed attempts at planning', async () => {
    let broken = true;
    const { steps, served, objects } = countingRun(25, ({ pageSize }) => broken && pageSize === 10);
    await expect(steps.plan({ maxRecords: 150 })).rejects.toThrow('truncated');
    broken = false;
    const wasted = served.records;
    await expect(steps.plan({ maxRecords: NEEDED + wasted - 1 })).rejects.toThrow(
      `${wasted + 9} already used for planning`,
    );
    await steps.all({ maxRecords: 200 });
    expect(manifestIn(objects)).toMatchObject({ retries: 2, recordsFetched: served.records });
  });

  it('is not exceeded by plans that it refuses again and again', async () => {
    const { steps, served } = countingRun(25);
    for (let tries = 0; tries < 60; tries++)
      await expect(steps.plan({ maxRecords: 100 })).rejects.toMatchObject({ name: 'BudgetExceededError' });
    expect(served.records).toBeLessThanOrEqual(100);
  });

  it('allows a page to be fetched again while there is room, and stops the run when there is none', async () => {
    let failures = 3;
    const { steps, served, objects } = countingRun(25, ({ pageSize, page }) => {
      return pageSize === 10 && page === 1 && failures-- > 0;
    });
    const plan = await steps.plan({ maxRecords: NEEDED + 20 });
    for (const _try of [1, 2, 3]) await expect(steps.pages(plan)).rejects.toThrow('truncated');
    await expect(steps.resume('run-1', { maxRecords: NEEDED + 29 })).rejects.toThrow(
      /\(maxRecords 158\): it needs 159 records in total \(.* Resume the run with maxRecords 159 or more\.$/,
    );
    const resumed = await steps.resume('run-1', { maxRecords: NEEDED + 30 });
    await steps.pages(resumed);
    await steps.publish(resumed);
    expect(manifestIn(objects)).toMatchObject({ records: 25, recordsFetched: served.records });
    expect(served.records).toBeLessThanOrEqual(NEEDED + 30);
  });

  it.each(['ApiCredentialsError', 'ApiNotFoundError', 'ApiUnavailableError'] as const)(
    'is not used up by pages that fail with %s, so the run resumes within the same budget',
    async (name) => {
      let failures = 40;
      const { steps, objects } = setUp(25, ({ pageSize, page }) => {
        if (pageSize === 10 && page < 3 && failures-- > 0) throw refused(name);
      });
      const plan = await steps.plan({ maxRecords: NEEDED });
      for (let tries = 0; tries < 40; tries++) await expect(steps.pages(plan)).rejects.toThrow('Refused');
      expect([...objects.keys()].filter((key) => key.includes('/tickets/'))).toEqual([]);
      const resumed = await steps.resume('run-1', { maxRecords: NEEDED });
      await steps.pages(resumed);
      await steps.publish(resumed);
      expect(manifestIn(objects)).toMatchObject({ records: 25, retries: 40 });
    },
  );

  it('is not used up by planning that is aborted before a request is sent', async () => {
    let aborted = 20;
    const { steps, objects } = setUp(25, () => {
      if (aborted-- > 0) throw new ExportError('ApiUnavailableError', 'Aborted.');
    });
    while (aborted > 0) await expect(steps.plan({ maxRecords: NEEDED })).rejects.toThrow('Aborted');
    expect([...objects.keys()].filter((key) => key.includes('/tickets/'))).toEqual([]);
    await steps.plan({ maxRecords: NEEDED });
  });

  it('is not used up by a manifest that cannot be written at once', async () => {
    const { steps, objects, store, served } = countingRun(25);
    const { put } = store;
    let failures = 3;
    store.put = async (key, ...rest) => {
      if (key.startsWith('export_runs/') && failures-- > 0) throw new ExportError('StorageError', 'No answer.');
      return put(key, ...rest);
    };
    const plan = await steps.plan({ maxRecords: 200 });
    await steps.pages(plan);
    for (let tries = 0; tries < 3; tries++) await expect(steps.publish(plan)).rejects.toThrow('No answer.');
    await steps.publish(plan);
    expect(manifestIn(objects).recordsFetched).toBe(served.records);
  });

  it('counts a killed attempt as fully used', async () => {
    const { steps, objects, pageFetches } = countingRun(25);
    const plan = await steps.plan({ maxRecords: NEEDED });
    // The attempt took its ticket and was killed.
    objects.set(`${WORK}tickets/00000002.json`, Buffer.from('{"token":"x"}\n'));
    await steps.pages(plan);
    expect(pageFetches(10)).toEqual([3, 0, 1, 2]);
    await expect(steps.resume('run-1', { maxRecords: NEEDED + 9 })).rejects.toThrow('too small');
    await steps.publish(await steps.resume('run-1', { maxRecords: NEEDED + 10 }));
  });

  it('counts every kill, whatever the budgets were', async () => {
    const { steps, objects } = countingRun(25);
    for (let kills = 0; kills < 4; kills++) {
      const maxRecords = NEEDED + 10 * kills;
      const resumed = kills === 0 ? await steps.plan({ maxRecords }) : await steps.resume('run-1', { maxRecords });
      objects.set(
        `${WORK}tickets/${String(resumed.run.ticketLimit).padStart(8, '0')}.json`,
        Buffer.from('{"token":"x"}'),
      );
      await expect(steps.resume('run-1', { maxRecords: maxRecords + 9 })).rejects.toThrow('too small');
    }
  });

  it('counts kills during planning', async () => {
    const { api, store, tickets, served } = countingRun(25);
    const killed = async () => {
      throw new Error('killed');
    };
    const put: typeof store.put = async (key, ...rest) => (key.includes('plan') ? killed() : store.put(key, ...rest));
    for (let kills = 1; kills <= 3; kills++) {
      await expect(runSteps(api, { ...store, put, delete: killed }).plan({ maxRecords: 200 })).rejects.toThrow(
        'killed',
      );
      expect(tickets().length * 10).toBeGreaterThanOrEqual(served.records);
    }
    await expect(runSteps(api, store).plan({ maxRecords: 140 })).rejects.toThrow('too small');
    await runSteps(api, store).all({ maxRecords: 300 });
    expect(served.records).toBeLessThanOrEqual(300);
  });

  it('is not exceeded by five simultaneous attempts at one page, killed before they write their part', async () => {
    const { steps, api, store, served } = countingRun(25);
    const { run, execution } = await steps.plan({ maxRecords: NEEDED });
    const put: typeof store.put = async (key, ...rest) => {
      if (!key.includes('/tickets/')) throw new Error('killed');
      return store.put(key, ...rest);
    };
    const attempt = () =>
      exportPage({ api, store: { ...store, put }, clock: { now: () => 0 } }, { page: 1, run, execution });
    for (let round = 0; round < 10; round++) await Promise.allSettled([1, 2, 3, 4, 5].map(attempt));
    // Nine records to plan, and twelve pages.
    expect(served.records).toBe(NEEDED);
    await expect(attempt()).rejects.toMatchObject(EXHAUSTED);
  });

  it('counts what a run fetched before it had a budget', async () => {
    let broken = true;
    const { steps, served } = countingRun(25, ({ pageSize, page }) => broken && pageSize === 10 && page === 2);
    const plan = await steps.plan();
    await steps.pages({ ...plan, pageNumbers: [0, 1] });
    for (let tries = 0; tries < 20; tries++) await expect(steps.pages(plan)).rejects.toThrow('truncated');
    broken = false;
    expect(served.records).toBe(229);
    await expect(steps.resume('run-1', { maxRecords: 328 })).rejects.toThrow(
      /\(maxRecords 328\): it needs 329 records in total \(\d+ already used for planning and earlier pages, \d+ for /,
    );
    const resumed = await steps.resume('run-1', { maxRecords: 329 });
    await steps.pages(resumed);
    await steps.publish(resumed);
    expect(served.records).toBeLessThanOrEqual(329);
  });

  it.each([
    ['', 0],
    [', and a killed attempt to plan it with a budget', 1],
  ])('counts what the drifted run fetched, if only its retry has a budget%s', async (_and, kills) => {
    const { steps, source, served, objects } = countingRun(25);
    const plan = await steps.plan({ onDrift: 'retry' });
    for (let kill = 1; kill <= kills; kill++)
      objects.set(`${WORK}tickets/0000000${kill}.json`, Buffer.from('{"token":"x"}'));
    await steps.pages(plan);
    source.list[9] = account('replaced');
    await steps.finish(plan);
    const { records } = served;
    const tooSmall = await steps.resume('run-1', { maxRecords: records + 110 }).catch((error: Error) => error.message);
    expect(tooSmall).toMatch(
      /^Record budget too small for run "run-1-retry" .* already used for planning and earlier pages, /,
    );
    // What the run and this planning fetched, the ticket of the killed attempt, and three pages and nine for checks.
    const needed = served.records + 10 * kills + 120;
    expect(tooSmall).toContain(`it needs ${needed} records in total`);
    const retry = await steps.resume('run-1', { maxRecords: needed + 3 });
    await steps.pages(retry);
    await steps.publish(retry);
    expect(served.records).toBeLessThanOrEqual(needed + 3);
  });

  it('limits the tail', async () => {
    const { steps, source } = setUp(25);
    const plan = await steps.plan({ maxRecords: 140 });
    await steps.pages(plan);
    source.list.push(...accounts(375, 'late'));
    await expect(steps.publish(plan)).rejects.toMatchObject(EXHAUSTED);
  });

  it('covers the run and its retry together', async () => {
    const { steps, source, objects, queries } = setUp(25);
    const plan = await steps.plan({ onDrift: 'retry', maxRecords: 400 });
    await steps.pages(plan);
    source.list[9] = account('replaced');
    expect(await steps.finish(plan)).toMatchObject({ status: 'drifted' });
    const retry = await steps.plan({ onDrift: 'retry', maxRecords: 400 });
    expect(retry).toMatchObject({ runId: 'run-1-retry', plan: { resumed: false } });
    // Planning fetched 9 and 3 records, and 4 tickets are taken: three pages, and the checks of page boundaries.
    expect(retry.run.ticketLimit).toBe(Math.floor((400 - 9 - 3 - 4 * 10) / 10));
    await steps.pages(retry);
    await steps.publish(retry);
    const { recordsFetched, apiRequests } = manifestIn(objects, 'export_runs/run_id=run-1-retry/manifest.json');
    expect(recordsFetched).toBeLessThanOrEqual(400);
    expect(apiRequests).toBe(queries.length);
  });
});

class Killed extends Error {}

/** Where pages of fewer than five records do not move, only whole pages can be counted. */
function withoutOffsets(api: AccountsApi): AccountsApi {
  return {
    ...api,
    fetchPage: (query, ...rest) => api.fetchPage(query.pageSize < 5 ? { ...query, page: 0 } : query, ...rest),
  };
}

interface Attack {
  readonly seed: number;
  readonly total: number;
  readonly pageSize: number;
  /** The chance that a write or a request kills the process. */
  readonly kills: number;
  /** The chance of a bad answer. */
  readonly bad: number;
  /** Whether bad answers serve records. Else only pages get them: planning again would use records. */
  readonly badServes: boolean;
  readonly offsets: boolean;
}

/** One run under attack, resumed until it is published, its budget is exhausted, or 12 processes have worked on it. */
async function attacked({ seed, total, pageSize, kills, bad, badServes, offsets }: Attack, budgets: readonly number[]) {
  const random = randomFrom(seed);
  const { store } = memoryStore();
  const served = { records: 0, exhausted: false, published: false, budget: 0 };
  let dead = false;
  let exporting = false;
  const mayDie = () => {
    if (!dead && random() < kills) dead = true;
    if (dead) throw new Killed();
  };
  const source = { list: accounts(total) };
  const { api } = arrayApi(source, async ({ pageSize: size, page }) => {
    for (let waits = Math.floor(random() * 5); waits > 0; waits--) await Promise.resolve();
    if (dead) throw new Killed();
    const failed = (badServes || exporting) && random() < bad;
    if (!failed || badServes) served.records += failed ? size : Math.max(0, Math.min(size, total - page * size));
    mayDie();
    if (failed) throw badServes ? truncated(size) : refused('ApiUnavailableError');
  });
  const dying: typeof store = {
    ...store,
    put: async (...args) => {
      mayDie();
      return store.put(...args);
    },
    delete: async (key) => {
      mayDie();
      return store.delete(key);
    },
  };
  const paged = offsets ? api : withoutOffsets(api);

  const exportAll = async (steps: ReturnType<typeof runSteps>, plan: PlanResult) => {
    const queue = [...plan.pageNumbers];
    exporting = true;
    const worker = async () => {
      for (let page = queue.shift(); page !== undefined; page = queue.shift()) {
        await retried(() =>
          exportPage(
            { api: paged, store: dying, clock: { now: () => 0 } },
            { page: page as number, run: plan.run, execution: plan.execution },
          ),
        );
      }
    };
    const workers = await Promise.allSettled(Array.from({ length: 16 }, worker));
    exporting = false;
    for (const one of workers) if (one.status === 'rejected') throw one.reason;
    await retried(() => steps.publish(plan));
  };
  /** As the workflow does: transient errors are retried. */
  const retried = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let left = 6; ; left--) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ExportError && error.transient) || left === 0) throw error;
      }
    }
  };
  for (let process = 0; process < 12 && !served.published; process++) {
    dead = false;
    served.exhausted = false;
    served.budget = Math.max(served.budget, budgets[Math.min(process, budgets.length - 1)] ?? 0);
    const steps = runSteps(paged, dying, 'run-1', { ...ALONE, idOf: (id) => `${process} of ${id}` });
    try {
      await exportAll(steps, await retried(() => steps.plan({ pageSize, maxRecords: served.budget })));
      served.published = true;
    } catch (error) {
      if (!(error instanceof Killed || error instanceof ExportError)) throw error;
      served.exhausted = error instanceof ExportError && error.name === 'BudgetExceededError';
      if (served.records > served.budget) break;
    }
  }
  return served;
}

const attacks = {
  seed: fc.nat(),
  total: fc.nat(120),
  pageSize: fc.integer({ min: 1, max: 40 }),
  offsets: fc.boolean(),
};

describe('budgeted runs under attack', () => {
  it('never fetch more than maxRecords with kills, bad answers, several budgets and 16 pages at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          ...attacks,
          kills: fc.constantFrom(0, 0.002, 0.01, 0.05),
          bad: fc.constantFrom(0, 0.05, 0.25),
          badServes: fc.boolean(),
        }),
        fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 4 }),
        async (attack, budgets) => {
          const { records, budget } = await attacked(attack, budgets);
          expect(records).toBeLessThanOrEqual(budget);
        },
      ),
      { numRuns: propertyRuns(12, 500) },
    );
  }, 600_000);

  it('never exhaust a budget of maxRecordsNeeded without kills and without wasted records', async () => {
    await fc.assert(
      fc.asyncProperty(fc.record({ ...attacks, bad: fc.constantFrom(0, 0.1, 0.25) }), async (attack) => {
        const { total, pageSize, offsets } = attack;
        const { api, store } = setUp(total);
        const paged = offsets ? api : withoutOffsets(api);
        // With pages that do not move, no run can be planned.
        fc.pre(offsets || pageSize >= 5);
        const { estimate } = await runSteps(paged, store).dryRun({ pageSize });
        const budget = estimate.maxRecordsNeeded;
        const { published, exhausted, records } = await attacked({ ...attack, kills: 0, badServes: false }, [budget]);
        expect({ published, exhausted, exceeded: records > budget }).toEqual({
          published: true,
          exhausted: false,
          exceeded: false,
        });
      }),
      { numRuns: propertyRuns(12, 500) },
    );
  }, 600_000);
});
