/** JSON objects in the store, checked when they are read back. */
import type { z } from 'zod';
import { ExportError, type ExportErrorName } from '../../model/errors.ts';
import { RESUME_OR_START } from '../../model/remedies.ts';
import type { ObjectStore } from '../ports.ts';

/** Writes one line of JSON. */
export async function putJson(store: ObjectStore, key: string, value: unknown): Promise<void> {
  await store.put(key, lineOf(value));
}

/** Writes one line of JSON if there is no such object yet. @returns whether this call wrote it */
export async function createJson(store: ObjectStore, key: string, value: unknown): Promise<boolean> {
  return (await store.put(key, lineOf(value), { ifNoneMatch: '*' })) !== undefined;
}

function lineOf(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/** Without copying the bytes: publishing reads those of 30,000 receipts. */
function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}

/** For the files of a run in progress. A published manifest must never be deleted so lightly. */
const DELETE_AND_RESUME = ['RunIncompleteError', `delete it, then ${RESUME_OR_START}`] as const;

/**
 * Reads what `putJson` wrote; `undefined` when there is no such object.
 * @param ifInvalid the name of the error, and what to do
 * @throws ExportError when the object is something else
 */
export async function getJson<T>(
  store: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
  ifInvalid: readonly [name: ExportErrorName, remedy: string] = DELETE_AND_RESUME,
): Promise<T | undefined> {
  const stored = await store.get(key);
  if (stored === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(textOf(stored.body)));
  } catch {
    const [name, remedy] = ifInvalid;
    throw new ExportError(
      name,
      `Invalid object ${key} in ${store.location} (damaged, or not written by an export): ${remedy}.`,
    );
  }
}
