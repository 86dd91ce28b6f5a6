/** Planning: counts the accounts and lists the pages, without a total to go by. */
import {
  type DryRunResult,
  type PlanEvent,
  PlanEventSchema,
  type PlanFigures,
  type PlanOutcome,
  type PlanResult,
  type Run,
  type SkippedRun,
  type StoredPlan,
  StoredPlanSchema,
} from '../contracts.ts';
import { ExportError } from '../errors.ts';
import { csvTableColumns, decodeCsv, pinCsvColumns } from '../formats/csv.ts';
import { jsonLinesFormat } from '../formats/json-lines.ts';
import { askApi, pageQuery } from './ask-api.ts';
import { claimExport, claimTick } from './claims.ts';
import { expectRun } from './cost-model.ts';
import { type AccountCount, countAccounts, type ProbeAnswer } from './count-accounts.ts';
import { attributeColumnsOf, type ExportSettings, parseOrThrow } from './export-config.ts';
import { lastPublishedRun } from './last-run.ts';
import { manifestKey, planKey } from './layout.ts';
import type { AccountsApi, Decode, Executions, ObjectStore } from './ports.ts';
import { checkRunId, parseRequest, type ResolvedRequest, resolveRequest } from './resolve-request.ts';
import { SpentLedger } from './spent-ledger.ts';
import { getJson, putJson } from './stored-json.ts';

/** The page numbers of a plan travel in the state of the workflow, which holds 256 KiB. */
export const MAX_PAGES = 30_000;
/** What the rest of that state may take: a header of CSV columns is all that can grow. */
const MAX_HEADER_CHARACTERS = 40_000;
/** Records fetched behind the pages, for the budget: counting again, and both sides of the seams. */
const RECORDS_FOR_PROOF = 40;

export interface PlanPorts {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  readonly executions: Executions;
}

/**
 * Plans a run, or takes up the plan that a run of this id already has, or yields to the run that has its tick or its
 * export already.
 *
 * @throws ExportError `RequestError` for an unusable request, `PlanTooLargeError` over 30,000 pages,
 * `BudgetExceededError` over `maxRecords`, and what the API's answers give rise to
 */
export async function planExport(ports: PlanPorts, event: unknown, signal?: AbortSignal): Promise<PlanOutcome> {
  const planEvent = parseOrThrow(PlanEventSchema, event, 'The event of Plan export');
  const request = parseRequest(planEvent.request);
  const runId = checkRunId(request.resume ?? planEvent.runId);
  const stored = await getJson(ports.store, planKey(runId), StoredPlanSchema);
  if (request.resume !== undefined) {
    if (stored) return (await yieldToAnother(ports, planEvent, stored.run)) ?? planResult(stored, { resumed: true });
    throw new ExportError(
      'RequestError',
      `There is no plan of run "${runId}" to go on with: it never got that far, or its work has expired. Start a new run.`,
    );
  }

  const resolved = resolveRequest(request, planEvent.exports, planEvent.startedAt);
  if (stored) refuseOtherRun(stored.run, resolved, request.dueAt !== undefined);
  else if ((await ports.store.get(manifestKey(runId))) !== undefined) {
    throw new ExportError('RequestError', `Run "${runId}" has been published already: choose another run id.`);
  }
  if (request.dryRun === true) return dryRun(ports, planEvent, runId, resolved, signal);

  const { settings, dueAt } = resolved;
  const place = { runId, exportName: settings.name, dueAt };
  const skipped = await yieldToAnother(ports, planEvent, place, request.scheduled === true, settings.overlap);
  if (skipped) return skipped;
  if (stored) return planResult(stored, { resumed: true });
  const { plan } = await makePlan(ports, planEvent, runId, resolved, signal);
  await putJson(ports.store, planKey(runId), plan);
  return planResult(plan, { resumed: false });
}

/** Before the API is asked for anything: what yields must cost nothing. */
async function yieldToAnother(
  ports: PlanPorts,
  { execution, startedAt, exports }: PlanEvent,
  { runId, exportName, dueAt }: Pick<Run, 'runId' | 'exportName' | 'dueAt'>,
  scheduled = false,
  overlap = exports.find(({ name }) => name === exportName)?.overlap ?? 'skip',
): Promise<SkippedRun | undefined> {
  const claim = { version: 1 as const, runId, execution, startedAt };
  const skipped = (yieldsTo: string, reason: string): SkippedRun => {
    return { status: 'skipped', runId, exportName, dryRun: false, skipped: true, dueAt, yieldsTo, reason };
  };
  const first = scheduled ? await claimTick(ports, exportName, dueAt, claim) : undefined;
  if (first) {
    return skipped(
      first.runId,
      `The schedule delivered ${dueAt} of export "${exportName}" more than once: run "${first.runId}" took it.`,
    );
  }
  if (overlap === 'allow') return undefined;
  const holder = await claimExport(ports, exportName, claim);
  if (!holder) return undefined;
  return skipped(
    holder.runId,
    `Run "${holder.runId}" of export "${exportName}", started ${holder.startedAt}, has not ended: this run yields to it.`,
  );
}

/** Leaves nothing behind: a real run of the same id may follow it. */
async function dryRun(
  ports: PlanPorts,
  event: PlanEvent,
  runId: string,
  resolved: ResolvedRequest,
  signal: AbortSignal | undefined,
): Promise<DryRunResult> {
  const { plan, probeSeconds } = await makePlan(ports, event, runId, resolved, signal);
  const { run, spent, rounds } = plan;
  const { exportName, accounts, pages, format } = run;
  const { pageSize } = run.parameters;
  return {
    status: 'planned',
    runId,
    exportName,
    dryRun: true,
    skipped: false,
    accounts,
    pages,
    pageSize,
    plan: figuresOf(plan, false),
    expected: expectRun({
      accounts,
      pages,
      pageSize,
      format,
      concurrency: event.concurrency,
      planned: { ...spent, seconds: rounds * probeSeconds },
      probeSeconds,
      last: await lastPublishedRun(ports.store, exportName),
    }),
  };
}

async function makePlan(
  { api, store }: PlanPorts,
  event: PlanEvent,
  runId: string,
  { settings, parameters, dueAt, exportDate }: ResolvedRequest,
  signal: AbortSignal | undefined,
): Promise<{ plan: StoredPlan; probeSeconds: number }> {
  const ledger = new SpentLedger();
  const latencies: number[] = [];
  const header = new SeenHeader();
  const decode: Decode<ProbeAnswer> =
    settings.format === 'csv' ? (body) => header.decode(body) : jsonLinesFormat().decode;
  const asking = { datasetId: settings.datasetId, format: settings.format, parameters };
  const count = await countAccounts({
    probe: async (pageSize, page) => {
      const answer = await askApi(api, ledger, pageQuery(asking, pageSize, page), decode, signal);
      latencies.push(answer.latencyMs);
      return answer.value;
    },
    pageSize: parameters.pageSize,
    concurrency: event.concurrency,
    expected: (await lastPublishedRun(store, settings.name))?.records,
  });
  const pages = Math.max(1, Math.ceil(count.accounts / parameters.pageSize));
  refuseOverPages(count.accounts, parameters.pageSize);
  refuseOverBudget(count, settings.maxRecords, ledger.total.recordsFetched);
  const plan: StoredPlan = {
    version: 1,
    run: {
      runId,
      exportName: settings.name,
      datasetId: settings.datasetId,
      format: settings.format,
      parameters,
      dueAt,
      exportDate,
      startedAt: event.startedAt,
      accounts: count.accounts,
      pages,
      countedBy: count.countedBy,
      maxRecords: settings.maxRecords,
      csv: settings.format === 'csv' ? header.pin(tableAttributes(event.exports, settings)) : undefined,
    },
    spent: ledger.total,
    rounds: count.rounds,
  };
  return { plan, probeSeconds: median(latencies) / 1000 };
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
    if (JSON.stringify(columns).length > MAX_HEADER_CHARACTERS) {
      throw new ExportError(
        'PlanTooLargeError',
        `The CSV header of ${columns.length} columns is longer than ${MAX_HEADER_CHARACTERS} characters: export as JSON instead.`,
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

function refuseOverBudget({ accounts }: AccountCount, maxRecords: number | undefined, spent: number): void {
  const needed = spent + accounts + RECORDS_FOR_PROOF;
  if (maxRecords === undefined || needed <= maxRecords) return;
  throw new ExportError(
    'BudgetExceededError',
    `The run would fetch ${needed} records (${accounts} accounts, ${spent} for planning, ${RECORDS_FOR_PROOF} to prove it whole), and maxRecords allows ${maxRecords}.`,
  );
}

/** A run id names one run: its finished pages fit no other request. */
function refuseOtherRun(run: Run, { settings, parameters, dueAt }: ResolvedRequest, dueAtGiven: boolean): void {
  const differences = [
    ['the export', run.exportName, settings.name],
    ['the dataset', run.datasetId, settings.datasetId],
    ['the format', run.format, settings.format],
    ['the page size', run.parameters.pageSize, parameters.pageSize],
    ['the filter', run.parameters.filter, parameters.filter],
    ['the segmentation', run.parameters.segmentationId, parameters.segmentationId],
    ['the segment', run.parameters.segmentId, parameters.segmentId],
    // A window that moves with the day was pinned by the first start; fixed dates must be the same.
    ...(settings.window === undefined
      ? ([
          ['the start', run.parameters.start, parameters.start],
          ['the end', run.parameters.end, parameters.end],
        ] as const)
      : []),
    ...(dueAtGiven ? ([['the due time', run.dueAt, dueAt]] as const) : []),
  ].filter(([, before, now]) => before !== now);
  if (differences.length === 0) return;
  const changed = differences.map(
    ([what, before, now]) => `${what} was ${before ?? 'not set'} and is now ${now ?? 'not set'}`,
  );
  throw new ExportError(
    'RequestError',
    `Run "${run.runId}" was planned for something else (${changed.join('; ')}): start it as before, or choose another run id.`,
  );
}

function planResult(plan: StoredPlan, { resumed }: { resumed: boolean }): PlanResult {
  const { run } = plan;
  return {
    runId: run.runId,
    exportName: run.exportName,
    dryRun: false,
    skipped: false,
    accounts: run.accounts,
    pages: run.pages,
    pageSize: run.parameters.pageSize,
    plan: figuresOf(plan, resumed),
    run,
    pageNumbers: Array.from({ length: run.pages }, (_, page) => page),
  };
}

function figuresOf({ run, spent, rounds }: StoredPlan, resumed: boolean): PlanFigures {
  const { apiRequests, recordsFetched } = spent;
  return { countedBy: run.countedBy, apiRequests, recordsFetched, rounds, resumed };
}
