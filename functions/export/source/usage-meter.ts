import type { Usage } from '../../model/usage.ts';
import type { Allowance } from '../ports.ts';

export const NO_USAGE: Usage = { apiRequests: 0, recordsFetched: 0, retries: {} };

/** Adds up what requests cost, good ones and failed ones alike. */
export class UsageMeter {
  #total: Usage;

  /** What the requests must keep to; without one they may fetch what they like. */
  readonly allowance: Allowance | undefined;

  constructor({ start = NO_USAGE, allowance }: { start?: Usage; allowance?: Allowance | undefined } = {}) {
    this.#total = start;
    this.allowance = allowance;
  }

  add(usage: Usage | undefined): void {
    if (usage) this.#total = addUsage(this.#total, usage);
  }

  get total(): Usage {
    return this.#total;
  }
}

/** The sum of both, cause by cause. */
export function addUsage(a: Usage, b: Usage): Usage {
  const retries: Record<string, number> = { ...a.retries };
  for (const [cause, count] of Object.entries(b.retries)) retries[cause] = (retries[cause] ?? 0) + count;
  return {
    apiRequests: a.apiRequests + b.apiRequests,
    recordsFetched: a.recordsFetched + b.recordsFetched,
    retries,
  };
}
