/**
 * One run for one tick, one run of an export at a time, and one execution at a time for a run.
 *
 * A claim is an object that only one of several writers at the same moment can create, so no lock service is needed. It is
 * never given back: whether its holder still lives is asked of the workflow itself, so that a run that died blocks nothing.
 */

import type { PlanEvent } from '../../model/events.ts';
import { type Claim, ClaimSchema } from '../../model/lock.ts';
import type { SkippedRun } from '../../model/outcomes.ts';
import type { Run } from '../../model/run.ts';
import type { Executions, ObjectStore } from '../ports.ts';
import { claimKey, claimNumber, claimsPrefix, runClaimsPrefix, tickKey } from './bucket-layout.ts';
import { createJson, getJson } from './stored-json.ts';

export interface ClaimPorts {
  readonly store: ObjectStore;
  readonly executions: Executions;
}

/**
 * Whether an execution must yield: to the one that took its tick, to one that works on the same run, or to one of the same
 * export that has not ended. To be asked before the API is asked for anything: what yields must cost nothing.
 *
 * @param place the run that the execution works on: its own, or an earlier one that it goes on with
 * @param scheduled whether a schedule started it
 * @param overlap the policy of the export
 */
export async function yieldToAnother(
  ports: ClaimPorts,
  event: PlanEvent,
  { runId, exportName, dueAt }: Pick<Run, 'runId' | 'exportName' | 'dueAt'>,
  scheduled = false,
  overlap = event.exports.find(({ name }) => name === exportName)?.overlap ?? 'skip',
): Promise<SkippedRun | undefined> {
  const { execution, startedAt } = event;
  const claim = { version: 1 as const, runId: event.runId, execution, startedAt };
  const skipped = (yieldsTo: string, reason: string): SkippedRun => {
    const { runId } = event;
    return { status: 'skipped', runId, exportName, dryRun: false, skipped: true, dueAt, yieldsTo, reason };
  };
  const first = scheduled ? await claimTick(ports, exportName, dueAt, claim) : undefined;
  if (first) {
    return skipped(
      first.runId,
      `The schedule delivered ${dueAt} of export "${exportName}" more than once: run "${first.runId}" took it.`,
    );
  }
  // Two that write the same parts would be in each other's way, whatever the export allows.
  const prefixes = [runClaimsPrefix(runId), ...(overlap === 'allow' ? [] : [claimsPrefix(exportName)])];
  for (const prefix of prefixes) {
    const holder = await claimNext(ports, prefix, claim);
    if (!holder) continue;
    return skipped(
      holder.runId,
      `Run "${holder.runId}" of export "${exportName}", started ${holder.startedAt}, has not ended: this run yields to it.`,
    );
  }
  return undefined;
}

/**
 * Takes one delivery of a schedule, which delivers at least once.
 * @param dueAt ISO 8601
 * @returns the claim of the run that took it before; `undefined` when it is this run's
 */
async function claimTick(
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
 * Takes what a prefix stands for, for as long as the execution runs.
 * @returns the claim of the execution that has it; `undefined` when it is this one's now
 */
async function claimNext({ store, executions }: ClaimPorts, prefix: string, claim: Claim): Promise<Claim | undefined> {
  for (;;) {
    const newest = (await store.list(prefix)).at(-1)?.key;
    const holder = newest === undefined ? undefined : await getJson(store, newest, ClaimSchema);
    if (holder?.execution === claim.execution) return undefined;
    if (holder && isKin(holder, claim) && (await executions.isRunning(holder.execution, holder.startedAt)))
      return holder;
    // Whoever else found the holder dead tries to write the same key: one of them has it, the others look again.
    const next = newest === undefined ? 1 : claimNumber(newest) + 1;
    if (await createJson(store, claimKey(prefix, next), claim)) return undefined;
  }
}

/** Executions of a state machine that was replaced are gone with it, and may not even be asked about. */
function isKin(holder: Claim, claim: Claim): boolean {
  const [theirs, ours] = [machineOf(holder), machineOf(claim)];
  return theirs === undefined || ours === undefined || theirs === ours;
}

/** The ARN of an execution without its name. */
function machineOf({ execution }: Claim): string | undefined {
  return execution.startsWith('arn:') ? execution.slice(0, execution.lastIndexOf(':')) : undefined;
}
