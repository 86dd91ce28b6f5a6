/**
 * The record budget, `maxRecords`: no request is sent that could exceed it.
 *
 * A ticket reserves the records of one page. It is an object that only one of several writers can create, under a number up
 * to a limit. At its end, an attempt deletes the tickets that it did not need. A killed attempt cannot, so its tickets count
 * as used (`docs/decisions/0009-record-budget-tickets.md`).
 */
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import * as z from 'zod';
import { ExportError } from '../../model/errors.ts';
import { type Run, StoredPlanSchema } from '../../model/run.ts';
import type { ObjectStore, RecordBudget } from '../ports.ts';
import { numberedKey, numberOfKey, planKey, ticketsPrefix } from '../storage/bucket-layout.ts';
import { createJson, getJson } from '../storage/stored-json.ts';

const TicketSchema = z.object({ token: z.string() });

export interface BudgetOptions {
  readonly runId: string;
  readonly pageSize: number;
  /** The highest number that a ticket may have. */
  readonly ticketLimit: number;
  /** For messages. @default that of the stored plan */
  readonly maxRecords?: number;
  /** Whether the run has a plan, so that it can be resumed. @default true */
  readonly hasPlan?: boolean;
  /** The page of the attempt. Page p tries ticket p + 1 first, so that pages do not compete for the same ticket. */
  readonly page?: number | undefined;
}

/** The record budget of an attempt at a page or at publishing; `undefined` for a run without one. */
export function budgetOf(store: ObjectStore, run: Run, page?: number): TicketBudget | undefined {
  const { runId, ticketLimit, parameters } = run;
  if (ticketLimit === undefined) return undefined;
  return ticketBudget(store, { runId, ticketLimit, pageSize: parameters.pageSize, page });
}

export type TicketBudget = ReturnType<typeof ticketBudget>;

/** The record budget of one attempt at a page or a step. Call `returnTickets` when the attempt ends. */
export function ticketBudget(store: ObjectStore, options: BudgetOptions) {
  const { runId, pageSize, ticketLimit, maxRecords, hasPlan = true, page } = options;
  const held: number[] = [];
  // Several requests at once must not take more tickets than they need.
  const oneByOne = pLimit(1);
  let reserved = 0;
  const keyOf = (number: number) => numberedKey(ticketsPrefix(runId), number);

  async function create(number: number): Promise<boolean> {
    const token = randomUUID();
    if (await createJson(store, keyOf(number), { token })) return true;
    // The answer to a first write may have been lost: then the ticket is ours.
    return (await getJson(store, keyOf(number), TicketSchema))?.token === token;
  }

  async function takeTicket(): Promise<number> {
    const own = page === undefined ? undefined : page + 1;
    if (own !== undefined && held.length === 0 && own <= ticketLimit && (await create(own))) return own;
    const taken = await takenTickets(store, runId);
    // From the top, since pages try the numbers from 1 first.
    for (let number = ticketLimit; number >= 1; number--) {
      if (!taken.has(number) && (await create(number))) return number;
    }
    const records = maxRecords ?? (await maxRecordsOfPlan(store, runId));
    const limit = records === undefined ? '' : `maxRecords ${records}; `;
    const remedy = hasPlan
      ? 'resume the run with a higher maxRecords; if that is too low, the next error says how many records the run needs'
      : 'start a new run with a higher maxRecords';
    throw new ExportError(
      'BudgetExceededError',
      `Record budget exhausted for run "${runId}" (${limit}the next request needs ${pageSize} records): ${remedy}.`,
    );
  }

  return {
    /** The numbers of the tickets that this attempt holds. */
    tickets: (): ReadonlySet<number> => new Set(held),
    reserve(records) {
      return oneByOne(async () => {
        while (held.length * pageSize < reserved + records) held.push(await takeTicket());
        reserved += records;
      });
    },
    release(records) {
      reserved -= records;
    },
    /**
     * Deletes the tickets that the fetched records do not need, so that other attempts can take them.
     * @param counted only for planning: fetched records that the plan or a stored failure already counts
     */
    returnTickets(counted = 0): Promise<void> {
      return oneByOne(async () => {
        const needed = Math.ceil(Math.max(0, reserved - counted) / pageSize);
        for (const number of held.splice(needed)) await store.delete(keyOf(number));
      });
    },
  } satisfies RecordBudget & Record<string, unknown>;
}

/** The record budget of a stored plan, for a message. A failed read is ignored: it must not hide `BudgetExceededError`. */
async function maxRecordsOfPlan(store: ObjectStore, runId: string): Promise<number | undefined> {
  const plan = await getJson(store, planKey(runId), StoredPlanSchema).catch(() => undefined);
  return plan?.maxRecords;
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
export function ticketLimitOf(records: number, pageSize: number, taken: ReadonlySet<number>): number {
  const further = Math.floor(records / pageSize) - taken.size;
  if (further <= 0) return 0;
  // Each taken number up to the limit moves the limit up by one.
  let number = further;
  for (const one of [...taken].sort((a, b) => a - b)) if (one <= number) number++;
  return number;
}
