import { Command } from 'commander';
import { PROGRAM } from '../../functions/model/program.ts';
import { startAndFollow } from '../deployed/follow-on-terminal.ts';
import { connect } from '../deployed/stack.ts';
import { type ExportFlags, requestOf, withExportFlags } from '../flags/export-flags.ts';
import { type StackFlags, withStackFlags } from '../flags/stack-flags.ts';
import type { Terminal } from '../terminal/terminal.ts';

export function startCommand(terminal: Terminal): Command {
  const command = new Command('start')
    .argument('<export>', 'configured export, or with --dataset a new name')
    .option('--dataset <id>', 'dataset of an export that is not configured');
  withExportFlags(command)
    .option('--due <time>', 'time the run was due, to backfill a day: epoch ms or ISO 8601')
    .option('--no-follow', 'start it and exit');
  return withStackFlags(command, 'the run')
    .addHelpText(
      'after',
      `
Flags override the configured export. Ctrl-C detaches; the run continues.

Example: backfill August 7
  ${PROGRAM} start all-accounts \\
    --due 2026-08-07 --window P7D`,
    )
    .action(async (exportName: string, flags: ExportFlags & StackFlags) => {
      // Invalid flags are reported before AWS is called.
      const request = requestOf({ ...flags, name: exportName }, 'the name of the export');
      const deployed = await connect(terminal, flags);
      terminal.exitCode = await startAndFollow(deployed, request, (runId) => `run ${runId} of export ${exportName}`);
    });
}
