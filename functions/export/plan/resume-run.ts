/** Resuming: continues a planned run. Finished pages are not fetched again, which `exportPage` decides page by page. */
import { ExportError } from '../../model/errors.ts';
import { compressionOf } from '../../model/export-format.ts';
import type { ExportRequest } from '../../model/export-settings.ts';
import type { PlanOutcome, PlanResult, PlanSummary } from '../../model/outcomes.ts';
import { mayIdentifyPerson } from '../../model/parse-input.ts';
import type { Run, StoredPlan } from '../../model/run.ts';
import type { Catalog, Executions, RunPorts } from '../ports.ts';
import { mayRetry } from '../source/retry-after-drift.ts';
import { retryIdOf } from '../storage/bucket-layout.ts';
import { isPublished } from '../storage/published-runs.ts';
import { RunFolder } from '../storage/run-folder.ts';
import { makeRetryPlan, type Planning, withBudget } from './make-plan.ts';
import type { ResolvedRequest } from './resolve-request.ts';
import { takeLocks } from './take-locks.ts';

export interface LockedPlanning extends Planning {
  readonly ports: RunPorts & { readonly executions: Executions; readonly catalog: Pick<Catalog, 'check'> };
}

/** Resumes a run, or publishes a quarantined one, by its id. */
export async function resumeById(
  planning: LockedPlanning,
  runId: string,
  { publish, maxRecords }: ExportRequest,
): Promise<PlanOutcome> {
  const { ports, exports, event } = planning;
  const folder = new RunFolder(ports.store, runId);
  const known = await folder.plan();
  if (!known) {
    throw new ExportError(
      'RequestError',
      `Cannot ${publish === undefined ? 'resume' : 'publish'} run "${runId}" (no plan in ${ports.store.location}): the run failed before it was planned, or its plan has expired. Check the run id and the stack or folder, or start a new run.`,
    );
  }
  const { exportName, format } = known.run;
  await ports.catalog.check(format);
  const overlap = exports.find(({ name }) => name === exportName)?.overlap ?? 'skip';
  const skipped = await takeLocks(ports, event, { ...known.run, overlap });
  if (skipped) return skipped;
  // Read again: another execution may have worked on the run before this one had the lock.
  const stored = (await folder.plan()) ?? known;
  if (publish !== undefined) return planResult(planning, stored, 'publishOnly');
  return resumeRun(planning, stored, maxRecords);
}

/** Resumes a planned run, or, if its data changed and its policy is `retry`, the run that repeats it. */
export async function resumeRun(
  planning: LockedPlanning,
  stored: StoredPlan,
  maxRecords: number | undefined,
): Promise<PlanOutcome> {
  const { ports, event } = planning;
  const { store, api } = ports;
  const { runId, apiHost } = stored.run;
  if (await isPublished(store, runId)) return planResult(planning, stored, 'publishOnly');
  if (apiHost !== api.host) {
    throw new ExportError(
      'RequestError',
      `Run "${runId}" was planned for another host (${apiHost}, not ${api.host}): resume it with the settings for ${apiHost}, or start a new run.`,
    );
  }
  const quarantined = await new RunFolder(store, runId).quarantined();
  if (quarantined && mayRetry(stored, quarantined)) {
    const retryId = retryIdOf(runId);
    const skipped = await takeLocks(ports, event, { ...stored.run, runId: retryId, overlap: 'allow' });
    if (skipped) return skipped;
    const retry = await new RunFolder(store, retryId).plan();
    if (retry) return resumeRun(planning, retry, maxRecords);
    const budgeted = maxRecords === undefined ? stored : { ...stored, maxRecords };
    return planResult(planning, await makeRetryPlan(planning, budgeted, retryId), 'new');
  }
  const budgetChanged = maxRecords !== undefined && maxRecords !== stored.maxRecords;
  const plan = budgetChanged ? await withBudget(planning, stored, maxRecords) : stored;
  return planResult(planning, plan, 'resumed');
}

const PINNED_PARAMETERS = ['pageSize', 'filter', 'segmentationId', 'segmentId'] as const;

/** A run id names one run: its finished pages fit no other request. */
export function refuseOtherRequest(
  run: Run,
  { settings, parameters, dueAt }: ResolvedRequest,
  dueAtGiven: boolean,
): void {
  // The plan pinned a window that moves with the day; fixed dates must be equal.
  const pinned = [...PINNED_PARAMETERS, ...(settings.window === undefined ? (['start', 'end'] as const) : [])];
  const differences = [
    ['exportName', run.exportName, settings.name],
    ['datasetId', run.datasetId, settings.datasetId],
    ['format', run.format, settings.format],
    // With another format, there is nothing to compare.
    ...(run.format === settings.format
      ? ([['compression', compressionOf(run), compressionOf(settings)]] as const)
      : []),
    ...pinned.map((key) => [key, run.parameters[key], parameters[key]] as const),
    ...(dueAtGiven ? ([['dueAt', run.dueAt, dueAt]] as const) : []),
  ].filter(([, was, is]) => was !== is);
  if (differences.length === 0) return;
  const changed = differences.map(([key, was, is]) =>
    mayIdentifyPerson(key) ? `${key} differs` : `${key} was ${was ?? 'not set'}, now ${is ?? 'not set'}`,
  );
  throw new ExportError(
    'RequestError',
    `Run "${run.runId}" was planned with other parameters (${changed.join('; ')}): resume it with its original parameters, or choose another run id.`,
  );
}

/** @param kind a `new` plan, a `resumed` one, or a complete run that only needs to be published */
export function planResult({ event }: Planning, plan: StoredPlan, kind: 'new' | 'resumed' | 'publishOnly'): PlanResult {
  const { run } = plan;
  return {
    outcome: kind === 'publishOnly' ? 'publishOnly' : 'exportPages',
    ...summaryOf(plan, kind !== 'new'),
    run,
    execution: event.execution,
    pageNumbers: Array.from({ length: run.pages }, (_, page) => page),
  };
}

export function summaryOf({ run, usage, rounds }: StoredPlan, resumed: boolean): PlanSummary {
  const { runId, exportName, accounts, pages, parameters, countedBy } = run;
  const { apiRequests, recordsFetched } = usage;
  const plan = { countedBy, apiRequests, recordsFetched, rounds, resumed };
  return { runId, exportName, accounts, pages, pageSize: parameters.pageSize, plan };
}
