/** Whole runs as processes: compared with the network alone and a short script, and with other tools. */
import { join } from 'node:path';
import { isComplete, runTool, type ToolRun } from './peers/run-tool.ts';
import { accountExport, OWN, type Peers, plainReader, preparePeers, type Tool } from './peers/tools.ts';
import { inFolder, startSimulatorProcess } from './processes.ts';
import { grouped, listed, other, own, type Panel, quoted, type Section, type Spread, spreadOf } from './section.ts';

const LANES = 8;
const PAGE_SIZE = 1000;
const FIRST = accountExport([], `${OWN}, first run`, 'first');
const LATER = accountExport([], `${OWN}, later run`, 'later');
const SEQUENTIAL = accountExport(['--concurrency', '1'], `${OWN}, one by one`);
const READER = plainReader(LANES, `plain reader, ${LANES} requests at once`);
const SEQUENTIAL_READER = plainReader(1, 'plain reader, one by one');

/** What one tool used for a whole run. */
interface ToolRow {
  readonly tool: string;
  readonly accounts: number;
  readonly latencyMs: number;
  readonly seconds: Spread;
  readonly cpuSeconds: Spread;
  /** Of the largest process. */
  readonly peakMb: Spread;
  readonly requests: number;
  readonly records: number;
  /** From the second page to the last one, as the API saw it, in s. */
  readonly pagesSeconds: Spread;
  readonly writtenMb: number;
}

interface Case {
  readonly accounts: number;
  readonly latencyMs: number;
  readonly rounds: number;
  /** Measured in turn; those that take one page after the other only once. */
  readonly tools: readonly Tool[];
}

/** @throws Error when a run is not complete */
async function measureTools({ accounts, latencyMs, rounds, tools }: Case): Promise<ToolRow[]> {
  const api = await startSimulatorProcess({ accounts, latencyMs, cacheResponses: true });
  const runIn = (folder: string, tool: Tool) => runTool(tool, { api, accounts, pageSize: PAGE_SIZE, folder });
  try {
    const runs = new Map(tools.map((tool) => [tool, [] as ToolRun[]]));
    // Fills the cache of the simulator: a real API does not share this machine's CPU.
    await inFolder((folder) => runIn(folder, READER));
    for (let round = 0; round < rounds; round++) {
      await inFolder(async (folder) => {
        for (const tool of tools) {
          if (round > 0 && [SEQUENTIAL, SEQUENTIAL_READER].includes(tool)) continue;
          // A later run finds the first one.
          const run = await runIn(join(folder, tool === LATER ? FIRST.name : tool.name), tool);
          if (!isComplete(run)) throw new Error(`${tool.name} ended with code ${run.exitCode}: ${run.stderr}`);
          runs.get(tool)?.push(run);
        }
      });
    }
    return [...runs].map(([{ name: tool }, measured]) => ({ tool, accounts, latencyMs, ...figuresOf(measured) }));
  } finally {
    await api.close();
  }
}

function figuresOf(runs: readonly ToolRun[]): Omit<ToolRow, 'tool' | 'accounts' | 'latencyMs'> {
  const spread = (figure: (run: ToolRun) => number) => spreadOf(runs.map(figure));
  return {
    seconds: spread(({ wallSeconds }) => wallSeconds),
    cpuSeconds: spread(({ cpuSeconds }) => cpuSeconds),
    peakMb: spread(({ peakMb }) => peakMb),
    requests: spread(({ seen }) => seen.requests)[0],
    records: spread(({ seen }) => seen.records)[0],
    pagesSeconds: spread(({ seen }) => seen.pagesMs / 1000),
    writtenMb: spread(({ deliveredMb }) => deliveredMb)[0],
  };
}

async function measureCases(cases: readonly Case[]): Promise<ToolRow[]> {
  const rows: ToolRow[] = [];
  for (const one of cases) rows.push(...(await measureTools(one)));
  return rows;
}

/** Seconds, if only the API took time. */
function idealSeconds({ accounts, latencyMs }: Pick<ToolRow, 'accounts' | 'latencyMs'>): number {
  return ((accounts / PAGE_SIZE / LANES) * latencyMs) / 1000;
}

export const run: Section<ToolRow> = {
  question: 'How long does a whole run take?',

  measure(quick) {
    const tools = [FIRST, LATER, READER, SEQUENTIAL_READER];
    if (quick) return measureCases([{ accounts: 10_000, latencyMs: 50, rounds: 1, tools }]);
    return measureCases([
      { accounts: 100_000, latencyMs: 200, rounds: 5, tools },
      { accounts: 1_000_000, latencyMs: 50, rounds: 1, tools: [FIRST, READER] },
    ]);
  },

  describe(rows) {
    const [first, later = first] = rows;
    if (!first || !later) throw new Error('Nothing was measured.');
    const ideal = idealSeconds(first);
    const times = (seconds: Spread) => seconds[0] / ideal;
    const largest = rows.findLast(({ tool }) => tool === FIRST.name) ?? first;
    const panels = panelsOf(rows);
    return {
      answer: `${grouped(first.accounts)} accounts take ${first.seconds[0].toFixed(1)} s the first time and ${later.seconds[0].toFixed(1)} s later, from the start of the command to its end, when each page takes the API ${first.latencyMs} ms: ${times(first.seconds).toFixed(2)} and ${times(later.seconds).toFixed(2)} × the ideal. The pages alone take ${times(first.pagesSeconds).toFixed(2)} × the ideal. ${grouped(largest.accounts)} accounts take ${largest.peakMb[0].toFixed(0)} MB.`,
      about: `\`account-export run\` with its default of ${LANES} requests at once, pages of ${grouped(PAGE_SIZE)}, into a local folder. The ideal is latency × pages ÷ ${LANES}. A first run counts accounts; a later run knows how many there were. The *plain reader* is a script of 30 lines that reads pages until one is empty and writes gzipped JSON: it neither counts nor checks, resumes nothing and publishes nothing. Each run is a process, in turn with the others; the simulator is another process and serves cached pages. MB are 2^20 bytes, of the largest process.`,
      chart: panels.map((panel, i) => {
        const bar = other(`ideal: latency × pages ÷ ${LANES}`, ideal, `${ideal.toFixed(1)} s`);
        return i === 0 ? { ...panel, bars: [bar, ...panel.bars] } : panel;
      }),
      limits: [
        ['first run ÷ ideal', times(first.seconds), 1.9, '×'],
        ['later run ÷ ideal', times(later.seconds), 1.45, '×'],
        [`memory of a run, ${grouped(first.accounts)} accounts`, first.peakMb[0], 200, 'MB'],
        [`memory of a run, ${grouped(largest.accounts)} accounts`, largest.peakMb[0], 200, 'MB'],
      ],
    };
  },
};

export const peers: Section<ToolRow & Pick<Peers, 'versions'>> = {
  question: 'How does a run compare with dlt and Singer?',

  async measure(quick) {
    const { dlt, singer, versions } = await preparePeers();
    const tools = [FIRST, LATER, dlt, singer];
    const cases = quick
      ? [{ accounts: 5_000, latencyMs: 50, rounds: 1, tools }]
      : [
          { accounts: 100_000, latencyMs: 200, rounds: 2, tools: [...tools, SEQUENTIAL] },
          { accounts: 100_000, latencyMs: 0, rounds: 3, tools },
        ];
    return (await measureCases(cases)).map((row) => ({ ...row, versions }));
  },

  describe(rows) {
    const [first] = rows;
    if (!first) throw new Error('Nothing was measured.');
    const shown = rows.filter(({ tool, latencyMs }) => latencyMs === first.latencyMs && tool !== SEQUENTIAL.name);
    const used = shown.map(({ tool, seconds, cpuSeconds, peakMb }) => {
      return `${tool}: ${seconds[0].toFixed(1)} s, ${cpuSeconds[0].toFixed(1)} s of CPU time, ${peakMb[0].toFixed(0)} MB`;
    });
    return {
      answer: `${grouped(first.accounts)} accounts at ${first.latencyMs} ms per response. ${used.join('; ')}.`,
      about: `The same simulated API, accounts and machine for Account Export, dlt (\`rest_api\` to \`filesystem\`, attributes as JSON) and a Singer tap with a target, [configured](../bench/peers/tools.ts) as their documentation says: ${listed(Object.entries(first.versions).map(([name, version]) => `${name} ${version}`))}. Pages of ${grouped(PAGE_SIZE)}, local files, each run in its own processes, in turn with the others; every run delivered every account once. dlt fetches the pages of one endpoint one by one ([dlt#2844](https://github.com/dlt-hub/dlt/issues/2844)), and so does the tap; *one by one* is Account Export with \`--concurrency 1\`. Account Export sends more requests because it counts before and after the pages and checks page boundaries. The target of Singer writes plain JSON, the others gzip. dlt and Singer are general tools for hundreds of sources; this is one source of a kind that is hard for them, and says nothing about others.`,
      chart: panelsOf(rows),
    };
  },
};

/** The figures of the first case; the times of the second; and memory, if it has more accounts. */
function panelsOf(rows: readonly ToolRow[]): Panel[] {
  const { accounts = 0, latencyMs = 0 } = rows[0] ?? {};
  const isFirst = (row: ToolRow) => row.accounts === accounts && row.latencyMs === latencyMs;
  const shown = rows.filter(isFirst);
  const rest = rows.filter((row) => !isFirst(row));
  const panel = (title: string, of: readonly ToolRow[], figure: (row: ToolRow) => Spread, digits: number): Panel => ({
    title,
    bars: of.map((row) =>
      (row.tool.startsWith(OWN) ? own : other)(row.tool, figure(row)[0], quoted(figure(row), digits)),
    ),
  });
  const nameOf = (row: ToolRow | undefined) =>
    `${grouped(row?.accounts ?? 0)} accounts at ${row?.latencyMs} ms per response`;
  return [
    panel(`seconds: ${nameOf(shown[0])}`, shown, ({ seconds }) => seconds, 1),
    panel('CPU seconds', shown, ({ cpuSeconds }) => cpuSeconds, 1),
    panel('peak memory, MB', shown, ({ peakMb }) => peakMb, 0),
    panel('requests', shown, ({ requests }) => [requests, requests, requests], 0),
    ...(rest.length === 0 ? [] : [panel(`seconds: ${nameOf(rest[0])}`, rest, ({ seconds }) => seconds, 1)]),
    ...(rest.some((row) => row.accounts > accounts) ? [panel('peak memory, MB', rest, ({ peakMb }) => peakMb, 0)] : []),
  ];
}
