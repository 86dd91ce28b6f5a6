/** What one page learns about `Retry-After` keeps all pages of the run waiting, in all processes. */
import { describe, expect, it } from 'vitest';
import { sharedWait } from '../../../functions/export/source/shared-wait.ts';
import { memoryStore } from '../../support/memory-store.ts';

const KEY = 'work/run_id=run-1/not-before.json';
const at = (seconds: number) => Date.parse('2026-08-22T02:00:00Z') + seconds * 1000;

describe('sharedWait', () => {
  it('is none at first', async () => {
    expect(await sharedWait(memoryStore().store, 'run-1').notBefore(false)).toBe(0);
  });

  it('is what another process of the run has learned, and not that of another run', async () => {
    const { store, objects } = memoryStore();
    await sharedWait(store, 'run-1').holdUntil(at(60));
    expect(await sharedWait(store, 'run-1').notBefore(false)).toBe(at(60));
    expect(await sharedWait(store, 'run-2').notBefore(false)).toBe(0);
    expect(String(objects.get(KEY))).toBe('{"notBefore":"2026-08-22T02:01:00.000Z"}\n');
  });

  it('never becomes shorter', async () => {
    const wait = sharedWait(memoryStore().store, 'run-1');
    for (const seconds of [60, 30, 90, 60]) await wait.holdUntil(at(seconds));
    expect(await wait.notBefore(false)).toBe(at(90));
  });

  it('is the longest of several pages that learn at the same moment', async () => {
    const { store } = memoryStore();
    await Promise.all([20, 50, 30, 40].map((seconds) => sharedWait(store, 'run-1').holdUntil(at(seconds))));
    expect(await sharedWait(store, 'run-1').notBefore(false)).toBe(at(50));
  });

  it.each(['', '{}', '{"notBefore":"soon"}', '\u0000'])('is none if its object is damaged: %j', async (text) => {
    const { store, objects } = memoryStore();
    objects.set(KEY, Buffer.from(text));
    expect(await sharedWait(store, 'run-1').notBefore(false)).toBe(0);
    await sharedWait(store, 'run-1').holdUntil(at(10));
    expect(await sharedWait(store, 'run-1').notBefore(false)).toBe(at(10));
  });

  it('is read once for the first requests of all calls, and again after a failure', async () => {
    const { store } = memoryStore();
    let reads = 0;
    const counted = {
      ...store,
      get(key: string) {
        reads++;
        return store.get(key);
      },
    };
    const wait = sharedWait(counted, 'run-1');
    await Promise.all([wait.notBefore(true), wait.notBefore(true), wait.notBefore(true)]);
    expect(reads).toBe(1);
    await sharedWait(store, 'run-1').holdUntil(at(60));
    expect([await wait.notBefore(false), await wait.notBefore(true), reads]).toEqual([at(60), at(60), 2]);
  });

  it('gives up after five lost races, because the winners stored a value of the same moment', async () => {
    const { store } = memoryStore();
    let writes = 0;
    const contested = {
      ...store,
      async put() {
        writes++;
        return undefined;
      },
    };
    await sharedWait(contested, 'run-1').holdUntil(at(10));
    expect(writes).toBe(5);
  });
});
