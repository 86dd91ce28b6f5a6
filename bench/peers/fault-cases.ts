/** The faults of the simulated API, the same for each tool. The simulator's process finds them by name. */
import type { FaultRule } from '../../simulator/faults.ts';
import { DEFAULT_KEY, type SeenRequest, type SimulatorOptions } from '../../simulator/simulator.ts';
import type { Tenant } from '../../simulator/tenant.ts';

export const FAULT_ACCOUNTS = 5000;
export const FAULT_PAGE_SIZE = 500;
/** The page with the fault: the fifth of ten. */
const PAGE = 4;
/** Requests for fewer records are probes, which only Account Export sends. */
const MIN_PAGE_SIZE = 3;

interface PageRequest {
  readonly page: number;
  readonly tenant: Tenant;
  /** Earlier requests for this page. */
  readonly earlier: number;
  setKey(keyId: string, keySecret: string): void;
}

export interface FaultCase {
  readonly name: string;
  readonly options?: SimulatorOptions;
  /** Called before each response to a page request. */
  readonly onPage?: (request: PageRequest) => void;
  readonly changesAccounts?: boolean;
  /** @default 40 */
  readonly limitSeconds?: number;
}

/** Longer than every timeout: dlt waits 60 s and the tap 300 s for the next byte, Account Export 240 s for a response. */
export const LONG_SECONDS = 330;
const inject = (fault: FaultRule['fault'], times = 1): SimulatorOptions => ({
  faults: [{ fault, times, pages: [PAGE], minPageSize: MIN_PAGE_SIZE }],
});

/** Runs once, before the sixth page is served. */
const duringTheRun =
  (change: (tenant: Tenant) => void): FaultCase['onPage'] =>
  ({ page, tenant, earlier }) => {
    if (page === PAGE + 1 && earlier === 0) change(tenant);
  };

export const FAULT_CASES: readonly FaultCase[] = [
  { name: 'none' },
  { name: '429 with Retry-After 2 s, once', options: inject({ status: 429, retryAfter: '2' }) },
  { name: '503, once', options: inject({ status: 503 }) },
  { name: '503, three times', options: inject({ status: 503 }, 3) },
  { name: '503, always', options: inject({ status: 503 }, Number.POSITIVE_INFINITY), limitSeconds: LONG_SECONDS },
  { name: 'connection reset, once', options: inject('reset') },
  { name: 'connection reset during the body, once', options: inject('reset-mid-body') },
  { name: 'no response, once', options: inject('hang'), limitSeconds: LONG_SECONDS },
  { name: 'a response that trickles and never ends, once', options: inject('slow-drip'), limitSeconds: LONG_SECONDS },
  { name: 'body shorter than its content-length, once', options: inject('truncate-content-length') },
  { name: 'body truncated with a clean end, once', options: inject('truncate') },
  { name: 'a sign-in page with status 200, once', options: inject('html') },
  { name: 'an empty body with status 200, once', options: inject('empty-body') },
  { name: 'invalid JSON, once', options: inject('garbage') },
  { name: 'an empty page with 200 MiB of white space, once', options: inject('huge') },
  { name: 'a page of one record with invalid UTF-8, once', options: inject('invalid-utf8') },
  { name: 'an empty page in the middle, once', onPage: serveTotal(PAGE * FAULT_PAGE_SIZE) },
  { name: 'a short page in the middle, once', onPage: serveTotal(PAGE * FAULT_PAGE_SIZE + 400) },
  { name: 'page size capped at 250 without an error', options: { pageSizeCap: 250 } },
  {
    name: 'page size capped at 250, page offsets still multiples of 500',
    options: { pageSizeCap: 250, capOffsets: 'asked' },
  },
  { name: 'page number ignored: always the first page', options: { ignorePage: true }, limitSeconds: 20 },
  {
    name: 'the key is revoked during the run',
    onPage: ({ page, setKey }) => {
      if (page === PAGE) setKey(DEFAULT_KEY.keyId, 'another secret');
    },
  },
  {
    name: '100 accounts are removed from the front during the run',
    onPage: duringTheRun((tenant) => tenant.removeAt(0, 100)),
    changesAccounts: true,
  },
  {
    name: '100 accounts are added at the front during the run',
    onPage: duringTheRun((tenant) => tenant.insertAt(0, 100)),
    changesAccounts: true,
  },
];

/** Applies `onPage` of a fault case to page requests. */
export function onRequestOf(fault: FaultCase, setKey: PageRequest['setKey']): SimulatorOptions['onRequest'] {
  const seen = new Map<number, number>();
  return ({ page, pageSize }: SeenRequest, tenant) => {
    if (pageSize < MIN_PAGE_SIZE) return;
    const earlier = seen.get(page) ?? 0;
    seen.set(page, earlier + 1);
    fault.onPage?.({ page, tenant, earlier, setKey });
  };
}

/** The first response to the page is generated as if the tenant had this total: a valid page with wrong content. */
function serveTotal(total: number): FaultCase['onPage'] {
  return ({ page, tenant, earlier }) => {
    if (page !== PAGE || earlier > 0) return;
    Object.defineProperty(tenant, 'total', { get: () => total, configurable: true });
    // The simulator generates the response synchronously, before this microtask.
    queueMicrotask(() => Reflect.deleteProperty(tenant, 'total'));
  };
}

/** The number at the end of a simulated account's name, which identifies it in every tool's output. */
export function idOf(name: unknown): number | undefined {
  const [, digits] = typeof name === 'string' ? (/ (\d+)$/.exec(name) ?? []) : [];
  return digits === undefined ? undefined : Number(digits);
}
