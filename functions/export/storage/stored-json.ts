/** JSON objects of our own in the object store, checked when they are read back. */
import type { z } from 'zod';
import { ExportError } from '../../model/errors.ts';
import type { ObjectStore } from '../ports.ts';

/** Writes one line of JSON. */
export async function putJson(store: ObjectStore, key: string, value: unknown): Promise<void> {
  await store.put(key, lineOf(value), 'application/json');
}

/** The same where nothing is yet. @returns whether this call wrote it */
export async function createJson(store: ObjectStore, key: string, value: unknown): Promise<boolean> {
  return store.create(key, lineOf(value), 'application/json');
}

function lineOf(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/**
 * Reads what `putJson` wrote; `undefined` where there is nothing.
 * @throws ExportError `RunIncompleteError` when something else lies there
 */
export async function getJson<T>(store: ObjectStore, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const bytes = await store.get(key);
  if (bytes === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    throw new ExportError(
      'RunIncompleteError',
      `${key} under ${store.location} is not what this export wrote there; remove it and start the run again.`,
    );
  }
}
