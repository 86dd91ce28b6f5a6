/**
 * A run's record budget, `maxRecords`: no request is sent that could pass it.
 *
 * The plan sets aside one fetch of each page and what proving takes. What is left buys further fetches of a page, for
 * tries after one that cost records. Pages are fetched by many at once, so each further fetch is bought by creating an
 * object that only one of them can create: nobody counts, and nobody counts wrong.
 */
import pLimit from 'p-limit';
import type { Run } from '../contracts.ts';
import { ExportError } from '../errors.ts';
import { budgetPrefix } from './layout.ts';
import type { Allowance, ObjectStore } from './ports.ts';
import { createJson } from './stored-json.ts';

/** 16 seams, each within a page of a few records, and counting again; a page of the real size is asked for, too. */
const RECORDS_TO_PROVE = 16 * 7 + 62;

/** What publishing sets aside to prove a run whole. */
export function recordsToProve(pageSize: number): number {
  return RECORDS_TO_PROVE + pageSize;
}

/** What a run needs beyond its planning when every page is fetched once; the last page may have grown to a full one. */
export function recordsOfPages(pages: number, pageSize: number): number {
  return pages * pageSize + recordsToProve(pageSize);
}

/**
 * How many further fetches of a page are left when everything goes well.
 * @throws ExportError `BudgetExceededError` when not even that is possible
 */
export function spareFetches(maxRecords: number, spent: number, pages: number, pageSize: number): number {
  const spare = maxRecords - spent - recordsOfPages(pages, pageSize);
  if (spare >= 0) return Math.floor(spare / pageSize);
  throw new ExportError(
    'BudgetExceededError',
    `The run could fetch ${maxRecords - spare} records (${pages} pages of ${pageSize}, ${spent} for planning, ${recordsToProve(pageSize)} to prove it whole), and maxRecords allows ${maxRecords}.`,
  );
}

/** For planning, which one process does: counts down. @param records how many it may fetch */
export function countdown(records: number, maxRecords: number): Allowance {
  let left = records;
  return {
    async take(wanted) {
      if (wanted > left) {
        throw new ExportError(
          'BudgetExceededError',
          `Counting the accounts could fetch more records than maxRecords allows, which is ${maxRecords}.`,
        );
      }
      left -= wanted;
    },
    giveBack(records) {
      left += records;
    },
  };
}

/**
 * For one page, or for publishing.
 * @param what what is set aside for: of all who try to do it, the first has it
 * @returns `undefined` for a run without a budget
 */
export function runAllowance(store: ObjectStore, run: Run, what: { page: number } | 'publish'): Allowance | undefined {
  const { spareFetches: spare, parameters, runId, attempt } = run;
  if (spare === undefined) return undefined;
  const { pageSize } = parameters;
  const name = what === 'publish' ? 'publish' : `page-${String(what.page).padStart(5, '0')}`;
  const setAside = what === 'publish' ? recordsToProve(pageSize) : what.page < run.pages ? pageSize : 0;
  const prefix = budgetPrefix(runId, attempt);
  // Several requests at once must not buy more than they need.
  const oneByOne = pLimit(1);
  let left = 0;
  let begun = false;

  async function buy(limit: number): Promise<void> {
    const bought = await store.list(`${prefix}spare/`);
    for (let number = bought.length + 1; number <= limit; number++) {
      if (!(await createJson(store, `${prefix}spare/${String(number).padStart(8, '0')}.json`, { for: name }))) continue;
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
        if (!begun) {
          begun = true;
          if (await createJson(store, `${prefix}${name}.json`, {})) left += setAside;
        }
        while (left < wanted) await buy(spare);
        left -= wanted;
      }),
    giveBack(records) {
      left += records;
    },
  };
}
