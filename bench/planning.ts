/** Planning: what it takes to count accounts through an API that tells no total, by how many there are. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryStore } from '../cli/local/directory-store.ts';
import { planExport } from '../functions/export/plan/plan-export.ts';
import type { ObjectStore } from '../functions/export/ports.ts';
import { countAccounts } from '../functions/export/source/count-accounts.ts';
import { manifestKey } from '../functions/export/storage/bucket-layout.ts';
import { putJson } from '../functions/export/storage/stored-json.ts';
import type { Manifest } from '../functions/model/manifest.ts';
import { nameAt, offsetApi } from './offset-api.ts';
import { listed } from './peers/markdown.ts';
import type { Benchmark, BenchSection, BenchTable, Spread } from './section.ts';
import { grouped, spreadOf } from './spread.ts';

const PAGE_SIZE = 1000;
/** Probes at once: those of the stack. */
const CONCURRENCY = 20;
const POWERS = [3, 4, 5, 6, 7];

/** What it took to know how many accounts there are. */
interface Counted {
  readonly requests: number;
  /** Of the contract. */
  readonly records: number;
  /** How many times answers were waited for. */
  readonly rounds: number;
}

interface CountedSpread {
  readonly requests: Spread;
  readonly records: Spread;
  readonly rounds: Spread;
}

/** Tenants that moved by a share since the last run, counted with its count, and from nothing. */
export interface Moved {
  readonly share: number;
  readonly known: CountedSpread;
  readonly fromNothing: CountedSpread;
}

/** Ways to count, from nothing and from the last run's number. */
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
  const moved: Moved[] = [];
  for (const share of [0, 0.001, 0.01, 0.05, 0.2, 0.5, 1, -0.001, -0.01, -0.05, -0.2, -0.5]) {
    moved.push({ share, ...(await sampleMoved(share, samples)) });
  }
  return describe(cases, decades, moved, samples);
};

function namedCounts(): readonly (readonly [string, number])[] {
  return [
    ['none', 0],
    ['one', 1],
    ['a page, exactly', 1_000],
    ['2¹⁰', 2 ** 10],
    ['2²⁰', 2 ** 20],
    ['9⁶, a place of the first round', 9 ** 6],
    ...POWERS.map((power) => [`10${superscript(power)}`, 10 ** power] as const),
  ];
}

/** *Plan export* itself, as a dry run, over a store that knows the last run's count, or none; the API counts. */
async function plan(accounts: number, lastAccounts: number | undefined): Promise<Counted> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-planning-'));
  try {
    const store = directoryStore(folder);
    if (lastAccounts !== undefined) await leavePublishedRun(store, lastAccounts);
    const { api, asked } = offsetApi(accounts);
    const executions = { isRunning: async () => false };
    const outcome = await planExport(
      { api, store, executions },
      {
        runId: 'bench',
        execution: 'bench',
        startedAt: '2026-08-23T02:00:00.000Z',
        request: { exportName: 'all', datasetId: 'engage', pageSize: PAGE_SIZE, dryRun: true },
        exports: [],
        concurrency: CONCURRENCY,
      },
    );
    if (!outcome.dryRun || outcome.accounts !== accounts) throw new Error(`${accounts} accounts were miscounted.`);
    return { ...asked, rounds: outcome.plan.rounds };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What planning looks for of the last run: a part in its folder, and the manifest. */
async function leavePublishedRun(store: ObjectStore, records: number): Promise<void> {
  const at = '2026-08-22T02:00:00.000Z';
  const manifest: Manifest = {
    version: 1,
    runId: 'last',
    exportName: 'all',
    datasetId: 'engage',
    format: 'json',
    parameters: { pageSize: PAGE_SIZE },
    dueAt: at,
    startedAt: at,
    publishedAt: at,
    pages: 1,
    records,
    distinctAccounts: records,
    duplicates: 0,
    bytes: 1,
    parts: [],
    plannedRecords: records,
    recordsFetched: records,
    apiRequests: 1,
    retries: 0,
    consistency: {
      verdict: 'consistent',
      accountsBefore: records,
      accountsAfter: records,
      boundariesChecked: 0,
      boundariesMoved: 0,
    },
    unmappedColumns: [],
    escapedLineBreaks: 0,
  };
  const part = 'accounts_json/export_name=all/export_date=2026-08-22/run_id=last/part-00000.json.gz';
  await store.put(part, Buffer.from('x'), 'application/gzip');
  await putJson(store, manifestKey('last'), manifest);
}

/** The counting alone, at many counts up to ten times a power of ten. */
async function sampleDecade(power: number, samples: number) {
  const probes: Counted[] = [];
  const bisected: Counted[] = [];
  for (const accounts of countsFrom(10 ** power, 10 ** (power + 1), samples)) {
    probes.push(await count(accounts, undefined));
    bisected.push(countByBisection(accounts));
  }
  return { probes: spreadOfCounts(probes), bisected: spreadOfCounts(bisected) };
}

/** The same for tenants that had a hundred thousand to a million at the last run, and moved by a share since. */
async function sampleMoved(share: number, samples: number): Promise<Omit<Moved, 'share'>> {
  const known: Counted[] = [];
  const fromNothing: Counted[] = [];
  for (const last of countsFrom(100_000, 1_000_000, samples)) {
    const accounts = Math.round(last * (1 + share));
    known.push(await count(accounts, last));
    fromNothing.push(await count(accounts, undefined));
  }
  return { known: spreadOfCounts(known), fromNothing: spreadOfCounts(fromNothing) };
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
      return { records, identities: Array.from({ length: records }, (_, i) => nameAt(from + i)) };
    },
  });
  if (found.accounts !== accounts) throw new Error(`${accounts} accounts were counted as ${found.accounts}.`);
  return { ...asked, rounds: found.rounds };
}

/** What is written down most often: doubling until nothing is there, then halving, one probe of one record after the other. */
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
  if (atLeast !== accounts) throw new Error(`${accounts} accounts were counted as ${atLeast}.`);
  return { requests, records, rounds: requests };
}

/** What known clients do: page after page until one is empty. */
export function countByReading(accounts: number, pageSize: number): Counted {
  const requests = Math.ceil(accounts / pageSize) + 1;
  return { requests, records: accounts, rounds: requests };
}

/** Counts spread evenly by their order of size, the same every time. */
export function countsFrom(least: number, most: number, samples: number): readonly number[] {
  return Array.from({ length: samples }, (_, i) => Math.round(least * (most / least) ** ((i + 0.5) / samples)));
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
  moved: readonly Moved[],
  samples: number,
): BenchSection {
  const exact: BenchTable = {
    head: ['accounts', 'first run', 'the last run had as many', 'reading to the empty page'],
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
    head: ['accounts', 'requests', 'records', 'rounds', 'halving: requests and rounds', 'halving: records'],
    align: 'lrrrrr',
    rows: decades.map(({ power, probes, bisected }) => [
      `10${superscript(power)} to 10${superscript(power + 1)}`,
      ...spreads(probes),
      quoteWhole(bisected.requests),
      quoteWhole(bisected.records),
    ]),
  };
  const since: BenchTable = {
    head: ['since the last run', 'requests', 'records', 'rounds', 'from nothing: records', 'from nothing: rounds'],
    align: 'rrrrrr',
    rows: moved.map(({ share, known, fromNothing }) => [
      percent(share),
      ...spreads(known),
      quoteWhole(fromNothing.records),
      quoteWhole(fromNothing.rounds),
    ]),
  };
  const most = (of: (one: CountedSpread) => Spread) => Math.max(...decades.map(({ probes }) => of(probes).max));
  const still = moved.find(({ share }) => share === 0)?.known;
  const million = cases.find(({ accounts }) => accounts === 1_000_000);
  return {
    title: 'Planning',
    about: `*Plan export*, as a dry run with ${CONCURRENCY} requests at once and pages of ${grouped(PAGE_SIZE)}, over an API in memory that counts what it is asked for. There is no chance and no clock in these figures. A *round* is a wait for answers: with an API that takes a second, so many seconds. Beside it, what known clients do, reading page after page until one is empty, which also is the export; and counting by doubling and halving with one probe at a time. The first table says requests / records / rounds. The second and third have ${grouped(samples)} counts a line, the third of tenants that had a hundred thousand to a million at the last run, counted with its count and from nothing: the median, and from which to which.`,
    tables: [exact, sampled, since],
    findings: [
      `From nothing, counting took at most ${most(({ records }) => records)} records and ${most(({ rounds }) => rounds)} rounds, up to a hundred million accounts.`,
      ...(million
        ? [
            `A million accounts: ${million.first.records} records and ${million.first.rounds} rounds before the pages, which then need not be read one after the other: reading to the empty page waits ${grouped(countByReading(1_000_000, PAGE_SIZE).rounds)} times, planning and then 20 pages at once ${million.first.rounds + 1000 / CONCURRENCY} times.`,
          ]
        : []),
      ...(still
        ? [`Where the count is still the last run's: ${still.records.median} records in ${still.rounds.median} rounds.`]
        : []),
      savedBy(moved, 'records'),
      savedBy(moved, 'rounds'),
      'The cost model takes a plan’s own figures; where a run is to be planned again, its record budget sets 62 records aside.',
    ],
    figures: { pageSize: PAGE_SIZE, concurrency: CONCURRENCY, cases, decades, moved },
  };
}

/** Where the last run's count saves something, and where it costs more than knowing nothing: by the medians, as quoted. */
export function savedBy(moved: readonly Moved[], what: 'records' | 'rounds'): string {
  const rows = moved.map(({ share, known, fromNothing }) => {
    const [took, without] = [Math.round(known[what].median), Math.round(fromNothing[what].median)];
    return { more: took - without, text: `${percent(share)} (${grouped(took)} against ${grouped(without)})` };
  });
  const clause = (word: string, is: (more: number) => boolean) => {
    const named = rows.filter(({ more }) => is(more)).map(({ text }) => text);
    return named.length === 0 ? [] : [`${word} at ${listed(named)}`];
  };
  const clauses = [
    ...clause('fewer', (more) => more < 0),
    ...clause('as many', (more) => more === 0),
    ...clause('more', (more) => more > 0),
  ];
  return `The ${what} that counting takes with the last run’s count, and from nothing, by how far the tenant moved: ${clauses.join('; ')}.`;
}

function percent(share: number): string {
  return `${share > 0 ? '+' : ''}${share * 100} %`;
}

/** Of whole numbers: a range where there is one. */
function quoteWhole({ median, min, max }: Spread): string {
  return min === max ? grouped(median) : `${grouped(median)} (${grouped(min)}–${grouped(max)})`;
}

function superscript(power: number): string {
  return [...`${power}`].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('');
}
