/** A tenant, a store with a good run published the day before, and a catalog: what a fault is let loose on. */
import { randomUUID } from 'node:crypto';
import type { AccountsApi, Catalog, ObjectStore, PublishedRun } from '../../functions/export/ports.ts';
import { type ClientLimits, createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { memoryStore } from '../support/memory-store.ts';
import { type Ended, type Execution, execute, type TaskPorts } from './execute.ts';
import { type ApiFault, startFaultProxy } from './fault-proxy.ts';
import { faultyStore, type OperationCount, type StoreFault } from './faulty-store.ts';
import { published } from './law.ts';
import type { Step } from './operations.ts';

export const PAGE_SIZE = 20;
/** Five pages, the last one short. */
export const ACCOUNTS = 93;
export const RUN = { runId: 'run-1', exportDate: '2026-08-22' } as const;
export const GOOD = { runId: 'good', exportDate: '2026-08-21' } as const;
export const REQUEST = { exportName: 'all', datasetId: 'engage', pageSize: PAGE_SIZE, dueAt: '2026-08-22' } as const;

/** The API behind a proxy with faults on request; one serves many worlds, one after the other. */
export interface Source {
  readonly simulator: Simulator;
  readonly api: AccountsApi;
  /** The same, which gives up on an answer at once: for those that never come. */
  readonly impatient: AccountsApi;
  /** Of the proxy. */
  readonly url: string;
  /** Which requests fail, from now on; `undefined` for none. */
  setFault(fault: ApiFault | undefined): void;
  /** Requests for whole pages that reached the proxy since a moment, by page. */
  pageRequests(since: number): number[];
  /** All requests so far. */
  requestsSoFar(): number;
  close(): Promise<void>;
}

export async function startSource(options: SimulatorOptions = {}): Promise<Source> {
  const simulator = await startSimulator({ accounts: ACCOUNTS, ...options });
  const proxy = await startFaultProxy(simulator.url);
  const client = (limits: Partial<ClientLimits>) =>
    createAccountsApi({
      baseUrl: proxy.url,
      credentials: { get: async () => ({ keyId: 'demo-key', secret: 'demo:secret' }) },
      limits,
      // The waits of the client's retries are counted against its budget and not slept.
      sleep: async () => undefined,
      random: () => 0,
    });
  const api = client({});
  const impatient = client({ totalTimeoutMs: 60 });
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
  readonly concurrency?: number;
  /** In place of the API, by step. */
  readonly api?: (step: Step) => AccountsApi;
}

export interface World {
  readonly source: Source;
  /** Without faults. */
  readonly store: ObjectStore;
  readonly catalog: Catalog;
  /** Fingerprint of the good run, when there was nothing but it. */
  readonly good: string;
  /** The run that `accounts_latest` shows. */
  latest(): string | undefined;
  run(name: string, request: object, faults?: Faults): Promise<Ended>;
}

let goodRun: { readonly objects: Map<string, Buffer>; readonly runs: readonly PublishedRun[] } | undefined;

/** A world in which `good` was published: exported once, since it is the same in all of them. */
export async function makeWorld(source: Source, catalog: SeenCatalog = memoryCatalog()): Promise<World> {
  goodRun ??= await publishGoodRun();
  const { store, objects } = memoryStore();
  for (const [key, body] of goodRun.objects) objects.set(key, body);
  for (const run of goodRun.runs) await catalog.addRun(run);
  return { ...emptyWorld(source, store, catalog), good: await published(store, GOOD.exportDate, GOOD.runId) };
}

async function publishGoodRun() {
  const source = await startSource();
  const { store, objects } = memoryStore();
  const catalog = memoryCatalog();
  const world = emptyWorld(source, store, catalog);
  const ended = await world.run(GOOD.runId, { ...REQUEST, dueAt: GOOD.exportDate });
  await source.close();
  if (ended.status !== 'published') throw new Error(`the good run ended ${JSON.stringify(ended)}`);
  return { objects, runs: catalog.runs() };
}

function emptyWorld(source: Source, store: ObjectStore, catalog: SeenCatalog): World {
  /** Executions that have not ended. */
  const running = new Set<string>();
  const world: World = {
    source,
    store,
    catalog,
    good: '',
    latest: () => catalog.latest(),
    run: (name, request, faults = {}) => runIn(world, running, name, request, faults),
  };
  return world;
}

async function runIn(
  world: Pick<World, 'source' | 'store' | 'catalog'>,
  running: Set<string>,
  name: string,
  request: object,
  faults: Faults,
): Promise<Ended> {
  let isDead = false;
  let kill = (): void => undefined;
  const killed = new Promise<void>((resolve) => {
    kill = () => {
      isDead = true;
      resolve();
    };
  });
  const count: OperationCount = { total: 0 };
  const fault: StoreFault = { kill: () => kill(), ...(faults.store ?? { strike: () => undefined }) };
  const portsOf = (step: Step): TaskPorts => ({
    api: faults.api?.(step) ?? world.source.api,
    store: faultyStore(world.store, step, count, fault, () => isDead),
    catalog: world.catalog,
  });
  const id = `arn:aws:states:us-east-1:000000000000:execution:exports:${randomUUID()}`;
  running.add(id);
  const ended = await execute({
    name,
    id,
    request,
    portsOf,
    executions: { isRunning: async (other) => running.has(other) },
    killed: Promise.race([killed, ...(faults.killed ? [faults.killed.then(() => kill())] : [])]),
    ...(faults.concurrency === undefined ? {} : { concurrency: faults.concurrency }),
    ...(faults.invoke === undefined ? {} : { invoke: faults.invoke }),
  });
  running.delete(id);
  return ended;
}

/** A catalog that can be looked at. */
export interface SeenCatalog extends Catalog {
  /** The run that `accounts_latest` shows. */
  latest(): string | undefined;
}

/** Runs become visible at once; the newest is the one due on the latest day, and of one day published last. */
function memoryCatalog() {
  const runs = new Map<string, PublishedRun>();
  const rank = ({ exportDate, publishedAt }: PublishedRun) => `${exportDate} ${publishedAt}`;
  return {
    runs: () => [...runs.values()],
    addRun: async (run: PublishedRun) => void runs.set(run.runId, run),
    removeRun: async (run: PublishedRun) => void runs.delete(run.runId),
    isVisible: async (runId: string) => runs.has(runId),
    latest: () => [...runs.values()].sort((a, b) => (rank(a) < rank(b) ? 1 : -1))[0]?.runId,
  };
}
