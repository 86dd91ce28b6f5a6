/** The kinds of runs in which storage fails. */
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import type { Scenario } from './store-cases.ts';
import { ACCOUNTS, LAST_PAGE, PAGE_SIZE, REQUEST, RUN, type Source, startSource, type World } from './world.ts';

const GROWN = ACCOUNTS + PAGE_SIZE;

/** Five pages; the data does not change. */
export function consistentRun(source: Source): Scenario {
  return {
    table: 'store',
    source: async () => ({ source, end: async () => undefined, trial: {} }),
    reportsUsage: true,
    eachOperation: true,
  };
}

/** The API answers 404 for page 3, so the run fails and is reported. */
export function failingRun(source: Source): Scenario {
  return {
    table: 'store, failing run',
    source: async () => {
      source.setFault(({ page, pageSize }) => (pageSize === PAGE_SIZE && page === 3 ? { status: 404 } : undefined));
      return { source, end: async () => source.setFault(undefined), trial: {} };
    },
    includes: ({ step, key }) => step === 'report' || key.includes('/failures/'),
  };
}

/** Adds accounts at the end once the last page was read, so that publishing exports the tail. */
export function growAfterLastPage(): SimulatorOptions {
  let lastPageRead = false;
  return {
    onRequest: ({ page, pageSize }, tenant) => {
      if (lastPageRead) tenant.setTotal(GROWN);
      lastPageRead ||= pageSize === PAGE_SIZE && page === LAST_PAGE;
    },
  };
}

/** Removes an account from the first page while page 3 is read, so that one account is missing from the run. */
export function removeWhileReading(): SimulatorOptions {
  let removed = false;
  return {
    onRequest: ({ page, pageSize }, tenant) => {
      if (removed || pageSize !== PAGE_SIZE || page !== 3) return;
      removed = true;
      tenant.removeAt(5, 1);
    },
  };
}

/** Exports a run that is quarantined, because it has far fewer accounts than the earlier run. */
export async function quarantineRun(world: World): Promise<void> {
  const ended = await world.run(RUN.runId, REQUEST);
  if (ended.status !== 'failed' || ended.error !== 'QuarantinedError')
    throw new Error(`The run ended ${JSON.stringify(ended)}.`);
}

const GROWING_RUN: Scenario = {
  table: 'store, tail',
  source: async () => {
    const source = await startSource(growAfterLastPage());
    const repair = () => source.simulator.tenant.setTotal(GROWN);
    return { source, end: source.close, trial: { verdict: 'either', repair } };
  },
  includes: ({ step }) => step === 'publish',
};

const RETRIED_RUN: Scenario = {
  table: 'store, retry after drift',
  source: async () => {
    const source = await startSource(removeWhileReading());
    const request = { ...REQUEST, onDrift: 'retry' };
    return { source, end: source.close, trial: { request, countPages: false, publishedAs: `${RUN.runId}-retry` } };
  },
  includes: ({ step }) => step === 'publish' || step === 'plan',
};

const PUBLISHED_QUARANTINED_RUN: Scenario = {
  table: 'store, quarantined run',
  source: async () => {
    const source = await startSource({ accounts: PAGE_SIZE });
    const request = { publish: RUN.runId };
    return { source, end: source.close, trial: { request, resumeRequest: request, countPages: false } };
  },
  prepare: quarantineRun,
};

/** Left out of the short form. */
export const MORE_SCENARIOS = [GROWING_RUN, RETRIED_RUN, PUBLISHED_QUARANTINED_RUN];
