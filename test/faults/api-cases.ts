/** API failures at each step that sends requests: for a moment, for one attempt at the task, or until repaired. */
import type { AccountsApi } from '../../functions/export/ports.ts';
import { addressOfNobody } from '../support/closed-port.ts';
import type { Case } from './cells.ts';
import type { Invoke } from './execute.ts';
import type { ApiFault } from './fault-proxy.ts';
import { API_STEPS, STEP_COLUMNS, type Step } from './operations.ts';
import { injectFault, mustReportUsage } from './trial.ts';
import { createClient, makeWorld, NO_WAITS, PAGE_SIZE, type Source, skip } from './world.ts';

/** `two requests`: the client retries them. `one attempt`: the state machine retries the task. */
type Duration = 'two requests' | 'one attempt' | 'until repaired';

const TRANSIENT: readonly Duration[] = ['two requests', 'one attempt', 'until repaired'];
const FAULTS: readonly (readonly [name: string, fault: ApiFault, durations: readonly Duration[]])[] = [
  ['429', { status: 429 }, TRANSIENT],
  ['429, Retry-After 2 s', { status: 429, retryAfter: '2' }, TRANSIENT],
  ['429, Retry-After 120 s', { status: 429, retryAfter: '120' }, ['one attempt', 'until repaired']],
  ['429, Retry-After 3,600 s', { status: 429, retryAfter: '3600' }, ['until repaired']],
  ['500', { status: 500 }, TRANSIENT],
  ['503', { status: 503 }, TRANSIENT],
  ['connection reset', 'connection reset', TRANSIENT],
  ['body breaks off', 'body breaks off', TRANSIENT],
  ['body cut short', 'body cut short', TRANSIENT],
  ['garbage with 200', 'garbage', TRANSIENT],
  ['HTML with 200', 'html', TRANSIENT],
  ['no answer', 'no answer', TRANSIENT],
  ['slow answers', 'slow', ['until repaired']],
  ['401 (key revoked)', { status: 401 }, ['until repaired']],
  ['403', { status: 403 }, ['until repaired']],
  ['404', { status: 404 }, ['until repaired']],
];
const HOUR_MS = 3_600_000;

/** For the short form: one fault for each way in which a failure is handled. */
const SHORT = ['503', 'garbage with 200', '401 (key revoked)'];

export function apiCases(source: Source, every: boolean): Case[] {
  return API_STEPS.flatMap((step) => {
    const column = STEP_COLUMNS[step];
    const refusals = (['one attempt', 'until repaired'] as const).map((duration) => {
      const row = `connection refused, ${duration}`;
      return { table: 'api', row, column, run: () => refuseConnections(source, step, duration) };
    });
    const faults = FAULTS.filter(([name]) => every || SHORT.includes(name)).flatMap(([name, fault, durations]) =>
      durations.map((duration) => ({
        table: 'api',
        row: durations.length === 1 ? name : `${name}, ${duration}`,
        column,
        run: () => failRequests(source, step, fault, duration),
      })),
    );
    return [...faults, ...(every ? refusals : [])];
  });
}

async function failRequests(source: Source, step: Step, fault: ApiFault, duration: Duration): Promise<string> {
  const world = await makeWorld(source);
  const servedBefore = source.simulator.recordsServed();
  const now = currentStep();
  let failed = 0;
  source.setFault(({ page, pageSize }) => {
    if (now.step !== step || (step === 'page' && !(page === 2 && pageSize === PAGE_SIZE))) return undefined;
    if (duration === 'two requests' && failed >= 2) return undefined;
    // Page 2 is fetched by the third attempt at a page.
    if (duration === 'one attempt' && now.attempts(step) > (step === 'page' ? 3 : 1)) return undefined;
    failed++;
    return fault;
  });
  const api = (current: Step) => (fault === 'no answer' && current === step ? source.impatient : source.api);
  // The run is resumed when the API accepts requests again.
  const repair = () => skip(HOUR_MS);
  const text = await injectFault(world, { faults: { invoke: now.invoke, api }, repair });
  await mustReportUsage(world, servedBefore);
  return text;
}

async function refuseConnections(source: Source, step: Step, duration: Duration): Promise<string> {
  const world = await makeWorld(source);
  // Its waits take time: it gives up after a while, and not after a number of requests.
  const refusing = createClient(await addressOfNobody(), { ...NO_WAITS, random: () => 0.5 });
  let refused = false;
  const api = (current: Step): AccountsApi => {
    if (current !== step || (duration === 'one attempt' && refused)) return source.api;
    refused = true;
    return refusing;
  };
  try {
    return await injectFault(world, { faults: { api } });
  } finally {
    await refusing.close();
  }
}

/** Which step is running, since pages are exported one after the other. */
export function currentStep() {
  const attempts = new Map<Step, number>();
  const invoke: Invoke = (step, attempt, signal) => {
    now.step = step;
    attempts.set(step, now.attempts(step) + 1);
    return attempt(signal);
  };
  const now = { step: undefined as Step | undefined, attempts: (step: Step) => attempts.get(step) ?? 0, invoke };
  return now;
}
