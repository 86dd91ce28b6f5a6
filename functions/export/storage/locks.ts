/**
 * Locks: one run per scheduled time, one running run per export, one execution per run.
 *
 * A lock is an object that only one of several writers can create, so no lock service is needed. It is never released:
 * whether its holder is still running is asked of the workflow itself, so that a run that died blocks nothing.
 */
import * as z from 'zod';
import type { Executions, ObjectStore } from '../ports.ts';
import { numberedKey, numberOfKey } from './bucket-layout.ts';
import { createJson, getJson } from './stored-json.ts';

const LockSchema = z.object({
  version: z.literal(1),
  runId: z.string(),
  /** What the workflow calls `$$.Execution.Id`. */
  execution: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
});

/** Who holds a lock. */
export type LockHolder = Pick<z.infer<typeof LockSchema>, 'runId' | 'execution' | 'startedAt'>;

export interface LockPorts {
  readonly store: ObjectStore;
  readonly executions: Executions;
}

/**
 * Acquires the lock below a prefix.
 *
 * @param holder the execution that wants the lock
 * @param duration `running`: held until the holder's execution ends. `forever`: the first holder keeps it.
 * @returns `undefined` when the holder has the lock now; otherwise the execution that has it
 */
export async function acquire(
  { store, executions }: LockPorts,
  prefix: string,
  holder: LockHolder,
  duration: 'running' | 'forever' = 'running',
): Promise<LockHolder | undefined> {
  for (;;) {
    const newest = (await store.list(prefix)).at(-1)?.key;
    const current = newest === undefined ? undefined : await getJson(store, newest, LockSchema);
    // A retried task asks again, and the answer to its first write may have been lost.
    if (current?.execution === holder.execution) return undefined;
    if (current && (duration === 'forever' || (await isHeld(current, holder, executions)))) return current;
    // Several may find the last holder gone: they create the same key, one succeeds, the others look again.
    const next = numberedKey(prefix, newest === undefined ? 1 : numberOfKey(newest) + 1);
    const { runId, execution, startedAt } = holder;
    if (await createJson(store, next, { version: 1, runId, execution, startedAt })) return undefined;
  }
}

async function isHeld(current: LockHolder, holder: LockHolder, executions: Executions): Promise<boolean> {
  // The executions of a replaced state machine are gone with it, and asking about them may not be allowed.
  const [theirs, ours] = [stateMachineOf(current), stateMachineOf(holder)];
  if (theirs !== undefined && ours !== undefined && theirs !== ours) return false;
  return executions.isRunning(current.execution, current.startedAt);
}

/** The ARN of an execution without its name. */
function stateMachineOf({ execution }: LockHolder): string | undefined {
  return execution.startsWith('arn:') ? execution.slice(0, execution.lastIndexOf(':')) : undefined;
}
