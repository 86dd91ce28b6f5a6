/** How a run of each tool ends when the API misbehaves. */
import { join } from 'node:path';
import pLimit from 'p-limit';
import { markdownTable } from '../../tools/docs/markdown.ts';
import { inFolder, startSimulatorProcess } from '../processes.ts';
import { grouped, listed, other, own, type Section } from '../section.ts';
import { FAULT_ACCOUNTS, FAULT_CASES, FAULT_PAGE_SIZE, type FaultCase, LONG_SECONDS } from './fault-cases.ts';
import { isComplete, runTool, type ToolRun } from './run-tool.ts';
import { accountExport, OWN, preparePeers, type Tool } from './tools.ts';

/** Runs at once, apart from those that mostly wait. */
const CONCURRENCY = 3;
const LIMIT_SECONDS = 40;

const ENDINGS = {
  complete: 'complete',
  reported: 'wrong data, reported by the verdict',
  failed: 'failed',
  timedOut: 'still running at the limit',
  undetected: 'wrong data, not reported',
} as const;
type Ending = keyof typeof ENDINGS;

interface FaultRow {
  readonly fault: string;
  readonly tool: string;
  readonly ending: Ending;
  readonly text: string;
}

export const section: Section<FaultRow> = {
  question: 'What happens when the API misbehaves?',

  measure: (quick) =>
    inFolder(async (folder) => {
      const { dlt, singer } = await preparePeers();
      const [few, many] = [pLimit(CONCURRENCY), pLimit(Number.POSITIVE_INFINITY)];
      const cases = (quick ? FAULT_CASES.slice(0, 3) : FAULT_CASES).flatMap((fault) =>
        [accountExport(), dlt, singer].map((tool) => ({ fault, tool })),
      );
      return Promise.all(
        cases.map(({ fault, tool }, i) =>
          (fault.limitSeconds === LONG_SECONDS ? many : few)(() => runFault(fault, tool, join(folder, `${i}`))),
        ),
      );
    }),

  describe(rows) {
    const tools = [...new Set(rows.map(({ tool }) => tool))];
    const faults = [...new Set(rows.map(({ fault }) => fault))];
    const textOf = (fault: string, tool: string) =>
      rows.find((row) => row.fault === fault && row.tool === tool)?.text ?? '';
    const number = (tool: string, ending: string) =>
      rows.filter((row) => row.tool === tool && row.ending === ending && row.fault !== 'none').length;
    return {
      answer: `In so many of ${faults.length - 1} faults, a run succeeded with lost, duplicated or damaged accounts and reported nothing: ${listed(tools.map((tool) => `${tool} ${number(tool, 'undetected')}`))}.`,
      about: `${grouped(FAULT_ACCOUNTS)} accounts in pages of ${FAULT_PAGE_SIZE}. Faults of a page affect only the fifth of ten; after one that happens once, a retry succeeds. *Complete* and *done* are exit code 0; *failed* runs publish nothing. *Lost* accounts existed throughout the run and were not delivered. With the verdict \`drifted\`, Account Export publishes the run and reports that the data changed. Faults that test timeouts were stopped after ${LONG_SECONDS} s: Account Export waits up to 240 s for a response, dlt 60 s and the tap 300 s for the next byte. When the API caps page sizes without an error, Account Export fails and names the page size to use; the others continue, which is right when page offsets follow the cap and loses accounts when they do not.`,
      chart: tools.map((tool) => ({
        title: `${tool}: of ${faults.length} cases`,
        scale: faults.length,
        bars: Object.entries(ENDINGS).map(([ending, label]) => {
          return (tool === OWN ? own : other)(label, number(tool, ending), `${number(tool, ending)}`);
        }),
      })),
      table: markdownTable(
        ['what the API does', ...tools],
        faults.map((fault) => [fault, ...tools.map((tool) => textOf(fault, tool))]),
      ),
    };
  },
};

async function runFault(fault: FaultCase, tool: Tool, folder: string): Promise<FaultRow> {
  const api = await startSimulatorProcess({ accounts: FAULT_ACCOUNTS, latencyMs: 0, fault: fault.name });
  try {
    const { limitSeconds = LIMIT_SECONDS } = fault;
    const run = await runTool(tool, { api, accounts: FAULT_ACCOUNTS, pageSize: FAULT_PAGE_SIZE, folder, limitSeconds });
    return { fault: fault.name, tool: tool.name, ending: endingOf(run), text: endingText(run) };
  } finally {
    await api.close();
  }
}

export function endingOf(run: ToolRun): Ending {
  if (run.timedOut) return 'timedOut';
  if (run.exitCode !== 0) return 'failed';
  if (isComplete(run)) return 'complete';
  return run.verdict === 'drifted' ? 'reported' : 'undetected';
}

/** A cell of the table. */
export function endingText(run: ToolRun): string {
  const { lost, duplicated, unknown } = run;
  const figures = { lost, duplicated, 'not accounts': unknown };
  const wrong = Object.entries(figures).flatMap(([what, count]) => (count > 0 ? [`${what}: ${grouped(count)}`] : []));
  const texts: Readonly<Record<Ending, string>> = {
    complete: 'complete',
    reported: `\`drifted\`, ${wrong.join(', ')}`,
    undetected: `**done, ${wrong.join(', ')}**`,
    failed: `failed${(run.verdict ?? null) === null ? '' : ' **and published**'}`,
    timedOut: `still running after ${run.wallSeconds.toFixed(0)} s`,
  };
  return texts[endingOf(run)];
}
