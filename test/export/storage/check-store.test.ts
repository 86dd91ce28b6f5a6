import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../../functions/export/ports.ts';
import { checkStore } from '../../../functions/export/storage/check-store.ts';
import { memoryStore } from '../../support/memory-store.ts';

const KEY = 'work/check.json';

/** A store that ignores one kind of condition. */
function ignoring(store: ObjectStore, ignored: 'ifMatch' | 'ifNoneMatch'): ObjectStore {
  return {
    ...store,
    put: (key, body, condition) => store.put(key, body, condition && ignored in condition ? undefined : condition),
  };
}

describe('the check of a store', () => {
  it('writes one object and deletes it', async () => {
    const { store, objects, puts } = memoryStore();
    await checkStore(store);
    expect(puts).toEqual([KEY]);
    expect([...objects.keys()]).toEqual([]);
  });

  it.each([
    ['ifNoneMatch', 'If-None-Match is ignored'],
    ['ifMatch', 'If-Match is ignored'],
  ] as const)('refuses a store that ignores %s, and deletes the object', async (ignored, evidence) => {
    const { store, objects } = memoryStore();
    await expect(checkStore(ignoring(store, ignored))).rejects.toMatchObject({
      name: 'ConfigError',
      message: `Cannot use memory/ (${evidence}): this store does not support conditional writes, and run locks need them. Use Amazon S3, MinIO, Ceph, Cloudflare R2, or another store that does.`,
    });
    expect([...objects.keys()]).toEqual([]);
  });

  it('refuses a store whose answers to conditional writes have no etag', async () => {
    const { store } = memoryStore();
    const withoutEtags = ignoring(store, 'ifNoneMatch');
    const put: ObjectStore['put'] = async (...args) =>
      (await withoutEtags.put(...args)) === undefined ? undefined : '';
    await expect(checkStore({ ...store, put })).rejects.toThrow('If-None-Match is ignored');
  });

  it('refuses a web server that is no store', async () => {
    const { store } = memoryStore();
    for (const get of [async () => undefined, async () => ({ body: Buffer.from('<html></html>'), etag: '' })]) {
      await expect(checkStore({ ...store, put: async () => '', get })).rejects.toMatchObject({
        name: 'ConfigError',
        message: 'Cannot read what was written to memory/work/check.json: check the destination and its endpoint.',
      });
    }
  });

  it('accepts the object of another check, and leaves it to that one', async () => {
    const { store, objects, puts } = memoryStore();
    await store.put(KEY, Buffer.from('{}'));
    await checkStore(store);
    expect(puts).toEqual([KEY]);
    expect([...objects.keys()]).toEqual([KEY]);
  });

  it('accepts a store that does not permit to delete', async () => {
    const { store } = memoryStore();
    await checkStore({ ...store, delete: () => Promise.reject(new Error('denied')) });
  });

  it('reports that nothing can be written', async () => {
    const { store } = memoryStore(() => {
      throw new Error('denied');
    });
    await expect(checkStore(store)).rejects.toThrow('denied');
  });
});
