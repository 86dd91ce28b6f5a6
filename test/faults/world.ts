/** What faults are injected into: an API, a store in which a run was published the day before, and a catalog. */
import { randomUUID } from 'node:crypto';
import type { AccountsApi, Catalog, ObjectStore, PublishedRun } from '../../functions/export/ports.ts';
import { type AccountsApiOptions, createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { memoryStore } from '../support/memory-store.ts';
import { type Ended, type Execution, execute } from './execute.ts';
import { type FaultRule, startFaultProxy } from './fault-proxy.ts';
import { faultyStore, type StoreFault, type StoreState } from './faulty-store.ts';
import { publishedObjects } from './guarantees.ts';
import type { Step } from './operations.ts';

export const PAGE_SIZE = 20;
/** Five pages, the last one short. */
export const ACCOUNTS = 93;
export const LAST_PAGE = 4;
/** The run that faults are injected into. */
export const RUN = { runId: 'run-1', exportDate: '2026-08-22' } as const;
/** The run that was published the day before. */
export const EARLIER_RUN = { runId: 'earlier', exportDate: '2026-08-21' } as const;
export const REQUEST = { exportName: 'all', datasetId: 'engage', pageSize: PAGE_SIZE, dueAt: '2026-08-22' } as const;

/** The API behind a proxy that can inject faults. */
export interface Source {
  readonly simulator: Simulator;
  readonly api: AccountsApi;
  /** The same API with a client that hardly waits for an answer. */
  readonly impatient: AccountsApi;
  /** Of the proxy. */
  readonly url: string;
  /** Which requests fail from now on; `undefined` for none. */
  setFault(rule: FaultRule | undefined): void;
  /** The pages that were requested since a number of requests, in order. */
  pageRequests(since: number): number[];
  requestsSoFar(): number;
  close(): Promise<void>;
}

/** A client that has the simulator's key. */
export function createClient(baseUrl: string, options: Partial<AccountsApiOptions> = {}) {
  const credentials = { get: async () => ({ keyId: 'demo-key', secret: 'demo:secret' }) };
  return createAccountsApi({ baseUrl, credentials, ...options });
}

/** What the state machine waits before a retry, on average over its first attempts. */
const RETRIED_AFTER_MS = 60_000;

let skippedMs = 0;

/** Lets time pass, as the state machine does between two attempts. */
export function skip(ms: number): void {
  skippedMs += ms;
}

/** For clients that do not sleep: their clock moves on instead. */
export const NO_WAITS = {
  sleep: async (ms: number) => skip(ms),
  random: () => 0,
  now: () => Date.now() + skippedMs,
};

export async function startSource(options: SimulatorOptions = {}): Promise<Source> {
  const simulator = await startSimulator({ accounts: ACCOUNTS, ...options });
  const proxy = await startFaultProxy(simulator.url);
  const api = createClient(proxy.url, NO_WAITS);
  const impatient = createClient(proxy.url, { ...NO_WAITS, limits: { totalTimeoutMs: 60 } });
  return {
    simulator,
    api,
    impatient,
    url: proxy.url,
    setFault: proxy.setFault,
    pageRequests: (since) =>
      proxy.requests
        .slice(since)
        .filter(({ pageSize, page }) => pageSize === PAGE_SIZE && page * PAGE_SIZE < simulator.tenant.total)
        .map(({ page }) => page)
        .sort((a, b) => a - b),
    requestsSoFar: () => proxy.requests.length,
    close: async () => {
      await Promise.all([api.close(), impatient.close()]);
      await proxy.close();
      await simulator.close();
    },
  };
}

/** Faults of one execution. */
export interface Faults {
  readonly store?: StoreFault;
  /** Resolves when something other than the store kills the process. */
  readonly killed?: Promise<void>;
  readonly invoke?: Execution['invoke'];
  /** The API of each step. */
  readonly api?: (step: Step) => AccountsApi;
}

export interface World {
  readonly source: Source;
  /** Without faults. */
  readonly store: ObjectStore;
  /** The objects of the run that was published the day before. */
  readonly earlier: string;
  /** The run that `accounts_latest` shows. */
  latest(): string | undefined;
  run(name: string, request: object, faults?: Faults): Promise<Ended>;
}

let earlierRun: { readonly objects: Map<string, Buffer>; readonly runs: readonly PublishedRun[] } | undefined;

/** A world in which `EARLIER_RUN` is published. It is the same in all worlds, and exported only once. */
export async function makeWorld(source: Source, catalog: VisibleCatalog = memoryCatalog()): Promise<World> {
  earlierRun ??= await publishEarlierRun();
  const { store, objects } = memoryStore();
  for (const [key, body] of earlierRun.objects) objects.set(key, body);
  for (const run of earlierRun.runs) await catalog.addRun(run);
  const { exportDate, runId } = EARLIER_RUN;
  return { ...emptyWorld(source, store, catalog), earlier: await publishedObjects(store, exportDate, runId) };
}

/** Works in a world with an API of its own. */
export async function inWorld<T>(options: SimulatorOptions, work: (world: World) => Promise<T>): Promise<T> {
  const source = await startSource(options);
  try {
    return await work(await makeWorld(source));
  } finally {
    await source.close();
  }
}

async function publishEarlierRun() {
  const source = await startSource();
  const { store, objects } = memoryStore();
  const catalog = memoryCatalog();
  const world = emptyWorld(source, store, catalog);
  const ended = await world.run(EARLIER_RUN.runId, { ...REQUEST, dueAt: EARLIER_RUN.exportDate });
  await source.close();
  if (ended.status !== 'published') throw new Error(`The earlier run ended ${JSON.stringify(ended)}.`);
  return { objects, runs: catalog.runs() };
}

function emptyWorld(source: Source, store: ObjectStore, catalog: VisibleCatalog): World {
  const running = new Set<string>();
  const executions = { isRunning: async (id: string) => running.has(id) };
  return {
    source,
    store,
    earlier: '',
    latest: () => catalog.latest(),
    async run(name, request, faults = {}) {
      const { promise: killed, resolve: kill } = Promise.withResolvers<void>();
      const state: StoreState = { fault: { kill, ...faults.store }, operations: 0, killed: false };
      void faults.killed?.then(() => {
        state.killed = true;
        kill();
      });
      const portsOf = (step: Step) => ({
        api: faults.api?.(step) ?? source.api,
        store: faultyStore(store, step, state),
        catalog,
      });
      const id = `arn:aws:states:us-east-1:000000000000:execution:exports:${randomUUID()}`;
      running.add(id);
      const ended = await execute({
        name,
        id,
        request,
        portsOf,
        executions,
        killed,
        invoke: faults.invoke,
        onFailedAttempt: () => skip(RETRIED_AFTER_MS),
      });
      running.delete(id);
      return ended;
    },
  };
}

/** A catalog that shows which run is visible. */
export interface VisibleCatalog extends Catalog {
  /** The run that `accounts_latest` shows. */
  latest(): string | undefined;
}

/** The newest run: the latest day due, and of that day the one published last. */
export function newestRun(runs: Iterable<PublishedRun>): PublishedRun | undefined {
  const rank = ({ exportDate, publishedAt }: PublishedRun) => `${exportDate} ${publishedAt}`;
  return [...runs].sort((a, b) => (rank(a) < rank(b) ? 1 : -1))[0];
}

/** Runs become visible at once. */
function memoryCatalog() {
  const runs = new Map<string, PublishedRun>();
  return {
    runs: () => [...runs.values()],
    check: async () => undefined,
    addRun: async (run: PublishedRun) => void runs.set(run.runId, run),
    removeRun: async (run: PublishedRun) => void runs.delete(run.runId),
    isVisible: async (runId: string) => runs.has(runId),
    latest: () => newestRun(runs.values())?.runId,
  };
}
