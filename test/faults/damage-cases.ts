/** Somebody else at work in the store: what a run wrote is gone, or is not what it wrote, when the run is to be proven. */
import type { ObjectStore } from '../../functions/export/ports.ts';
import type { Case } from './cells.ts';
import { operationName } from './operations.ts';
import { tryFault } from './trial.ts';
import { makeWorld, RUN, type Source } from './world.ts';

const PARTS = `accounts_json/export_name=all/export_date=${RUN.exportDate}/run_id=${RUN.runId}/`;
const PART = `${PARTS}part-00002.json.gz`;
const RECORD = `work/run_id=${RUN.runId}/receipts/00002.json`;
const STRANGER = `${PARTS}part-00009.json.gz`;

interface Damage {
  readonly row: string;
  readonly done: (store: ObjectStore) => Promise<unknown>;
  /** What the failure's sentence asks for. */
  readonly repair?: (store: ObjectStore) => Promise<unknown>;
}

const DAMAGES: readonly Damage[] = [
  { row: 'a part is gone', done: (store) => store.delete(PART) },
  { row: 'a part is cut short', done: (store) => rewrite(store, PART, (body) => body.subarray(0, body.length - 9)) },
  { row: 'a part is empty', done: (store) => rewrite(store, PART, (body) => body.subarray(0, 0)) },
  {
    row: 'a part of the same length is another',
    done: (store) => rewrite(store, PART, (body) => Buffer.from(body).fill(0, 100, 120)),
  },
  {
    row: 'a stranger lies among the parts',
    done: (store) => store.put(STRANGER, Buffer.from('x')),
    repair: (store) => store.delete(STRANGER),
  },
  { row: 'a receipt is gone', done: (store) => store.delete(RECORD) },
  {
    row: 'a receipt is no JSON',
    done: (store) => store.put(RECORD, Buffer.from('{')),
    repair: (store) => store.delete(RECORD),
  },
];

export function damageCases(source: Source): Case[] {
  return DAMAGES.map(({ row, done, repair }) => ({
    table: 'damage',
    row,
    column: 'what happened',
    run: async () => {
      const world = await makeWorld(source);
      let damaged = false;
      return tryFault(world, {
        faults: {
          store: {
            strike: () => undefined,
            // When the last page has been exported.
            done: async (operation) => {
              if (damaged || operationName(operation) !== 'put receipt' || !operation.key.includes('00004')) return;
              damaged = true;
              await done(world.store);
            },
          },
        },
        repair: async () => void (await repair?.(world.store)),
      });
    },
  }));
}

async function rewrite(store: ObjectStore, key: string, change: (body: Uint8Array) => Uint8Array): Promise<void> {
  await store.put(key, change((await store.get(key))?.body ?? Buffer.alloc(0)));
}
