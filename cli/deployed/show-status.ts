/** What `status` does. */
import { ExportError } from '../../functions/model/errors.ts';
import { nextCommand, type StackFlags } from '../flags/stack-flags.ts';
import { count, counted } from '../terminal/format.ts';
import { printPlan } from '../terminal/print-run.ts';
import { CommandError, type Terminal } from '../terminal/terminal.ts';
import { followOnTerminal } from './follow-on-terminal.ts';
import { followRun } from './follow-run.ts';
import { lookAtRun, type RunLook } from './look-at-run.ts';
import { printEnd, printRun, printStage } from './print-end.ts';
import { connect, type Deployed, executionArnOf } from './stack.ts';

export type StatusFlags = StackFlags & { stop?: boolean };

/** @returns the exit code @throws ExportError `RequestError` for conflicting flags, CommandError for a run that cannot be shown or stopped */
export async function showStatus(run: string, flags: StatusFlags, terminal: Terminal): Promise<number> {
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
