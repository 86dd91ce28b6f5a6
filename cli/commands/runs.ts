import Table from 'cli-table3';
import { Command } from 'commander';
import { listRuns } from '../deployed/list-runs.ts';
import type { OutputFlags } from '../deployed/print-run.ts';
import type { RunReport } from '../deployed/run-report.ts';
import { findStack, type StackFlags, withStackOptions } from '../deployed/stack.ts';
import { integer } from '../flags/integer.ts';
import { count, duration, terminalOutput } from '../terminal/terminal.ts';

/** The flags of `runs`, as commander hands them over. */
export interface RunsFlags extends StackFlags, OutputFlags {
  limit: number;
}

/** Each row costs a call, of which Step Functions allows some 15 a second in the long run. */
const MOST_RUNS = 500;

export function runsCommand(): Command {
  const command = new Command('runs')
    .description('list the latest runs of the deployed state machine, the newest first')
    .option('--limit <n>', 'how many at most', integer('--limit', 1, MOST_RUNS), 20);
  return withStackOptions(command)
    .option('--json', 'print an array of the runs')
    .option('--verbose', 'print stack traces with errors')
    .addHelpText(
      'after',
      `
Example:
  npm run --silent account-export -- runs --limit 5`,
    )
    .action(async (flags: RunsFlags) => {
      process.exitCode = await showRuns(flags);
    });
}

/**
 * Lists the latest runs.
 * @returns the exit code
 * @throws CommandError when AWS cannot be asked
 */
export async function showRuns(flags: RunsFlags): Promise<number> {
  const { out } = terminalOutput({ quiet: false, json: flags.json === true });
  const stack = await findStack(flags);
  const runs = await listRuns(stack, flags.limit);
  if (flags.json) out(JSON.stringify(runs));
  else if (runs.length === 0) out(`Stack ${stack.name} in ${stack.region} has no runs yet.`);
  else for (const line of runsTable(runs, new Date())) out(line);
  return 0;
}

const HEAD = ['run', 'export', 'status', 'started UTC', 'took', 'accounts'];
const [RUN, EXPORT] = [0, 1];
/** The id of a run that was started here is shown whole; what AWS names is longer, and goes on in the next line. */
const RUN_ID_LENGTH = 21;
/** The padding behind the last column is cut off. */
const WIDTH = 80 + 1;

/** The table in lines of at most 80 columns. */
export function runsTable(runs: readonly RunReport[], now: Date): string[] {
  const rows = runs.map((run) => {
    const seconds = (Date.parse(run.stoppedAt ?? now.toISOString()) - Date.parse(run.startedAt)) / 1000;
    return [
      run.runId,
      run.exportName ?? '-',
      run.status,
      `${MONTHS[Number(run.startedAt.slice(5, 7)) - 1]} ${run.startedAt.slice(8, 10)} ${run.startedAt.slice(11, 16)}`,
      duration(Math.max(0, seconds)),
      // While a run goes on, or when it failed, the number is not known without another call.
      run.accounts === null ? '' : count(run.accounts),
    ];
  });
  const widths = HEAD.map((head, i) => Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)) + 1);
  widths[RUN] = Math.min(widths[RUN] ?? 0, RUN_ID_LENGTH + 1);
  const others = widths.reduce((sum, width, i) => (i === EXPORT ? sum : sum + width), 0);
  widths[EXPORT] = Math.min(widths[EXPORT] ?? 0, WIDTH - others);
  const table = new Table({
    head: HEAD,
    colWidths: widths,
    colAligns: ['left', 'left', 'left', 'left', 'right', 'right'],
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 1 },
    chars: NO_BORDERS,
    wordWrap: true,
    wrapOnWordBoundary: false,
  });
  for (const row of rows) table.push(row.map((text, i) => (i === EXPORT ? shorten(text, (widths[i] ?? 1) - 1) : text)));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Six columns with borders between them do not go into 80. */
const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
