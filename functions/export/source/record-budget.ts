/**
 * A run's record budget, `maxRecords`: no request is sent that could pass it.
 *
 * The plan sets aside one fetch of each page and what proving takes. What is left buys further fetches of a page, for
 * tries after one that cost records. Pages are fetched by many at once, so each further fetch is bought by creating an
 * object that only one of them can create: nobody counts, and nobody counts wrong.
 */
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import * as z from 'zod';
import { ExportError } from '../../model/errors.ts';
import type { Run } from '../../model/run.ts';
import type { Allowance, ObjectStore } from '../ports.ts';
import { budgetPrefix } from '../storage/bucket-layout.ts';
import { createJson, getJson, putJson } from '../storage/stored-json.ts';

/** 16 boundaries, each within a page of mostly two to five records, and counting again; a page of the real size is asked for, too. */
const RECORDS_TO_VERIFY = 16 * 7 + 62;

/** What publishing sets aside to prove a run whole. */
export function recordsToVerify(pageSize: number): number {
  return RECORDS_TO_VERIFY + pageSize;
}

/** What a run needs beyond its planning when every page is fetched once; the last page may have grown to a full one. */
export function recordsOfPages(pages: number, pageSize: number): number {
  return pages * pageSize + recordsToVerify(pageSize);
}

/**
 * How many further fetches of a page are left when everything goes well.
 * @throws ExportError `BudgetExceededError` when not even that is possible
 */
export function spareFetches(maxRecords: number, usage: number, pages: number, pageSize: number): number {
  const spare = maxRecords - usage - recordsOfPages(pages, pageSize);
  if (spare >= 0) return Math.floor(spare / pageSize);
  throw new ExportError(
    'BudgetExceededError',
    `The run could fetch ${maxRecords - spare} records (${pages} pages of ${pageSize}, ${usage} for planning, ${recordsToVerify(pageSize)} to prove it whole), and maxRecords allows ${maxRecords}.`,
  );
}

/**
 * For planning, which one process does: counts down.
 * @param records how many it may fetch
 */
export function countdown(records: number, maxRecords: number): Allowance {
  let left = records;
  return {
    async take(wanted) {
      if (wanted > left) {
        const what =
          wanted === 1 ? 'Counting the accounts' : `Asking for one page of ${wanted}, to see that it is served,`;
        throw new ExportError(
          'BudgetExceededError',
          `${what} could fetch more records than maxRecords allows, which is ${maxRecords}${wanted === 1 ? '' : '; a smaller page size needs less'}.`,
        );
      }
      left -= wanted;
    },
    giveBack(records) {
      left += records;
    },
    settle: async () => undefined,
  };
}

const StartSchema = z.object({ token: z.string() });
const LeftSchema = z.object({ left: z.int().min(0) });

/**
 * For one page, or for publishing.
 *
 * Who does it first has what is set aside for it. Who does it again has what the one before left, and nothing when that
 * one was killed without a word; the rest is bought.
 *
 * @returns `undefined` for a run without a budget
 */
export function runAllowance(store: ObjectStore, run: Run, what: { page: number } | 'publish'): Allowance | undefined {
  const { spareFetches: spare, parameters, runId } = run;
  if (spare === undefined) return undefined;
  const { pageSize } = parameters;
  const name = what === 'publish' ? 'publish' : `page-${String(what.page).padStart(5, '0')}`;
  const setAside = what === 'publish' ? recordsToVerify(pageSize) : what.page < run.pages ? pageSize : 0;
  const prefix = budgetPrefix(runId, run.budget);
  const starts = `${prefix}${name}/`;
  // Several requests at once must not buy more than they need.
  const oneByOne = pLimit(1);
  let left = 0;
  let startedAs: number | undefined;

  async function begin(): Promise<void> {
    const earlier = (await store.list(starts)).map(({ key }) => Number(/(\d{8})\.json$/.exec(key)?.[1] ?? 0));
    const last = Math.max(0, ...earlier);
    startedAs = await createNext(store, starts, last + 1, Number.POSITIVE_INFINITY);
    if (last === 0 && startedAs === 1) left += setAside;
    else left += (await getJson(store, leftKey(starts, last), LeftSchema))?.left ?? 0;
  }

  async function buy(limit: number): Promise<void> {
    const bought = (await store.list(`${prefix}spare/`)).length;
    if ((await createNext(store, `${prefix}spare/`, bought + 1, limit)) !== undefined) {
      left += pageSize;
      return;
    }
    throw new ExportError(
      'BudgetExceededError',
      `maxRecords leaves no room to fetch ${what === 'publish' ? 'what publishing needs' : `page ${what.page}`} once more: go on with {"resume":"${runId}","maxRecords":…} and a higher number, or start a new run.`,
    );
  }

  return {
    take: (wanted) =>
      oneByOne(async () => {
        if (startedAs === undefined) await begin();
        while (left < wanted) await buy(spare);
        left -= wanted;
      }),
    giveBack(records) {
      left += records;
    },
    async settle() {
      if (startedAs !== undefined) await putJson(store, leftKey(starts, startedAs), { left: Math.max(0, left) });
    },
  };
}

function leftKey(starts: string, number: number): string {
  return `${starts}${String(number).padStart(8, '0')}.left`;
}

/**
 * Creates the first object from a number on that nobody has.
 * @returns its number; `undefined` when there is none up to the limit
 */
async function createNext(
  store: ObjectStore,
  prefix: string,
  from: number,
  limit: number,
): Promise<number | undefined> {
  const token = randomUUID();
  for (let number = from; number <= limit; number++) {
    const key = `${prefix}${String(number).padStart(8, '0')}.json`;
    if (await createJson(store, key, { token })) return number;
    // The answer to a first try may have been lost: then it is ours.
    if ((await getJson(store, key, StartSchema))?.token === token) return number;
  }
  return undefined;
}

/**
 * What tries that were killed without a word may have spent, of one budget: what they could have had.
 * @param budget the number of the budget
 */
export async function usageOfKilledAttempts(
  store: ObjectStore,
  runId: string,
  budget: number,
  pageSize: number,
): Promise<number> {
  const keys = new Set((await store.list(budgetPrefix(runId, budget))).map(({ key }) => key));
  const started = [...keys].filter((key) => !key.includes('/spare/') && key.endsWith('.json'));
  const silent = started.filter((key) => !keys.has(key.replace(/\.json$/, '.left')));
  return silent.reduce((sum, key) => sum + (key.includes('/publish/') ? recordsToVerify(pageSize) : pageSize), 0);
}
