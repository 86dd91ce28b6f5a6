/** Making a plan: counts the accounts and pins what all pages of a run share. */

import { csvTableColumns, decodeCsv, pinCsvColumns } from '../../formats/csv.ts';
import { formatForRun } from '../../formats/format-for-run.ts';
import { decodeJson } from '../../formats/json-lines.ts';
import { ExportError } from '../../model/errors.ts';
import type { PlanEvent } from '../../model/events.ts';
import { compressionOf, type ExportFormat } from '../../model/export-format.ts';
import { attributeColumnsOf, type ExportSettings } from '../../model/export-settings.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { Run, StoredPlan } from '../../model/run.ts';
import type { Decode, ObjectStore, RunPorts } from '../ports.ts';
import { type CountOptions, countAccounts, type ProbeAnswer, refuseTooManyPages } from '../source/count-accounts.ts';
import { verificationTickets } from '../source/page-boundaries.ts';
import { type TicketBudget, takenTickets, ticketBudget, ticketLimitOf } from '../source/record-budget.ts';
import { sharedWait } from '../source/shared-wait.ts';
import { Source, type SourceRun } from '../source/source.ts';
import { hasAnswered, keepHost, refuseOtherHost } from '../storage/export-host.ts';
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

/** A request, and the id of the run that it starts. */
export interface RunRequest extends ResolvedRequest {
  readonly runId: string;
}

/** Plans a new run and stores the plan. @throws ExportError see `planExport` */
export function makePlan(planning: Planning, request: RunRequest): Promise<StoredPlan> {
  const { runId, settings, parameters } = request;
  const decoder = probeDecoder(settings.format);
  const target = { ...settings, runId, exportName: settings.name, parameters };
  return planWithinBudget(planning, target, decoder.decode, async (source) => {
    const plan = await planRequest(planning, request, source, decoder);
    await keepHost(planning.ports, settings.name);
    return plan;
  });
}

/**
 * Counts the accounts of a request without a record budget. Stores nothing.
 * @returns the plan, and the median time of its requests, in ms
 */
export async function makeDryPlan(
  planning: Planning,
  request: RunRequest,
): Promise<{ readonly plan: StoredPlan; readonly latencyMs: number }> {
  const { ports, signal } = planning;
  const { settings, parameters } = request;
  const decoder = probeDecoder(settings.format);
  const answeredBefore = await hasAnswered(ports, settings.name);
  const source = new Source(ports.api, { ...settings, parameters }, decoder.decode, { signal, answeredBefore });
  try {
    const plan = await planRequest(planning, request, source, decoder);
    return { plan, latencyMs: source.medianLatencyMs };
  } finally {
    const { usage } = source;
    if (usage.apiRequests > 0) ports.measure?.({ exportName: settings.name, usage });
  }
}

async function planRequest(
  { ports, exports, event }: Planning,
  { runId, settings, parameters, dueAt, exportDate }: RunRequest,
  source: Source<ProbeAnswer>,
  decoder: ReturnType<typeof probeDecoder>,
): Promise<StoredPlan> {
  const { name: exportName, datasetId, format, maxRecords, onDrift, boundaryChecks, maxDropPercent } = settings;
  const last = await lastPublishedRun(ports.store, exportName);
  const { pageSize } = parameters;
  const { concurrency } = event;
  const pageSizeServed = last !== undefined && hasServed(last, { ...settings, pageSize });
  const known = { expected: last?.records, pageSizeServed };
  const counted = await countPages(ports, source, { pageSize, concurrency, boundaryChecks, ...known });
  // All exports share one CSV table. Columns that only this request names come after it, like any that the API sends.
  const tableAttributes = attributeColumnsOf(exports.length > 0 ? exports : [settings]);
  return {
    version: 1,
    run: {
      runId,
      exportName,
      datasetId,
      apiHost: ports.api.host,
      format,
      compression: compressionOf(settings),
      parameters,
      dueAt,
      exportDate,
      startedAt: event.startedAt,
      ...counted.size,
      onDrift,
      boundaryChecks,
      maxDropPercent,
      csv: format === 'csv' ? decoder.pinColumns(tableAttributes) : undefined,
    },
    maxRecords,
    usage: source.usage,
    rounds: counted.rounds,
    earlierRecords: 0,
  };
}

/**
 * Whether the API has served pages of this size to the last run. If it caps them since then, the first page shows it.
 */
function hasServed(last: Manifest, { format, pageSize }: Pick<ExportSettings, 'format' | 'pageSize'>): boolean {
  return (
    last.format === format &&
    last.parts.some(({ records }) => records === pageSize && last.parameters.pageSize === pageSize)
  );
}

/**
 * Plans the export again after its data changed: counts again, everything else stays pinned.
 * @param drifted the plan of the run to repeat, which stays quarantined
 */
export async function makeRetryPlan(planning: Planning, drifted: StoredPlan, runId: string): Promise<StoredPlan> {
  const { store } = planning.ports;
  const { run, maxRecords } = drifted;
  const { parameters } = run;
  const folder = new RunFolder(store, run.runId);
  const earlierUsage = await folder.usage(await folder.receipts());
  // A ticket that was never returned counts in full; a run without a budget has none.
  const ticketRecords = (await takenTickets(store, run.runId)).size * parameters.pageSize;
  const earlierRecords =
    run.ticketLimit === undefined
      ? earlierUsage.recordsFetched + ticketRecords
      : drifted.earlierRecords + (await planningRecords(folder, drifted)) + ticketRecords;
  const target = { ...run, runId, maxRecords, earlierRecords };
  return planWithinBudget(planning, target, formatForRun(run).decode, async (source) => {
    const { pageSize } = parameters;
    const { concurrency } = planning.event;
    const { boundaryChecks, accounts: expected } = run;
    const counted = await countPages(planning.ports, source, { pageSize, concurrency, boundaryChecks, expected });
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
  let { earlierRecords } = plan;
  if (plan.run.ticketLimit === undefined) {
    // No ticket counts what the run fetched before it had a budget.
    const folder = new RunFolder(ports.store, plan.run.runId);
    const { recordsFetched } = await folder.usage(await folder.receipts());
    earlierRecords = recordsFetched - (await planningRecords(folder, plan));
  }
  return storePlan(ports.store, { ...plan, maxRecords, earlierRecords });
}

/** The run to plan, as far as its requests and its record budget need to know it. */
interface PlanTarget extends SourceRun {
  readonly runId: string;
  readonly exportName: string;
  readonly maxRecords?: number | undefined;
  /** Records of the budget that the run to repeat may have fetched. */
  readonly earlierRecords?: number;
}

/**
 * Plans within a record budget and stores the plan. The records of planning are known exactly when it ends: the plan, or
 * the record of its failure, counts them, and then its tickets are returned.
 */
async function planWithinBudget(
  { ports, event, signal }: Planning,
  target: PlanTarget,
  decode: Decode<ProbeAnswer>,
  plan: (source: Source<ProbeAnswer>) => Promise<StoredPlan>,
): Promise<StoredPlan> {
  const { api, store, measure } = ports;
  const { runId, exportName, maxRecords, earlierRecords = 0 } = target;
  const { pageSize } = target.parameters;
  const folder = new RunFolder(store, runId);
  let budget: TicketBudget | undefined;
  if (maxRecords !== undefined) {
    const records = maxRecords - earlierRecords - (await planningRecords(folder));
    const ticketLimit = ticketLimitOf(records, pageSize, await takenTickets(store, runId));
    // Only a retry after drift repeats a run that has a plan.
    budget = ticketBudget(store, { runId, pageSize, ticketLimit, maxRecords, hasPlan: earlierRecords > 0 });
  }
  const wait = sharedWait(store, runId);
  const answeredBefore = await refuseOtherHost(ports, exportName);
  const source = new Source(api, target, decode, { signal, budget, wait, answeredBefore });
  try {
    const stored = await storePlan(store, await plan(source), budget);
    await budget?.returnTickets(source.usage.recordsFetched);
    return stored;
  } catch (error) {
    const { usage } = source;
    const sent = usage.apiRequests > 0;
    // Without its record, the tickets stay taken: that counts too much, never too little.
    await (sent ? folder.recordFailure('plan', event.execution, { error, usage }) : Promise.resolve())
      .then(() => budget?.returnTickets(usage.recordsFetched))
      .catch(() => undefined);
    throw error;
  } finally {
    const { usage } = source;
    if (usage.apiRequests > 0) measure?.({ exportName, usage });
  }
}

/**
 * Stores a plan together with the ticket limit that its record budget allows.
 * @param planning holds tickets that will be returned, since the plan counts their records
 */
async function storePlan(store: ObjectStore, plan: StoredPlan, planning?: TicketBudget): Promise<StoredPlan> {
  const folder = new RunFolder(store, plan.run.runId);
  const { run, maxRecords } = plan;
  let stored = plan;
  if (maxRecords !== undefined) {
    const { pageSize } = run.parameters;
    const taken = (await takenTickets(store, run.runId)).difference(planning?.tickets() ?? new Set());
    const done = [...(await folder.pagesDone())].filter((page) => page < run.pages).length;
    const counted = plan.earlierRecords + (await planningRecords(folder, plan));
    const pages = taken.size + run.pages - done + verificationTickets(run);
    const needed = counted + pages * pageSize;
    if (needed > maxRecords) {
      const remedy =
        planning === undefined || run.retryOf !== undefined
          ? `Resume the run with maxRecords ${needed} or more`
          : `Start a new run with maxRecords ${needed} or more, or with a smaller pageSize`;
      const before = plan.earlierRecords > 0 ? 'planning and earlier pages' : 'planning';
      throw new ExportError(
        'BudgetExceededError',
        `Record budget too small for run "${run.runId}" (maxRecords ${maxRecords}): it needs ${needed} records in total (${counted} already used for ${before}, ${pages * pageSize} for ${pages} pages of ${pageSize} accounts). ${remedy}.`,
      );
    }
    stored = { ...plan, run: { ...run, ticketLimit: ticketLimitOf(maxRecords - counted, pageSize, taken) } };
  }
  await folder.savePlan(stored);
  return stored;
}

/** Records that planning fetched, failed attempts included. */
async function planningRecords(folder: RunFolder, plan?: StoredPlan): Promise<number> {
  const failures = (await folder.failures()).filter(({ task }) => task === 'plan');
  return failures.reduce((sum, { usage }) => sum + usage.recordsFetched, plan?.usage.recordsFetched ?? 0);
}

/** @throws ExportError `PlanTooLargeError` */
async function countPages(
  { observe }: RunPorts,
  source: Source<ProbeAnswer>,
  { boundaryChecks, ...options }: Omit<CountOptions, 'probe'> & Pick<Run, 'boundaryChecks'>,
): Promise<{ readonly size: Pick<Run, 'accounts' | 'pages' | 'countedBy'>; readonly rounds: number }> {
  const probe = (size: number, page: number) => source.probe(size, page);
  const onRound = (round: number) => observe?.({ activity: 'counting', round });
  const { accounts, countedBy, rounds } = await countAccounts({ ...options, probe, onRound });
  refuseTooManyPages(accounts, options.pageSize, boundaryChecks);
  return { size: { accounts, countedBy, pages: Math.max(1, Math.ceil(accounts / options.pageSize)) }, rounds };
}

/** Decodes the probes of a plan, which show the CSV header and the last character of its pages. */
function probeDecoder(format: ExportFormat) {
  let header: readonly string[] = [];
  let finalNewline: boolean | undefined;
  return {
    decode(body: Buffer): ProbeAnswer {
      if (format !== 'csv') return decodeJson(body);
      const page = decodeCsv(body, { finalNewline: undefined });
      if (page.columns.length > 0) {
        if (header.length === 0) header = page.columns;
        finalNewline = (finalNewline ?? true) && page.endsWithNewline;
      }
      return page;
    },

    /** @throws ExportError `PlanTooLargeError` when the header is too long for the state of the workflow */
    pinColumns(attributeColumns: readonly string[]): NonNullable<Run['csv']> {
      const tableColumns = csvTableColumns(attributeColumns);
      const columns = pinCsvColumns(tableColumns, header);
      const bytes = Buffer.byteLength(JSON.stringify(columns));
      if (bytes > MAX_HEADER_BYTES) {
        throw new ExportError(
          'PlanTooLargeError',
          `CSV header of ${columns.length} columns is too long (${bytes} bytes, maximum ${MAX_HEADER_BYTES}): export as JSON instead.`,
        );
      }
      return { columns, tableColumns: tableColumns.length, finalNewline: finalNewline === true };
    },
  };
}
