import type { Spent } from '../errors.ts';
import type { Allowance } from './ports.ts';

export const NOTHING_SPENT: Spent = { apiRequests: 0, recordsFetched: 0, retries: {} };

/** Adds up what requests cost, good ones and failed ones alike. */
export class SpentLedger {
  #total: Spent;

  /** What the requests must keep to; without one they may fetch what they like. */
  readonly allowance: Allowance | undefined;

  constructor({ start = NOTHING_SPENT, allowance }: { start?: Spent; allowance?: Allowance | undefined } = {}) {
    this.#total = start;
    this.allowance = allowance;
  }

  add(spent: Spent | undefined): void {
    if (spent) this.#total = addSpent(this.#total, spent);
  }

  get total(): Spent {
    return this.#total;
  }
}

/** The sum of both, cause by cause. */
export function addSpent(a: Spent, b: Spent): Spent {
  const retries: Record<string, number> = { ...a.retries };
  for (const [cause, count] of Object.entries(b.retries)) retries[cause] = (retries[cause] ?? 0) + count;
  return {
    apiRequests: a.apiRequests + b.apiRequests,
    recordsFetched: a.recordsFetched + b.recordsFetched,
    retries,
  };
}
