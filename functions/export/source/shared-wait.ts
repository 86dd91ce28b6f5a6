/** Until when the API asked to wait, as an object in the run's folder: what one page learns is valid for all. */
import * as z from 'zod';
import type { ObjectStore, SharedWait } from '../ports.ts';
import { notBeforeKey } from '../storage/bucket-layout.ts';

const NotBeforeSchema = z.object({ notBefore: z.iso.datetime() });

/** Writers compete only while the API starts to throttle; who loses this often lost to a value of the same moment. */
const ATTEMPTS = 5;

/**
 * The wait of a run, for one attempt at a page or a step: while it plans or publishes, no other attempt sends requests. A damaged object counts as none: the API says again
 * what it needs.
 */
export function sharedWait(store: ObjectStore, runId: string): SharedWait {
  const key = notBeforeKey(runId);
  const read = async () => {
    const stored = await store.get(key);
    return { etag: stored?.etag, notBefore: stored ? parse(stored.body) : 0 };
  };
  let known: Promise<{ readonly notBefore: number }> | undefined;
  return {
    async notBefore(isFirst) {
      if (!isFirst) known = undefined;
      known ??= read().catch((error: unknown) => {
        known = undefined;
        throw error;
      });
      return (await known).notBefore;
    },
    async holdUntil(epochMs) {
      const body = Buffer.from(`${JSON.stringify({ notBefore: new Date(epochMs).toISOString() })}\n`);
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const { etag, notBefore } = await read();
        // Never earlier: another page may have been asked to wait longer.
        if (notBefore >= epochMs) return;
        const condition = etag === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: etag };
        if ((await store.put(key, body, condition)) !== undefined) return;
      }
    },
  };
}

function parse(body: Uint8Array): number {
  try {
    return Date.parse(NotBeforeSchema.parse(JSON.parse(Buffer.from(body).toString('utf8'))).notBefore);
  } catch {
    return 0;
  }
}
