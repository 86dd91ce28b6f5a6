import Table from 'cli-table3';
import { Command } from 'commander';
import { PROGRAM } from '../../functions/model/program.ts';
import { listRuns } from '../deployed/list-runs.ts';
import type { RunReport } from '../deployed/run-report.ts';
import { connect } from '../deployed/stack.ts';
import { integer } from '../flags/common-flags.ts';
import { type StackFlags, withStackFlags } from '../flags/stack-flags.ts';
import { count, duration } from '../terminal/format.ts';
import type { Terminal } from '../terminal/terminal.ts';

type RunsFlags = StackFlags & { limit: number };

/** Each row costs a call, and Step Functions allows about 15 a second. */
const MAX_RUNS = 500;

export function runsCommand(terminal: Terminal): Command {
  const command = new Command('runs').option('--limit <n>', 'maximum number of runs', integer(1, MAX_RUNS), 20);
  return withStackFlags(command, 'an array of runs')
    .addHelpText(
      'after',
      `
Example:
  ${PROGRAM} runs --limit 5`,
    )
    .action(async (flags: RunsFlags) => {
      const { stack, output } = await connect(terminal, flags);
      const runs = await listRuns(stack, flags.limit);
      if (flags.json) output.out(JSON.stringify(runs));
      else if (runs.length === 0) output.out(`Stack ${stack.name} in ${stack.region} has no runs.`);
      else for (const line of runsTable(runs, new Date())) output.out(line);
    });
}

const HEAD = ['run', 'export', 'status', 'started UTC', 'took', 'accounts'];
const [RUN, EXPORT] = [0, 1];
/** Fits ids from the command line; longer ones, named by AWS, wrap. */
const RUN_ID_LENGTH = 21;
/** The padding after the last column is trimmed. */
const WIDTH = 80 + 1;

/** The table as lines of at most 80 columns. */
export function runsTable(runs: readonly RunReport[], now: Date): string[] {
  const rows = runs.map((run) => {
    const seconds = (Date.parse(run.stoppedAt ?? now.toISOString()) - Date.parse(run.startedAt)) / 1000;
    return [
      run.runId,
      run.exportName ?? '-',
      run.status,
      `${MONTHS[Number(run.startedAt.slice(5, 7)) - 1]} ${run.startedAt.slice(8, 10)} ${run.startedAt.slice(11, 16)}`,
      duration(Math.max(0, seconds)),
      // Without another call, only the output of a run has the number.
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
/** Six columns with borders do not fit into 80. */
const NO_BORDERS = Object.fromEntries(
  ['top', 'bottom', 'left', 'mid', 'right', 'middle']
    .flatMap((place) => [place, `${place}-mid`, `${place}-left`, `${place}-right`])
    .map((place) => [place, '']),
);
