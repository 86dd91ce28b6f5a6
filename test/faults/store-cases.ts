/** The object store in trouble, at every single operation of a run. */
import type { Case } from './cells.ts';
import type { Strike } from './faulty-store.ts';
import { columnOf, isWrite, type Operation, operationName } from './operations.ts';
import { mustTellWhatItSpent, type Trial, tryFault } from './trial.ts';
import { makeWorld, REQUEST, RUN, type Source, type World } from './world.ts';

export interface StoreMode {
  readonly name: string;
  readonly strike: Strike;
  /** Which operations fail after the one that was struck, until the fault is repaired. */
  readonly next?: 'the same' | 'all';
  /** Reads have no effect that an answer could be lost after. */
  readonly writesOnly?: boolean;
  /** In the short form: at every kind of operation, or at writes alone. */
  readonly short?: 'all' | 'writes';
}

export const STORE_MODES: readonly StoreMode[] = [
  { name: 'fails once', strike: 'fail', short: 'all' },
  { name: 'answer lost once', strike: 'lose answer', writesOnly: true, short: 'writes' },
  { name: 'fails from now on', strike: 'fail', next: 'the same', short: 'writes' },
  { name: 'answers lost from now on', strike: 'lose answer', next: 'the same', writesOnly: true },
  { name: 'access denied from now on', strike: 'refuse', next: 'the same' },
  { name: 'store gone from now on', strike: 'fail', next: 'all' },
  { name: 'killed before', strike: 'kill before' },
  { name: 'killed after', strike: 'kill after', writesOnly: true, short: 'writes' },
];

/** A kind of run to sweep over. */
export interface Scenario {
  readonly table: string;
  /** Of a run to itself: where the source moves, or its API fails. */
  readonly source: () => Promise<{ source: Source; end: () => Promise<void>; trial: Partial<Trial> }>;
  /** Which operations are struck; all by default. */
  readonly strikes?: (operation: Operation) => boolean;
  /** What the world holds beside the good run. */
  readonly prepare?: (world: World) => Promise<void>;
  readonly tellsWhatItSpent?: boolean;
  /** Whether every single operation is struck; else the first and the last of each kind. */
  readonly eachOperation?: boolean;
}

/** Runs once without a store fault and lists what could be struck. */
export async function operationsOf(scenario: Scenario): Promise<Operation[]> {
  const { source, end, trial } = await scenario.source();
  const world = await makeWorld(source);
  await scenario.prepare?.(world);
  const operations: Operation[] = [];
  await world.run(RUN.runId, trial.request ?? REQUEST, {
    ...trial.faults,
    store: {
      strike: (operation) => {
        operations.push(operation);
        return undefined;
      },
    },
  });
  await end();
  return operations.filter(scenario.strikes ?? (() => true));
}

/** @param every each operation in each way; else the first of each kind, in the ways that differ most */
export async function storeCases(scenario: Scenario, every: boolean): Promise<Case[]> {
  const operations = await operationsOf(scenario);
  const names = operations.map(rowOf);
  const chosen = operations.filter((operation, i) => {
    const first = names.indexOf(rowOf(operation)) === i;
    const last = names.lastIndexOf(rowOf(operation)) === i;
    return every ? scenario.eachOperation === true || first || last : first;
  });
  return chosen.flatMap((operation) =>
    modesFor(isWrite(operation.verb), every).map((mode) => ({
      table: scenario.table,
      row: rowOf(operation),
      column: mode.name,
      at: `operation ${operation.nth}`,
      run: () => strikeAt(scenario, operation, mode),
    })),
  );
}

/** In which ways an operation is struck. */
export function modesFor(write: boolean, every: boolean): StoreMode[] {
  return STORE_MODES.filter(
    ({ writesOnly, short }) =>
      (write || writesOnly !== true) && (every || short === 'all' || (write && short === 'writes')),
  );
}

const rowOf = (operation: Operation) => `${columnOf(operation)}: ${operationName(operation)}`;

async function strikeAt(scenario: Scenario, target: Operation, mode: StoreMode): Promise<string> {
  const { source, end, trial } = await scenario.source();
  try {
    const world = await makeWorld(source);
    await scenario.prepare?.(world);
    const servedBefore = source.simulator.recordsServed();
    let struck = false;
    const strike = (operation: Operation): Strike | undefined => {
      if (operation.nth === target.nth) {
        struck = true;
        return mode.strike;
      }
      if (!struck || mode.next === undefined) return undefined;
      if (mode.next === 'all') return mode.strike;
      return rowOf(operation) === rowOf(target) ? mode.strike : undefined;
    };
    const text = await tryFault(world, { ...trial, faults: { ...trial.faults, store: { strike } } });
    const counted = scenario.tellsWhatItSpent === true && mode.next === undefined && !mode.strike.startsWith('kill');
    if (counted) await mustTellWhatItSpent(world, servedBefore);
    return text;
  } finally {
    await end();
  }
}
