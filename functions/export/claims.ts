/**
 * One run for one tick, and one run of an export at a time.
 *
 * A claim is an object that only one of several writers at the same moment can create, so no lock service is needed. It is
 * never given back: whether its holder still lives is asked of the workflow itself, so that a run that died blocks nothing.
 */
import { type Claim, ClaimSchema, type PlanEvent, type Run, type SkippedRun } from '../contracts.ts';
import { claimKey, claimNumber, claimsPrefix, tickKey } from './layout.ts';
import type { Executions, ObjectStore } from './ports.ts';
import { createJson, getJson } from './stored-json.ts';

export interface ClaimPorts {
  readonly store: ObjectStore;
  readonly executions: Executions;
}

/**
 * Whether a run must yield: to the run that took its tick, or to one of the same export that has not ended.
 * To be asked before the API is asked for anything: what yields must cost nothing.
 *
 * @param scheduled whether a schedule started it
 * @param overlap the policy of the export
 */
export async function yieldToAnother(
  ports: ClaimPorts,
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

/**
 * Takes one delivery of a schedule, which delivers at least once.
 * @param dueAt ISO 8601
 * @returns the claim of the run that took it before; `undefined` when it is this run's
 */
export async function claimTick(
  { store }: ClaimPorts,
  exportName: string,
  dueAt: string,
  claim: Claim,
): Promise<Claim | undefined> {
  const key = tickKey(exportName, dueAt);
  if (await createJson(store, key, claim)) return undefined;
  const first = await getJson(store, key, ClaimSchema);
  // The same execution may well ask twice: a task is tried again.
  return first === undefined || first.execution === claim.execution ? undefined : first;
}

/**
 * Takes an export for one execution, for as long as that runs.
 * @returns the claim of the run that has it; `undefined` when it is this run's now
 */
export async function claimExport(
  { store, executions }: ClaimPorts,
  exportName: string,
  claim: Claim,
): Promise<Claim | undefined> {
  for (;;) {
    const newest = (await store.list(claimsPrefix(exportName))).at(-1)?.key;
    const holder = newest === undefined ? undefined : await getJson(store, newest, ClaimSchema);
    if (holder?.execution === claim.execution) return undefined;
    if (holder && (await executions.isRunning(holder.execution))) return holder;
    // Whoever else found the holder dead tries to write the same key: one of them has the export, the others look again.
    const next = newest === undefined ? 1 : claimNumber(newest) + 1;
    if (await createJson(store, claimKey(exportName, next), claim)) return undefined;
  }
}
