/** Planning: counts the accounts and lists the pages, without a total to go by. */
import {
  type PlanEvent,
  PlanEventSchema,
  type PlanResult,
  type Run,
  type StoredPlan,
  StoredPlanSchema,
} from '../contracts.ts';
import { ExportError } from '../errors.ts';
import { csvTableColumns, decodeCsv, pinCsvColumns } from '../formats/csv.ts';
import { jsonLinesFormat } from '../formats/json-lines.ts';
import { askApi, pageQuery } from './ask-api.ts';
import { type AccountCount, countAccounts, type ProbeAnswer } from './count-accounts.ts';
import { attributeColumnsOf, type ExportSettings, parseOrThrow } from './export-config.ts';
import { lastPublishedRun } from './last-run.ts';
import { manifestKey, planKey } from './layout.ts';
import type { AccountsApi, Decode, ObjectStore } from './ports.ts';
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
}

/**
 * Plans a run, or takes up the plan that a run of this id already has.
 *
 * @throws ExportError `RequestError` for an unusable request, `PlanTooLargeError` over 30,000 pages,
 * `BudgetExceededError` over `maxRecords`, and what the API's answers give rise to
 */
export async function planExport(ports: PlanPorts, event: unknown, signal?: AbortSignal): Promise<PlanResult> {
  const planEvent = parseOrThrow(PlanEventSchema, event, 'The event of Plan export');
  const request = parseRequest(planEvent.request);
  const runId = checkRunId(request.resume ?? planEvent.runId);
  const stored = await getJson(ports.store, planKey(runId), StoredPlanSchema);
  if (request.resume !== undefined) {
    if (stored) return planResult(stored, { dryRun: false, resumed: true });
    throw new ExportError(
      'RequestError',
      `There is no plan of run "${runId}" to go on with: it never got that far, or its work has expired. Start a new run.`,
    );
  }

  const resolved = resolveRequest(request, planEvent.exports, planEvent.startedAt);
  if (stored) {
    refuseOtherRun(stored.run, resolved, request.dueAt !== undefined);
    return planResult(stored, { dryRun: request.dryRun === true, resumed: true });
  }
  if ((await ports.store.get(manifestKey(runId))) !== undefined) {
    throw new ExportError('RequestError', `Run "${runId}" has been published already: choose another run id.`);
  }
  const plan = await makePlan(ports, planEvent, runId, resolved, signal);
  // A dry run leaves nothing behind: a real run of the same id may follow it.
  if (request.dryRun !== true) await putJson(ports.store, planKey(runId), plan);
  return planResult(plan, { dryRun: request.dryRun === true, resumed: false });
}

async function makePlan(
  { api, store }: PlanPorts,
  event: PlanEvent,
  runId: string,
  { settings, parameters, dueAt, exportDate }: ResolvedRequest,
  signal: AbortSignal | undefined,
): Promise<StoredPlan> {
  const ledger = new SpentLedger();
  const header = new SeenHeader();
  const decode: Decode<ProbeAnswer> =
    settings.format === 'csv' ? (body) => header.decode(body) : jsonLinesFormat().decode;
  const asking = { datasetId: settings.datasetId, format: settings.format, parameters };
  const count = await countAccounts({
    probe: async (pageSize, page) =>
      (await askApi(api, ledger, pageQuery(asking, pageSize, page), decode, signal)).value,
    pageSize: parameters.pageSize,
    concurrency: event.concurrency,
    expected: (await lastPublishedRun(store, settings.name))?.records,
  });
  const pages = Math.max(1, Math.ceil(count.accounts / parameters.pageSize));
  refuseOverPages(count.accounts, parameters.pageSize);
  refuseOverBudget(count, settings.maxRecords, ledger.total.recordsFetched);
  return {
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

function planResult(plan: StoredPlan, { dryRun, resumed }: { dryRun: boolean; resumed: boolean }): PlanResult {
  const { run, spent, rounds } = plan;
  return {
    runId: run.runId,
    exportName: run.exportName,
    dryRun,
    accounts: run.accounts,
    pages: run.pages,
    pageSize: run.parameters.pageSize,
    plan: {
      countedBy: run.countedBy,
      apiRequests: spent.apiRequests,
      recordsFetched: spent.recordsFetched,
      rounds,
      resumed,
    },
    run,
    pageNumbers: dryRun ? [] : Array.from({ length: run.pages }, (_, page) => page),
  };
}
