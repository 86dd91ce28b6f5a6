import { Command } from 'commander';
import { PROGRAM } from '../../functions/model/program.ts';
import { integer } from '../flags/common-flags.ts';
import { type StackFlags, withStackFlags } from '../flags/stack-flags.ts';
import type { Terminal } from '../terminal/terminal.ts';

type RunsFlags = StackFlags & { limit: number };

/** Each row costs a call, and Step Functions allows about 15 a second. */
const MAX_RUNS = 500;

export function runsCommand(terminal: Terminal): Command {
  const command = new Command('runs')
    .description('list the latest runs of the deployed state machine, newest first')
    .option('--limit <n>', 'maximum number of runs', integer(1, MAX_RUNS), 20);
  return withStackFlags(command, 'an array of runs')
    .addHelpText(
      'after',
      `
Example:
  ${PROGRAM} runs --limit 5`,
    )
    .action(async (flags: RunsFlags) => {
      const [{ connect }, { listRuns }, { runsTable }] = await Promise.all([
        import('../deployed/stack.ts'),
        import('../deployed/list-runs.ts'),
        import('../deployed/runs-table.ts'),
      ]);
      const { stack, output } = await connect(terminal, flags);
      const runs = await listRuns(stack, flags.limit);
      if (flags.json) output.out(JSON.stringify(runs));
      else if (runs.length === 0) output.out(`Stack ${stack.name} in ${stack.region} has no runs.`);
      else for (const line of runsTable(runs, new Date())) output.out(line);
    });
}
