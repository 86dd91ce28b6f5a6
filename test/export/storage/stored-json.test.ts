import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createJson, getJson, putJson } from '../../../functions/export/storage/stored-json.ts';
import { memoryStore } from '../../support/memory-store.ts';

const Shape = z.object({ pages: z.int() });

describe('JSON in the store', () => {
  it('is one line, created once, and replaced by each put', async () => {
    const { store, objects } = memoryStore();
    expect(await createJson(store, 'a', { pages: 1 })).toBe(true);
    expect(await createJson(store, 'a', { pages: 2 })).toBe(false);
    expect(String(objects.get('a'))).toBe('{"pages":1}\n');
    await putJson(store, 'a', { pages: 3 });
    expect(await getJson(store, 'a', Shape)).toEqual({ pages: 3 });
  });

  it('is undefined if there is no object', async () => {
    expect(await getJson(memoryStore().store, 'a', Shape)).toBeUndefined();
  });

  it.each([
    ['truncated', '{"pages":'],
    ['empty', ''],
    ['of another shape', '{"pages":"three"}'],
  ])('is refused if it is %s', async (_what, body) => {
    const { store, objects } = memoryStore();
    objects.set('work/a.json', Buffer.from(body));
    await expect(getJson(store, 'work/a.json', Shape)).rejects.toMatchObject({
      name: 'RunIncompleteError',
      message:
        'Invalid object work/a.json in memory/ (damaged, or not written by an export): delete it, then resume the run, or start a new run if it was never planned.',
    });
  });

  it('passes on the error of a store that cannot be read', async () => {
    const { store } = memoryStore();
    store.get = async () => {
      throw new Error('disk failure');
    };
    await expect(getJson(store, 'a', Shape)).rejects.toThrow('disk failure');
  });
});
