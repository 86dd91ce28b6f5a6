/** Making a plan: counts the accounts, and pins what all pages of a run share. */

import { csvTableColumns, decodeCsv, pinCsvColumns } from '../../formats/csv.ts';
import { formatForRun } from '../../formats/format-for-run.ts';
import { jsonLinesFormat } from '../../formats/json-lines.ts';
import { ExportError } from '../../model/errors.ts';
import type { PlanEvent } from '../../model/events.ts';
import { attributeColumnsOf, type ExportSettings } from '../../model/export-settings.ts';
import type { Run, StoredDrift, StoredPlan } from '../../model/run.ts';
import type { PagePorts } from '../page/export-page.ts';
import type { AccountsApi, Decode, ObjectStore } from '../ports.ts';
import { type AccountCount, countAccounts, type ProbeAnswer } from '../source/count-accounts.ts';
import { countdown, spareFetches, usageOfKilledAttempts } from '../source/record-budget.ts';
import { askApi, pageQuery } from '../source/source.ts';
import { addUsage, UsageMeter } from '../source/usage-meter.ts';
import { planKey } from '../storage/bucket-layout.ts';
import { lastPublishedRun } from '../storage/published-runs.ts';
import { failedTask, keepingWhatItSpends, readReceipts, usageSoFar } from '../storage/run-folder.ts';
import { putJson } from '../storage/stored-json.ts';
import type { ResolvedRequest } from './resolve-request.ts';

/** The page numbers of a plan travel in the state of the workflow, which holds 256 KiB. */
export const MAX_PAGES = 30_000;
/** What the rest of that state may take: a header of CSV columns is all that can grow. */
const MAX_HEADER_BYTES = 40_000;

export interface PlanningPorts {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  /** Told what a try at planning took that failed: the workflow tries again for an hour before the run does. */
  readonly measure?: PagePorts['measure'];
}

export interface MadePlan {
  readonly plan: StoredPlan;
  /** The median time of a request. */
  readonly probeSeconds: number;
}

/**
 * Plans the first attempt at a run, and writes the plan down.
 * @param leaveTraces `false` for a dry run: nothing is written, and no record budget is kept to
 */
export async function makePlan(
  { api, store, measure }: PlanningPorts,
  event: PlanEvent,
  runId: string,
  { settings, parameters, dueAt, exportDate }: ResolvedRequest,
  { leaveTraces }: { leaveTraces: boolean },
  signal: AbortSignal | undefined,
): Promise<MadePlan> {
  const { maxRecords, onDrift, maxDropPercent, format } = settings;
  const { pageSize } = parameters;
  const { ledger, spentBefore } = await planningLedger(store, runId, leaveTraces ? maxRecords : undefined, 0);
  const latencies: number[] = [];
  const header = new SeenHeader();
  const decode: Decode<ProbeAnswer> = format === 'csv' ? (body) => header.decode(body) : jsonLinesFormat().decode;
  const asking = { datasetId: settings.datasetId, format, parameters };
  return keepingSpent(leaveTraces, async () => {
    const count = await countAccounts({
      probe: async (size, page) => {
        const answer = await askApi(api, ledger, pageQuery(asking, size, page), decode, signal);
        latencies.push(answer.latencyMs);
        return answer.value;
      },
      pageSize,
      concurrency: event.concurrency,
      expected: (await lastPublishedRun(store, settings.name))?.records,
    });
    const size = sizeOf(count, pageSize);
    const usage = spentBefore + ledger.total.recordsFetched;
    const plan: StoredPlan = {
      version: 1,
      run: {
        runId,
        exportName: settings.name,
        datasetId: settings.datasetId,
        format,
        parameters,
        dueAt,
        exportDate,
        startedAt: event.startedAt,
        ...size,
        attempt: 1,
        start: 1,
        budget: 1,
        onDrift,
        maxDropPercent,
        ...(leaveTraces ? budgetOf(maxRecords, usage, size.pages, pageSize) : {}),
        csv: format === 'csv' ? header.pin(tableAttributes(event.exports, settings)) : undefined,
      },
      maxRecords,
      counting: ledger.total,
      usage: ledger.total,
      rounds: count.rounds,
    };
    if (leaveTraces) await putJson(store, planKey(runId), plan);
    return { plan, probeSeconds: median(latencies) / 1000 };
  });

  function keepingSpent<T>(keep: boolean, work: () => Promise<T>): Promise<T> {
    const told = () => tellingFailure(measure, settings.name, ledger, work);
    return keep ? keepingWhatItSpends(store, runId, 'plan', ledger, told) : told();
  }
}

/** An API that is down when a run begins is in trouble like one that fails a page. */
async function tellingFailure<T>(
  measure: PlanningPorts['measure'],
  exportName: string,
  ledger: UsageMeter,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (ledger.total.apiRequests > 0) measure?.({ exportName, usage: ledger.total });
    throw error;
  }
}

/** Plans the next attempt at a run, since the source moved under the one before: counts again, all else stays pinned. */
export async function planAgain(
  { api, store, measure }: PlanningPorts,
  event: PlanEvent,
  { run, maxRecords }: StoredPlan,
  drift: StoredDrift,
  signal: AbortSignal | undefined,
): Promise<StoredPlan> {
  const { runId, parameters } = run;
  const { pageSize } = parameters;
  const { decode } = formatForRun(run);
  const { ledger, spentBefore } = await planningLedger(store, runId, maxRecords, drift.usage.recordsFetched);
  const planned = async () => {
    const count = await countAccounts({
      probe: async (size, page) => (await askApi(api, ledger, pageQuery(run, size, page), decode, signal)).value,
      pageSize,
      concurrency: event.concurrency,
      expected: run.accounts,
    });
    const size = sizeOf(count, pageSize);
    const usage = spentBefore + ledger.total.recordsFetched;
    const [attempt, budget] = [run.attempt + 1, run.budget + 1];
    const plan: StoredPlan = {
      version: 1,
      run: { ...run, ...size, attempt, budget, ...budgetOf(maxRecords, usage, size.pages, pageSize) },
      maxRecords,
      counting: ledger.total,
      usage: addUsage(drift.usage, ledger.total),
      rounds: count.rounds,
    };
    await putJson(store, planKey(runId), plan);
    return plan;
  };
  return keepingWhatItSpends(store, runId, 'plan', ledger, () =>
    tellingFailure(measure, run.exportName, ledger, planned),
  );
}

/**
 * The plan with another record budget: a run that its budget stopped may go on with a larger one.
 * @throws ExportError `BudgetExceededError` when the rest of the run does not fit into it
 */
export async function withBudget(store: ObjectStore, plan: StoredPlan, maxRecords: number): Promise<StoredPlan> {
  const { run } = plan;
  const { runId, parameters } = run;
  const records = await readReceipts(store, run);
  const usage = await usageSoFar(store, plan, records);
  const silent = await usageOfKilledAttempts(store, runId, run.budget, parameters.pageSize);
  const unfinished = run.pages - records.filter(({ page }) => page < run.pages).length;
  const budget = budgetOf(maxRecords, usage.recordsFetched + silent, unfinished, parameters.pageSize);
  return { ...plan, maxRecords, run: { ...run, ...budget, budget: run.budget + 1 } };
}

/** @param spent what earlier attempts at the run spent; what failed tries at planning spent comes on top of that */
async function planningLedger(store: ObjectStore, runId: string, maxRecords: number | undefined, usage: number) {
  const spentBefore = usage + ((await failedTask(store, runId, 'plan'))?.usage.recordsFetched ?? 0);
  const allowance = maxRecords === undefined ? undefined : countdown(maxRecords - spentBefore, maxRecords);
  return { ledger: new UsageMeter({ allowance }), spentBefore };
}

function budgetOf(
  maxRecords: number | undefined,
  usage: number,
  pages: number,
  pageSize: number,
): Pick<Run, 'spareFetches'> {
  return maxRecords === undefined ? {} : { spareFetches: spareFetches(maxRecords, usage, pages, pageSize) };
}

/** @throws ExportError `PlanTooLargeError` */
function sizeOf(
  { accounts, countedBy }: AccountCount,
  pageSize: number,
): Pick<Run, 'accounts' | 'pages' | 'countedBy'> {
  refuseOverPages(accounts, pageSize);
  return { accounts, countedBy, pages: Math.max(1, Math.ceil(accounts / pageSize)) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/**
 * The attribute columns of the CSV table: those of all configured exports, since they share it. Columns that only this
 * request names follow behind the table's, like any that the API sends. Without a configuration, the request's own.
 */
function tableAttributes(exports: readonly ExportSettings[], settings: ExportSettings): string[] {
  return attributeColumnsOf(exports.length > 0 ? exports : [settings]);
}

/** What the probes of a CSV export learn beside the count. */
class SeenHeader {
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

  /** @throws ExportError `PlanTooLargeError` when the header outgrows the state of the workflow */
  pin(attributeColumns: readonly string[]): NonNullable<Run['csv']> {
    const tableColumns = csvTableColumns(attributeColumns);
    const columns = pinCsvColumns(tableColumns, this.#columns);
    if (Buffer.byteLength(JSON.stringify(columns)) > MAX_HEADER_BYTES) {
      throw new ExportError(
        'PlanTooLargeError',
        `The CSV header of ${columns.length} columns is longer than ${MAX_HEADER_BYTES} bytes: export as JSON instead.`,
      );
    }
    return { columns, tableColumns: tableColumns.length, finalNewline: this.#allEndInNewline === true };
  }
}

/** @throws ExportError `PlanTooLargeError` naming the page size that would do */
export function refuseOverPages(accounts: number, pageSize: number): void {
  const pages = Math.ceil(accounts / pageSize);
  if (pages <= MAX_PAGES) return;
  const enough = Math.ceil(accounts / MAX_PAGES / 100) * 100;
  throw new ExportError(
    'PlanTooLargeError',
    `${accounts} accounts make ${pages} pages of ${pageSize}, and a run has at most ${MAX_PAGES}: a page size of ${enough} would do.`,
  );
}
