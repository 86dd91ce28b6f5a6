/** Planning: the requests and records that counting accounts needs when the API returns no total. */
import { localCatalog } from '../cli/local/run-local.ts';
import { planExport } from '../functions/export/plan/plan-export.ts';
import { manifestKey, partKey } from '../functions/export/storage/bucket-layout.ts';
import { putJson } from '../functions/export/storage/stored-json.ts';
import { plannedRun, publishedManifest } from '../test/export/planned-run.ts';
import { memoryStore } from '../test/support/memory-store.ts';
import { offsetApi } from './offset-api.ts';
import { grouped, other, own, type Section } from './section.ts';

const PAGE_SIZE = 1000;
/** The default of the stack. */
const CONCURRENCY = 20;
/** Requests of a first run, by number of accounts. */
const LIMITS: Readonly<Record<number, number>> = { 3: 8, 1000: 8, 10000: 20, 100000: 40, 1000000: 64 };

/** What counting used. */
interface Counted {
  readonly requests: number;
  readonly records: number;
  /** Waits for requests that are sent at once. */
  readonly rounds: number;
}

interface PlanningRow {
  readonly accounts: number;
  readonly first: Counted;
  /** The last published run had as many accounts, or 1 % fewer. */
  readonly same: Counted;
  readonly grown: Counted;
  readonly bisecting: Counted;
  readonly reading: Counted;
}

export const section: Section<PlanningRow> = {
  question: 'How many requests does planning take?',

  measure: () =>
    Promise.all(
      [3, 1000, 10_000, 100_000, 1_000_000, 10_000_000].map(async (accounts) => ({
        accounts,
        first: await plan(accounts),
        same: await plan(accounts, accounts),
        grown: await plan(accounts, Math.round(accounts * 0.99)),
        bisecting: countByBisection(accounts),
        reading: countByReading(accounts, PAGE_SIZE),
      })),
    ),

  describe(rows) {
    const bar = (kind: typeof own, label: string, { requests, records, rounds }: Counted) =>
      kind(label, rounds, [rounds, requests, records].map((figure) => grouped(figure)).join(' / '));
    const answers = rows
      .filter(({ accounts }) => accounts === 1000 || accounts === 1_000_000)
      .map(({ accounts, first, reading }) => {
        return `${grouped(accounts)} accounts take ${first.requests} requests and ${first.records} records in ${first.rounds} rounds; reading until an empty page takes ${grouped(reading.rounds)} rounds.`;
      });
    return {
      answer: `${answers.join(' ')} After planning, pages are fetched in parallel.`,
      about: `*Plan export* as a dry run with a concurrency of ${CONCURRENCY} and pages of ${grouped(PAGE_SIZE)}, against an API in memory. The figures are exact and do not depend on time. A *round* is one wait for requests that are sent at once. A later run is planned from the count of the last run: unchanged, or 1 % lower. Planning is compared with doubling and bisecting, one probe at a time, and with reading pages until one is empty, as known clients do, which also exports the data.`,
      chart: rows
        .filter(({ accounts }) => accounts >= 1000 && accounts <= 1_000_000)
        .map(({ accounts, first, same, grown, bisecting, reading }) => ({
          title: `${grouped(accounts)} accounts: rounds (bar) / requests / records`,
          bars: [
            bar(own, 'first run', first),
            bar(own, 'later run', same),
            bar(own, 'later run, 1 % more accounts', grown),
            bar(other, 'bisecting', bisecting),
            bar(other, 'reading until empty', reading),
          ],
        })),
      limits: rows.flatMap(({ accounts, first }) => {
        const limit = LIMITS[accounts];
        return limit === undefined
          ? []
          : [[`planning ${grouped(accounts)} accounts`, first.requests, limit, 'requests']];
      }),
    };
  },
};

/** Runs *Plan export* as a dry run. @param lastAccounts the count of the last published run */
async function plan(accounts: number, lastAccounts?: number): Promise<Counted> {
  const { store } = memoryStore();
  if (lastAccounts !== undefined) {
    const key = partKey(plannedRun({ runId: 'last' }), 0);
    await store.put(key, Buffer.from('x'));
    // A full page shows that the API serves pages of this size.
    const part = { key, page: 0, records: Math.min(PAGE_SIZE, lastAccounts), bytes: 1, sha256: '' };
    const counts = { records: lastAccounts, distinctAccounts: lastAccounts, plannedRecords: lastAccounts };
    const last = { ...counts, parts: [part] };
    const manifest = publishedManifest({ runId: 'last', parameters: { pageSize: PAGE_SIZE }, ...last });
    await putJson(store, manifestKey('last'), manifest);
  }
  const { api, used } = offsetApi(accounts);
  const request = { exportName: 'all', datasetId: 'engage', pageSize: PAGE_SIZE, dryRun: true };
  const outcome = await planExport(
    { api, store, catalog: localCatalog(), executions: { isRunning: async () => false }, exports: [] },
    { runId: 'bench', execution: 'bench', startedAt: '2026-08-23T02:00:00.000Z', request, concurrency: CONCURRENCY },
  );
  if (outcome.outcome !== 'dryRun' || outcome.accounts !== accounts)
    throw new Error(`Wrong count for ${accounts} accounts.`);
  return { ...used, rounds: outcome.plan.rounds };
}

/** The textbook method: doubling until an account is missing, then bisecting, one 1-record probe at a time. */
export function countByBisection(accounts: number): Counted {
  let requests = 0;
  let records = 0;
  const exists = (offset: number) => {
    requests++;
    if (offset >= accounts) return false;
    records++;
    return true;
  };
  let atLeast = 0;
  let atMost = 1;
  while (exists(atMost - 1)) {
    atLeast = atMost;
    atMost *= 2;
  }
  atMost--;
  while (atLeast < atMost) {
    const middle = Math.ceil((atLeast + atMost) / 2);
    if (exists(middle - 1)) atLeast = middle;
    else atMost = middle - 1;
  }
  if (atLeast !== accounts) throw new Error(`Wrong count for ${accounts} accounts: ${atLeast}.`);
  return { requests, records, rounds: requests };
}

/** What known clients do: fetch pages until one is empty. */
export function countByReading(accounts: number, pageSize: number): Counted {
  const requests = Math.ceil(accounts / pageSize) + 1;
  return { requests, records: accounts, rounds: requests };
}
