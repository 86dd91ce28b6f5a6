/** Following a run to its end, within the limits of Step Functions, and through its troubles. */
import { setTimeout as sleepFor } from 'node:timers/promises';
import { CommandError } from './command-error.ts';
import { lookAtRun, type RunLook } from './look-at-run.ts';
import type { Stack } from './stack.ts';

/** DescribeMapRun refills at 1 call/s for the whole account: others may be following too. */
const SHORTEST_WAIT_MS = 2000;
/** After five minutes somebody looks up now and then; a quarter of a minute late is soon enough. */
const LONGEST_WAIT_MS = 15_000;
const WAIT_SHARE = 1 / 20;
/** How long looks may fail, one after the other, before following is given up: a lid closed, a train in a tunnel. */
const PATIENCE_MS = 5 * 60_000;

/** @throws what it likes when `signal` aborts */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export interface FollowOptions {
  readonly stack: Stack;
  readonly executionArn: string;
  /** Ends the following and nothing else. */
  readonly signal: AbortSignal;
  readonly onLook: (look: RunLook) => void;
  /** @default a real one */
  readonly sleep?: Sleep;
}

/**
 * Looks at a run until it has ended. Looks that fail for reasons that pass are not told of.
 *
 * @returns the last look; `undefined` when `signal` ended the following before
 * @throws CommandError for a failure that does not pass, or that has lasted
 */
export async function followRun(options: FollowOptions): Promise<RunLook | undefined> {
  const { stack, executionArn, signal, onLook, sleep = realSleep } = options;
  let look: RunLook | undefined;
  let waitedMs = 0;
  let failingSinceMs: number | undefined;
  while (!signal.aborted) {
    try {
      look = await unlessAborted(lookAtRun(stack, executionArn, look, signal), signal);
      failingSinceMs = undefined;
      onLook(look);
      if (look.report.status !== 'running') return look;
    } catch (error) {
      if (signal.aborted) return undefined;
      failingSinceMs ??= waitedMs;
      const passes = error instanceof CommandError && error.transient;
      if (!passes || waitedMs - failingSinceMs >= PATIENCE_MS) throw error;
    }
    const waitMs = pollWaitMs(waitedMs);
    await sleep(waitMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    waitedMs += waitMs;
  }
  return undefined;
}

/** How long to wait for the next look, after so long a wait in all. */
export function pollWaitMs(waitedMs: number): number {
  return Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, waitedMs * WAIT_SHARE));
}

const realSleep: Sleep = async (ms, signal) => {
  await sleepFor(ms, undefined, { signal });
};

/** The SDK does not hear a signal while it waits for its next try. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
