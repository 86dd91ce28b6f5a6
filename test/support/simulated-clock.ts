/** A clock for tests: time passes only while something sleeps, to the earliest moment that a sleeper waits for. */
import { setImmediate } from 'node:timers/promises';

export function simulatedClock(start = Date.parse('2026-08-22T02:00:00Z')) {
  let time = start;
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  let onWait: () => unknown = () => undefined;
  let moving = false;

  /** Wakes the sleepers in order, each when everything that runs has come to rest. */
  async function move(): Promise<void> {
    if (moving) return;
    moving = true;
    while (sleepers.size > 0) {
      // Requests to servers of this process take a few turns of the event loop, never a time.
      for (let turn = 0; turn < 20; turn++) await setImmediate();
      const [first] = [...sleepers].sort((a, b) => a.until - b.until);
      if (!first) break;
      sleepers.delete(first);
      time = Math.max(time, first.until);
      first.wake();
    }
    moving = false;
  }

  return {
    now: () => time,
    advance(ms: number): void {
      time += ms;
    },
    /** Called at the start of each sleep. */
    onWait(callback: () => unknown): void {
      onWait = callback;
    },
    async sleep(ms: number): Promise<void> {
      const until = time + ms;
      await onWait();
      await new Promise<void>((wake) => {
        sleepers.add({ until, wake });
        void move();
      });
    },
  };
}
