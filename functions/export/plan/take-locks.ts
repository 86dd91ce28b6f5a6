import type { PlanEvent } from '../../model/events.ts';
import type { SkippedRun } from '../../model/outcomes.ts';
import type { Run } from '../../model/run.ts';
import { exportLockPrefix, runLockPrefix, scheduledLockPrefix } from '../storage/bucket-layout.ts';
import { acquire, type LockPorts } from '../storage/locks.ts';

export interface WantedLocks extends Pick<Run, 'runId' | 'exportName' | 'dueAt'> {
  /** Whether a schedule started the run. @default false */
  readonly scheduled?: boolean;
  readonly overlap: 'skip' | 'allow';
}

/**
 * Takes the locks of a run: of its scheduled time, of the run itself, and, unless runs may overlap, of its export.
 * @returns the skipped run if another run holds one of them
 */
export async function takeLocks(
  ports: LockPorts,
  event: PlanEvent,
  { runId, exportName, dueAt, scheduled = false, overlap }: WantedLocks,
): Promise<SkippedRun | undefined> {
  const skipped = (lockedBy: string, reason: string): SkippedRun => {
    return { outcome: 'skipped', runId: event.runId, exportName, dueAt, lockedBy, reason };
  };
  const first = scheduled && (await acquire(ports, scheduledLockPrefix(exportName, dueAt), event, 'forever'));
  if (first) {
    const scheduledTime = `the scheduled time ${dueAt} of export "${exportName}"`;
    return skipped(first.runId, `Run "${first.runId}" already handles ${scheduledTime}.`);
  }
  for (const prefix of [runLockPrefix(runId), ...(overlap === 'allow' ? [] : [exportLockPrefix(exportName)])]) {
    const holder = await acquire(ports, prefix, event);
    if (!holder) continue;
    const run = `Run "${holder.runId}" of export "${exportName}"`;
    return skipped(holder.runId, `${run}, started ${holder.startedAt}, is still running.`);
  }
  return undefined;
}
