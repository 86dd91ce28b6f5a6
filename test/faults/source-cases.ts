/** A source that moves or shrinks, where the export's policy is to hold the run back or to begin again. */
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import type { Case } from './cells.ts';
import { must, mustBeComplete } from './law.ts';
import { mustHaveKept, retriesInWords } from './trial.ts';
import { ACCOUNTS, makeWorld, PAGE_SIZE, REQUEST, RUN, startSource, type World } from './world.ts';

/** An account is added at the end behind the last page: found, exported, and a drift all the same. */
function grownAtTheEnd(): SimulatorOptions {
  return {
    onRequest: ({ page, pageSize }, tenant) => {
      if (pageSize === PAGE_SIZE && page === 3) tenant.setTotal(ACCOUNTS + 2);
    },
  };
}

/** An account goes from a page that was read: the next page begins one too late, and one account is lost. */
function lostOne(): SimulatorOptions {
  let moved = false;
  return {
    onRequest: ({ page, pageSize }, tenant) => {
      if (moved || pageSize !== PAGE_SIZE || page !== 3) return;
      moved = true;
      tenant.removeAt(5, 1);
    },
  };
}

export function sourceCases(): Case[] {
  const one = (row: string, run: () => Promise<string>): Case => ({
    table: 'source',
    row,
    column: 'what happened',
    run,
  });
  return [
    one('an account is added while it reads, onDrift publish', () => publishes(grownAtTheEnd(), {}, 'drifted')),
    one('an account is added while it reads, onDrift fail', () =>
      holdsBack(grownAtTheEnd(), { onDrift: 'fail' }, 'DriftedError', 'drifted'),
    ),
    one('an account goes while it reads, onDrift fail', () => refuses(lostOne(), { onDrift: 'fail' }, 'DriftedError')),
    one('an account goes while it reads, onDrift retry', () =>
      publishes(lostOne(), { onDrift: 'retry' }, 'consistent', `${RUN.runId}-retry`),
    ),
    one('four of five accounts are gone since the last run', () =>
      holdsBack({ accounts: 20 }, {}, 'QuarantinedError', 'consistent'),
    ),
    one('all accounts are gone since the last run', () =>
      holdsBack({ accounts: 0 }, {}, 'QuarantinedError', 'consistent'),
    ),
  ];
}

async function publishes(
  options: SimulatorOptions,
  policy: object,
  verdict: 'consistent' | 'drifted',
  publishedAs: string = RUN.runId,
): Promise<string> {
  return inWorld(options, async (world) => {
    const ended = await world.run(RUN.runId, { ...REQUEST, ...policy });
    await mustHaveKept(world, ended, { verdict, publishedAs });
    must(ended.status === 'published', `it ended ${JSON.stringify(ended)}`);
    return `published${retriesInWords(ended.retries)}, ${verdict}`;
  });
}

async function refuses(options: SimulatorOptions, policy: object, error: string): Promise<string> {
  return inWorld(options, async (world) => {
    const ended = await world.run(RUN.runId, { ...REQUEST, ...policy });
    await mustHaveKept(world, ended, {});
    must(ended.status === 'failed' && ended.error === error, `it ended ${JSON.stringify(ended)}`);
    return `failed: ${error}`;
  });
}

async function holdsBack(
  options: SimulatorOptions,
  policy: object,
  error: string,
  verdict: 'consistent' | 'drifted',
): Promise<string> {
  return inWorld(options, async (world) => {
    const ended = await world.run(RUN.runId, { ...REQUEST, ...policy });
    await mustHaveKept(world, ended, { verdict });
    must(ended.status === 'failed' && ended.error === error, `it ended ${JSON.stringify(ended)}`);
    must(world.latest() === 'good', 'a run that was held back is visible');
    const since = world.source.requestsSoFar();
    const released = await world.run('released', { publish: RUN.runId });
    must(released.status === 'published', `released, it ended ${JSON.stringify(released)}`);
    must(world.source.requestsSoFar() === since, 'to release a run it asked the API again');
    await mustBeComplete(world.store, expected(world, verdict));
    must(world.latest() === RUN.runId, 'a run that was released is not visible');
    return `failed: ${error}; published as it is with {"publish": …}`;
  });
}

const expected = (world: World, verdict: 'consistent' | 'drifted') => ({
  ...RUN,
  pageSize: PAGE_SIZE,
  tenant: world.source.simulator.tenant,
  verdict,
});

async function inWorld(options: SimulatorOptions, work: (world: World) => Promise<string>): Promise<string> {
  const source = await startSource(options);
  try {
    return await work(await makeWorld(source));
  } finally {
    await source.close();
  }
}
