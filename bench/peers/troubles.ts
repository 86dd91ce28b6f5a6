/** What the simulated API does to an export: the same for each tool, in a process of its own, so named here by name. */
import type { FaultRule } from '../../simulator/faults.ts';
import { DEFAULT_KEY, type SeenRequest, type Simulator, type SimulatorOptions } from '../../simulator/simulator.ts';
import type { Tenant } from '../../simulator/tenant.ts';

export const TROUBLE_ACCOUNTS = 5000;
export const TROUBLE_PAGE_SIZE = 500;
/** The page that is struck: the fifth of ten. */
const PAGE = 4;
/** Requests for fewer records are probes, which no peer sends. */
const SMALLEST_PAGE = 3;

export interface Trouble {
  readonly name: string;
  readonly options?: SimulatorOptions;
  /** Called with each request for a page, before it is answered, with the number of such requests for that page before it. */
  readonly onPage?: (request: SeenRequest, tenant: Tenant, before: number, simulator: Simulator) => void;
  /** Whether the accounts of the tenant are not the same at the end. */
  readonly moves?: boolean;
  /** Given up after so long. @default 40 */
  readonly limitSeconds?: number;
  /** What Account Export is told beside its defaults. */
  readonly ownFlags?: readonly string[];
}

/** Longer than any of them waits: dlt 60 s and the tap 300 s for the next byte, Account Export 240 s for all of an answer. */
export const LONG_SECONDS = 330;
export const NO_ANSWER = 'no answer, once';
const strike = (fault: FaultRule['fault'], times = 1): SimulatorOptions => ({
  faults: [{ fault, times, pages: [PAGE], minPageSize: SMALLEST_PAGE }],
});

/** 100 accounts go from the front while the sixth page is asked for: what comes after moves up. */
const goFromTheFront: Trouble['onPage'] = ({ page }, tenant, before) => {
  if (page === PAGE + 1 && before === 0) tenant.removeAt(0, 100);
};

export const TROUBLES: readonly Trouble[] = [
  { name: 'none' },
  { name: '429 with Retry-After 2 s, once', options: strike({ status: 429, retryAfter: '2' }) },
  { name: '503, once', options: strike({ status: 503 }) },
  { name: '503, three times', options: strike({ status: 503 }, 3) },
  { name: '503, for good', options: strike({ status: 503 }, Number.POSITIVE_INFINITY), limitSeconds: LONG_SECONDS },
  { name: 'connection reset, once', options: strike('reset') },
  { name: 'connection reset in the middle of the body, once', options: strike('reset-mid-body') },
  { name: NO_ANSWER, options: strike('hang'), limitSeconds: LONG_SECONDS },
  { name: 'an answer that drips and never ends, once', options: strike('slow-drip'), limitSeconds: LONG_SECONDS },
  { name: 'body shorter than its content-length, once', options: strike('truncate-content-length') },
  { name: 'body cut short with a clean end, once', options: strike('truncate') },
  { name: 'a sign-in page with status 200, once', options: strike('html') },
  { name: 'an empty body with status 200, once', options: strike('empty-body') },
  { name: 'text that is no JSON, once', options: strike('garbage') },
  { name: 'an empty page of 200 MiB of blanks, once', options: strike('huge') },
  { name: 'a page of one record with a broken character, once', options: strike('invalid-utf8') },
  { name: 'an empty page in the middle, once', onPage: serveTotal(PAGE * TROUBLE_PAGE_SIZE) },
  { name: 'a short page in the middle, once', onPage: serveTotal(PAGE * TROUBLE_PAGE_SIZE + 400) },
  { name: 'page size capped at 250 in silence', options: { pageSizeCap: 250 } },
  { name: 'page size capped, pages still where 500 puts them', options: { pageSizeCap: 250, capOffsets: 'asked' } },
  { name: 'the page number is ignored: always the first page', options: { ignorePage: true }, limitSeconds: 20 },
  {
    name: 'the key is revoked in the middle',
    onPage: ({ page }, _tenant, _before, simulator) => {
      if (page === PAGE) simulator.setKey(DEFAULT_KEY.keyId, 'another secret');
    },
  },
  { name: '100 accounts go from the front meanwhile', onPage: goFromTheFront, moves: true },
  {
    name: '100 accounts go from the front meanwhile, and Account Export is told `--on-drift retry`',
    onPage: goFromTheFront,
    moves: true,
    ownFlags: ['--on-drift', 'retry'],
  },
  {
    name: '100 new accounts come to the front meanwhile',
    onPage: ({ page }, tenant, before) => {
      if (page === PAGE + 1 && before === 0) tenant.insertAt(0, 100);
    },
    moves: true,
  },
];

/** Lets a trouble act on requests for pages. */
export function onRequestOf(trouble: Trouble, simulator: () => Simulator): SimulatorOptions['onRequest'] {
  const seen = new Map<number, number>();
  return (request, tenant) => {
    if (request.pageSize < SMALLEST_PAGE) return;
    const before = seen.get(request.page) ?? 0;
    seen.set(request.page, before + 1);
    trouble.onPage?.(request, tenant, before, simulator());
  };
}

/** The first answer to the struck page is made as if the tenant ended there: a valid page, and a wrong one. */
function serveTotal(total: number): Trouble['onPage'] {
  return ({ page }, tenant, before) => {
    if (page !== PAGE || before > 0) return;
    Object.defineProperty(tenant, 'total', { get: () => total, configurable: true });
    // The simulator makes the answer before it lets go of the thread.
    queueMicrotask(() => Reflect.deleteProperty(tenant, 'total'));
  };
}
