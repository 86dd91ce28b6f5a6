/** An object store that counts its operations and lets a fault strike any of them. */

import type { ObjectStore } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';
import type { Operation, Step, Verb } from './operations.ts';

/** What a fault does to one operation. `lose answer`: it takes effect, and whoever asked is told that it failed. */
export type Strike = 'fail' | 'refuse' | 'lose answer' | 'kill before' | 'kill halfway' | 'kill after' | 'abandon';

export interface StoreFault {
  /** What happens to this operation; nothing when `undefined`. */
  readonly strike: (operation: Operation) => Strike | undefined;
  /** Called when an operation has taken effect. */
  readonly done?: (operation: Operation) => void | Promise<void>;
  /** Ends the process, really or as far as it matters: what calls it gets no answer. */
  readonly kill?: () => void;
  /** Leaves half of what a writer writes before it is whole. */
  readonly leaveHalf?: (key: string, body: Uint8Array) => Promise<void>;
  /** Gets the effect of a write that its writer gave up on, to let it happen later. */
  readonly abandoned?: (operation: Operation, effect: () => Promise<unknown>) => void;
}

/** Counts operations over all the stores that share it. */
export interface OperationCount {
  total: number;
}

/** @param dead once it says so, nothing this store is asked for has an effect or an answer any more */
export function faultyStore(
  store: ObjectStore,
  step: Step,
  count: OperationCount,
  fault: StoreFault,
  dead: () => boolean = () => false,
): ObjectStore {
  async function operate<T>(verb: Verb, key: string, effect: () => Promise<T>, body?: Uint8Array): Promise<T> {
    if (dead()) return never();
    count.total++;
    const operation: Operation = { nth: count.total, step, verb, key };
    const strike = fault.strike(operation);
    if (strike === 'fail') throw unavailable(verb, store.location + key);
    if (strike === 'refuse') throw refused(verb, store.location + key);
    if (strike === 'abandon') {
      fault.abandoned?.(operation, effect);
      return never();
    }
    if (strike === 'kill halfway' && body !== undefined) await fault.leaveHalf?.(key, body);
    if (strike === 'kill before' || strike === 'kill halfway') return die();
    const result = await effect();
    if (dead()) return never();
    if (strike === 'kill after') return die();
    await fault.done?.(operation);
    if (strike === 'lose answer') throw unavailable(verb, store.location + key);
    return result;
  }

  function die(): Promise<never> {
    fault.kill?.();
    return never();
  }

  return {
    location: store.location,
    put: (key, body, condition) => operate('put', key, () => store.put(key, body, condition), body),
    get: (key) => operate('get', key, () => store.get(key)),
    list: (prefix) => operate('list', prefix, () => store.list(prefix)),
    listFolders: (prefix) => operate('listFolders', prefix, () => store.listFolders(prefix)),
    delete: (key) => operate('delete', key, () => store.delete(key)),
  };
}

/** What somebody who is dead waits for. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}

const DOING: Record<Verb, string> = {
  put: 'Writing',
  get: 'Reading',
  list: 'Listing',
  listFolders: 'Listing',
  delete: 'Deleting',
};

/** As `functions/aws/aws-errors.ts` has it of an S3 that answers 503. */
function unavailable(verb: Verb, place: string): ExportError {
  return new ExportError(
    'StorageError',
    `${DOING[verb]} ${place} failed (ServiceUnavailable); it can be tried again later.`,
  );
}

/** The same of a bucket policy that changed. */
function refused(verb: Verb, place: string): ExportError {
  return new ExportError(
    'ConfigError',
    `${DOING[verb]} ${place} failed (AccessDenied): the role or user may not do this.`,
  );
}
