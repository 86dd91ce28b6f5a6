/** Planning: counts the accounts and lists the pages, without a total to go by. */

import { ExportError } from '../../model/errors.ts';
import { type PlanEvent, PlanEventSchema } from '../../model/events.ts';
import { mayNameSomebody, parseOrThrow } from '../../model/export-settings.ts';
import type { DryRunResult, PlanFigures, PlanOutcome, PlanResult } from '../../model/outcomes.ts';
import { type Run, StoredDriftSchema, type StoredPlan, StoredPlanSchema } from '../../model/run.ts';
import type { Executions } from '../ports.ts';
import { driftKey, manifestKey, planKey } from '../storage/bucket-layout.ts';
import { yieldToAnother } from '../storage/locks.ts';
import { lastPublishedRun } from '../storage/published-runs.ts';
import { getJson, putJson } from '../storage/stored-json.ts';
import { estimateRun } from './estimate.ts';
import { makePlan, type PlanningPorts, planAgain, withBudget } from './make-plan.ts';
import { checkRunId, parseRequest, type ResolvedRequest, resolveRequest } from './resolve-request.ts';

export interface PlanPorts extends PlanningPorts {
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
  const runId = checkRunId(request.resume ?? request.publish ?? planEvent.runId);
  const stored = await getJson(ports.store, planKey(runId), StoredPlanSchema);
  if (request.resume !== undefined || request.publish !== undefined) {
    if (!stored) {
      throw new ExportError(
        'RequestError',
        `There is no plan of run "${runId}" to go on with: it never got that far, or its work has expired. Start a new run.`,
      );
    }
    const skipped = await yieldToAnother(ports, planEvent, stored.run);
    if (skipped) return skipped;
    if (request.publish !== undefined) return planResult(stored, { resumed: true, release: true });
    return goOn(ports, planEvent, await rebudgeted(ports, stored, request.maxRecords), signal);
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
  if (stored) return goOn(ports, planEvent, await rebudgeted(ports, stored, settings.maxRecords), signal);
  const { plan } = await makePlan(ports, planEvent, runId, resolved, { leaveTraces: true }, signal);
  return planResult(plan, { resumed: false });
}

/** Counts the executions that work on a run. */
async function started({ store }: PlanPorts, stored: StoredPlan): Promise<StoredPlan> {
  const plan = { ...stored, run: { ...stored.run, start: stored.run.start + 1 } };
  await putJson(store, planKey(stored.run.runId), plan);
  return plan;
}

/** A run that its record budget stopped may go on with another. */
async function rebudgeted(
  { store }: PlanPorts,
  stored: StoredPlan,
  maxRecords: number | undefined,
): Promise<StoredPlan> {
  if (maxRecords === undefined || maxRecords === stored.maxRecords) return stored;
  const plan = await withBudget(store, stored, maxRecords);
  await putJson(store, planKey(stored.run.runId), plan);
  return plan;
}

/** Takes up a plan; where the source moved under it and the export is to be made once more, counts again. */
async function goOn(
  ports: PlanPorts,
  event: PlanEvent,
  stored: StoredPlan,
  signal: AbortSignal | undefined,
): Promise<PlanResult> {
  const { runId, attempt } = stored.run;
  const drift = await getJson(ports.store, driftKey(runId), StoredDriftSchema);
  if (drift?.attempt !== attempt) return planResult(await started(ports, stored), { resumed: true });
  // Publishing was cut short while it cleared the way: it must do the rest before anything is written anew.
  if (!drift.cleared) return planResult(stored, { resumed: true, release: true });
  return planResult(await planAgain(ports, event, stored, drift, signal), { resumed: false });
}

/** Leaves nothing behind: a real run of the same id may follow it. */
async function dryRun(
  ports: PlanPorts,
  event: PlanEvent,
  runId: string,
  resolved: ResolvedRequest,
  signal: AbortSignal | undefined,
): Promise<DryRunResult> {
  const { plan, probeSeconds } = await makePlan(ports, event, runId, resolved, { leaveTraces: false }, signal);
  const { run, usage, rounds } = plan;
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
    expected: estimateRun({
      accounts,
      pages,
      pageSize,
      format,
      concurrency: event.concurrency,
      planned: { ...usage, seconds: rounds * probeSeconds },
      probeSeconds,
      last: await lastPublishedRun(ports.store, exportName),
    }),
  };
}

/** A run id names one run: its finished pages fit no other request. */
function refuseOtherRun(run: Run, { settings, parameters, dueAt }: ResolvedRequest, dueAtGiven: boolean): void {
  const [before, now] = [run.parameters, parameters];
  const differences = [
    ['exportName', 'the export', run.exportName, settings.name],
    ['datasetId', 'the dataset', run.datasetId, settings.datasetId],
    ['format', 'the format', run.format, settings.format],
    ['pageSize', 'the page size', before.pageSize, now.pageSize],
    ['filter', 'the filter', before.filter, now.filter],
    ['segmentationId', 'the segmentation', before.segmentationId, now.segmentationId],
    ['segmentId', 'the segment', before.segmentId, now.segmentId],
    // A window that moves with the day was pinned by the first start; fixed dates must be the same.
    ...(settings.window === undefined
      ? ([
          ['start', 'the start', before.start, now.start],
          ['end', 'the end', before.end, now.end],
        ] as const)
      : []),
    ...(dueAtGiven ? ([['dueAt', 'the due time', run.dueAt, dueAt]] as const) : []),
  ].filter(([, , was, is]) => was !== is);
  if (differences.length === 0) return;
  const changed = differences.map(([key, what, was, is]) =>
    mayNameSomebody(key) ? `${what} is another one` : `${what} was ${was ?? 'not set'} and is now ${is ?? 'not set'}`,
  );
  throw new ExportError(
    'RequestError',
    `Run "${run.runId}" was planned for something else (${changed.join('; ')}): start it as before, or choose another run id.`,
  );
}

function planResult(
  plan: StoredPlan,
  { resumed, release = false }: { resumed: boolean; release?: boolean },
): PlanResult {
  const { run } = plan;
  return {
    runId: run.runId,
    exportName: run.exportName,
    dryRun: false,
    skipped: false,
    release,
    accounts: run.accounts,
    pages: run.pages,
    pageSize: run.parameters.pageSize,
    plan: figuresOf(plan, resumed),
    run,
    pageNumbers: Array.from({ length: run.pages }, (_, page) => page),
  };
}

function figuresOf({ run, counting, rounds }: StoredPlan, resumed: boolean): PlanFigures {
  const { apiRequests, recordsFetched } = counting;
  return { countedBy: run.countedBy, apiRequests, recordsFetched, rounds, resumed };
}
