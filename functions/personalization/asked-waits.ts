/** Requests wait while the API asks for it with `Retry-After`: those of this process, and all of the run. */
import type { SharedWait } from '../export/ports.ts';
import { MAX_API_WAIT_SECONDS } from '../model/retry-policy.ts';
import { askedToWait, type RequestedPage } from './failures.ts';
import { spreadMs } from './retry-timing.ts';

const MAX_WAIT_MS = MAX_API_WAIT_SECONDS * 1000;
/** What other processes read: a failed run can be resumed after a day, whatever the API asked for. */
const MAX_SHARED_WAIT_MS = 86_400_000;

const THROTTLED_MS = 1000;
const MAX_THROTTLED_MS = 8000;

export interface WaitOptions {
  readonly now: () => number;
  readonly random: () => number;
  /** The longest time that one call waits. */
  readonly maxWaitMs: number;
}

/** What a process knows of the API: one per client. */
export function askedWaits({ now, random, maxWaitMs }: WaitOptions) {
  let notBefore = 0;
  /** How many times in a row the API has throttled this process without a `Retry-After`. */
  let throttled = 0;

  /** The waits of one call. @param shared what all processes of the run know */
  return function waitsOfCall(requested: RequestedPage, shared: SharedWait | undefined) {
    let waitedMs = 0;
    /** The latest moment that this call has waited for: not again, even if the clock was set back since. */
    let passed = 0;
    let isFirst = true;
    return {
      /** How long this call has waited because the API asked for it. */
      waitedMs: () => waitedMs,
      mustWait: () => notBefore > Math.max(now(), passed),

      /**
       * The wait that the caller makes now, before it asks again; `undefined` when a request may be sent.
       * @throws ExportError `ApiThrottledError` if the call must not wait that long, `ApiWaitError` if the run must not
       */
      async next(): Promise<number | undefined> {
        const until = Math.max(notBefore, (await shared?.notBefore(isFirst)) ?? 0);
        isFirst = false;
        const remainingMs = until - now();
        if (remainingMs <= 0 || until <= passed) return undefined;
        this.refuse(remainingMs);
        if (waitedMs + remainingMs > maxWaitMs) throw askedToWait(requested, remainingMs, MAX_WAIT_MS);
        const ms = remainingMs + spreadMs(random());
        waitedMs += ms;
        passed = until;
        return ms;
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
