/** Reporting: finds the error that ended a run, and writes the email and the event about it. */

import { consoleOf, executionPage } from '../../model/console-url.ts';
import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from '../../model/errors.ts';
import { FailureEventSchema } from '../../model/events.ts';
import { ExportRequestSchema } from '../../model/export-settings.ts';
import type { FailedRun, FailureReport } from '../../model/outcomes.ts';
import { parseOrThrow } from '../../model/parse-input.ts';
import { printable } from '../../model/printable.ts';
import { PROGRAM } from '../../model/program.ts';
import type { TaskFailure } from '../../model/receipt.ts';
import { remedyOf } from '../../model/remedies.ts';
import { TIMEOUT_ERROR } from '../../model/retry-policy.ts';
import type { StoredPlan } from '../../model/run.ts';
import { shellWord } from '../../model/shell-word.ts';
import { DEFAULT_STACK_NAME, titleOf } from '../../model/stack-name.ts';
import type { ObjectStore } from '../ports.ts';
import { retryIdOf } from '../storage/bucket-layout.ts';
import { RunFolder } from '../storage/run-folder.ts';
import { keepUnpublishedReport } from './keep-report.ts';
import type { Ended } from './run-report.ts';

const OUR_ERRORS: readonly string[] = [...PERMANENT_ERRORS, ...TRANSIENT_ERRORS];

/** How to call the command line for the deployment of a run. */
export interface CommandLine {
  /** `npx account-export` */
  readonly program: string;
  /** What it takes as `--stack`. */
  readonly stack: string;
}

export interface ReportPorts {
  readonly store: ObjectStore;
  /** @default the email names no command */
  readonly commandLine?: CommandLine;
}

/**
 * A Distributed Map reports only that a child failed, so the failure that the page recorded is looked up.
 *
 * @param event as in `FailureEventSchema`
 * @param signal ends reading the details of the run's report, which is left out then
 * @returns the error that the execution ends with, and the notifications about it; the run's report is written
 */
export async function reportFailure(
  { store, commandLine }: ReportPorts,
  event: unknown,
  signal?: AbortSignal,
): Promise<FailureReport> {
  const { failure, execution, ...started } = parseOrThrow(FailureEventSchema, event, 'event of Report failure');
  // An invalid request is the failure to report.
  const request = ExportRequestSchema.safeParse(started.request ?? {}).data;
  const requested = request?.resume ?? request?.publish ?? started.runId;
  const found = await stateOf(store, requested, execution, request?.publish === undefined).catch(() => undefined);
  const runId = found?.runId ?? requested;
  const { plan, done = new Set<number>(), failures = [] } = found ?? {};
  const awsConsole = consoleOf(execution);
  const caught = { error: failure.Error, message: messageOf(failure.Cause) };
  const { error, message: text } = explain(caught, found, runId, store);
  // One line, which is read in emails and on terminals.
  const message = printable(text.replaceAll(/\s+/g, ' '));
  const remedy = remedyOf(error);
  const quarantined = remedy === 'publish';
  const manifest = quarantined ? await new RunFolder(store, runId).quarantined().catch(() => undefined) : undefined;
  // If the store could not be read, there may well be a plan; a run that explains itself before it has one has none.
  const mayBePlanned = plan !== undefined || (!found && !OUR_ERRORS.includes(failure.Error));
  const failed: FailedRun = {
    status: quarantined ? 'quarantined' : 'failed',
    runId,
    exportName: plan?.run.exportName ?? request?.exportName ?? request?.datasetId ?? null,
    error,
    message,
    pagesDone: done.size,
    pages: plan?.run.pages ?? null,
    resume: remedy !== 'new run' && mayBePlanned ? { resume: runId } : null,
    publish: quarantined ? { publish: runId } : null,
    consistency: manifest?.consistency ?? null,
    executionUrl: awsConsole ? executionPage(awsConsole, execution) : null,
  };
  const reported = { execution, commandLine, isRetry: plan?.run.retryOf !== undefined };
  const ended = { error, message, ...stepForReport(failed, reported, store) };
  // A request that was refused changes nothing about the run.
  const isAboutRun = plan !== undefined && error !== 'RequestError';
  const report = isAboutRun
    ? await keepUnpublishedReport(
        store,
        { run: plan.run, status: failed.status, execution, done, failures, ended },
        signal,
      )
    : undefined;
  // A run that is incomplete has finished pages whose parts are missing or modified.
  const progress =
    plan && error !== 'RunIncompleteError' ? ` ${done.size} of ${plan.run.pages} pages are exported and kept.` : '';
  return {
    error,
    cause: `${message}${progress}`,
    ...emailOf(failed, { ...reported, hasReport: report !== undefined }),
    event: failed,
  };
}

/** What is stored of a run. */
interface RunState {
  readonly runId: string;
  readonly plan: StoredPlan | undefined;
  /** The pages that have a receipt. */
  readonly done: ReadonlySet<number>;
  /** What failed in this execution. */
  readonly failures: readonly TaskFailure[];
}

/** @param orItsRetry whether to look at the run that repeats this one, if there is one */
async function stateOf(store: ObjectStore, runId: string, execution: string, orItsRetry: boolean): Promise<RunState> {
  const retry = orItsRetry ? new RunFolder(store, retryIdOf(runId)) : undefined;
  const retryPlan = await retry?.plan();
  const folder = retry && retryPlan ? retry : new RunFolder(store, runId);
  const plan = retryPlan ?? (await folder.plan());
  if (!plan) return { runId: folder.runId, plan, done: new Set(), failures: [] };
  const [done, failures] = [await folder.pagesDone(), await folder.failures(execution)];
  return { runId: folder.runId, plan, done, failures };
}

type Explanation = Pick<FailedRun, 'error' | 'message'>;

/** The error to report: the caught one if it is ours, else the one that a page recorded. */
function explain(caught: Explanation, found: RunState | undefined, runId: string, store: ObjectStore): Explanation {
  const { error, message } = caught;
  const plain =
    message === '' ? { error, message: `Run "${runId}" failed (${error}): open the execution for details.` } : caught;
  // A timeout is that of the run or of a task which is no page: pages fail the map.
  if (OUR_ERRORS.includes(error) || error === TIMEOUT_ERROR) return plain;
  if (!found) {
    const why = `Run "${runId}" failed, and the cause is unknown because the function "Report failure" could not read ${store.location}: see the map run of the execution for the cause, and check the permissions of the function.`;
    return { error: 'StorageError', message: why };
  }
  const reason = reasonOf(found);
  if (reason) return reason;
  const { plan, done } = found;
  if (!plan || error !== 'States.ExceedToleratedFailureThreshold') return plain;
  const missing = `${plan.run.pages - done.size} of ${plan.run.pages} pages of run "${runId}" are missing, and no cause was recorded: resume the run; if it fails again, see the map run of the execution.`;
  return { error: 'RunIncompleteError', message: missing };
}

/** The page that explains the failure: an unfinished one, or, if all are done, one that a second attempt failed on. */
function reasonOf({ done, failures }: RunState): TaskFailure | undefined {
  const pages = failures.filter(({ task }) => typeof task === 'number');
  const unfinished = pages.filter(({ task }) => typeof task === 'number' && !done.has(task));
  const failed = unfinished.length > 0 ? unfinished : pages;
  // A permanent error ended the run; a transient one may only have been cut short by it.
  return failed.find(({ error }) => (PERMANENT_ERRORS as readonly string[]).includes(error)) ?? failed[0];
}

/** The stack of an execution, whose state machine has its name. */
function stackOf(execution: string): string {
  return /^arn:.*:execution:([^:]+):/.exec(execution)?.[1] ?? DEFAULT_STACK_NAME;
}

interface Reported {
  readonly commandLine: CommandLine | undefined;
  readonly execution: string;
  /** Whether the run repeats one after drift: no execution has its id, so the command line cannot name it. */
  readonly isRetry: boolean;
}

function emailOf(
  failed: FailedRun,
  reported: Reported & { readonly hasReport: boolean },
): Pick<FailureReport, 'subject' | 'message'> {
  const { commandLine, execution, hasReport } = reported;
  const what = failed.exportName === null ? 'An export' : `Export ${failed.exportName}`;
  const title = titleOf(stackOf(execution));
  const ended = failed.status === 'quarantined' ? 'is quarantined' : 'failed';
  const step = nextStep(failed, reported);
  const lines = [
    `${what} ${ended}: ${failed.message}`,
    '',
    `Run:    ${failed.runId}`,
    `Error:  ${failed.error}`,
    `Pages:  ${failed.pages === null ? 'not planned' : `${failed.pagesDone} of ${failed.pages} exported${failed.error === 'RunIncompleteError' ? '' : ' and kept'}`}`,
    '',
    `Published data is unchanged. ${step.remedy}`,
    ...(step.input === undefined ? [] : howTo(commandLine, step.command, step.input)),
    ...(hasReport && commandLine ? ['', `Report: ${commandOf(commandLine, `report ${failed.runId}`, true)}`] : []),
    ...(failed.executionUrl === null ? [] : ['', failed.executionUrl]),
  ];
  return { subject: `${title}: ${what} ${ended}`.slice(0, MAX_SUBJECT), message: lines.join('\n') };
}

/** What to do about a run. */
interface NextStep {
  /** A sentence or two. */
  readonly remedy: string;
  /** Arguments of the command line; `undefined` if it cannot name the run. */
  readonly command?: string | undefined;
  /** The input of the state machine that does the same. */
  readonly input?: string;
}

function nextStep({ error, resume, publish }: FailedRun, { execution, isRetry }: Reported): NextStep {
  if (publish !== null) {
    const command = isRetry ? undefined : `publish ${publish.publish}`;
    return {
      remedy: 'To export again, start a new run. To publish this run:',
      command,
      input: JSON.stringify(publish),
    };
  }
  // What is wrong with a request, the message says, and whether a new run is needed.
  if (error === 'RequestError') return { remedy: 'Follow the message above.' };
  const remedy = remedyOf(error);
  if (resume === null)
    return { remedy: `${remedy === 'new run' ? 'Fix the cause, then' : 'When the cause is gone,'} start a new run.` };
  const kept = 'Finished pages are not fetched again.';
  // The command finds a run by the name of its execution, which is the one to resume.
  const name = execution.split(':').at(-1) ?? '';
  if (remedy === 'resume with a higher maxRecords') {
    return {
      remedy: `Resume the run; replace N with a maxRecords higher than before. ${kept}`,
      command: `resume ${name} --max-records N`,
      input: `{"resume":${JSON.stringify(resume.resume)},"maxRecords":N}`,
    };
  }
  return {
    remedy: `When the cause is gone, resume the run. ${kept}`,
    command: `resume ${name}`,
    input: JSON.stringify(resume),
  };
}

/** The command, if the run is one of a deployed stack, and the input that does the same. */
function howTo(commandLine: CommandLine | undefined, command: string | undefined, input: string): string[] {
  const start = `Start the state machine with ${input}.`;
  if (command === undefined || commandLine === undefined) return [start];
  return [commandOf(commandLine, command), `Without the command line: ${start}`];
}

/** @param needsStack whether the command is about this machine unless a stack is named */
function commandOf({ program, stack }: CommandLine, command: string, needsStack = false): string {
  const isDefault = stack === DEFAULT_STACK_NAME;
  const place = isDefault ? (needsStack ? ' --stack' : '') : ` --stack ${stack}`;
  return `${program} ${command}${place}`;
}

/** What to do, as the run's report shows it: a sentence, and a command to copy. */
function stepForReport(failed: FailedRun, reported: Reported, store: ObjectStore): Pick<Ended, 'remedy' | 'command'> {
  const { remedy, command, input } = nextStep(failed, reported);
  if (input === undefined) return { remedy, command: undefined };
  if (reported.commandLine && command !== undefined)
    return { remedy, command: commandOf(reported.commandLine, command) };
  if (failed.executionUrl !== null)
    return { remedy: `${remedy} Start the state machine with this input.`, command: input };
  if (failed.publish !== null) {
    return { remedy, command: `${PROGRAM} publish ${failed.runId} --out ${shellWord(store.location)}` };
  }
  const higher = command?.endsWith('--max-records N') ? ' --max-records N' : '';
  const flags = higher === '' ? 'this flag' : 'these flags';
  return {
    remedy: `${remedy} To resume it, repeat its run command with ${flags}:`,
    command: `--run-id ${failed.runId}${higher}`,
  };
}

const MAX_SUBJECT = 99;

/** Lambda reports JSON with the message and a stack; elsewhere the cause is the message itself. */
function messageOf(cause: string): string {
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return cause;
  }
}
