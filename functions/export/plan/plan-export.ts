/** Planning: takes the locks, counts the accounts, and lists the pages. */
import * as z from 'zod';
import { ExportError } from '../../model/errors.ts';
import { PlanEventSchema } from '../../model/events.ts';
import type { ExportRequest } from '../../model/export-settings.ts';
import type { DryRunResult, PlanFigures, PlanOutcome, PlanResult, SkippedRun } from '../../model/outcomes.ts';
import { mayIdentifyPerson, parseOrThrow } from '../../model/parse-input.ts';
import type { Run, StoredPlan } from '../../model/run.ts';
import type { Executions, RunPorts } from '../ports.ts';
import { mayRetry } from '../source/retry-after-drift.ts';
import {
  exportHostKey,
  exportLockPrefix,
  retryIdOf,
  runLockPrefix,
  scheduledLockPrefix,
} from '../storage/bucket-layout.ts';
import { acquire } from '../storage/locks.ts';
import { isPublished, lastPublishedRun } from '../storage/published-runs.ts';
import { RunFolder } from '../storage/run-folder.ts';
import { createJson, getJson } from '../storage/stored-json.ts';
import { estimateRun } from './estimate.ts';
import { makePlan, makeRetryPlan, type Planning, planRequest, withBudget } from './make-plan.ts';
import { checkRunId, parseRequest, type ResolvedRequest, resolveRequest } from './resolve-request.ts';

const HostSchema = z.object({ host: z.string() });

export interface PlanPorts extends RunPorts {
  readonly executions: Executions;
}

/**
 * Plans a run, or resumes the one that has this id, or skips it because another run has its lock.
 *
 * @throws ExportError `RequestError` for an invalid request, `PlanTooLargeError` over 30,000 pages, `BudgetExceededError`
 * over `maxRecords`, and what the API's answers cause
 */
export async function planExport(ports: PlanPorts, event: unknown, signal?: AbortSignal): Promise<PlanOutcome> {
  const planEvent = parseOrThrow(PlanEventSchema, event, 'event of Plan export');
  const planning: PlanningWithLocks = { ports, event: planEvent, signal };
  const request = parseRequest(planEvent.request);
  const earlier = request.resume ?? request.publish;
  if (earlier !== undefined) return planEarlierRun(planning, checkRunId(earlier), request);

  const runId = checkRunId(planEvent.runId);
  const resolved = resolveRequest(request, planEvent.exports, planEvent.startedAt);
  if (request.dryRun === true) return dryRun(planning, runId, resolved);

  const { settings, dueAt } = resolved;
  const skippedAs = { exportName: settings.name, dueAt };
  // The locks come before anything is read: what is read later is not changed by another execution.
  const skipped =
    (request.scheduled === true ? await lockScheduledTime(planning, skippedAs) : undefined) ??
    (await lockRun(planning, runId, skippedAs)) ??
    (settings.overlap === 'allow' ? undefined : await lockExport(planning, skippedAs));
  if (skipped) return skipped;

  const stored = await new RunFolder(ports.store, runId).plan();
  if (!stored) {
    if (await isPublished(ports.store, runId)) {
      throw new ExportError('RequestError', `Run "${runId}" is already published: choose another run id.`);
    }
    await refuseOtherHost(planning, settings.name);
    return planResult(planning, await makePlan(planning, runId, resolved), { resumed: false });
  }
  refuseOtherRequest(stored.run, resolved, request.dueAt !== undefined);
  return resume(planning, stored, settings.maxRecords);
}

interface PlanningWithLocks extends Planning {
  readonly ports: PlanPorts;
}

/** Resumes a run, or publishes a quarantined one, by its id. */
async function planEarlierRun(
  planning: PlanningWithLocks,
  runId: string,
  { publish, maxRecords }: ExportRequest,
): Promise<PlanOutcome> {
  const { ports, event } = planning;
  const folder = new RunFolder(ports.store, runId);
  const known = await folder.plan();
  if (!known) {
    throw new ExportError(
      'RequestError',
      `Cannot ${publish === undefined ? 'resume' : 'publish'} run "${runId}": it has no plan. It failed before it was planned, or its work has expired. Start a new run.`,
    );
  }
  const { exportName } = known.run;
  const overlap = event.exports.find(({ name }) => name === exportName)?.overlap ?? 'skip';
  const skipped =
    (await lockRun(planning, runId, known.run)) ??
    (overlap === 'allow' ? undefined : await lockExport(planning, known.run));
  if (skipped) return skipped;
  // Read again: another execution may have worked on the run before this one had the lock.
  const stored = (await folder.plan()) ?? known;
  if (publish !== undefined) return planResult(planning, stored, { resumed: true, publishOnly: true });
  return resume(planning, stored, maxRecords);
}

/** Resumes a planned run, or, if its data changed and its policy is `retry`, the run that repeats it. */
async function resume(
  planning: PlanningWithLocks,
  stored: StoredPlan,
  maxRecords: number | undefined,
): Promise<PlanOutcome> {
  const { store, api } = planning.ports;
  const { runId, apiHost } = stored.run;
  if (await isPublished(store, runId)) {
    return planResult(planning, stored, { resumed: true, publishOnly: true });
  }
  if (apiHost !== api.host) {
    throw new ExportError(
      'RequestError',
      `Run "${runId}" was planned for ${apiHost}, not ${api.host}: resume it there, or start a new run.`,
    );
  }
  const quarantined = await new RunFolder(store, runId).quarantined();
  if (quarantined && mayRetry(stored, quarantined)) {
    const retryId = retryIdOf(runId);
    const skipped = await lockRun(planning, retryId, stored.run);
    if (skipped) return skipped;
    const retry = await new RunFolder(store, retryId).plan();
    if (retry) return resume(planning, retry, maxRecords);
    const budgeted = maxRecords === undefined ? stored : { ...stored, maxRecords };
    return planResult(planning, await makeRetryPlan(planning, budgeted, retryId), { resumed: false });
  }
  const budgetChanged = maxRecords !== undefined && maxRecords !== stored.maxRecords;
  const plan = budgetChanged ? await withBudget(planning, stored, maxRecords) : stored;
  return planResult(planning, plan, { resumed: true });
}

type SkippedAs = Pick<SkippedRun, 'exportName' | 'dueAt'>;

async function lockScheduledTime(planning: PlanningWithLocks, { exportName, dueAt }: SkippedAs) {
  const prefix = scheduledLockPrefix(exportName, dueAt);
  const first = await acquire(planning.ports, prefix, planning.event, 'forever');
  const reason = `The schedule delivered ${dueAt} of export "${exportName}" more than once, and run "${first?.runId}" has it.`;
  return first && skippedRun(planning, { exportName, dueAt }, { lockedBy: first.runId, reason });
}

async function lockRun(planning: PlanningWithLocks, runId: string, as: SkippedAs): Promise<SkippedRun | undefined> {
  return lockWhileRunning(planning, runLockPrefix(runId), as);
}

async function lockExport(planning: PlanningWithLocks, as: SkippedAs): Promise<SkippedRun | undefined> {
  return lockWhileRunning(planning, exportLockPrefix(as.exportName), as);
}

async function lockWhileRunning(
  planning: PlanningWithLocks,
  prefix: string,
  as: SkippedAs,
): Promise<SkippedRun | undefined> {
  const holder = await acquire(planning.ports, prefix, planning.event);
  if (!holder) return undefined;
  const reason = `Run "${holder.runId}" of export "${as.exportName}", started ${holder.startedAt}, is still running.`;
  return skippedRun(planning, as, { lockedBy: holder.runId, reason });
}

function skippedRun(
  { event }: Planning,
  { exportName, dueAt }: SkippedAs,
  lock: Pick<SkippedRun, 'lockedBy' | 'reason'>,
): SkippedRun {
  return { outcome: 'skipped', runId: event.runId, exportName, dueAt, ...lock };
}

/** Stores nothing: a real run of the same id may follow. */
async function dryRun(planning: Planning, runId: string, resolved: ResolvedRequest): Promise<DryRunResult> {
  const { plan, latencyMs } = await planRequest(planning, runId, resolved);
  const { run, usage, rounds } = plan;
  const { exportName, accounts, pages } = run;
  const probeSeconds = latencyMs / 1000;
  return {
    outcome: 'dryRun',
    runId,
    exportName,
    accounts,
    pages,
    pageSize: run.parameters.pageSize,
    plan: figuresOf(plan, false),
    estimate: estimateRun({
      ...run,
      pageSize: run.parameters.pageSize,
      concurrency: planning.event.concurrency,
      planned: { ...usage, seconds: rounds * probeSeconds },
      probeSeconds,
      last: await lastPublishedRun(planning.ports.store, exportName),
    }),
  };
}

/** The runs of an export come from one tenant: another one's would replace them in `accounts_latest`. */
async function refuseOtherHost({ ports: { store, api } }: Planning, exportName: string): Promise<void> {
  const key = exportHostKey(exportName);
  if (await createJson(store, key, { host: api.host })) return;
  const host = (await getJson(store, key, HostSchema))?.host;
  if (host === undefined || host === api.host) return;
  throw new ExportError(
    'RequestError',
    `Export "${exportName}" in ${store.location} belongs to ${host}, not ${api.host}: choose another export name, or, if the tenant has moved, remove ${key}.`,
  );
}

/** A run id names one run: its finished pages fit no other request. */
function refuseOtherRequest(run: Run, { settings, parameters, dueAt }: ResolvedRequest, dueAtGiven: boolean): void {
  const [before, now] = [run.parameters, parameters];
  const differences = [
    ['exportName', run.exportName, settings.name],
    ['datasetId', run.datasetId, settings.datasetId],
    ['format', run.format, settings.format],
    ['pageSize', before.pageSize, now.pageSize],
    ['filter', before.filter, now.filter],
    ['segmentationId', before.segmentationId, now.segmentationId],
    ['segmentId', before.segmentId, now.segmentId],
    // The plan pinned a window that moves with the day; fixed dates must be equal.
    ...(settings.window === undefined
      ? ([
          ['start', before.start, now.start],
          ['end', before.end, now.end],
        ] as const)
      : []),
    ...(dueAtGiven ? ([['dueAt', run.dueAt, dueAt]] as const) : []),
  ].filter(([, was, is]) => was !== is);
  if (differences.length === 0) return;
  const changed = differences.map(([key, was, is]) =>
    mayIdentifyPerson(key) ? `${key} differs` : `${key} was ${was ?? 'not set'}, now ${is ?? 'not set'}`,
  );
  throw new ExportError(
    'RequestError',
    `Run "${run.runId}" was planned with other parameters (${changed.join('; ')}): resume it with the same parameters, or choose another run id.`,
  );
}

function planResult(
  { event }: Planning,
  plan: StoredPlan,
  { resumed, publishOnly = false }: { resumed: boolean; publishOnly?: boolean },
): PlanResult {
  const { run } = plan;
  return {
    outcome: publishOnly ? 'publishOnly' : 'exportPages',
    runId: run.runId,
    exportName: run.exportName,
    accounts: run.accounts,
    pages: run.pages,
    pageSize: run.parameters.pageSize,
    plan: figuresOf(plan, resumed),
    run,
    execution: event.execution,
    pageNumbers: Array.from({ length: run.pages }, (_, page) => page),
  };
}

function figuresOf({ run, usage, rounds }: StoredPlan, resumed: boolean): PlanFigures {
  const { apiRequests, recordsFetched } = usage;
  return { countedBy: run.countedBy, apiRequests, recordsFetched, rounds, resumed };
}
