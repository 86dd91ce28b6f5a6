/** Fan-out: how near the pages of a run come to the ideal, latency × pages ÷ concurrency. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'undici';
import { directoryStore } from '../cli/local/directory-store.ts';
import { localCatalog } from '../cli/local/local-catalog.ts';
import { runLocal } from '../cli/local/run-local.ts';
import { createAccountsApi } from '../functions/personalization/accounts-api.ts';
import { basicAuthorization, staticCredentials } from '../functions/personalization/credentials.ts';
import { pagePath } from '../functions/personalization/request-url.ts';
import { DEFAULT_KEY } from '../simulator/simulator.ts';
import { cpuMs } from './measure.ts';
import { type SimulatorProcess, startSimulatorProcess } from './node-process.ts';
import type { Benchmark, BenchSection, Spread } from './section.ts';
import { grouped, quoteSpread, spreadOf } from './spread.ts';

const PAGES = 200;
const LIMIT = 1.05;
/** Share of the ideal that the processors would be at work, on which it is no longer the fan-out alone that is measured. */
const MUCH_WORK = 0.9;
/** Requests that are sent alone, to see what one takes. */
const ALONE = 5;
const KEY = { keyId: DEFAULT_KEY.keyId, secret: DEFAULT_KEY.keySecret };

interface Case {
  readonly latencyMs: number;
  /** Requests in flight: 8 is the default of `run`, 20 that of the stack, which keeps a slow API's run short. */
  readonly concurrency: number;
  readonly pageSize: number;
  readonly rounds: number;
}

/**
 * Pages of 100 accounts show the fan-out: two processors may be all that there is, which pages of a thousand keep busy when
 * eight at once take 50 ms. Four at once leave them time.
 */
const CASES: readonly Case[] = [
  { latencyMs: 50, concurrency: 8, pageSize: 100, rounds: 5 },
  { latencyMs: 200, concurrency: 8, pageSize: 100, rounds: 3 },
  { latencyMs: 200, concurrency: 20, pageSize: 100, rounds: 3 },
  { latencyMs: 1_000, concurrency: 20, pageSize: 100, rounds: 3 },
  { latencyMs: 50, concurrency: 4, pageSize: 1_000, rounds: 3 },
  { latencyMs: 50, concurrency: 8, pageSize: 1_000, rounds: 3 },
  { latencyMs: 200, concurrency: 8, pageSize: 1_000, rounds: 3 },
  { latencyMs: 1_000, concurrency: 20, pageSize: 1_000, rounds: 3 },
];
const QUICK: readonly Case[] = [
  { latencyMs: 50, concurrency: 8, pageSize: 100, rounds: 1 },
  { latencyMs: 200, concurrency: 20, pageSize: 100, rounds: 1 },
];

/** One run. Times in ms. */
interface RunTimes {
  readonly plan: number;
  /** From the plan to the last page. */
  readonly pages: number;
  readonly publish: number;
  /** Processors that were at work on the pages, of this process and of the simulator's: 1 is one of them, all the time. */
  readonly cores: number;
  readonly apiCores: number;
}

interface Measured extends Case {
  /** What one request takes that is alone. */
  readonly aloneMs: Spread;
  readonly idealMs: number;
  readonly pagesMs: Spread;
  readonly toIdeal: Spread;
  /** The same beside the latency that the simulator is told to have. */
  readonly toNominal: Spread;
  readonly bareToIdeal: Spread;
  readonly wholeMs: Spread;
  readonly planMs: Spread;
  readonly publishMs: Spread;
  readonly cores: Spread;
  readonly apiCores: Spread;
}

/** What the pages would take if nothing but the API took time: whole rounds of requests. */
export function idealMs(pages: number, concurrency: number, latencyMs: number): number {
  return Math.ceil(pages / concurrency) * latencyMs;
}

export const benchmark: Benchmark = async ({ quick }) => {
  const measured: Measured[] = [];
  for (const one of quick ? QUICK : CASES) measured.push(await measure(one));
  return describe(measured);
};

async function measure(one: Case): Promise<Measured> {
  const { latencyMs, concurrency, pageSize, rounds } = one;
  const simulator = await startSimulatorProcess({ accounts: PAGES * pageSize, latencyMs });
  try {
    const runs: RunTimes[] = [];
    const bare: number[] = [];
    // The simulator makes its pages now, and sends them later: an API has processors of its own.
    await fetchBarely(simulator.url, one);
    const alone: number[] = [];
    for (let round = 0; round < rounds; round++) {
      alone.push(...(await fetchAlone(simulator.url, one)));
      bare.push(await fetchBarely(simulator.url, one));
      runs.push(await runOnce(simulator, one));
    }
    const spread = (of: (run: RunTimes) => number) => spreadOf(runs.map(of));
    const aloneMs = spreadOf(alone);
    const ideal = idealMs(PAGES, concurrency, aloneMs.median);
    const nominal = idealMs(PAGES, concurrency, latencyMs);
    return {
      ...one,
      aloneMs,
      idealMs: ideal,
      pagesMs: spread(({ pages }) => pages),
      toIdeal: spread(({ pages }) => pages / ideal),
      toNominal: spread(({ pages }) => pages / nominal),
      bareToIdeal: spreadOf(bare.map((ms) => ms / ideal)),
      wholeMs: spread(({ plan, pages, publish }) => plan + pages + publish),
      planMs: spread(({ plan }) => plan),
      publishMs: spread(({ publish }) => publish),
      cores: spread(({ cores }) => cores),
      apiCores: spread(({ apiCores }) => apiCores),
    };
  } finally {
    await simulator.close();
  }
}

/** A run as `run` makes it, into a folder of its own. */
async function runOnce(simulator: SimulatorProcess, { concurrency, pageSize }: Case): Promise<RunTimes> {
  const out = await mkdtemp(join(tmpdir(), 'bench-fan-out-'));
  const api = createAccountsApi({ baseUrl: simulator.url, credentials: staticCredentials(KEY), concurrency });
  const startedAt = performance.now();
  let plannedAt = startedAt;
  let pagesAt = startedAt;
  let [before, after] = [cpuMs(), 0];
  let [apiBefore, apiAfter] = [Promise.resolve(0), Promise.resolve(0)];
  let done = 0;
  try {
    const outcome = await runLocal({
      api,
      store: directoryStore(out),
      catalog: localCatalog(),
      clock: { now: Date.now },
      runId: 'bench',
      request: { exportName: 'bench', datasetId: 'engage', pageSize },
      exports: [],
      concurrency,
      signal: new AbortController().signal,
      onPlan() {
        plannedAt = performance.now();
        before = cpuMs();
        apiBefore = simulator.cpuMs();
      },
      onPage() {
        if (++done < PAGES) return;
        pagesAt = performance.now();
        after = cpuMs();
        apiAfter = simulator.cpuMs();
      },
    });
    if (outcome.status !== 'published' || outcome.result.accounts !== PAGES * pageSize)
      throw new Error(`The run ended as ${outcome.status}.`);
    const publish = performance.now() - pagesAt;
    const pages = pagesAt - plannedAt;
    const apiMs = (await apiAfter) - (await apiBefore);
    return { plan: plannedAt - startedAt, pages, publish, cores: (after - before) / pages, apiCores: apiMs / pages };
  } finally {
    await api.close();
    await rm(out, { recursive: true, force: true });
  }
}

/**
 * The same pages with the same concurrency, read and dropped: what is left above the ideal then is the simulator, its timers
 * and this machine. @returns ms
 */
async function fetchBarely(url: string, one: Case): Promise<number> {
  const agent = new Agent();
  let next = 0;
  const startedAt = performance.now();
  const fetchInTurn = async () => {
    for (let page = next++; page < PAGES; page = next++) await fetchPage(agent, url, one, page);
  };
  await Promise.all(Array.from({ length: one.concurrency }, fetchInTurn));
  const ms = performance.now() - startedAt;
  await agent.destroy();
  return ms;
}

/** Pages one after the other, over a connection that is there. @returns the ms of each */
async function fetchAlone(url: string, one: Case): Promise<number[]> {
  const agent = new Agent();
  const times: number[] = [];
  for (let page = 0; page <= ALONE; page++) {
    const startedAt = performance.now();
    await fetchPage(agent, url, one, page);
    times.push(performance.now() - startedAt);
  }
  await agent.destroy();
  return times.slice(1);
}

async function fetchPage(agent: Agent, url: string, { pageSize }: Case, page: number): Promise<void> {
  const path = pagePath({ datasetId: 'engage', endpoint: 'json', pageSize, page });
  const headers = { authorization: basicAuthorization(KEY), 'accept-encoding': 'gzip' };
  const { body, statusCode } = await agent.request({ origin: url, path, method: 'GET', headers });
  if (statusCode !== 200) throw new Error(`The simulator answered ${statusCode}.`);
  await body.arrayBuffer();
}

function describe(measured: readonly Measured[]): BenchSection {
  const nameOf = ({ latencyMs, concurrency, pageSize }: Case) =>
    `${grouped(latencyMs)} ms, ${concurrency} at once, pages of ${grouped(pageSize)}`;
  const verdict = (one: Measured) =>
    `${nameOf(one)}: ${one.toIdeal.median.toFixed(3)} × the ideal (a bare client ${one.bareToIdeal.median.toFixed(3)}), ${one.toIdeal.median <= LIMIT ? 'within' : 'over'} ${LIMIT}; ${one.toNominal.median.toFixed(3)} × what ${one.latencyMs} ms to the dot would make of it.${boundOf(one)}`;
  return {
    title: 'Fan-out',
    about: `A run of ${PAGES} pages on one machine (\`runLocal\`: the deployed definition, the real client, parts and records on disk), from its plan to its last page, beside the ideal of latency × pages ÷ concurrency, where the latency is what one request takes that is sent *alone*. The simulator answers from a process of its own, with pages that it has made before; a *bare client* asks it for the same pages with the same concurrency and drops the answers, so that what it takes above the ideal is the simulator's timers and the machine. *Cores* are processors at work on the pages, of the exporting process and of the simulator’s, of the ${availableParallelism()} that this machine has. On AWS each page in flight has a Lambda of its own. 8 at once is what \`run\` takes on one machine when nothing else is said, 20 what the stack does.`,
    tables: [
      {
        head: [
          'latency, ms',
          'at once',
          'accounts a page',
          'alone, ms',
          'ideal, s',
          'pages, s',
          '× ideal',
          'bare client, × ideal',
          'to the dot, ×',
          'cores',
          'API’s cores',
          'planning, s',
          'publishing, s',
          'whole run, s',
        ],
        align: 'rrrrrrrrrrrrrr',
        rows: measured.map((one) => [
          grouped(one.latencyMs),
          `${one.concurrency}`,
          grouped(one.pageSize),
          one.aloneMs.median.toFixed(1),
          (one.idealMs / 1000).toFixed(2),
          (one.pagesMs.median / 1000).toFixed(2),
          quoteSpread(one.toIdeal, 3),
          quoteSpread(one.bareToIdeal, 3),
          quoteSpread(one.toNominal, 3),
          quoteSpread(one.cores, 2),
          quoteSpread(one.apiCores, 2),
          (one.planMs.median / 1000).toFixed(2),
          (one.publishMs.median / 1000).toFixed(2),
          (one.wholeMs.median / 1000).toFixed(2),
        ]),
      },
    ],
    findings: measured.map(verdict),
    figures: { pages: PAGES, limit: LIMIT, cases: measured },
  };
}

/** What share of the ideal the processors would be at work if they shared it evenly, where that is much. */
function boundOf({ cores, apiCores, pagesMs, idealMs }: Measured): string {
  const workMs = ((cores.median + apiCores.median) * pagesMs.median) / availableParallelism();
  if (workMs < MUCH_WORK * idealMs) return '';
  return ` Its work would take ${availableParallelism()} processors that share it evenly and never pause ${(workMs / 1000).toFixed(2)} s, and the ideal, in which nothing takes time but the API, is ${(idealMs / 1000).toFixed(2)} s: this machine has no time to spare for it.`;
}
