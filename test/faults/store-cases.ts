/** Storage failures at each operation of a run. */
import type { Case } from './cells.ts';
import type { Strike } from './faulty-store.ts';
import { isWrite, type Operation, rowOf } from './operations.ts';
import { injectFault, mustReportUsage, type Trial } from './trial.ts';
import { type Faults, makeWorld, REQUEST, RUN, type Source, type World } from './world.ts';

export interface StoreMode {
  readonly name: string;
  readonly strike: Strike;
  /** Which operations fail after the first one, until the fault is repaired. */
  readonly next?: 'the same' | 'all';
  /** Reads have no effect whose answer could be lost. */
  readonly writesOnly?: boolean;
  /** Where the short form of the matrix uses this mode. */
  readonly short?: 'all' | 'writes';
}

export const STORE_MODES: readonly StoreMode[] = [
  { name: 'fails once', strike: 'fail', short: 'all' },
  { name: 'answer lost once', strike: 'lose answer', writesOnly: true, short: 'writes' },
  { name: 'fails from now on', strike: 'fail', next: 'the same', short: 'writes' },
  { name: 'answers lost from now on', strike: 'lose answer', next: 'the same', writesOnly: true },
  { name: 'access denied from now on', strike: 'refuse', next: 'the same' },
  { name: 'all storage fails from now on', strike: 'fail', next: 'all' },
  { name: 'killed before', strike: 'kill before' },
  { name: 'killed after', strike: 'kill after', writesOnly: true, short: 'writes' },
];

/** The modes for a read or a write. */
export function modesFor(write: boolean, every: boolean): StoreMode[] {
  return STORE_MODES.filter(
    ({ writesOnly, short }) =>
      (write || writesOnly !== true) && (every || short === 'all' || (write && short === 'writes')),
  );
}

/** A kind of run whose operations are made to fail. */
export interface Scenario {
  readonly table: string;
  /** Starts the API of one run; `end` closes it. */
  readonly source: () => Promise<{ source: Source; end: () => Promise<void>; trial: Partial<Trial> }>;
  /** Which operations fail. @default all */
  readonly includes?: (operation: Operation) => boolean;
  /** Adds to the world, before the run. */
  readonly prepare?: (world: World) => Promise<void>;
  /** Whether the manifest must report all usage. */
  readonly reportsUsage?: boolean;
  /** Whether each operation fails in turn, or only the first and the last of each kind. */
  readonly eachOperation?: boolean;
}

/** Runs once without a storage failure, and lists the operations. */
export async function operationsOf(world: World, request: object, faults?: Faults): Promise<Operation[]> {
  const operations: Operation[] = [];
  await world.run(RUN.runId, request, { ...faults, store: { done: (operation) => void operations.push(operation) } });
  return operations;
}

/** @param every each operation in each mode; otherwise the first of each kind, in the most different modes */
export async function storeCases(scenario: Scenario, every: boolean): Promise<Case[]> {
  const { source, end, trial } = await scenario.source();
  const world = await makeWorld(source);
  await scenario.prepare?.(world);
  const operations = (await operationsOf(world, trial.request ?? REQUEST)).filter(scenario.includes ?? (() => true));
  await end();
  const rows = operations.map(rowOf);
  const chosen = operations.filter((operation, i) => {
    const isFirst = rows.indexOf(rowOf(operation)) === i;
    const isLast = rows.lastIndexOf(rowOf(operation)) === i;
    return every ? scenario.eachOperation === true || isFirst || isLast : isFirst;
  });
  return chosen.flatMap((operation) =>
    modesFor(isWrite(operation.verb), every).map((mode) => ({
      table: scenario.table,
      row: rowOf(operation),
      column: mode.name,
      at: `operation ${operation.nth}`,
      run: () => failAt(scenario, operation, mode),
    })),
  );
}

async function failAt(scenario: Scenario, target: Operation, mode: StoreMode): Promise<string> {
  const { source, end, trial } = await scenario.source();
  try {
    const world = await makeWorld(source);
    await scenario.prepare?.(world);
    const servedBefore = source.simulator.recordsServed();
    let failed = false;
    const strike = (operation: Operation): Strike | undefined => {
      const isNext = mode.next === 'all' || (mode.next === 'the same' && rowOf(operation) === rowOf(target));
      const fails = operation.nth === target.nth || (failed && isNext);
      failed ||= fails;
      return fails ? mode.strike : undefined;
    };
    const text = await injectFault(world, { ...trial, faults: { store: { strike } } });
    // The usage of a killed process is unknown, and that of a failure that cannot be stored is lost.
    if (scenario.reportsUsage && mode.next === undefined && !mode.strike.startsWith('kill'))
      await mustReportUsage(world, servedBefore);
    return text;
  } finally {
    await end();
  }
}
