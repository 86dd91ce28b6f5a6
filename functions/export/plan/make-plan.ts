/** Making a plan: counts the accounts and pins what all pages of a run share. */

import { csvTableColumns, decodeCsv, pinCsvColumns } from '../../formats/csv.ts';
import { formatForRun } from '../../formats/format-for-run.ts';
import { jsonLinesFormat } from '../../formats/json-lines.ts';
import { ExportError } from '../../model/errors.ts';
import type { PlanEvent } from '../../model/events.ts';
import { attributeColumnsOf, type ExportSettings } from '../../model/export-settings.ts';
import type { Run, StoredPlan } from '../../model/run.ts';
import { NO_USAGE, type Usage } from '../../model/usage.ts';
import type { Decode, ObjectStore, RunPorts } from '../ports.ts';
import { type AccountCount, type CountOptions, countAccounts, type ProbeAnswer } from '../source/count-accounts.ts';
import { verificationTickets } from '../source/page-boundaries.ts';
import { refuseTooManyPages } from '../source/page-limit.ts';
import { lastTicket, PageTickets, takenTickets } from '../source/record-budget.ts';
import { Source } from '../source/source.ts';
import { lastPublishedRun } from '../storage/published-runs.ts';
import { RunFolder } from '../storage/run-folder.ts';
import type { ResolvedRequest } from './resolve-request.ts';

/** The CSV header is all of the remaining state that can grow. */
const MAX_HEADER_BYTES = 40_000;

/** What planning needs: the ports, the configured exports, the workflow's event and the abort signal. */
export interface Planning {
  readonly ports: RunPorts;
  readonly exports: readonly ExportSettings[];
  readonly event: PlanEvent;
  readonly signal: AbortSignal | undefined;
}

/** Plans a new run and stores the plan. @throws ExportError see `planExport` */
export async function makePlan(planning: Planning, runId: string, request: ResolvedRequest): Promise<StoredPlan> {
  const { settings } = request;
  const { maxRecords } = settings;
  const target = { runId, exportName: settings.name, maxRecords, pageSize: request.parameters.pageSize };
  return planWithinBudget(planning, target, async (budget) => {
    const { plan } = await planRequest(planning, runId, request, budget);
    return { ...plan, maxRecords };
  });
}

/** A plan that is not stored, and how long its requests took. */
export interface DryPlan {
  readonly plan: StoredPlan;
  /** The median time of a request, in ms. */
  readonly latencyMs: number;
}

/** Counts the accounts of a request, which takes at most the records of `budget`. Stores nothing. */
export async function planRequest(
  { ports, exports, event, signal }: Planning,
  runId: string,
  { settings, parameters, dueAt, exportDate }: ResolvedRequest,
  budget?: CountedBudget,
): Promise<DryPlan> {
  const { name: exportName, datasetId, format, onDrift, maxDropPercent } = settings;
  const header = new CsvHeader();
  const decode: Decode<ProbeAnswer> = format === 'csv' ? (body) => header.decode(body) : jsonLinesFormat().decode;
  const source = new Source(ports.api, { datasetId, format, parameters }, decode, { signal, budget: budget?.tickets });
  budget?.count(source);
  const expected = (await lastPublishedRun(ports.store, exportName))?.records;
  const counted = await countPages(source, { pageSize: parameters.pageSize, concurrency: event.concurrency, expected });
  const plan: StoredPlan = {
    version: 1,
    run: {
      runId,
      exportName,
      datasetId,
      apiHost: ports.api.host,
      format,
      parameters,
      dueAt,
      exportDate,
      startedAt: event.startedAt,
      ...counted.size,
      onDrift,
      maxDropPercent,
      csv: format === 'csv' ? header.pin(tableAttributes(exports, settings)) : undefined,
    },
    usage: source.usage,
    rounds: counted.rounds,
    earlierRecords: 0,
  };
  return { plan, latencyMs: source.medianLatencyMs };
}

/**
 * Plans the export again after its data changed: counts again, everything else stays pinned.
 * @param drifted the plan of the run to repeat, which stays quarantined
 */
export async function makeRetryPlan(planning: Planning, drifted: StoredPlan, runId: string): Promise<StoredPlan> {
  const { api, store } = planning.ports;
  const { run, maxRecords } = drifted;
  const { pageSize } = run.parameters;
  const folder = new RunFolder(store, run.runId);
  const earlierUsage = await folder.usage(await folder.receipts());
  // A ticket that was never returned counts in full; a run without a budget has none.
  const ticketRecords = (await takenTickets(store, run.runId)).size * pageSize;
  const earlierRecords =
    run.lastTicket === undefined
      ? earlierUsage.recordsFetched + ticketRecords
      : drifted.earlierRecords + (await planningRecords(folder, drifted)) + ticketRecords;
  const target = { runId, exportName: run.exportName, maxRecords, pageSize, earlierRecords };
  return planWithinBudget(planning, target, async (budget) => {
    const { signal, event } = planning;
    const source = new Source(api, run, formatForRun(run).decode, { signal, budget: budget.tickets });
    budget.count(source);
    const counted = await countPages(source, { pageSize, concurrency: event.concurrency, expected: run.accounts });
    return {
      version: 1,
      run: { ...run, runId, retryOf: run.runId, ...counted.size },
      maxRecords,
      usage: source.usage,
      rounds: counted.rounds,
      earlierUsage,
      earlierRecords,
    };
  });
}

/**
 * Stores the plan with another record budget, for a run that is resumed.
 * @throws ExportError `BudgetExceededError` when the rest of the run does not fit into it
 */
export async function withBudget({ ports }: Planning, plan: StoredPlan, maxRecords: number): Promise<StoredPlan> {
  return storePlan(ports.store, { ...plan, maxRecords, earlierRecords: await recordsBeforeBudget(ports.store, plan) });
}

/** Records that no ticket of the run counts: of the run it repeats, and those fetched before it had a budget. */
async function recordsBeforeBudget(store: ObjectStore, plan: StoredPlan): Promise<number> {
  if (plan.run.lastTicket !== undefined) return plan.earlierRecords;
  const folder = new RunFolder(store, plan.run.runId);
  const { recordsFetched } = await folder.usage(await folder.receipts());
  return recordsFetched - (await planningRecords(folder, plan));
}

/** The record budget of an attempt at planning, and the source whose usage counts against it. */
class CountedBudget {
  readonly tickets: PageTickets | undefined;
  #source: { readonly usage: Usage } | undefined;

  constructor(tickets: PageTickets | undefined) {
    this.tickets = tickets;
  }

  count(source: { readonly usage: Usage }): void {
    this.#source = source;
  }

  get usage(): Usage {
    return this.#source?.usage ?? NO_USAGE;
  }
}

interface PlanTarget {
  readonly runId: string;
  readonly exportName: string;
  readonly pageSize: number;
  readonly maxRecords: number | undefined;
  /** Records of the budget that the run to repeat may have fetched. */
  readonly earlierRecords?: number;
}

/**
 * Plans within a record budget and stores the plan. The records of planning are known exactly when it ends: the plan, or
 * the record of its failure, counts them, and then its tickets are returned.
 */
async function planWithinBudget(
  { ports, event }: Planning,
  { runId, exportName, pageSize, maxRecords, earlierRecords = 0 }: PlanTarget,
  work: (budget: CountedBudget) => Promise<StoredPlan>,
): Promise<StoredPlan> {
  const { store, measure } = ports;
  const folder = new RunFolder(store, runId);
  let tickets: PageTickets | undefined;
  if (maxRecords !== undefined) {
    const records = maxRecords - earlierRecords - (await planningRecords(folder));
    const limit = lastTicket(records, pageSize, await takenTickets(store, runId));
    // Only a retry after drift repeats a run that has a plan.
    const planned = earlierRecords > 0;
    tickets = new PageTickets(store, { runId, pageSize, lastTicket: limit, maxRecords, planned });
  }
  const budget = new CountedBudget(tickets);
  try {
    const plan = await storePlan(store, await work(budget), tickets);
    await tickets?.returnUnused(budget.usage.recordsFetched);
    return plan;
  } catch (error) {
    const { usage } = budget;
    const sent = usage.apiRequests > 0;
    if (sent) measure?.({ exportName, usage });
    // Without its record, the tickets stay taken: that counts too much, never too little.
    await (sent ? folder.recordFailure('plan', event.execution, { error, usage }) : Promise.resolve())
      .then(() => tickets?.returnUnused(usage.recordsFetched))
      .catch(() => undefined);
    throw error;
  }
}

/**
 * Stores a plan together with the ticket limit that its record budget allows.
 * @param planning tickets that will be returned, since the plan counts their records
 */
async function storePlan(store: ObjectStore, plan: StoredPlan, planning?: PageTickets): Promise<StoredPlan> {
  const folder = new RunFolder(store, plan.run.runId);
  const { run, maxRecords } = plan;
  let stored = plan;
  if (maxRecords !== undefined) {
    const { pageSize } = run.parameters;
    const taken = (await takenTickets(store, run.runId)).difference(planning?.numbers ?? new Set<number>());
    const done = [...(await folder.pagesDone())].filter((page) => page < run.pages).length;
    const counted = plan.earlierRecords + (await planningRecords(folder, plan));
    const pages = taken.size + run.pages - done + verificationTickets(run);
    const needed = counted + pages * pageSize;
    if (needed > maxRecords) {
      throw new ExportError(
        'BudgetExceededError',
        `Record budget too small for run "${run.runId}" (maxRecords ${maxRecords}, needed ${needed}: ${counted} for planning, the rest for ${pages} pages of ${pageSize} accounts): set maxRecords to ${needed} or more, or reduce pageSize.`,
      );
    }
    stored = { ...plan, run: { ...run, lastTicket: lastTicket(maxRecords - counted, pageSize, taken) } };
  }
  await folder.savePlan(stored);
  return stored;
}

/** Records that planning fetched, failed attempts included. */
async function planningRecords(folder: RunFolder, plan?: StoredPlan): Promise<number> {
  const failures = (await folder.failures()).filter(({ task }) => task === 'plan');
  return failures.reduce((sum, { usage }) => sum + usage.recordsFetched, plan?.usage.recordsFetched ?? 0);
}

async function countPages(
  source: Source<ProbeAnswer>,
  options: Omit<CountOptions, 'probe'>,
): Promise<{ readonly size: Pick<Run, 'accounts' | 'pages' | 'countedBy'>; readonly rounds: number }> {
  const count = await countAccounts({ ...options, probe: (size, page) => source.probe(size, page) });
  return { size: sizeOf(count, options.pageSize), rounds: count.rounds };
}

/** @throws ExportError `PlanTooLargeError` */
function sizeOf(
  { accounts, countedBy }: AccountCount,
  pageSize: number,
): Pick<Run, 'accounts' | 'pages' | 'countedBy'> {
  refuseTooManyPages(accounts, pageSize);
  return { accounts, countedBy, pages: Math.max(1, Math.ceil(accounts / pageSize)) };
}

/**
 * The attribute columns of the CSV table: those of all configured exports, which share it. Columns that only this request
 * names come after the table's, like any that the API sends. Without a configuration, the request's own.
 */
function tableAttributes(exports: readonly ExportSettings[], settings: ExportSettings): string[] {
  return attributeColumnsOf(exports.length > 0 ? exports : [settings]);
}

/** What the probes of a CSV export learn besides the count. */
class CsvHeader {
  #columns: readonly string[] = [];
  #allEndInNewline: boolean | undefined;

  decode(body: Buffer): ProbeAnswer {
    const page = decodeCsv(body, { finalNewline: undefined });
    if (page.columns.length > 0) {
      if (this.#columns.length === 0) this.#columns = page.columns;
      this.#allEndInNewline = (this.#allEndInNewline ?? true) && page.endsWithNewline;
    }
    return page;
  }

  /** @throws ExportError `PlanTooLargeError` when the header is too long for the state of the workflow */
  pin(attributeColumns: readonly string[]): NonNullable<Run['csv']> {
    const tableColumns = csvTableColumns(attributeColumns);
    const columns = pinCsvColumns(tableColumns, this.#columns);
    const bytes = Buffer.byteLength(JSON.stringify(columns));
    if (bytes > MAX_HEADER_BYTES) {
      throw new ExportError(
        'PlanTooLargeError',
        `CSV header of ${columns.length} columns is too long (${bytes} bytes, maximum ${MAX_HEADER_BYTES}): export as JSON instead.`,
      );
    }
    return { columns, tableColumns: tableColumns.length, finalNewline: this.#allEndInNewline === true };
  }
}
