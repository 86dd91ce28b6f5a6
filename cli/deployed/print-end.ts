/** Prints the state of a deployed run, in the lines that `run` prints, and what to do next. */
import { remedyOf } from '../../functions/model/remedies.ts';
import { withTypedFlags } from '../flags/export-flags.ts';
import { nextCommand } from '../flags/stack-flags.ts';
import { count, counted, duration } from '../terminal/format.ts';
import { printEstimate, printPublished } from '../terminal/print-run.ts';
import type { Output } from '../terminal/terminal.ts';
import type { RunLook } from './look-at-run.ts';
import type { RunOutput, SeenPlan } from './run-output.ts';
import type { RunReport } from './run-report.ts';
import type { Deployed } from './stack.ts';

/** Prints which run it is and when it started. */
export function printRun({ note }: Output, report: RunReport, now: Date): void {
  const { runId, resumes, exportName, startedAt, stoppedAt } = report;
  const seconds = (Date.parse(stoppedAt ?? now.toISOString()) - Date.parse(startedAt)) / 1000;
  note(`Run        ${runId}${exportName === null ? '' : ` of export ${exportName}`}`);
  if (resumes !== null) note(`           resumes run ${resumes}`);
  note(
    `           started ${startedAt.slice(0, 16).replace('T', ' ')} UTC, ${stoppedAt === null ? 'running for' : 'took'} ${duration(Math.max(0, seconds))}`,
  );
}

/** Prints the current stage of a running run. */
export function printStage({ out }: Output, { report, plan, mapRun }: RunLook): void {
  if (!plan) {
    out('Planning   counting the accounts');
  } else if (isPublishing(plan, { mapRun })) {
    out('Publishing all pages are done');
  } else {
    const accounts = accountsDone(plan, mapRun?.pagesDone ?? 0);
    out(
      `Exporting  ${count(report.pagesDone ?? 0)} of ${counted(plan.pages, 'page')}, ${counted(accounts, 'account')}`,
    );
  }
}

/** Whether the run only has to be published. Publishing also exports pages after the last one planned. */
export function isPublishing(plan: SeenPlan, { mapRun }: Pick<RunLook, 'mapRun'>): boolean {
  return plan.outcome === 'publishOnly' || (mapRun !== undefined && mapRun.pagesDone >= plan.pages);
}

/** Step Functions counts pages. All pages but the last have `pageSize` accounts. */
export function accountsDone({ accounts, pageSize }: SeenPlan, pagesDone: number): number {
  return Math.min(accounts, pagesDone * pageSize);
}

/**
 * Prints how a run ended and what to do next.
 * @returns the exit code: 0 published, skipped, dry run or running; 1 otherwise
 */
export function printEnd({ output, flags }: Deployed, { report, output: runOutput, plan }: RunLook): number {
  const { runId, status } = report;
  if (flags.json) output.out(JSON.stringify(report));
  if (runOutput && !flags.json) printOutput(output, runOutput, report.resumes !== null);
  if (runOutput || status === 'running') return 0;
  output.fail(withTypedFlags(endSentence(report), flags));
  const remedy = remedyOf(report.error ?? '');
  if (remedy === 'publish') {
    output.hint(`To publish: ${nextCommand('publish', runId, flags)}`);
  } else if (remedy !== 'new run' && (plan || report.resumes !== null)) {
    // Without a plan there is nothing to resume.
    const budget = remedy === 'resume' ? '' : ' --max-records N (replace N with a number higher than before)';
    output.hint(`To resume: ${nextCommand('resume', runId, flags)}${budget}`);
  }
  return 1;
}

function printOutput(output: Output, runOutput: RunOutput, resumed: boolean): void {
  switch (runOutput.status) {
    case 'published':
      printPublished(output, { ...runOutput.result, resumed }, 'deployed');
      break;
    case 'dry run':
      printEstimate(output, runOutput.result.estimate, 'deployed');
      break;
    case 'skipped':
      output.out(`Skipped    ${runOutput.result.reason}`);
      break;
    case 'unknown':
      output.out('Succeeded  with an output that this version does not know; --json shows it');
  }
}

function endSentence({ runId, status, error, cause, pages, pagesDone, consoleUrl }: RunReport): string {
  if (status === 'failed') {
    const where = consoleUrl === null ? '' : `, ${consoleUrl}`;
    return cause || `Run "${runId}" failed (${error ?? 'unknown error'}): open the execution for details${where}`;
  }
  const kept =
    pages === null || pagesDone === null ? '' : `; ${count(pagesDone)} of ${counted(pages, 'page')} are finished`;
  return `Run "${runId}" ${status === 'stopped' ? 'was stopped' : 'timed out'}${kept}.`;
}
