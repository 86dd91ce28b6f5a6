/** A record budget: never exceeded, whatever fails or is killed, and not used up by requests that fetch nothing. */
import { currentStep } from './api-cases.ts';
import { type Case, ONLY_COLUMN } from './cells.ts';
import type { Ended } from './execute.ts';
import type { ApiFault } from './fault-proxy.ts';
import type { Strike } from './faulty-store.ts';
import { must, mustEqual } from './guarantees.ts';
import { atOnce } from './lambda-cases.ts';
import { localRunIn } from './local-world.ts';
import { API_STEPS, isWrite, type Operation, rowOf, STEP_COLUMNS, type Step } from './operations.ts';
import { modesFor, operationsOf } from './store-cases.ts';
import { checkEnded, endedText, publishedText, resumeRun } from './trial.ts';
import { type Faults, LAST_PAGE, makeWorld, PAGE_SIZE, REQUEST, RUN, type Source, type World } from './world.ts';

/** For planning, five pages, verification, and two more fetches of a page. */
const MAX_RECORDS = 240;
const BUDGET_REQUEST = { ...REQUEST, maxRecords: MAX_RECORDS };
const LARGE_BUDGET = 100_000;
/** Answers that contain no records. */
const REFUSALS: readonly (readonly [name: string, fault: ApiFault])[] = [
  ['401', { status: 401 }],
  ['403', { status: 403 }],
  ['404', { status: 404 }],
  ['429', { status: 429 }],
  ['503', { status: 503 }],
];
/** The record budgets of runs that are killed again and again. */
const BUDGETS = [
  ['same budget', [MAX_RECORDS, MAX_RECORDS, MAX_RECORDS, MAX_RECORDS]],
  ['larger budget each time', [MAX_RECORDS, MAX_RECORDS + 40, MAX_RECORDS + 80, MAX_RECORDS + 120]],
] as const;

export async function budgetCases(source: Source, every: boolean): Promise<Case[]> {
  const operations = await operationsOf(await makeWorld(source), BUDGET_REQUEST);
  const rows = operations.map(rowOf);
  const isFirstOfRow = (operation: Operation, i: number) => rows.indexOf(rowOf(operation)) === i;
  const chosen = operations.filter((one, i) => every || (isFirstOfRow(one, i) && isWrite(one.verb)));
  const storeFailures = chosen.flatMap((operation) =>
    modesFor(isWrite(operation.verb), true)
      .filter(({ next }) => next === undefined)
      .map(({ name, strike }) => ({
        table: 'budget',
        row: rowOf(operation),
        column: name,
        at: `operation ${operation.nth}`,
        run: async () => {
          const store = { strike: ({ nth }: Operation) => (nth === operation.nth ? strike : undefined) };
          return runWithinBudget(await makeWorld(source), { store });
        },
      })),
  );
  const apiFailures = REFUSALS.filter(([name]) => every || name === '401').flatMap(([name, fault]) =>
    API_STEPS.map((step) => ({
      table: 'budget, API failure',
      row: `${name}, until repaired`,
      column: STEP_COLUMNS[step],
      run: () => refuseRequests(source, step, fault),
    })),
  );
  const repeatedKills = operations
    .filter((one, i) => isFirstOfRow(one, i) && (every || rowOf(one) === 'plan: put plan'))
    .flatMap((operation) =>
      BUDGETS.map(([column, budgets]) => ({
        table: 'budget, repeated kills',
        row: rowOf(operation),
        column,
        run: () => killRepeatedly(source, rowOf(operation), budgets),
      })),
    );
  const situation = (row: string, run: () => Promise<string>) => ({
    table: 'budget, situation',
    row,
    column: ONLY_COLUMN,
    run,
  });
  return [
    ...storeFailures,
    ...apiFailures,
    ...repeatedKills,
    situation('a page is incomplete every time', () => exceedBudget(source, MAX_RECORDS, 'body cut short')),
    situation('a page is sent, but its answer never arrives', () =>
      exceedBudget(source, MAX_RECORDS, { served: () => undefined }),
    ),
    situation('maxRecords is too small for the plan', () => exceedBudget(source, 40)),
    situation('each page is exported by five attempts at the same moment', () => fiveAttempts(source)),
    situation('the run is stopped twelve times while the API sends a page', () => stopRepeatedly(source)),
  ];
}

/** Checks that the records which the API has served since stay within a budget. */
function meter({ simulator }: Source): { mustBeWithin(maxRecords: number): void } {
  const before = simulator.recordsServed();
  return {
    mustBeWithin(maxRecords) {
      const served = simulator.recordsServed() - before;
      must(served <= maxRecords, `the API served ${served} records, and maxRecords is ${maxRecords}`);
    },
  };
}

async function refuseRequests(source: Source, step: Step, fault: ApiFault): Promise<string> {
  const world = await makeWorld(source);
  const now = currentStep();
  source.setFault(() => (now.step === step ? fault : undefined));
  const text = await runWithinBudget(world, { invoke: now.invoke });
  must(text.endsWith('resumed within the budget'), `requests that fetched nothing used the budget (${text})`);
  return text;
}

/** Runs under a fault, then resumes the run within the same budget. */
async function runWithinBudget(world: World, faults: Faults): Promise<string> {
  const records = meter(world.source);
  const ended = await world.run(RUN.runId, BUDGET_REQUEST, faults);
  world.source.setFault(undefined);
  await checkEnded(world, ended);
  records.mustBeWithin(MAX_RECORDS);
  if (ended.status === 'published') return 'published';
  const resumed = await world.run(RUN.runId, BUDGET_REQUEST);
  records.mustBeWithin(MAX_RECORDS);
  return `${endedText(ended)}; ${await afterResume(world, resumed)}`;
}

/** The run was resumed without a fault: it is published, or fails because its budget is used up and needs a larger one. */
async function afterResume(world: World, resumed: Ended): Promise<string> {
  await checkEnded(world, resumed);
  if (resumed.status === 'published') return 'resumed within the budget';
  mustEqual(endedText(resumed), 'failed: BudgetExceededError', 'end of the resumed run');
  await resumeRun(world, { maxRecords: LARGE_BUDGET });
  return `${endedText(resumed)}; resumed with a larger budget`;
}

/** Kills the first operation of a kind in each of several executions of one run. */
async function killRepeatedly(source: Source, row: string, budgets: readonly number[]): Promise<string> {
  const world = await makeWorld(source);
  const records = meter(source);
  let kills = 0;
  for (const maxRecords of budgets) {
    const strike = (operation: Operation): Strike | undefined => (rowOf(operation) === row ? 'kill after' : undefined);
    const ended = await world.run(RUN.runId, { ...REQUEST, maxRecords }, { store: { strike } });
    await checkEnded(world, ended);
    records.mustBeWithin(maxRecords);
    if (ended.status !== 'killed') break;
    kills++;
  }
  const maxRecords = budgets.at(-1) ?? MAX_RECORDS;
  const resumed = await world.run(RUN.runId, { ...REQUEST, maxRecords });
  records.mustBeWithin(maxRecords);
  return `killed ${kills === 1 ? 'once' : `${kills} times`}; ${await afterResume(world, resumed)}`;
}

/** @param fault of page 3 */
async function exceedBudget(source: Source, maxRecords: number, fault?: ApiFault): Promise<string> {
  const world = await makeWorld(source);
  const records = meter(source);
  source.setFault(({ page, pageSize }) => (pageSize === PAGE_SIZE && page === 3 ? fault : undefined));
  const api = (step: Step) => (step === 'page' ? source.impatient : source.api);
  const ended = await world.run(RUN.runId, { ...REQUEST, maxRecords }, { api });
  source.setFault(undefined);
  records.mustBeWithin(maxRecords);
  return afterResume(world, ended);
}

async function fiveAttempts(source: Source): Promise<string> {
  const world = await makeWorld(source);
  const records = meter(source);
  const ended = await world.run(RUN.runId, BUDGET_REQUEST, { invoke: atOnce('page', 5) });
  records.mustBeWithin(MAX_RECORDS);
  return ended.status === 'published' ? publishedText(ended) : afterResume(world, ended);
}

/** Ctrl-C on one machine, when the API has sent a page that the run has not received: the page counts. */
async function stopRepeatedly(source: Source): Promise<string> {
  const world = await makeWorld(source);
  const records = meter(source);
  const run = { store: world.store, url: source.url, runId: RUN.runId, dueAt: RUN.exportDate, maxRecords: MAX_RECORDS };
  for (let stops = 0; stops < 12; stops++) {
    const stop = new AbortController();
    const fault: ApiFault = { served: () => stop.abort() };
    source.setFault(({ page, pageSize }) => (pageSize === PAGE_SIZE && page <= LAST_PAGE ? fault : undefined));
    await localRunIn({ ...run, signal: stop.signal }).catch(() => undefined);
    records.mustBeWithin(MAX_RECORDS);
  }
  source.setFault(undefined);
  const resumed = await world.run(RUN.runId, BUDGET_REQUEST);
  records.mustBeWithin(MAX_RECORDS);
  return `stopped; ${await afterResume(world, resumed)}`;
}
