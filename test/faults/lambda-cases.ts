/** Functions that time out, crash, or are invoked twice. */
import { ExportError } from '../../functions/model/errors.ts';
import type { SimulatorOptions } from '../../simulator/simulator.ts';
import type { Case } from './cells.ts';
import type { Invoke } from './execute.ts';
import type { StoreFault } from './faulty-store.ts';
import { API_STEPS, type Operation, operationName, STEP_COLUMNS, type Step } from './operations.ts';
import { growAfterLastPage } from './scenarios.ts';
import { injectFault } from './trial.ts';
import { inWorld, LAST_PAGE, makeWorld, PAGE_SIZE, type Source } from './world.ts';

/** A write that its function waits for until it times out, and that takes effect later. */
interface LateWrite {
  readonly step: Step;
  readonly page: number;
  readonly name: string;
  readonly simulator?: () => SimulatorOptions;
}

const TAIL = { step: 'publish', page: LAST_PAGE, simulator: growAfterLastPage } as const;
const LATE_WRITES: readonly LateWrite[] = [
  { step: 'page', page: 2, name: 'put part' },
  { step: 'page', page: 2, name: 'put receipt' },
  { ...TAIL, name: 'put part' },
  { ...TAIL, name: 'put receipt' },
];

/** When the write takes effect: after an operation of the same page, or of publishing. */
const MOMENTS: readonly (readonly [name: string, after: 'page' | 'publish' | 'never', operation: string])[] = [
  ['never', 'never', ''],
  ['before the next attempt writes', 'page', 'get receipt'],
  ['between the next part and its receipt', 'page', 'put part'],
  ['after the next receipt', 'page', 'put receipt'],
  ['during verification, before parts are listed', 'publish', 'get plan'],
  ['during verification, after parts are listed', 'publish', 'list part'],
  ['after the manifest', 'publish', 'put manifest'],
];

export function timeoutCases(every: boolean): Case[] {
  return (every ? LATE_WRITES : LATE_WRITES.slice(0, 1)).flatMap((write) =>
    MOMENTS.flatMap(([moment, after, name]) => {
      const isMoment = (operation: Operation) =>
        after === 'publish'
          ? operation.step === 'publish' && operationName(operation) === name
          : after === 'page' && isOf(write, operation, name);
      // A receipt of the tail that arrives before the tail is fetched again finishes it, with the account as it was.
      const finishesTail = write.step === 'publish' && write.name === 'put receipt' && name === 'get plan';
      return (finishesTail ? [false] : [false, true]).map((changes) => ({
        table: 'timeout',
        row: `${write.name}${write.step === 'publish' ? ' of the tail' : ''}, ${moment}`,
        column: changes ? 'an account changed' : 'nothing changed',
        run: () => timeOut(write, isMoment, changes),
      }));
    }),
  );
}

function isOf({ step, page }: LateWrite, operation: Operation, name: string): boolean {
  return operation.step === step && operationName(operation) === name && operation.key.includes(`0000${page}.`);
}

/** @param changes whether an account changes before the next attempt, so that its part has other content */
async function timeOut(
  write: LateWrite,
  isMoment: (operation: Operation) => boolean,
  changes: boolean,
): Promise<string> {
  return inWorld(write.simulator?.() ?? {}, async (world) => {
    const { promise: deadline, resolve: timeIsUp } = Promise.withResolvers<void>();
    let lateWrite: (() => Promise<unknown>) | undefined;
    let abandoned = false;
    const store: StoreFault = {
      strike: (operation) => {
        if (abandoned || !isOf(write, operation, write.name)) return undefined;
        abandoned = true;
        return 'abandon';
      },
      abandoned: (effect) => {
        lateWrite = effect;
        timeIsUp();
      },
      done: async (operation) => {
        if (!lateWrite || !isMoment(operation)) return;
        const effect = lateWrite;
        lateWrite = undefined;
        await effect();
      },
    };
    // As `lambdaHandler` does: first it aborts, and if that does not help, it fails with a name that is retried.
    const invoke: Invoke = async (_step, attempt, signal) => {
      if (abandoned) return attempt(signal);
      const stop = new AbortController();
      const timedOut = deadline.then(() => {
        stop.abort();
        if (changes) world.source.simulator.tenant.touch(write.page * PAGE_SIZE + 3);
        throw new ExportError('ApiUnavailableError', 'Export page timed out: resume the run.');
      });
      // Nothing waits for this in attempts that ended before.
      timedOut.catch(() => undefined);
      return Promise.race([attempt(AbortSignal.any([signal, stop.signal])), timedOut]);
    };
    const isTail = write.step === 'publish';
    const faults = { store, invoke };
    return injectFault(world, { faults, ...(isTail && { verdict: 'either', countPages: false }) });
  });
}

/** Runs each attempt at a step several times at the same moment, of which all or any must succeed. */
export function atOnce(target: Step, times: number, required: 'all' | 'any'): Invoke {
  return async (step, attempt, signal) => {
    if (step !== target) return attempt(signal);
    const attempts = Array.from({ length: times }, () => attempt(signal));
    await Promise.allSettled(attempts);
    return required === 'all' ? (await Promise.all(attempts))[0] : Promise.any(attempts);
  };
}

const INVOCATIONS: readonly (readonly [name: string, how: (target: Step) => Invoke])[] = [
  [
    'invoked again after it succeeded',
    (target) => async (step, attempt, signal) => {
      const result = await attempt(signal);
      return step === target ? attempt(signal) : result;
    },
  ],
  ['invoked twice at the same moment', (target) => atOnce(target, 2, 'all')],
  ['idle for weeks (not ready)', (target) => failOnce(target, 'Lambda.ResourceNotReadyException', 'before')],
  ['Lambda service error before its work', (target) => failOnce(target, 'Lambda.ServiceException', 'before')],
  ['Lambda service error after its work', (target) => failOnce(target, 'Lambda.ServiceException', 'after')],
  ['timed out by Lambda after its work', (target) => failOnce(target, 'Sandbox.Timedout', 'after')],
  ['answer lost (States.Timeout)', (target) => failOnce(target, 'States.Timeout', 'after')],
  ['crashed (Runtime.ExitError) before its work', (target) => failOnce(target, 'Runtime.ExitError', 'before')],
  ['crashed (Runtime.ExitError) after its work', (target) => failOnce(target, 'Runtime.ExitError', 'after')],
];

export function invocationCases(source: Source): Case[] {
  return INVOCATIONS.flatMap(([row, how]) =>
    API_STEPS.map((step) => ({
      table: 'invocation',
      row,
      column: STEP_COLUMNS[step],
      run: async () => injectFault(await makeWorld(source), { faults: { invoke: how(step) } }),
    })),
  );
}

/** Fails the first attempt at a step. */
export function failOnce(target: Step, name: string, when: 'before' | 'after'): Invoke {
  let failed = false;
  return async (step, attempt, signal) => {
    if (step !== target || failed) return attempt(signal);
    failed = true;
    if (when === 'after') await attempt(signal);
    throw Object.assign(new Error('RequestId: 1 Error: Runtime exited with error.'), { name });
  };
}
