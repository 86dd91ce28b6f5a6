/** Whole runs on one machine as processes, compared with the network alone and with a short script. */
import { join } from 'node:path';
import { isComplete, runTool, type ToolRun } from './peers/run-tool.ts';
import { accountExport, OWN, plainReader, type Tool } from './peers/tools.ts';
import { inFolder, startSimulatorProcess } from './processes.ts';
import { grouped, other, own, quoted, type Section, type Spread, spreadOf, tableOf } from './section.ts';

const LANES = 8;
export const PAGE_SIZE = 1000;

/** What one tool used for a whole run. */
export interface ToolRow {
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

export interface ToolsCase {
  readonly accounts: number;
  readonly latencyMs: number;
  readonly rounds: number;
  /** Measured in turn. Tools with the same folder share it. */
  readonly tools: readonly { readonly tool: Tool; readonly folder: string; readonly once?: boolean }[];
}

/** @throws Error when a run is not complete */
export async function measureTools({ accounts, latencyMs, rounds, tools }: ToolsCase): Promise<ToolRow[]> {
  const api = await startSimulatorProcess({ accounts, latencyMs, cacheResponses: true });
  try {
    const runs = new Map(tools.map(({ tool }) => [tool, [] as ToolRun[]]));
    // Round -1 fills the cache of the simulator: a real API does not share this machine's CPU.
    await inFolder((folder) => runTool(plainReader(LANES, 'warm-up'), { api, accounts, pageSize: PAGE_SIZE, folder }));
    for (let round = 0; round < rounds; round++) {
      await inFolder(async (place) => {
        for (const { tool, folder, once } of tools) {
          if (once && round > 0) continue;
          const run = await runTool(tool, { api, accounts, pageSize: PAGE_SIZE, folder: join(place, folder) });
          if (!isComplete(run))
            throw new Error(`The run of ${tool.name} is not complete (exit code ${run.exitCode}): ${run.stderr}`);
          runs.get(tool)?.push(run);
        }
      });
    }
    return [...runs].map(([{ name }, own]) => rowOf(name, own, { accounts, latencyMs }));
  } finally {
    await api.close();
  }
}

function rowOf(
  tool: string,
  runs: readonly ToolRun[],
  { accounts, latencyMs }: Pick<ToolRow, 'accounts' | 'latencyMs'>,
): ToolRow {
  const spread = (figure: (run: ToolRun) => number) => spreadOf(runs.map(figure));
  return {
    tool,
    accounts,
    latencyMs,
    seconds: spread(({ wallSeconds }) => wallSeconds),
    cpuSeconds: spread(({ cpuSeconds }) => cpuSeconds),
    peakMb: spread(({ peakMb }) => peakMb),
    requests: spread(({ seen }) => seen.requests)[0],
    records: spread(({ seen }) => seen.records)[0],
    pagesSeconds: spread(({ seen }) => seen.pagesMs / 1000),
    writtenMb: spread(({ deliveredMb }) => deliveredMb)[0],
  };
}

/** Seconds, if only the API took time. */
export function idealSeconds({ accounts, latencyMs }: Pick<ToolRow, 'accounts' | 'latencyMs'>, lanes = LANES): number {
  return ((accounts / PAGE_SIZE / lanes) * latencyMs) / 1000;
}

const FIRST = accountExport([], `${OWN}, first run`, 'first');
const LATER = accountExport([], `${OWN}, later run`, 'later');
const CONCURRENT = plainReader(LANES, `plain reader, ${LANES} requests at once`);
const SEQUENTIAL = plainReader(1, 'plain reader, one by one');

export const section: Section<ToolRow> = {
  question: 'How long does a whole run take?',

  async measure(quick) {
    const concurrent = [
      { tool: FIRST, folder: 'own' },
      { tool: LATER, folder: 'own' },
      { tool: CONCURRENT, folder: 'concurrent' },
    ];
    const all = [...concurrent, { tool: SEQUENTIAL, folder: 'sequential', once: true }];
    const cases: ToolsCase[] = quick
      ? [{ accounts: 10_000, latencyMs: 50, rounds: 1, tools: all }]
      : [
          { accounts: 100_000, latencyMs: 200, rounds: 5, tools: all },
          { accounts: 100_000, latencyMs: 50, rounds: 3, tools: concurrent },
          { accounts: 1_000_000, latencyMs: 50, rounds: 1, tools: concurrent },
        ];
    const rows: ToolRow[] = [];
    for (const one of cases) rows.push(...(await measureTools(one)));
    return rows;
  },

  describe(rows) {
    const [first, later = first, ...readers] = rows.filter(({ accounts, latencyMs }) => {
      return accounts === rows[0]?.accounts && latencyMs === rows[0].latencyMs;
    });
    if (!first || !later) throw new Error('Nothing was measured.');
    const ideal = idealSeconds(first);
    const times = ({ seconds }: ToolRow) => seconds[0] / ideal;
    const seconds = ({ seconds }: ToolRow) => `${seconds[0].toFixed(1)} s`;
    const pages = (row: ToolRow) => row.pagesSeconds[0] / idealSeconds(row, row.tool === SEQUENTIAL.name ? 1 : LANES);
    const memory = rows.filter(({ tool }) => tool.startsWith(OWN)).map(({ peakMb }) => peakMb[0]);
    return {
      answer: `${grouped(first.accounts)} accounts take ${seconds(first)} the first time and ${seconds(later)} later, from the start of the command to its end, when each page takes the API ${first.latencyMs} ms: ${times(first).toFixed(2)} and ${times(later).toFixed(2)} × the ideal. The pages alone take ${pages(first).toFixed(2)} × the ideal.`,
      about: `\`account-export run\` with its default of ${LANES} requests at once, pages of ${grouped(PAGE_SIZE)}, into a local folder. The ideal is latency × pages ÷ ${LANES}. A first run counts accounts; a later run knows how many there were. The *plain reader* is a script of 30 lines that reads pages until one is empty and writes gzipped JSON: it neither counts nor checks, resumes nothing and publishes nothing. *Pages* is the time from the second page to the last one as the API saw it. Each run is a process, in turn with the others; the simulator is another process and serves cached pages. MB are 2^20 bytes, of the largest process.`,
      chart: [
        {
          title: `${grouped(first.accounts)} accounts at ${first.latencyMs} ms per response: seconds`,
          bars: [
            other(`ideal: latency × pages ÷ ${LANES}`, ideal, `${ideal.toFixed(1)} s`),
            ...[first, later].map((row) => own(row.tool, row.seconds[0], seconds(row))),
            ...readers.map((row) => other(row.tool, row.seconds[0], seconds(row))),
          ],
        },
      ],
      table: tableOf(rows, {
        accounts: ({ accounts }) => grouped(accounts),
        latency: ({ latencyMs }) => `${latencyMs} ms`,
        what: ({ tool }) => tool,
        seconds: (row) => quoted(row.seconds, 2),
        '÷ ideal': (row) => (row.seconds[0] / idealSeconds(row)).toFixed(2),
        'pages ÷ ideal': (row) => pages(row).toFixed(2),
        'CPU s': (row) => quoted(row.cpuSeconds, 2),
        'peak, MB': (row) => quoted(row.peakMb, 0),
        requests: (row) => grouped(row.requests),
        records: (row) => grouped(row.records),
      }),
      limits: [
        ['first run ÷ ideal', times(first), 1.9, '×'],
        ['later run ÷ ideal', times(later), 1.45, '×'],
        ['memory of a run on one machine', Math.max(...memory), 200, 'MB'],
      ],
    };
  },
};
