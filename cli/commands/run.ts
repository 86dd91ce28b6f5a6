import { Command } from 'commander';
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { checkStore } from '../../functions/export/storage/check-store.ts';
import { readManifest } from '../../functions/export/storage/published-runs.ts';
import { RunFolder } from '../../functions/export/storage/run-folder.ts';
import { PERMANENT_ERRORS } from '../../functions/model/errors.ts';
import { DEFAULT_MAX_DROP_PERCENT, DEFAULT_PAGE_SIZE } from '../../functions/model/export-settings.ts';
import type { FailedRun, FailureReport, PlanOutcome } from '../../functions/model/outcomes.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { RESUME_OR_START, remedyOf } from '../../functions/model/remedies.ts';
import { MAX_API_WAIT_SECONDS } from '../../functions/model/retry-policy.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { proxyFor } from '../../functions/personalization/proxy.ts';
import { type ApiFlags, baseUrlOf, credentialsOf, withApiFlags } from '../flags/api-flags.ts';
import { integer, newRunId, withOutputFlags } from '../flags/common-flags.ts';
import { type DestinationFlags, storeAt, withDestinationFlags } from '../flags/destination.ts';
import { type ExportFlags, requestOf, withExportFlags, withFlagNames } from '../flags/export-flags.ts';
import { shellWord } from '../flags/stack-flags.ts';
import { type LocalOutcome, runLocal } from '../local/run-local.ts';
import { printEstimate, printPlan, printPublished, printUsageSoFar } from '../terminal/print-run.ts';
import { type Progress, runProgress } from '../terminal/progress.ts';
import { type Output, type OutputFlags, outputOf, type Terminal } from '../terminal/terminal.ts';

interface RunFlags extends ExportFlags, ApiFlags, DestinationFlags, OutputFlags {
  concurrency: number;
  out: string;
  dryRun?: boolean;
  runId?: string;
}

export function runCommand(terminal: Terminal): Command {
  const command = new Command('run').requiredOption('--dataset <id>', 'dataset to export');
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
      terminal.exitCode = await runExport(flags, terminal);
    });
}

/**
 * Runs one export on this machine and prints the result.
 * @returns the exit code: 0 published, skipped or dry run; 1 failed
 * @throws ExportError before anything has started: invalid flags, no key
 */
async function runExport(flags: RunFlags, terminal: Terminal): Promise<number> {
  const progress = runProgress(terminal, flags);
  const output = outputOf(progress, flags);
  const baseUrl = baseUrlOf(flags);
  const request = requestOf(flags);
  const credentials = await credentialsOf(flags, terminal.env);
  const store = await storeAt(flags.out, flags);
  const runId = checkRunId(flags.runId ?? newRunId());
  // A dry run writes nothing.
  if (!flags.dryRun) await checkStore(store);
  const { concurrency } = flags;
  const signal = terminal.interrupted();
  const api = createAccountsApi({
    baseUrl,
    credentials,
    proxy: proxyFor(baseUrl, terminal.env),
    concurrency,
    observe: progress.observe,
    isAttended: true,
    // Waiting costs nothing here, and only the client can wait as long as the API asks. A person waits for a wrong host.
    limits: { maxWaitMs: MAX_API_WAIT_SECONDS * 1000, reachWindowMs: 6000 },
    sleep: (ms, aborted) => terminal.sleep(ms, aborted ?? signal),
  });
  const printNext = planPrinter(output, progress);
  // A retry after drift has an id of its own.
  let currentRunId = runId;
  let planned = false;
  let lastError: unknown;
  try {
    progress.planning();
    const outcome = await runLocal({
      api,
      store,
      runId,
      request,
      concurrency,
      signal,
      retryIntervalMs: terminal.retryIntervalMs,
      observe: progress.observe,
      onPlan: (plan) => {
        currentRunId = plan.runId;
        planned = true;
        printNext(plan);
      },
      onPage: progress.page,
      onError: (error) => {
        lastError = error;
      },
    });
    progress.stop();
    const code = await printOutcome(outcome, output, store, flags);
    if (code !== 0 && flags.verbose && lastError instanceof Error) terminal.stderr.write(`${lastError.stack}\n`);
    return code;
  } catch (error) {
    if (!signal.aborted) throw error;
    progress.stop();
    if (flags.dryRun) return output.interrupted('Interrupted  the dry run');
    await noteUsage(output, store, currentRunId);
    if (!planned)
      return output.interrupted(`Interrupted  run ${currentRunId} before it was planned; nothing was exported`);
    output.interrupted(`Interrupted  run ${currentRunId}; its finished pages are kept`);
    return output.interrupted(`To resume: ${repeatCommand(currentRunId, flags)}`);
  } finally {
    progress.stop();
    await api.close();
  }
}

/** Prints the plan; after drift, the plan of the retry too. */
function planPrinter(output: Output, progress: Progress): (plan: PlanOutcome) => void {
  let planned = false;
  return (plan) => {
    if (plan.outcome === 'skipped') return;
    if (planned) output.note('Drifted    the data changed during the run; exporting it again');
    planned = true;
    if (plan.outcome === 'publishOnly') {
      output.note(`Run "${plan.runId}" is already published: no page is fetched.`);
      progress.publishing();
      return;
    }
    printPlan(output, plan);
    if (plan.outcome !== 'exportPages') return;
    // Printed before the pages, so that the run can be resumed even after a crash.
    output.note(`           run ${plan.runId}`);
    progress.exporting(plan.pages);
  };
}

/** The flags of `run`, or of `publish --out`, that its last lines depend on. */
type EndFlags = DestinationFlags & { out: string; json?: boolean } & Partial<Pick<RunFlags, 'apiUrl' | 'runId'>>;

/** Prints how a run on this machine ended. @returns the exit code */
export async function printOutcome(
  outcome: LocalOutcome,
  output: Output,
  store: ObjectStore,
  flags: EndFlags,
): Promise<number> {
  switch (outcome.outcome) {
    case 'dryRun':
      if (flags.json) output.out(JSON.stringify(outcome.plan));
      else printEstimate(output, outcome.plan.estimate, 'local');
      return 0;
    case 'skipped':
      output.out(flags.json ? JSON.stringify(outcome.skipped) : `Skipped    ${outcome.skipped.reason}`);
      return 0;
    case 'published': {
      const { runId } = outcome.result;
      if (flags.json) output.out(JSON.stringify(await readManifest(store, runId)));
      else printPublished(output, outcome.result, 'local');
      return 0;
    }
    case 'failed':
      await noteUsage(output, store, outcome.failure.event.runId);
      output.fail(withFlagNames(causeOf(outcome.failure), flags.apiUrl === undefined ? undefined : '--api-url'));
      for (const line of nextSteps(outcome.failure.event, flags)) output.hint(line);
      return 1;
  }
}

/** Whether the run was planned is known here. */
function causeOf({ cause, event }: FailureReport): string {
  return cause.replace(RESUME_OR_START, event.resume === null ? 'repeat this command' : 'resume the run');
}

/** A run that publishes nothing has used records, too. */
async function noteUsage(output: Output, store: ObjectStore, runId: string): Promise<void> {
  const folder = new RunFolder(store, runId);
  // The store may be why the run failed.
  const usage = await folder
    .receipts()
    .then((receipts) => folder.usage(receipts))
    .catch(() => undefined);
  if (usage) printUsageSoFar(output, usage);
}

function nextSteps({ runId, publish, resume, error }: FailedRun, flags: EndFlags): string[] {
  if (publish !== null) {
    const endpoint = flags.s3Endpoint === undefined ? '' : ` --s3-endpoint ${shellWord(flags.s3Endpoint)}`;
    return [`To publish: ${PROGRAM} publish ${runId} --out ${shellWord(flags.out)}${endpoint}`];
  }
  if (resume === null) return [];
  return [`To resume: ${firstStep(error)}${repeatCommand(resume.resume, flags)}`];
}

/** Repeating a command that was refused is refused again, unless its cause is gone. */
function firstStep(error: string): string {
  if (remedyOf(error) === 'resume with a higher maxRecords') return 'raise --max-records, then ';
  return (PERMANENT_ERRORS as readonly string[]).includes(error) ? 'fix the cause, then ' : '';
}

/** `publish --out` has no --run-id. */
function repeatCommand(runId: string, flags: Pick<EndFlags, 'runId'>): string {
  return flags.runId === runId ? 'repeat this command' : `repeat the run command with --run-id ${runId}`;
}
