/** Parts and receipts that something else modifies before the run is published. */
import type { ObjectStore } from '../../functions/export/ports.ts';
import { type Case, ONLY_COLUMN } from './cells.ts';
import { operationName } from './operations.ts';
import { injectFault } from './trial.ts';
import { makeWorld, RUN, type Source } from './world.ts';

export const PARTS = `accounts_json/export_name=all/export_date=${RUN.exportDate}/run_id=${RUN.runId}/`;
const PART = `${PARTS}part-00002.json.gz`;
const UNKNOWN = `${PARTS}part-00009.json.gz`;
const RECEIPT = `work/run_id=${RUN.runId}/receipts/00002.json`;

export interface Damage {
  readonly row: string;
  readonly modify: (store: ObjectStore) => Promise<unknown>;
  /** What the error asks for. */
  readonly repair?: (store: ObjectStore) => Promise<unknown>;
}

export const DAMAGES: readonly Damage[] = [
  { row: 'a part is deleted', modify: (store) => store.delete(PART) },
  { row: 'a part is cut short', modify: (store) => rewrite(store, (body) => body.subarray(0, body.length - 9)) },
  { row: 'a part is emptied', modify: (store) => rewrite(store, (body) => body.subarray(0, 0)) },
  {
    row: 'a part is replaced by one of the same length',
    modify: (store) => rewrite(store, (body) => Buffer.from(body).fill(0, 100, 120)),
  },
  {
    row: 'an unknown object is added to the parts',
    modify: (store) => store.put(UNKNOWN, Buffer.from('x')),
    repair: (store) => store.delete(UNKNOWN),
  },
  { row: 'a receipt is deleted', modify: (store) => store.delete(RECEIPT) },
  {
    row: 'a receipt is not valid JSON',
    modify: (store) => store.put(RECEIPT, Buffer.from('{')),
    repair: (store) => store.delete(RECEIPT),
  },
];

export function damageCases(source: Source): Case[] {
  return DAMAGES.map(({ row, modify, repair }) => ({
    table: 'damage',
    row,
    column: ONLY_COLUMN,
    run: async () => {
      const world = await makeWorld(source);
      let modified = false;
      return injectFault(world, {
        faults: {
          store: {
            done: async (operation) => {
              const isLastReceipt = operationName(operation) === 'put receipt' && operation.key.includes('00004');
              if (modified || !isLastReceipt) return;
              modified = true;
              await modify(world.store);
            },
          },
        },
        repair: async () => void (await repair?.(world.store)),
      });
    },
  }));
}

async function rewrite(store: ObjectStore, change: (body: Uint8Array) => Uint8Array): Promise<void> {
  await store.put(PART, change((await store.get(PART))?.body ?? Buffer.alloc(0)));
}
