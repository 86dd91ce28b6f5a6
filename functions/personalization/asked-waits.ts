/**
 * Requests wait together: those of this process and all of the run while the API asks for it with `Retry-After`, and those
 * of this process while the API cannot be reached.
 */
import type { SharedWait } from '../export/ports.ts';
import { MAX_API_WAIT_SECONDS } from '../model/retry-policy.ts';
import { askedToWait, type RequestedPage } from './failures.ts';
import { backoffMs, MAX_BACKOFF_MS, spreadMs } from './retry-timing.ts';

const MAX_WAIT_MS = MAX_API_WAIT_SECONDS * 1000;
/** What other processes read: a failed run can be resumed after a day, whatever the API asked for. */
const MAX_SHARED_WAIT_MS = 86_400_000;

const THROTTLED_MS = 1000;
const MAX_THROTTLED_MS = 8000;

/** Calls that rest start again within a second, so that the first one finds out for the others. */
const REST_SPREAD = 2;

export interface WaitOptions {
  readonly now: () => number;
  readonly random: () => number;
  /** The longest time that one call waits. */
  readonly maxWaitMs: number;
  /** Whether one process sends all requests of the run. */
  readonly isAlone: boolean;
}

/** A wait of one call before its next request. */
interface Wait {
  readonly ms: number;
  /** Whether the API asked for it; otherwise it could not be reached. */
  readonly isAsked: boolean;
}

/** What a process knows of the API: one per client. */
export function askedWaits({ now, random, maxWaitMs, isAlone }: WaitOptions) {
  let notBefore = 0;
  /** How many times in a row the API has throttled this process without a `Retry-After`. */
  let throttled = 0;
  /** Until when no request tries to reach an API that could not be reached. */
  let unreachedUntil = 0;
  /** How many times in a row the API could not be reached. */
  let unreached = 0;

  /** The waits of one call. @param shared what all processes of the run know */
  return function waitsOfCall(requested: RequestedPage, shared: SharedWait | undefined) {
    let waitedMs = 0;
    /** The latest moment that this call has waited for: not again, even if the clock was set back since. */
    let passed = 0;
    /** The same for an API that could not be reached. */
    let rested = 0;
    let isFirst = true;
    return {
      /** How long this call has waited because the API asked for it. */
      waitedMs: () => waitedMs,
      mustWait: () => notBefore > Math.max(now(), passed) || unreachedUntil > Math.max(now(), rested),

      /**
       * The wait that the caller makes now, before it asks again; `undefined` when a request may be sent.
       * @throws ExportError `ApiThrottledError` if the call must not wait that long, `ApiWaitError` if the run must not
       */
      async next(): Promise<Wait | undefined> {
        const until = Math.max(notBefore, (await shared?.notBefore(isFirst)) ?? 0);
        isFirst = false;
        const remainingMs = until - now();
        if (remainingMs <= 0 || until <= passed) return this.rest();
        this.refuse(remainingMs);
        if (waitedMs + remainingMs > maxWaitMs) throw askedToWait(requested, remainingMs, MAX_WAIT_MS);
        // Without `Retry-After`, the API may need longer than the wait.
        const ms = remainingMs + spreadMs(random(), isAlone && throttled === 0);
        waitedMs += ms;
        passed = until;
        return { ms, isAsked: true };
      },

      /** The rest of the wait for an API that could not be reached. One of the calls that wait then finds out for all. */
      rest(): Wait | undefined {
        const remainingMs = this.restMs();
        if (remainingMs === 0 || unreachedUntil <= rested) return undefined;
        rested = unreachedUntil;
        return { ms: remainingMs + backoffMs(REST_SPREAD, random()), isAsked: false };
      },

      /** The clock may have been set back since. */
      restMs: () => Math.min(Math.max(0, unreachedUntil - now()), MAX_BACKOFF_MS),

      /** The API could not be reached: for a while, no call of this process sends a request. */
      unreached(): void {
        if (unreachedUntil <= now()) unreached++;
        const ms = backoffMs(Math.max(0, unreached - 1), random());
        unreachedUntil = Math.max(unreachedUntil, now() + ms);
      },

      reached(): void {
        unreached = 0;
      },

      /**
       * The wait after a 429 without `Retry-After`, which doubles as long as the API throttles. Answers to requests that were
       * sent together count once.
       */
      throttledMs(): number {
        if (notBefore <= now()) throttled++;
        return Math.min(MAX_THROTTLED_MS, THROTTLED_MS * 2 ** Math.max(0, throttled - 1));
      },

      answered(): void {
        throttled = 0;
      },

      /** The API asks to wait: from now on, no call of this process sends a request. */
      hold(ms: number): void {
        notBefore = Math.max(notBefore, now() + Math.min(ms, MAX_WAIT_MS));
      },

      /**
       * Stores the moment for the other processes of the run.
       * @returns whether this call can wait that long
       * @throws ExportError `ApiWaitError`
       */
      async share(ms: number): Promise<boolean> {
        // If the store fails, this process waits all the same.
        await shared?.holdUntil(now() + Math.min(ms, MAX_SHARED_WAIT_MS)).catch(() => undefined);
        this.refuse(ms);
        return waitedMs + ms <= maxWaitMs;
      },

      refuse(ms: number): void {
        if (ms > MAX_WAIT_MS) throw askedToWait(requested, ms, MAX_WAIT_MS);
      },
    };
  };
}
