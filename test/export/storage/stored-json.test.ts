import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createJson, getJson, putJson } from '../../../functions/export/storage/stored-json.ts';
import { memoryStore } from '../../support/memory-store.ts';

const Shape = z.object({ pages: z.int() });

/** A memory store that remembers the content types. */
function typedStore() {
  const { store, objects } = memoryStore();
  const types: string[] = [];
  const spied = {
    ...store,
    put: (key: string, body: Uint8Array, type: string) => {
      types.push(type);
      return store.put(key, body, type);
    },
    create: (key: string, body: Uint8Array, type: string) => {
      types.push(type);
      return store.create(key, body, type);
    },
  };
  return { store: spied, objects, types };
}

describe('JSON in the store', () => {
  it('is one line, and says what it is', async () => {
    const { store, objects, types } = typedStore();
    await putJson(store, 'a', { pages: 3 });
    expect(await createJson(store, 'b', { pages: 4 })).toBe(true);
    expect(String(objects.get('a'))).toBe('{"pages":3}\n');
    expect(String(objects.get('b'))).toBe('{"pages":4}\n');
    expect(types).toEqual(['application/json', 'application/json']);
  });

  it('is created by the first alone, and replaced by whoever puts it', async () => {
    const { store } = typedStore();
    expect(await createJson(store, 'a', { pages: 1 })).toBe(true);
    expect(await createJson(store, 'a', { pages: 2 })).toBe(false);
    expect(await getJson(store, 'a', Shape)).toEqual({ pages: 1 });
    await putJson(store, 'a', { pages: 3 });
    expect(await getJson(store, 'a', Shape)).toEqual({ pages: 3 });
  });

  it('is nothing where there is no object', async () => {
    expect(await getJson(typedStore().store, 'a', Shape)).toBeUndefined();
  });

  it.each([
    ['no JSON', '{"pages":'],
    ['empty', ''],
    ['of another shape', '{"pages":"three"}'],
  ])('is refused where it is %s', async (_what, body) => {
    const { store, objects } = typedStore();
    objects.set('work/a.json', Buffer.from(body));
    await expect(getJson(store, 'work/a.json', Shape)).rejects.toMatchObject({
      name: 'RunIncompleteError',
      message: 'work/a.json under memory/ is not what this export wrote there; remove it and start the run again.',
    });
  });

  it('tells what could not be read from what is wrong', async () => {
    const { store } = typedStore();
    store.get = async () => {
      throw new Error('the disk is on fire');
    };
    await expect(getJson(store, 'a', Shape)).rejects.toThrow('the disk is on fire');
  });
});
