import { Command } from 'commander';
import { ExportError } from '../../functions/model/errors.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { followOnTerminal } from '../deployed/follow-on-terminal.ts';
import { followRun } from '../deployed/follow-run.ts';
import { lookAtRun, type RunLook } from '../deployed/look-at-run.ts';
import { printEnd, printRun, printStage } from '../deployed/print-end.ts';
import { connect, type Deployed, executionArnOf } from '../deployed/stack.ts';
import { nextCommand, type StackFlags, withStackFlags } from '../flags/stack-flags.ts';
import { count, counted } from '../terminal/format.ts';
import { printPlan } from '../terminal/print-run.ts';
import { CommandError, type Terminal } from '../terminal/terminal.ts';

type StatusFlags = StackFlags & { stop?: boolean };

export function statusCommand(terminal: Terminal): Command {
  const command = new Command('status')
    .argument('<run>', 'run id, or execution ARN')
    .option('--no-follow', 'show the current state and exit')
    .option('--stop', 'stop the run; finished pages are kept');
  return withStackFlags(command, 'the run')
    .addHelpText(
      'after',
      `
Ctrl-C detaches; the run continues. Exit codes: 0 published, skipped, dry run,
or running with --no-follow; 1 otherwise.

Example:
  ${PROGRAM} status 20260822T020000Z-1f3a`,
    )
    .action(async (run: string, flags: StatusFlags) => {
      terminal.exitCode = await showStatus(run, flags, terminal);
    });
}

async function showStatus(run: string, flags: StatusFlags, terminal: Terminal): Promise<number> {
  if (flags.stop && !flags.follow) {
    throw new ExportError('RequestError', 'Conflicting flags: pass either --stop or --no-follow.');
  }
  const deployed = await connect(terminal, flags, run);
  const executionArn = executionArnOf(run, deployed.stack);
  if (flags.stop) return stopRun(deployed, executionArn);
  const onFirstLook = ({ report }: RunLook) => printRun(deployed.output, report, new Date());
  if (flags.follow) return followOnTerminal(deployed, executionArn, onFirstLook);

  const look = await lookAtRun(deployed.stack, executionArn);
  onFirstLook(look);
  if (look.plan) printPlan(deployed.output, look.plan);
  if (look.report.status === 'running' && !flags.json) printStage(deployed.output, look);
  return printEnd(deployed, look);
}

async function stopRun(deployed: Deployed, executionArn: string): Promise<number> {
  const { stack, output, flags, terminal } = deployed;
  const { runId, status } = (await lookAtRun(stack, executionArn)).report;
  if (status !== 'running') throw new CommandError(`Cannot stop run "${runId}": it has already ended (${status}).`);
  await stack.ask(`Stopping run "${runId}"`, (sfn) =>
    sfn.stopExecution({ executionArn, error: 'Stopped', cause: 'Stopped from the command line.' }),
  );
  // Step Functions stops the pages first, so the run ends a moment later.
  const look = await followRun({
    stack,
    executionArn,
    signal: terminal.interrupted(),
    onLook: () => undefined,
    sleep: terminal.sleep,
  });
  if (!look) {
    return output.interrupted(
      `Detached   run ${runId} is being stopped. See it with ${nextCommand('status', runId, flags)}`,
    );
  }
  const { report, plan } = look;
  // It may have ended by itself meanwhile.
  if (report.status !== 'stopped') return printEnd(deployed, look);
  if (flags.json) output.out(JSON.stringify(report));
  output.note(`Stopped    run ${runId}`);
  if (plan && plan.outcome !== 'dryRun') {
    output.note(`           kept ${count(report.pagesDone ?? 0)} of ${counted(plan.pages, 'page')}`);
    output.note(`To resume: ${nextCommand('resume', runId, flags)}`);
  } else {
    output.note('           no page was started, so there is nothing to resume');
  }
  return 0;
}
