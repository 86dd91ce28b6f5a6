/** Follows a run to its end, within the quotas of Step Functions and through transient errors. */
import { CommandError, type Sleep } from '../terminal/terminal.ts';
import { lookAtRun, type RunLook } from './look-at-run.ts';
import type { Stack } from './stack.ts';

/** The quota of DescribeMapRun refills at 1 call/s for the whole AWS account. */
const MIN_WAIT_MS = 2000;
const MAX_WAIT_MS = 15_000;
/** The longer a run takes, the less often it is polled. */
const WAIT_SHARE = 1 / 20;
/** How long polls may fail in a row: a closed laptop, a tunnel. */
const PATIENCE_MS = 5 * 60_000;

export interface FollowOptions {
  readonly stack: Stack;
  readonly executionArn: string;
  /** Stops following; the run continues. */
  readonly signal: AbortSignal;
  readonly onLook: (look: RunLook) => void;
  readonly sleep: Sleep;
}

/**
 * Polls a run until it has ended. Transient errors are not reported.
 *
 * @returns the last look, `undefined` if `signal` aborted first
 * @throws CommandError for a permanent error, or for transient errors over five minutes
 */
export async function followRun(options: FollowOptions): Promise<RunLook | undefined> {
  const { stack, executionArn, signal, onLook, sleep } = options;
  // The SDK ignores an abort while it waits for its next attempt.
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined);
  let look: RunLook | undefined;
  let waitedMs = 0;
  let failingSinceMs: number | undefined;
  while (!signal.aborted) {
    try {
      look = await Promise.race([lookAtRun(stack, executionArn, look, signal), aborted]);
      failingSinceMs = undefined;
      onLook(look);
      if (look.report.status !== 'running') return look;
    } catch (error) {
      if (signal.aborted) return undefined;
      failingSinceMs ??= waitedMs;
      const transient = error instanceof CommandError && error.transient;
      if (!transient || waitedMs - failingSinceMs >= PATIENCE_MS) throw error;
    }
    const waitMs = pollWaitMs(waitedMs);
    await sleep(waitMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    waitedMs += waitMs;
  }
  return undefined;
}

/** The wait before the next poll, after `waitedMs` in all. */
export function pollWaitMs(waitedMs: number): number {
  return Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, waitedMs * WAIT_SHARE));
}
