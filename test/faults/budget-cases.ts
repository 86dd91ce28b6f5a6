/** A record budget: never passed, whatever fails or is killed, however often the run is started again. */
import type { Case } from './cells.ts';
import type { Strike } from './faulty-store.ts';
import { must } from './law.ts';
import { columnOf, isWrite, type Operation, operationName } from './operations.ts';
import { goOn, mustHaveKept } from './trial.ts';
import { type Faults, makeWorld, PAGE_SIZE, REQUEST, RUN, type Source, type World } from './world.ts';

/** Five pages, what proving them may take, planning, and two fetches of a page to spare. */
const MAX_RECORDS = 340;
const ENOUGH = 100_000;
const MODES = [
  ['fails once', 'fail'],
  ['answer lost once', 'lose answer'],
  ['killed before', 'kill before'],
  ['killed after', 'kill after'],
] as const;

export async function budgetCases(source: Source, every: boolean): Promise<Case[]> {
  const operations: Operation[] = [];
  const world = await makeWorld(source);
  await world.run(RUN.runId, { ...REQUEST, maxRecords: MAX_RECORDS }, recording(operations));
  const seen = new Set<string>();
  const swept = operations
    .filter((operation) => {
      const row = rowOf(operation);
      if (!every && (seen.has(row) || !isWrite(operation.verb))) return false;
      seen.add(row);
      return true;
    })
    .flatMap((operation) =>
      MODES.filter(([, strike]) => isWrite(operation.verb) || strike === 'fail' || strike === 'kill before').map(
        ([column, strike]) => ({
          table: 'budget',
          row: rowOf(operation),
          column,
          at: `operation ${operation.nth}`,
          run: () => strikeAt(source, operation, strike),
        }),
      ),
    );
  return [
    ...swept,
    {
      table: 'source',
      row: 'maxRecords is reached by a page that comes broken again and again',
      column: 'what happened',
      run: () => brokenPage(source),
    },
    {
      table: 'source',
      row: 'maxRecords does not even allow for the plan',
      column: 'what happened',
      run: () => tooSmall(source),
    },
  ];
}

const rowOf = (operation: Operation) => `${columnOf(operation)}: ${operationName(operation)}`;
const recording = (operations: Operation[]): Faults => ({
  store: {
    strike: (operation) => {
      operations.push(operation);
      return undefined;
    },
  },
});

async function strikeAt(source: Source, target: Operation, strike: Strike): Promise<string> {
  const world = await makeWorld(source);
  const usage = countFromHere(source);
  const store = { strike: ({ nth }: Operation) => (nth === target.nth ? strike : undefined) };
  const request = { ...REQUEST, maxRecords: MAX_RECORDS };
  const first = await world.run(RUN.runId, request, { store });
  await mustHaveKept(world, first, {});
  must(usage() <= MAX_RECORDS, `it fetched ${usage()} records where maxRecords allows ${MAX_RECORDS}`);
  if (first.status === 'published') return 'published';
  const told = first.status === 'failed' ? `failed: ${first.error}` : first.status;
  const second = await world.run(RUN.runId, request);
  await mustHaveKept(world, second, {});
  must(usage() <= MAX_RECORDS, `started again, it fetched ${usage()} records where maxRecords allows ${MAX_RECORDS}`);
  if (second.status === 'published') return `${told}; resumed within the budget`;
  must(second.status === 'failed' && second.error === 'BudgetExceededError', `it ended ${JSON.stringify(second)}`);
  await goOn(world, { again: { maxRecords: ENOUGH }, request });
  return `${told}; resumed with a larger budget`;
}

async function brokenPage(source: Source): Promise<string> {
  const world = await makeWorld(source);
  const usage = countFromHere(source);
  let broken = 0;
  source.setFault(({ page, pageSize }) => {
    if (pageSize !== PAGE_SIZE || page !== 3) return undefined;
    broken++;
    return 'truncated';
  });
  return exceeds(world, MAX_RECORDS, () => usage() + broken * PAGE_SIZE);
}

async function tooSmall(source: Source): Promise<string> {
  return exceeds(await makeWorld(source), 40, countFromHere(source));
}

async function exceeds(world: World, maxRecords: number, usage: () => number): Promise<string> {
  const ended = await world.run(RUN.runId, { ...REQUEST, maxRecords });
  world.source.setFault(undefined);
  await mustHaveKept(world, ended, {});
  must(ended.status === 'failed' && ended.error === 'BudgetExceededError', `it ended ${JSON.stringify(ended)}`);
  must(usage() <= maxRecords, `it fetched ${usage()} records where maxRecords allows ${maxRecords}`);
  const again = { maxRecords: ENOUGH };
  return `failed: BudgetExceededError; ${await goOn(world, { again, request: { ...REQUEST, maxRecords } })}`;
}

function countFromHere({ simulator }: Source): () => number {
  const before = simulator.recordsServed();
  return () => simulator.recordsServed() - before;
}
