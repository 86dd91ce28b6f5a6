/** Fan-out: the time that the pages of a run take, compared with the ideal of latency × pages ÷ concurrency. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'undici';
import { directoryStore } from '../cli/local/directory-store.ts';
import { localCatalog, runLocal } from '../cli/local/run-local.ts';
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
/** CPU time as a share of the ideal from which on the CPU, not the fan-out, limits the result. */
const CPU_BOUND = 0.9;
/** Sequential requests that measure the latency of one. */
const SEQUENTIAL = 5;
const KEY = { keyId: DEFAULT_KEY.keyId, secret: DEFAULT_KEY.keySecret };

interface Case {
  readonly latencyMs: number;
  /** Requests in flight: 8 is the default of `run`, 20 that of the stack. */
  readonly concurrency: number;
  readonly pageSize: number;
  readonly rounds: number;
}

/** Pages of 100 accounts measure the fan-out alone: eight pages of 1,000 every 50 ms keep two cores busy. */
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

/** One run, in ms. */
interface RunTimes {
  readonly plan: number;
  /** From the plan to the last page. */
  readonly pages: number;
  readonly publish: number;
  /** Cores in use while the pages were exported, by this process and by the simulator. */
  readonly cores: number;
  readonly apiCores: number;
}

interface Measured extends Case {
  /** Latency of sequential requests. */
  readonly sequentialMs: Spread;
  readonly idealMs: number;
  readonly pagesMs: Spread;
  readonly toIdeal: Spread;
  /** Compared with the configured latency. */
  readonly toNominal: Spread;
  readonly bareToIdeal: Spread;
  readonly wholeMs: Spread;
  readonly planMs: Spread;
  readonly publishMs: Spread;
  readonly cores: Spread;
  readonly apiCores: Spread;
}

/** The time of the pages if only the API took time: full rounds of requests. */
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
  const simulator = await startSimulatorProcess({ accounts: PAGES * pageSize, latencyMs, cacheResponses: true });
  try {
    const runs: RunTimes[] = [];
    const bare: number[] = [];
    // Fills the simulator's cache: a real API does not share this machine's CPU.
    await fetchBare(simulator.url, one);
    const sequential: number[] = [];
    for (let round = 0; round < rounds; round++) {
      sequential.push(...(await fetchSequentially(simulator.url, one)));
      bare.push(await fetchBare(simulator.url, one));
      runs.push(await runOnce(simulator, one));
    }
    const spread = (of: (run: RunTimes) => number) => spreadOf(runs.map(of));
    const sequentialMs = spreadOf(sequential);
    const ideal = idealMs(PAGES, concurrency, sequentialMs.median);
    const nominal = idealMs(PAGES, concurrency, latencyMs);
    return {
      ...one,
      sequentialMs,
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

/** A run as the command `run` makes it, into a temporary folder. */
async function runOnce(simulator: SimulatorProcess, { concurrency, pageSize }: Case): Promise<RunTimes> {
  const out = await mkdtemp(join(tmpdir(), 'bench-fan-out-'));
  const api = createAccountsApi({ baseUrl: simulator.url, credentials: staticCredentials(KEY), concurrency });
  const startedAt = performance.now();
  let plannedAt = startedAt;
  let pagesAt = startedAt;
  let [before, after] = [cpuMs(), 0];
  let [apiBefore, apiAfter] = [Promise.resolve(0), Promise.resolve(0)];
  let done = 0;
  const apiCpuMs = async () => (await simulator.seen()).cpuMs;
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
        apiBefore = apiCpuMs();
      },
      onPage() {
        if (++done < PAGES) return;
        pagesAt = performance.now();
        after = cpuMs();
        apiAfter = apiCpuMs();
      },
    });
    if (outcome.outcome !== 'published' || outcome.result.accounts !== PAGES * pageSize)
      throw new Error(`The run ended with outcome ${outcome.outcome}.`);
    const publish = performance.now() - pagesAt;
    const pages = pagesAt - plannedAt;
    const apiMs = (await apiAfter) - (await apiBefore);
    return { plan: plannedAt - startedAt, pages, publish, cores: (after - before) / pages, apiCores: apiMs / pages };
  } finally {
    await api.close();
    await rm(out, { recursive: true, force: true });
  }
}

/** Fetches and discards the same pages: its time above the ideal is that of the simulator and this machine. @returns ms */
async function fetchBare(url: string, one: Case): Promise<number> {
  const agent = new Agent();
  let next = 0;
  const startedAt = performance.now();
  const worker = async () => {
    for (let page = next++; page < PAGES; page = next++) await fetchPage(agent, url, one, page);
  };
  await Promise.all(Array.from({ length: one.concurrency }, worker));
  const ms = performance.now() - startedAt;
  await agent.destroy();
  return ms;
}

/** Fetches pages one by one over an open connection. @returns ms of each */
async function fetchSequentially(url: string, one: Case): Promise<number[]> {
  const agent = new Agent();
  const times: number[] = [];
  for (let page = 0; page <= SEQUENTIAL; page++) {
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
  if (statusCode !== 200) throw new Error(`The simulator answered with status ${statusCode}.`);
  await body.arrayBuffer();
}

function describe(measured: readonly Measured[]): BenchSection {
  const nameOf = ({ latencyMs, concurrency, pageSize }: Case) =>
    `${grouped(latencyMs)} ms, concurrency ${concurrency}, pages of ${grouped(pageSize)}`;
  const verdict = (one: Measured) =>
    `${nameOf(one)}: ${one.toIdeal.median.toFixed(3)} × the ideal (bare client ${one.bareToIdeal.median.toFixed(3)}), ${one.toIdeal.median <= LIMIT ? 'within' : 'over'} the limit of ${LIMIT}; ${one.toNominal.median.toFixed(3)} × the ideal at exactly ${one.latencyMs} ms.${boundOf(one)}`;
  return {
    title: 'Fan-out',
    about: `The pages of a local run of ${PAGES} pages (\`runLocal\`: the deployed definition, the real client, parts and receipts on disk), from plan to last page, compared with the ideal of latency × pages ÷ concurrency. The latency is that of *sequential* requests. The simulator serves cached pages from its own process; a *bare client* fetches and discards the same pages with the same concurrency, so its time above the ideal is that of the simulator and the machine. *Cores* are those in use by the exporting process and by the simulator, of the ${availableParallelism()} of this machine. On AWS, each page in flight has its own Lambda. A concurrency of 8 is the default of \`run\`, 20 that of the stack.`,
    tables: [
      {
        head: [
          'latency, ms',
          'concurrency',
          'accounts/page',
          'sequential, ms',
          'ideal, s',
          'pages, s',
          '× ideal',
          'bare client, × ideal',
          '× nominal ideal',
          'cores',
          'simulator cores',
          'planning, s',
          'publishing, s',
          'whole run, s',
        ],
        align: 'rrrrrrrrrrrrrr',
        rows: measured.map((one) => [
          grouped(one.latencyMs),
          `${one.concurrency}`,
          grouped(one.pageSize),
          one.sequentialMs.median.toFixed(1),
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

/** Says when the CPU limits the result. */
function boundOf({ cores, apiCores, pagesMs, idealMs }: Measured): string {
  const workMs = ((cores.median + apiCores.median) * pagesMs.median) / availableParallelism();
  if (workMs < CPU_BOUND * idealMs) return '';
  return ` The CPU of this machine is the limit: ${availableParallelism()} fully used cores need ${(workMs / 1000).toFixed(2)} s for the work, and the ideal is ${(idealMs / 1000).toFixed(2)} s.`;
}
