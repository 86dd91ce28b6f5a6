/** Planning: the requests and records that counting accounts needs when the API returns no total. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryStore } from '../cli/local/directory-store.ts';
import { localCatalog } from '../cli/local/run-local.ts';
import { planExport } from '../functions/export/plan/plan-export.ts';
import type { ObjectStore } from '../functions/export/ports.ts';
import { countAccounts } from '../functions/export/source/count-accounts.ts';
import { manifestKey, partKey } from '../functions/export/storage/bucket-layout.ts';
import { putJson } from '../functions/export/storage/stored-json.ts';
import { plannedRun, publishedManifest } from '../test/export/planned-run.ts';
import { nameAt, offsetApi } from './offset-api.ts';
import type { Benchmark, BenchSection, BenchTable, Spread } from './section.ts';
import { grouped, listed, spreadOf } from './spread.ts';

const PAGE_SIZE = 1000;
/** The default of the stack. */
const CONCURRENCY = 20;
const POWERS = [3, 4, 5, 6, 7];

/** What counting used. */
interface Counted {
  readonly requests: number;
  readonly records: number;
  /** Rounds of parallel requests. */
  readonly rounds: number;
}

interface CountedSpread {
  readonly requests: Spread;
  readonly records: Spread;
  readonly rounds: Spread;
}

/** Tenants that grew or shrank by a share since the last run, counted with and without its count. */
export interface Change {
  readonly share: number;
  readonly known: CountedSpread;
  readonly unknown: CountedSpread;
}

interface Case {
  readonly name: string;
  readonly accounts: number;
  readonly first: Counted;
  readonly known: Counted;
}

export const benchmark: Benchmark = async ({ quick }) => {
  const cases: Case[] = [];
  for (const [name, accounts] of namedCounts()) {
    const first = await plan(accounts, undefined);
    cases.push({ name, accounts, first, known: await plan(accounts, accounts) });
  }
  const samples = quick ? 50 : 1000;
  const decades = [];
  for (const power of POWERS) decades.push({ power, ...(await sampleDecade(power, samples)) });
  const changes: Change[] = [];
  for (const share of [0, 0.001, 0.01, 0.05, 0.2, 0.5, 1, -0.001, -0.01, -0.05, -0.2, -0.5]) {
    changes.push({ share, ...(await sampleChange(share, samples)) });
  }
  return describe(cases, decades, changes, samples);
};

function namedCounts(): readonly (readonly [string, number])[] {
  return [
    ['none', 0],
    ['one', 1],
    ['exactly one page', 1_000],
    ['2¹⁰', 2 ** 10],
    ['2²⁰', 2 ** 20],
    ['9⁶, a probe of the first round', 9 ** 6],
    ...POWERS.map((power) => [`10${superscript(power)}`, 10 ** power] as const),
  ];
}

/** Runs *Plan export* as a dry run. @param lastAccounts the count of the last published run */
async function plan(accounts: number, lastAccounts: number | undefined): Promise<Counted> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-planning-'));
  try {
    const store = directoryStore(folder);
    if (lastAccounts !== undefined) await writePublishedRun(store, lastAccounts);
    const { api, used } = offsetApi(accounts);
    const executions = { isRunning: async () => false };
    const outcome = await planExport(
      { api, store, catalog: localCatalog(), executions, exports: [] },
      {
        runId: 'bench',
        execution: 'bench',
        startedAt: '2026-08-23T02:00:00.000Z',
        request: { exportName: 'all', datasetId: 'engage', pageSize: PAGE_SIZE, dryRun: true },
        concurrency: CONCURRENCY,
      },
    );
    if (outcome.outcome !== 'dryRun' || outcome.accounts !== accounts)
      throw new Error(`Wrong count for ${accounts} accounts.`);
    return { ...used, rounds: outcome.plan.rounds };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes what planning reads of the last run: a part and the manifest. */
async function writePublishedRun(store: ObjectStore, accounts: number): Promise<void> {
  const last = { records: accounts, distinctAccounts: accounts, plannedRecords: accounts };
  const manifest = publishedManifest({ runId: 'last', parameters: { pageSize: PAGE_SIZE }, ...last });
  await store.put(partKey(plannedRun({ runId: 'last' }), 0), Buffer.from('x'));
  await putJson(store, manifestKey('last'), manifest);
}

/** Counting alone, for counts from a power of ten to ten times as many. */
async function sampleDecade(power: number, samples: number) {
  const probes: Counted[] = [];
  const bisected: Counted[] = [];
  for (const accounts of countsFrom(10 ** power, 10 ** (power + 1), samples)) {
    probes.push(await count(accounts, undefined));
    bisected.push(countByBisection(accounts));
  }
  return { probes: spreadOfCounts(probes), bisected: spreadOfCounts(bisected) };
}

/** The same for tenants that had 100,000 to 1,000,000 accounts at the last run and changed by a share since. */
async function sampleChange(share: number, samples: number): Promise<Omit<Change, 'share'>> {
  const known: Counted[] = [];
  const unknown: Counted[] = [];
  for (const last of countsFrom(100_000, 1_000_000, samples)) {
    const accounts = Math.round(last * (1 + share));
    known.push(await count(accounts, last));
    unknown.push(await count(accounts, undefined));
  }
  return { known: spreadOfCounts(known), unknown: spreadOfCounts(unknown) };
}

async function count(accounts: number, expected: number | undefined): Promise<Counted> {
  const asked = { requests: 0, records: 0 };
  const found = await countAccounts({
    pageSize: PAGE_SIZE,
    concurrency: CONCURRENCY,
    expected,
    async probe(size, page) {
      const from = Math.min(page * size, accounts);
      const records = Math.min(size, accounts - from);
      asked.requests++;
      asked.records += records;
      return { records, names: Array.from({ length: records }, (_, i) => nameAt(from + i)) };
    },
  });
  if (found.accounts !== accounts) throw new Error(`Wrong count for ${accounts} accounts: ${found.accounts}.`);
  return { ...asked, rounds: found.rounds };
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

/** Evenly distributed counts on a logarithmic scale. */
export function countsFrom(minimum: number, maximum: number, samples: number): readonly number[] {
  return Array.from({ length: samples }, (_, i) => Math.round(minimum * (maximum / minimum) ** ((i + 0.5) / samples)));
}

function spreadOfCounts(counted: readonly Counted[]): CountedSpread {
  const spread = (of: (one: Counted) => number) => spreadOf(counted.map(of));
  return {
    requests: spread(({ requests }) => requests),
    records: spread(({ records }) => records),
    rounds: spread(({ rounds }) => rounds),
  };
}

function describe(
  cases: readonly Case[],
  decades: readonly { power: number; probes: CountedSpread; bisected: CountedSpread }[],
  changes: readonly Change[],
  samples: number,
): BenchSection {
  const exact: BenchTable = {
    head: ['accounts', 'first run', 'same count as the last run', 'reading until an empty page'],
    align: 'lrrr',
    rows: cases.map(({ name, accounts, first, known }) => [
      `${grouped(accounts)} (${name})`,
      ...[first, known, countByReading(accounts, PAGE_SIZE)].map(({ requests, records, rounds }) =>
        [requests, records, rounds].map(grouped).join(' / '),
      ),
    ]),
  };
  const spreads = (one: CountedSpread) => [one.requests, one.records, one.rounds].map(quoteWhole);
  const sampled: BenchTable = {
    head: ['accounts', 'requests', 'records', 'rounds', 'bisecting: requests and rounds', 'bisecting: records'],
    align: 'lrrrrr',
    rows: decades.map(({ power, probes, bisected }) => [
      `10${superscript(power)} to 10${superscript(power + 1)}`,
      ...spreads(probes),
      quoteWhole(bisected.requests),
      quoteWhole(bisected.records),
    ]),
  };
  const since: BenchTable = {
    head: [
      'change since the last run',
      'requests',
      'records',
      'rounds',
      'unknown count: records',
      'unknown count: rounds',
    ],
    align: 'rrrrrr',
    rows: changes.map(({ share, known, unknown }) => [
      percent(share),
      ...spreads(known),
      quoteWhole(unknown.records),
      quoteWhole(unknown.rounds),
    ]),
  };
  const maximum = (of: (one: CountedSpread) => Spread) => Math.max(...decades.map(({ probes }) => of(probes).max));
  const unchanged = changes.find(({ share }) => share === 0)?.known;
  const million = cases.find(({ accounts }) => accounts === 1_000_000);
  return {
    title: 'Planning',
    about: `*Plan export* as a dry run with concurrency ${CONCURRENCY} and pages of ${grouped(PAGE_SIZE)}, against an in-memory API. The figures are exact and do not depend on time. A *round* is one wait for parallel requests: one second each when the API takes a second. It is compared with reading pages until one is empty, as known clients do, which also exports the data, and with doubling and bisecting, one probe at a time. The first table shows requests / records / rounds. The others show the median with minimum and maximum of ${grouped(samples)} counts per line; in the third, tenants had 100,000 to 1,000,000 accounts at the last run, and are counted with and without that count.`,
    tables: [exact, sampled, since],
    findings: [
      `Without an earlier count, counting used at most ${maximum(({ records }) => records)} records and ${maximum(({ rounds }) => rounds)} rounds, up to 100 million accounts.`,
      ...(million
        ? [
            `A million accounts take ${million.first.records} records and ${million.first.rounds} rounds to count, and the pages can then be fetched in parallel: reading until an empty page waits ${grouped(countByReading(1_000_000, PAGE_SIZE).rounds)} times, planning and fetching with concurrency ${CONCURRENCY} waits ${million.first.rounds + 1000 / CONCURRENCY} times.`,
          ]
        : []),
      ...(unchanged
        ? [`When the count has not changed: ${unchanged.records.median} records in ${unchanged.rounds.median} rounds.`]
        : []),
      savedBy(changes, 'records'),
      savedBy(changes, 'rounds'),
    ],
    figures: { pageSize: PAGE_SIZE, concurrency: CONCURRENCY, cases, decades, changes },
  };
}

/** When the last run's count saves records or rounds, and when it costs more; compares medians. */
export function savedBy(changes: readonly Change[], what: 'records' | 'rounds'): string {
  const rows = changes.map(({ share, known, unknown }) => {
    const [took, without] = [Math.round(known[what].median), Math.round(unknown[what].median)];
    return { more: took - without, text: `${percent(share)} (${grouped(took)} against ${grouped(without)})` };
  });
  const clause = (word: string, is: (more: number) => boolean) => {
    const named = rows.filter(({ more }) => is(more)).map(({ text }) => text);
    return named.length === 0 ? [] : [`${word} ${what} at ${listed(named)}`];
  };
  const clauses = [
    ...clause('fewer', (more) => more < 0),
    ...clause('the same', (more) => more === 0),
    ...clause('more', (more) => more > 0),
  ];
  return `Counting with the last run’s count, compared with an unknown count, takes ${clauses.join('; ')}.`;
}

function percent(share: number): string {
  return `${share > 0 ? '+' : ''}${share * 100} %`;
}

function quoteWhole({ median, min, max }: Spread): string {
  return min === max ? grouped(median) : `${grouped(median)} (${grouped(min)}–${grouped(max)})`;
}

function superscript(power: number): string {
  return [...`${power}`].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');
}
