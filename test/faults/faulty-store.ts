/** An object store that counts its operations and can make each of them fail. */
import type { ObjectStore } from '../../functions/export/ports.ts';
import { ExportError } from '../../functions/model/errors.ts';
import type { Operation, Step, Verb } from './operations.ts';

/**
 * What happens to an operation. `lose answer`: it takes effect, but its caller gets an error. `abandon`: its caller never
 * gets an answer, and it may take effect later.
 */
export type Strike = 'fail' | 'refuse' | 'lose answer' | 'kill before' | 'kill halfway' | 'kill after' | 'abandon';

export interface StoreFault {
  /** What happens to this operation; nothing if `undefined`. */
  readonly strike?: (operation: Operation) => Strike | undefined;
  /** Called when an operation has taken effect. */
  readonly done?: (operation: Operation) => void | Promise<void>;
  /** Ends the process, or marks it as ended. */
  readonly kill?: () => void;
  /** Writes half of an object to where a store writes it first. */
  readonly leaveHalf?: (key: string, body: Uint8Array) => Promise<void>;
  /** Receives the effect of an abandoned write. */
  readonly abandoned?: (effect: () => Promise<unknown>) => void;
}

/** What the stores of one execution share. */
export interface StoreState {
  readonly fault: StoreFault;
  /** Operations so far. */
  operations: number;
  /** Once set, no operation has an effect or an answer. */
  killed: boolean;
}

export function faultyStore(store: ObjectStore, step: Step, state: StoreState): ObjectStore {
  const { fault } = state;
  async function operate<T>(verb: Verb, key: string, effect: () => Promise<T>, body?: Uint8Array): Promise<T> {
    if (state.killed) return never();
    state.operations++;
    const operation: Operation = { nth: state.operations, step, verb, key };
    const strike = fault.strike?.(operation);
    if (strike === 'fail') throw unavailable(verb, store.location + key);
    if (strike === 'refuse') throw refused(verb, store.location + key);
    if (strike === 'abandon') {
      fault.abandoned?.(effect);
      return never();
    }
    if (strike === 'kill halfway' && body !== undefined) await fault.leaveHalf?.(key, body);
    if (strike === 'kill before' || strike === 'kill halfway') return die();
    const result = await effect();
    if (state.killed) return never();
    if (strike === 'kill after') return die();
    await fault.done?.(operation);
    if (strike === 'lose answer') throw unavailable(verb, store.location + key);
    return result;
  }

  function die(): Promise<never> {
    state.killed = true;
    fault.kill?.();
    return never();
  }

  return {
    location: store.location,
    put: (key, body, condition) => operate('put', key, () => store.put(key, body, condition), body),
    get: (key) => operate('get', key, () => store.get(key)),
    list: (prefix) => operate('list', prefix, () => store.list(prefix)),
    listFolders: (prefix) => operate('listFolders', prefix, () => store.listFolders(prefix)),
    delete: (...keys) => operate('delete', keys[0] ?? '', () => store.delete(...keys)),
  };
}

/** What a killed process waits for. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** The error of a store that answers 503. */
function unavailable(verb: Verb, place: string): ExportError {
  return new ExportError('StorageError', `The ${verb} of ${place} failed (ServiceUnavailable): resume the run.`);
}

/** The error of a store whose policy changed. */
function refused(verb: Verb, place: string): ExportError {
  return new ExportError('ConfigError', `The ${verb} of ${place} failed (AccessDenied): check the permissions.`);
}
