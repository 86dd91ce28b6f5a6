/** What a run needs of a store, checked before the first API request: a place to write, and conditional writes. */
import { ExportError } from '../../model/errors.ts';
import type { ObjectStore } from '../ports.ts';
import { STORE_CHECK_KEY } from './bucket-layout.ts';

const TEXT = Buffer.from('{}');
/** No store gives it to an object. */
const OTHER_ETAG = '"0"';

/**
 * Writes a small object, reads it, tries to create and to replace it, and deletes it.
 * @throws ExportError of the store, or `ConfigError` if the store ignores conditions or returns something else
 */
export async function checkStore(store: ObjectStore): Promise<void> {
  const created = await store.put(STORE_CHECK_KEY, TEXT, { ifNoneMatch: '*' });
  // Left by another check: conditions work.
  if (created === undefined) return;
  try {
    const stored = await store.get(STORE_CHECK_KEY);
    // A web server that is no store may accept every request.
    if (!stored || !TEXT.equals(stored.body)) {
      throw new ExportError(
        'ConfigError',
        `Cannot read what was written to ${store.location}${STORE_CHECK_KEY}: check the destination and its endpoint.`,
      );
    }
    if ((await store.put(STORE_CHECK_KEY, TEXT, { ifNoneMatch: '*' })) !== undefined) {
      throw noConditionalWrites(store, 'If-None-Match is ignored');
    }
    if ((await store.put(STORE_CHECK_KEY, TEXT, { ifMatch: OTHER_ETAG })) !== undefined) {
      throw noConditionalWrites(store, 'If-Match is ignored');
    }
  } finally {
    // Runs need no permission to delete.
    await store.delete(STORE_CHECK_KEY).catch(() => undefined);
  }
}

/** @param evidence how the store showed it */
function noConditionalWrites({ location }: Pick<ObjectStore, 'location'>, evidence: string): ExportError {
  return new ExportError(
    'ConfigError',
    `Cannot use ${location} (${evidence}): this store does not support conditional writes, and run locks need them. Use Amazon S3, MinIO, Ceph, Cloudflare R2, or another store that does.`,
  );
}
