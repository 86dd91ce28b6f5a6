/**
 * The record budget, `maxRecords`: no request is sent that could exceed it.
 *
 * Before a page is fetched, a ticket is taken: an object that only one of several writers can create, under a number up to
 * a limit. A ticket covers the records of one page. A fetch that used no records returns its ticket; a killed one keeps it
 * and so counts as fully used (`docs/decisions/0009-record-budget-tickets.md`).
 */
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import * as z from 'zod';
import { ExportError } from '../../model/errors.ts';
import type { ObjectStore, RecordBudget } from '../ports.ts';
import { numberedKey, numberOfKey, ticketsPrefix } from '../storage/bucket-layout.ts';
import { createJson, getJson } from '../storage/stored-json.ts';

const TicketSchema = z.object({ token: z.string() });

export interface TicketOptions {
  readonly runId: string;
  readonly pageSize: number;
  /** The highest number a ticket may have. */
  readonly lastTicket: number;
  /** For messages. */
  readonly maxRecords?: number;
  /** Whether the run has a plan, so that it can be resumed. @default true */
  readonly planned?: boolean;
  /** The number to try first, so that many pages do not compete for one ticket. */
  readonly preferred?: number;
}

/** The tickets of one attempt at a page or a step. Call `returnUnused` when the attempt ends. */
export class PageTickets implements RecordBudget {
  readonly #store: ObjectStore;
  readonly #options: TicketOptions;
  /** Several requests at once must not take more tickets than they need. */
  readonly #oneByOne = pLimit(1);
  readonly #held: number[] = [];
  #records = 0;

  constructor(store: ObjectStore, options: TicketOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** The numbers of the tickets that are held. */
  get numbers(): ReadonlySet<number> {
    return new Set(this.#held);
  }

  take(records: number): Promise<void> {
    return this.#oneByOne(async () => {
      while (this.#held.length * this.#options.pageSize < this.#records + records) {
        this.#held.push(await this.#takeTicket());
      }
      this.#records += records;
    });
  }

  giveBack(records: number): void {
    this.#records -= records;
  }

  /**
   * Returns the tickets that the fetched records do not need.
   * @param counted fetched records that the plan, or the record of its failure, counts
   */
  async returnUnused(counted = 0): Promise<void> {
    const needed = Math.ceil(Math.max(0, this.#records - counted) / this.#options.pageSize);
    for (const number of this.#held.splice(needed)) await this.#store.delete(this.#key(number));
  }

  async #takeTicket(): Promise<number> {
    const { preferred, lastTicket, runId, pageSize, maxRecords, planned = true } = this.#options;
    if (
      this.#held.length === 0 &&
      preferred !== undefined &&
      preferred <= lastTicket &&
      (await this.#create(preferred))
    ) {
      return preferred;
    }
    const taken = await takenTickets(this.#store, runId);
    // From the top, since pages try the numbers from 1 first.
    for (let number = lastTicket; number >= 1; number--) {
      if (!taken.has(number) && (await this.#create(number))) return number;
    }
    const limit = maxRecords === undefined ? '' : `maxRecords ${maxRecords}; `;
    const remedy = planned ? 'resume the run with a higher maxRecords' : 'start a new run with a higher maxRecords';
    throw new ExportError(
      'BudgetExceededError',
      `Record budget exhausted for run "${runId}" (${limit}the next request needs ${pageSize} records): ${remedy}.`,
    );
  }

  async #create(number: number): Promise<boolean> {
    const token = randomUUID();
    if (await createJson(this.#store, this.#key(number), { token })) return true;
    // The answer to a first write may have been lost: then the ticket is ours.
    return (await getJson(this.#store, this.#key(number), TicketSchema))?.token === token;
  }

  #key(number: number): string {
    return numberedKey(ticketsPrefix(this.#options.runId), number);
  }
}

/** The numbers of all tickets that are taken. */
export async function takenTickets(store: ObjectStore, runId: string): Promise<Set<number>> {
  return new Set((await store.list(ticketsPrefix(runId))).map(({ key }) => numberOfKey(key)));
}

/**
 * The highest number a ticket may have so that the taken tickets and all further ones stay within `records`.
 * @param taken numbers of tickets that are taken
 * @returns 0 when no further ticket fits
 */
export function lastTicket(records: number, pageSize: number, taken: ReadonlySet<number>): number {
  const further = Math.floor(records / pageSize) - taken.size;
  if (further <= 0) return 0;
  // The free numbers below the highest taken one count first; above it, every number is free.
  let number = further;
  for (const one of [...taken].sort((a, b) => a - b)) if (one <= number) number++;
  return number;
}
