/** Planning: takes the locks, counts the accounts, and lists the pages. */
import { ExportError } from '../../model/errors.ts';
import { PlanEventSchema } from '../../model/events.ts';
import type { DryRunResult, PlanOutcome } from '../../model/outcomes.ts';
import { parseOrThrow } from '../../model/parse-input.ts';
import { isPublished, lastPublishedRun } from '../storage/published-runs.ts';
import { RunFolder } from '../storage/run-folder.ts';
import { estimateRun } from './estimate.ts';
import { makeDryPlan, makePlan, type Planning, type RunRequest } from './make-plan.ts';
import { checkRunId, parseRequest, resolveRequest } from './resolve-request.ts';
import { type LockedPlanning, planResult, refuseOtherRequest, resumeById, resumeRun, summaryOf } from './resume-run.ts';
import { takeLocks } from './take-locks.ts';

/** What planning needs, and the exports that a request can name. */
export type PlanPorts = LockedPlanning['ports'] & Pick<LockedPlanning, 'exports'>;

/**
 * Plans a run, or resumes the one that has this id, or skips it because another run has its lock.
 *
 * @throws ExportError `RequestError` for an invalid request, `PlanTooLargeError` over 30,000 pages, `BudgetExceededError`
 * over `maxRecords`, and what the API's answers cause
 */
export async function planExport(
  { exports, ...ports }: PlanPorts,
  event: unknown,
  signal?: AbortSignal,
): Promise<PlanOutcome> {
  const planEvent = parseOrThrow(PlanEventSchema, event, 'event of Plan export');
  const planning: LockedPlanning = { ports, exports, event: planEvent, signal };
  const request = parseRequest(planEvent.request);
  const earlier = request.resume ?? request.publish;
  if (earlier !== undefined) return resumeById(planning, checkRunId(earlier), request);

  const runId = checkRunId(planEvent.runId);
  const resolved = { runId, ...resolveRequest(request, exports, planEvent.startedAt) };
  // A run that could not be published would fetch all its records for nothing.
  await ports.catalog.check(resolved.settings.format);
  if (request.dryRun === true) return dryRun(planning, resolved);

  const { settings, dueAt } = resolved;
  const { name: exportName, overlap } = settings;
  const wanted = { runId, exportName, dueAt, overlap, scheduled: request.scheduled === true };
  // The locks come before anything is read, so that no other execution changes what is read.
  const skipped = await takeLocks(ports, planEvent, wanted);
  if (skipped) return skipped;

  const stored = await new RunFolder(ports.store, runId).plan();
  if (!stored) {
    if (await isPublished(ports.store, runId)) {
      throw new ExportError('RequestError', `Run "${runId}" is already published: choose another run id.`);
    }
    return planResult(planning, await makePlan(planning, resolved), 'new');
  }
  refuseOtherRequest(stored.run, resolved, request.dueAt !== undefined);
  return resumeRun(planning, stored, settings.maxRecords);
}

/** Stores nothing: a real run of the same id may follow. */
async function dryRun(planning: Planning, request: RunRequest): Promise<DryRunResult> {
  const { plan, latencyMs } = await makeDryPlan(planning, request);
  const { run, usage, rounds } = plan;
  const probeSeconds = latencyMs / 1000;
  return {
    outcome: 'dryRun',
    ...summaryOf(plan, false),
    estimate: estimateRun({
      ...run,
      pageSize: run.parameters.pageSize,
      concurrency: planning.event.concurrency,
      planned: { ...usage, seconds: rounds * probeSeconds },
      probeSeconds,
      last: await lastPublishedRun(planning.ports.store, run.exportName),
    }),
  };
}
