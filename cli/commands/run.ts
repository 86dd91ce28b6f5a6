import { Command } from 'commander';
import { DEFAULT_MAX_DROP_PERCENT, DEFAULT_PAGE_SIZE } from '../../functions/model/export-limits.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { withApiFlags } from '../flags/api-flags.ts';
import { integer, withOutputFlags } from '../flags/common-flags.ts';
import { withDestinationFlags } from '../flags/destination.ts';
import { withExportFlags } from '../flags/export-flags.ts';
import type { RunFlags } from '../local/run-export.ts';
import type { Terminal } from '../terminal/terminal.ts';

export function runCommand(terminal: Terminal): Command {
  const command = new Command('run')
    .description('export the accounts of a dataset on this machine')
    .requiredOption('--dataset <id>', 'dataset to export');
  withApiFlags(command).option('--name <name>', 'name of the export (default: the dataset; required for a segment)');
  withDestinationFlags(command, 'folder, or s3://bucket/prefix', './out')
    .option('--run-id <id>', 'id of the run; an existing id resumes that run')
    .option('--concurrency <n>', 'concurrent API requests', integer(1, 1000), 8);
  withExportFlags(command, { format: 'json', pageSize: DEFAULT_PAGE_SIZE });
  return withOutputFlags(command, 'the manifest (or the estimate)')
    .addHelpText(
      'after',
      `
Defaults: --on-drift publish, --max-drop-percent ${DEFAULT_MAX_DROP_PERCENT}, --overlap skip.

Set the API key in PERSONALIZATION_API_KEY_ID and
PERSONALIZATION_API_KEY_SECRET, or pass --secret-id.

Example:
  ${PROGRAM} run --account acme --instance us-5 \\
    --dataset engage --window P7D`,
    )
    .action(async (flags: RunFlags) => {
      const { runExport } = await import('../local/run-export.ts');
      terminal.exitCode = await runExport(flags, terminal);
    });
}
