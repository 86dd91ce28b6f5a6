/** The kinds of runs that the store is put in trouble under. */
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import type { Scenario } from './store-cases.ts';
import { ACCOUNTS, PAGE_SIZE, REQUEST, RUN, type Source, startSource } from './world.ts';

const LAST_PAGE = 4;
const GROWN = ACCOUNTS + PAGE_SIZE;

/** Five pages, and nothing moves. */
export function steadyRun(source: Source): Scenario {
  return {
    table: 'store',
    source: async () => ({ source, end: async () => undefined, trial: {} }),
    tellsWhatItSpent: true,
    eachOperation: true,
  };
}

/** The API knows nothing of the last pages, so that the run fails and is reported. */
export function failingRun(source: Source): Scenario {
  return {
    table: 'store, while a run fails',
    source: async () => {
      source.setFault(({ page, pageSize }) => (pageSize === PAGE_SIZE && page === 3 ? { status: 404 } : undefined));
      return { source, end: async () => source.setFault(undefined), trial: {} };
    },
    strikes: ({ step, key }) => step === 'report' || key.includes('/failures/'),
  };
}

/** Accounts are added behind the last page when that has been read: publishing reads on. */
export const GROWING_RUN: Scenario = {
  table: 'store, while a run reads on',
  source: async () => {
    let lastPageRead = false;
    const source = await startSource({
      onRequest: ({ page, pageSize }, tenant) => {
        if (lastPageRead) tenant.setTotal(GROWN);
        lastPageRead ||= pageSize === PAGE_SIZE && page === LAST_PAGE;
      },
    });
    const repair = () => source.simulator.tenant.setTotal(GROWN);
    return { source, end: source.close, trial: { verdict: 'either', repair } };
  },
  strikes: ({ step }) => step === 'publish',
};

/** An account goes from the front while pages are read, and the policy is to begin again. */
export const BEGINNING_AGAIN: Scenario = {
  table: 'store, while a run begins again',
  source: async () => {
    let moved = false;
    const move: SimulatorOptions['onRequest'] = ({ page, pageSize }, tenant) => {
      if (moved || pageSize !== PAGE_SIZE || page !== 3) return;
      moved = true;
      tenant.removeAt(5, 1);
    };
    const source = await startSource({ onRequest: move });
    const request = { ...REQUEST, onDrift: 'retry' };
    return { source, end: source.close, trial: { request, countPages: false, publishedAs: `${RUN.runId}-retry` } };
  },
  strikes: ({ step }) => step === 'publish' || step === 'plan',
};

/** A run that was held back for a look is published as it is. */
export const RELEASED_RUN: Scenario = {
  table: 'store, while a run that was held back is released',
  source: async () => {
    const source = await startSource({ accounts: PAGE_SIZE });
    const request = { publish: RUN.runId };
    return { source, end: source.close, trial: { request, restart: request, countPages: false } };
  },
  prepare: async (world) => {
    const held = await world.run(RUN.runId, REQUEST);
    if (held.status !== 'failed' || held.error !== 'QuarantinedError')
      throw new Error(`it ended ${JSON.stringify(held)}`);
  },
};
