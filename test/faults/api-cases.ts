/** The API in trouble, at each step that asks it for anything, for a moment, for longer and for good. */
import type { AccountsApi } from '../../functions/export/ports.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { addressOfNobody } from '../support/closed-port.ts';
import type { Case } from './cells.ts';
import type { ApiTrouble } from './fault-proxy.ts';
import type { Step } from './operations.ts';
import { mustTellWhatItSpent, tryFault } from './trial.ts';
import { makeWorld, PAGE_SIZE, type Source } from './world.ts';

/** `at first`: the client's own tries outlast it. `one try`: a task fails and is tried again. `for good`: until repaired. */
type HowLong = 'at first' | 'one try' | 'for good';

const HEALABLE: readonly HowLong[] = ['at first', 'one try', 'for good'];
const TROUBLES: readonly (readonly [name: string, trouble: ApiTrouble, howLong: readonly HowLong[]])[] = [
  ['429', { status: 429 }, HEALABLE],
  ['429, Retry-After 2 s', { status: 429, retryAfter: '2' }, HEALABLE],
  ['429, Retry-After 120 s', { status: 429, retryAfter: '120' }, ['one try', 'for good']],
  ['500', { status: 500 }, HEALABLE],
  ['503', { status: 503 }, HEALABLE],
  ['connection reset', 'reset', HEALABLE],
  ['body breaks off', 'breaks off', HEALABLE],
  ['body cut short, with a clean end', 'truncated', HEALABLE],
  ['garbage with 200', 'garbage', HEALABLE],
  ['HTML with 200', 'html', HEALABLE],
  ['no answer', 'no answer', HEALABLE],
  ['slow answers', 'slow', ['for good']],
  ['401 (key revoked)', { status: 401 }, ['for good']],
  ['403', { status: 403 }, ['for good']],
  ['404', { status: 404 }, ['for good']],
];
/** What a short form tries: one of each way that a failure is understood. */
const SHORT = ['503', 'garbage with 200', '401 (key revoked)'];

const STEPS = [
  ['plan', 'plan'],
  ['page', 'export page'],
  ['publish', 'publish: verify'],
] as const;

export function apiCases(source: Source, every: boolean): Case[] {
  const cases: Case[] = [];
  for (const [step, column] of STEPS) {
    for (const [name, trouble, howLong] of TROUBLES) {
      if (!every && !SHORT.includes(name)) continue;
      for (const long of howLong) {
        const row = howLong.length === 1 ? name : `${name}, ${long}`;
        cases.push({ table: 'api', row, column, run: () => strike(source, step, trouble, long) });
      }
    }
    for (const long of ['one try', 'for good'] as const) {
      const row = `connection refused, ${long}`;
      if (every) cases.push({ table: 'api', row, column, run: () => refuse(source, step, long) });
    }
  }
  return cases;
}

async function strike(source: Source, step: Step, trouble: ApiTrouble, howLong: HowLong): Promise<string> {
  const world = await makeWorld(source);
  const servedBefore = source.simulator.recordsServed();
  const now = stepsSoFar();
  let struck = 0;
  source.setFault(({ page, pageSize }) => {
    if (now.step !== step || (step === 'page' && !(page === 2 && pageSize === PAGE_SIZE))) return undefined;
    if (howLong === 'at first' && struck >= 2) return undefined;
    // The first page fails in the third invocation, when two pages have been exported.
    if (howLong === 'one try' && now.tries(step) > (step === 'page' ? 3 : 1)) return undefined;
    struck++;
    return trouble;
  });
  const api = (current: Step) => (trouble === 'no answer' && current === step ? source.impatient : source.api);
  const text = await tryFault(world, { faults: { invoke: now.invoke, api } });
  // What was served and never arrived, nobody can tell.
  if (trouble !== 'no answer') await mustTellWhatItSpent(world, servedBefore);
  return text;
}

async function refuse(source: Source, step: Step, howLong: HowLong): Promise<string> {
  const world = await makeWorld(source);
  const nobody = createAccountsApi({
    baseUrl: await addressOfNobody(),
    credentials: { get: async () => ({ keyId: 'demo-key', secret: 'demo:secret' }) },
    sleep: async () => undefined,
    random: () => 0,
  });
  let refused = false;
  const api = (current: Step): AccountsApi => {
    if (current !== step || (howLong === 'one try' && refused)) return source.api;
    refused = true;
    return nobody;
  };
  try {
    return await tryFault(world, { faults: { api } });
  } finally {
    await nobody.close();
  }
}

/** Which step is at work, since pages come one after the other here. */
function stepsSoFar() {
  const tries = new Map<Step, number>();
  const now = {
    step: undefined as Step | undefined,
    tries: (step: Step) => tries.get(step) ?? 0,
    invoke: (
      step: Step,
      task: (event: unknown, signal: AbortSignal) => Promise<unknown>,
      event: unknown,
      signal: AbortSignal,
    ) => {
      now.step = step;
      tries.set(step, now.tries(step) + 1);
      return task(event, signal);
    },
  };
  return now;
}
