/** Following a run with a progress bar, until it ends or somebody has seen enough. */
import { type Output, type Progress, pageProgress, printPlan } from '../terminal/terminal.ts';
import { CommandError } from './command-error.ts';
import { followRun, type Sleep } from './follow-run.ts';
import type { RunLook } from './look-at-run.ts';
import { accountsDone, type OutputFlags, printEnd } from './print-run.ts';
import type { SeenPlan } from './run-output.ts';
import { nextCommand, type Stack, type StackFlags } from './stack.ts';

export interface Following {
  readonly stack: Stack;
  readonly executionArn: string;
  readonly flags: StackFlags & OutputFlags;
  readonly output: Output;
  readonly sleep?: Sleep | undefined;
  /** Before anything else is said of the run. */
  readonly onFirstLook?: (look: RunLook) => void;
}

/**
 * Follows a run and says how it ended. Ctrl-C ends the following: the run goes on.
 * @returns the exit code: 0 published or planned, 1 anything else
 * @throws CommandError when AWS cannot be asked any more; the sentence says how to come back
 */
export async function followOnTerminal(following: Following): Promise<number> {
  const { stack, executionArn, flags, output, sleep } = following;
  const runId = executionArn.split(':').at(-1) ?? '';
  const comeBack = nextCommand('status', runId, flags);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const bar = progressOf(output, flags);
  let looked = false;
  try {
    const last = await followRun({
      stack,
      executionArn,
      signal: stop.signal,
      ...(sleep ? { sleep } : {}),
      onLook: (look) => {
        if (!looked) following.onFirstLook?.(look);
        looked = true;
        bar.show(look);
      },
    });
    bar.stop();
    if (last) return printEnd(output, last, flags);
    process.stderr.write(`error: No longer following run "${runId}", which goes on: ${comeBack}\n`);
    return 1;
  } catch (error) {
    bar.stop();
    if (!(error instanceof CommandError) || !looked) throw error;
    throw new CommandError(`${error.message} The run itself goes on: ${comeBack}`, { cause: error });
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** The lines of the plan, and the bar that `run` has: once each, or again for pages that are begun anew. */
function progressOf(output: Output, { quiet }: OutputFlags) {
  const visible = process.stderr.isTTY === true && quiet !== true;
  let bar: Progress | undefined;
  let plan: SeenPlan | undefined;
  let mapRunArn: string | undefined;
  let warned = false;
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    show(look: RunLook) {
      if (look.plan && look.plan !== plan) {
        stop();
        plan = look.plan;
        printPlan(output, plan);
      }
      if (look.hidden && !look.hidden.transient && !warned) {
        output.note(`Warning    progress is not shown. ${look.hidden.message}`);
        warned = true;
      }
      if (!plan || !look.mapRun) return;
      if (look.mapRun.arn !== mapRunArn && look.report.status === 'running') {
        mapRunArn = look.mapRun.arn;
        bar = pageProgress({ visible });
        bar.start(plan.pages, look.mapRun.startedAt?.getTime());
      }
      // Publishing reads on behind the last page that was planned.
      const pages = Math.min(look.report.pagesDone ?? 0, plan.pages);
      bar?.reach(pages, accountsDone(plan, pages));
    },
    stop,
  };
}
