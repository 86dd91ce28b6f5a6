import { Command, Option } from 'commander';
import { ExportRequestSchema, parseOrThrow } from '../../functions/model/export-settings.ts';
import { followOnTerminal } from '../deployed/follow-on-terminal.ts';
import type { Sleep } from '../deployed/follow-run.ts';
import { lookAtRun } from '../deployed/look-at-run.ts';
import type { OutputFlags } from '../deployed/print-run.ts';
import { findStack, nextCommand, type StackFlags, withStackOptions } from '../deployed/stack.ts';
import { startExecution } from '../deployed/start-execution.ts';
import { integer } from '../flags/integer.ts';
import { terminalOutput } from '../terminal/terminal.ts';
import { newRunId } from './run.ts';

/** The flags of `start`, as commander hands them over. */
export interface StartFlags extends StackFlags, OutputFlags {
  dataset?: string;
  format?: string;
  pageSize?: number;
  filter?: string;
  start?: string;
  end?: string;
  window?: string;
  segmentationId?: string;
  segmentId?: string;
  attributeColumns?: string;
  maxRecords?: number;
  onDrift?: string;
  maxDropPercent?: number;
  overlap?: string;
  due?: string;
  dryRun?: boolean;
  follow: boolean;
}

export function startCommand(): Command {
  const command = new Command('start')
    .description('start a run of the deployed state machine, and follow it')
    .argument('<export>', 'a configured export, or with --dataset the name of another')
    .option('--dataset <id>', 'the dataset of an export that is not configured')
    .addOption(new Option('--format <format>', 'what to write').choices(['json', 'csv', 'parquet']))
    .option('--page-size <n>', 'accounts a page', integer('--page-size', 1))
    .option('--filter <segment>', 'name or id of a segment: only its accounts')
    .option('--start <time>', 'statistics from: epoch ms or ISO 8601')
    .option('--end <time>', 'statistics to: epoch ms or ISO 8601')
    .option('--window <duration>', 'statistics of the time before it is due, such as P7D')
    .option('--segmentation-id <id>', 'segmentation to export')
    .option('--segment-id <id>', 'segment to export')
    .option('--attribute-columns <names>', 'CSV: attribute columns of the table, comma-separated')
    .option('--max-records <n>', 'fail rather than fetch more records than this', integer('--max-records', 1))
    .addOption(
      new Option('--on-drift <policy>', 'when the source moves under the run').choices(['publish', 'fail', 'retry']),
    )
    .option(
      '--max-drop-percent <n>',
      'hold the run back when more than n % are gone',
      integer('--max-drop-percent', 0, 100),
    )
    .addOption(
      new Option('--overlap <policy>', 'beside a run of this export that has not ended').choices(['skip', 'allow']),
    )
    .option('--due <time>', 'when it was due, to fill in a day: epoch ms or ISO 8601')
    .option('--dry-run', 'only plan: count the accounts and pages')
    .option('--no-follow', 'start it, and do not wait for its end');
  return withStackOptions(command)
    .option('--json', 'print the run, alone, on stdout')
    .option('--quiet', 'print nothing but errors')
    .option('--verbose', 'print stack traces with errors')
    .addHelpText(
      'after',
      `
What is not given stays as configured. Ctrl-C ends the following, not the run.

Example: fill in the seventh of August
  npm run --silent account-export -- start all-accounts \\
    --due 2026-08-07 --window P7D`,
    )
    .action(async (exportName: string, flags: StartFlags) => {
      process.exitCode = await startRun(exportName, flags);
    });
}

/**
 * Starts a run and, unless told otherwise, follows it.
 * @returns the exit code: 0 published, planned or just started; 1 anything else
 * @throws ExportError `RequestError` for flags that make no request, before AWS is asked
 * @throws CommandError when the run cannot be started
 */
export async function startRun(exportName: string, flags: StartFlags, sleep?: Sleep): Promise<number> {
  const request = requestOf(exportName, flags);
  parseOrThrow(ExportRequestSchema, request, 'The command line');
  const output = terminalOutput({ quiet: flags.quiet === true, json: flags.json === true });
  const stack = await findStack(flags);
  const runId = newRunId(new Date());
  const executionArn = await startExecution(stack, runId, request);
  output.note(`Started    run ${runId} of export ${exportName}`);
  if (flags.follow) return followOnTerminal({ stack, executionArn, flags, output, sleep });
  if (flags.json) output.out(JSON.stringify((await lookAtRun(stack, executionArn)).report));
  else output.note(`Follow it: ${nextCommand('status', runId, flags)}`);
  return 0;
}

/** The flags as the input of an execution: only what was given. */
function requestOf(exportName: string, flags: StartFlags): Record<string, unknown> {
  const instant = (value: string | undefined) => (value !== undefined && /^\d+$/.test(value) ? Number(value) : value);
  const request = {
    exportName,
    datasetId: flags.dataset,
    format: flags.format,
    pageSize: flags.pageSize,
    filter: flags.filter,
    start: instant(flags.start),
    end: instant(flags.end),
    window: flags.window,
    segmentationId: flags.segmentationId,
    segmentId: flags.segmentId,
    attributeColumns: flags.attributeColumns?.split(',').map((column) => column.trim()),
    maxRecords: flags.maxRecords,
    onDrift: flags.onDrift,
    maxDropPercent: flags.maxDropPercent,
    overlap: flags.overlap,
    dueAt: instant(flags.due),
    dryRun: flags.dryRun,
  };
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}
