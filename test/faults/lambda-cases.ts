/** Functions that end before their time, whose last write lands late, that die, or that are invoked twice. */
import { ExportError } from '../../functions/model/errors.ts';
import type { Case } from './cells.ts';
import type { Invoke } from './execute.ts';
import type { StoreFault } from './faulty-store.ts';
import { type Operation, operationName, type Step } from './operations.ts';
import { type Trial, tryFault } from './trial.ts';
import { makeWorld, PAGE_SIZE, type Source, startSource } from './world.ts';

/** Of the page whose upload is abandoned. */
const PAGE = 2;
const WRITES = ['put part', 'put receipt'] as const;

/** When an abandoned write takes effect after all. */
const LANDINGS: readonly (readonly [name: string, when: (operation: Operation) => boolean])[] = [
  ['never', () => false],
  ['before the next try writes', after('page', 'get receipt')],
  ['between the next part and its record', after('page', 'put part')],
  ['after the next record', after('page', 'put receipt')],
  ['while the run is proven, before its parts are looked at', after('publish', 'get plan')],
  ['while the run is proven, after its parts were looked at', after('publish', 'list part')],
  ['with the manifest', after('publish', 'put manifest')],
];

function after(step: Step, name: string): (operation: Operation) => boolean {
  return (operation) =>
    operation.step === step &&
    operationName(operation) === name &&
    (step === 'publish' || operation.key.includes(`0000${PAGE}.`));
}

/** A part's upload hangs, the function's time ends, the workflow tries again, and the upload lands: then, or later. */
export function timeoutCases(every: boolean): Case[] {
  return (every ? WRITES : WRITES.slice(0, 1)).flatMap((write) =>
    LANDINGS.flatMap(([landing, when]) =>
      [false, true].map((changed) => ({
        table: 'time-out',
        row: `${write} lands ${landing}`,
        column: changed ? 'the account changed meanwhile' : 'nothing changed',
        run: () => timeOut(write, when, changed),
      })),
    ),
  );
}

async function timeOut(
  write: string,
  landsAfter: (operation: Operation) => boolean,
  changed: boolean,
): Promise<string> {
  const source = await startSource();
  try {
    const world = await makeWorld(source);
    let timeIsUp = (): void => undefined;
    const deadline = new Promise<void>((resolve) => {
      timeIsUp = resolve;
    });
    let land: (() => Promise<unknown>) | undefined;
    let abandonedYet = false;
    const store: StoreFault = {
      strike: (operation) => {
        if (abandonedYet || !after('page', write)(operation)) return undefined;
        abandonedYet = true;
        return 'abandon';
      },
      abandoned: (_operation, effect) => {
        land = effect;
        timeIsUp();
      },
      done: async (operation) => {
        if (!land || !landsAfter(operation)) return;
        const effect = land;
        land = undefined;
        await effect();
      },
    };
    // As `lambdaHandler` does: first the signal, then, where that does not help, an end with a name.
    const invoke: Invoke = async (_step, task, event, signal) => {
      if (abandonedYet) return task(event, signal);
      const stop = new AbortController();
      const timedOut = deadline.then(() => {
        stop.abort();
        if (changed) source.simulator.tenant.touch(PAGE * PAGE_SIZE + 3);
        throw new ExportError('ApiUnavailableError', 'Export page did not end in time; it can be tried again later.');
      });
      // Invocations that ended before have nobody who waits for this.
      timedOut.catch(() => undefined);
      return Promise.race([task(event, AbortSignal.any([signal, stop.signal])), timedOut]);
    };
    return await tryFault(world, { faults: { store, invoke } });
  } finally {
    await source.close();
  }
}

const TASKS = [
  ['plan', 'plan'],
  ['page', 'export page'],
  ['publish', 'publish: verify'],
] as const;

/** How a function may be invoked other than once. */
const INVOCATIONS: readonly (readonly [name: string, how: (struck: Step) => Invoke, trial?: Partial<Trial>])[] = [
  [
    'invoked again after it succeeded',
    (struck) => async (step, task, event, signal) => {
      const result = await task(event, signal);
      return step === struck ? task(event, signal) : result;
    },
  ],
  [
    'invoked twice at the same moment',
    (struck) => async (step, task, event, signal) => {
      const both = step === struck ? [task(event, signal), task(event, signal)] : [task(event, signal)];
      return (await Promise.all(both))[0];
    },
  ],
  ['fails for Lambda’s own reasons, before its work', (struck) => once(struck, 'Lambda.ServiceException', 'before')],
  ['fails for Lambda’s own reasons, after its work', (struck) => once(struck, 'Lambda.ServiceException', 'after')],
  ['timed out by Lambda, after its work', (struck) => once(struck, 'Sandbox.Timedout', 'after')],
  [
    'dies (Runtime.ExitError), before its work',
    (struck) => once(struck, 'Runtime.ExitError', 'before'),
    { accept: /^Runtime\.ExitError$/ },
  ],
  [
    'dies (Runtime.ExitError), after its work',
    (struck) => once(struck, 'Runtime.ExitError', 'after'),
    { accept: /^Runtime\.ExitError$/ },
  ],
];

export function invocationCases(source: Source): Case[] {
  return INVOCATIONS.flatMap(([row, how, trial]) =>
    TASKS.map(([step, column]) => ({
      table: 'invocation',
      row,
      column,
      run: async () => tryFault(await makeWorld(source), { ...trial, faults: { invoke: how(step) } }),
    })),
  );
}

/** Strikes the step's first invocation. */
function once(struck: Step, name: string, when: 'before' | 'after'): Invoke {
  let done = false;
  return async (step, task, event, signal) => {
    if (step !== struck || done) return task(event, signal);
    done = true;
    if (when === 'after') await task(event, signal);
    throw Object.assign(new Error('RequestId: 1 Error: Runtime exited with error.'), { name });
  };
}
