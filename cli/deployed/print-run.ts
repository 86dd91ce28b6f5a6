/** How a run of the deployed state machine is told of: in the words of `run`, and how to go on. */
import { count, counted, duration, type Output, printExpected, printPublished } from '../terminal/terminal.ts';
import type { RunLook } from './look-at-run.ts';
import type { RunOutput } from './run-output.ts';
import { isQuarantined, type RunReport } from './run-report.ts';
import { nextCommand, type StackFlags } from './stack.ts';

/** What the commands have in common beside the stack. */
export interface OutputFlags {
  json?: boolean;
  quiet?: boolean;
}

/** Which run, since when. */
export function printRun({ note }: Output, report: RunReport, now: Date): void {
  const { runId, resumes, exportName, startedAt, stoppedAt } = report;
  const seconds = (Date.parse(stoppedAt ?? now.toISOString()) - Date.parse(startedAt)) / 1000;
  note(`Run        ${runId}${exportName === null ? '' : ` of export ${exportName}`}`);
  if (resumes !== null) note(`           goes on with run ${resumes}`);
  note(
    `           started ${minuteOf(startedAt)} UTC, ${stoppedAt === null ? 'running for' : 'took'} ${duration(Math.max(0, seconds))}`,
  );
}

/** `2026-11-24 20:05` */
function minuteOf(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}

/** Where a run is that goes on. */
export function printStage({ out }: Output, { report, plan, mapRun }: RunLook): void {
  if (!plan) {
    out('Planning   the accounts are being counted');
  } else if (plan.release || (mapRun && mapRun.pagesDone >= plan.pages)) {
    out('Publishing all pages are done');
  } else {
    const accounts = accountsDone(plan, mapRun?.pagesDone ?? 0);
    out(
      `Exporting  ${count(report.pagesDone ?? 0)} of ${counted(plan.pages, 'page')}, ${counted(accounts, 'account')}`,
    );
  }
}

/** Pages are as long as planned, but for the last: Step Functions counts pages, not accounts. */
export function accountsDone(
  { accounts, pageSize }: { readonly accounts: number; readonly pageSize: number },
  pagesDone: number,
): number {
  return Math.min(accounts, pagesDone * pageSize);
}

/**
 * Says how a run ended, and how to go on with one that did not end well.
 * @returns the exit code: 0 published or planned, 1 anything else
 */
export function printEnd(output: Output, { report, plan }: RunLook, flags: StackFlags & OutputFlags): number {
  if (flags.json) output.out(JSON.stringify(report));
  const fail = (sentence: string) => {
    process.stderr.write(`error: ${sentence}\n`);
    return 1;
  };
  switch (report.status) {
    case 'published':
    case 'planned':
    case 'skipped': {
      // Its status was read from this output.
      const ended = report.output as RunOutput;
      if (ended.status === 'skipped') return fail(ended.reason);
      if (flags.json) return 0;
      if (ended.status === 'planned') printExpected(output, ended);
      else printPublished(output, ended);
      return 0;
    }
    case 'succeeded':
      if (!flags.json) output.out('Succeeded  with an output that this version of the command line does not know');
      return 0;
    case 'running':
      return 0;
    case 'failed':
    case 'stopped':
    case 'timed out': {
      const code = fail(endSentence(report));
      // A run that was never planned has nothing to go on with, one that was held back has all: its cause says what to do.
      // An input that is refused, also because there is no plan to go on with, is refused again.
      const canGoOn = (plan || report.resumes !== null) && report.error !== 'RequestError';
      if (canGoOn && !isQuarantined(report) && !flags.quiet)
        process.stderr.write(`To go on:  ${nextCommand('redrive', report.runId, flags)}\n`);
      if (isQuarantined(report) && !flags.quiet)
        process.stderr.write(`To publish it as it is:  ${nextCommand('publish', report.runId, flags)}\n`);
      return code;
    }
  }
}

function endSentence({ runId, status, error, cause, pages, pagesDone }: RunReport): string {
  const run = `Run ${JSON.stringify(runId)}`;
  if (status === 'failed') return cause || `${run} failed with ${error ?? 'an unknown error'}.`;
  const kept =
    pages === null || pagesDone === null ? '' : `: ${count(pagesDone)} of ${counted(pages, 'page')} are done and kept`;
  return status === 'stopped' ? `${run} was stopped${kept}.` : `${run} ran out of time${kept}.`;
}
