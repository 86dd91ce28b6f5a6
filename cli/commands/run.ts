import { Command } from 'commander';
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { readManifest } from '../../functions/export/storage/published-runs.ts';
import { DEFAULT_MAX_DROP_PERCENT, DEFAULT_PAGE_SIZE } from '../../functions/model/export-settings.ts';
import type { FailedRun, PlanOutcome } from '../../functions/model/outcomes.ts';
import { remedyOf } from '../../functions/model/remedies.ts';
import { MAX_API_WAIT_SECONDS } from '../../functions/model/retry-policy.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { proxyFor } from '../../functions/personalization/proxy.ts';
import { type ApiFlags, baseUrlOf, credentialsOf, withApiFlags } from '../flags/api-flags.ts';
import { integer, newRunId, storeAt, withOutputFlags } from '../flags/common-flags.ts';
import { type ExportFlags, requestOf, withExportFlags, withFlagNames } from '../flags/export-flags.ts';
import { type LocalOutcome, runLocal } from '../local/run-local.ts';
import { printEstimate, printPlan, printPublished } from '../terminal/print-run.ts';
import { type Progress, pageProgress } from '../terminal/progress.ts';
import { type Output, type OutputFlags, outputOf, type Terminal } from '../terminal/terminal.ts';

interface RunFlags extends ExportFlags, ApiFlags, OutputFlags {
  concurrency: number;
  out: string;
  runId?: string;
}

export function runCommand(terminal: Terminal): Command {
  const command = new Command('run')
    .description('export the accounts of a dataset on this machine')
    .requiredOption('--dataset <id>', 'dataset to export');
  withApiFlags(command)
    .option('--name <name>', 'name of the export (default: the dataset)')
    .option('--out <place>', 'folder, or s3://bucket/prefix', './out')
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
  npm run --silent account-export -- run --account acme --instance us-5 \\
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
  const output = outputOf(terminal, flags);
  const baseUrl = baseUrlOf(flags);
  const request = requestOf(flags);
  const credentials = await credentialsOf(flags, terminal.env);
  const store = await storeAt(flags.out);
  const runId = checkRunId(flags.runId ?? newRunId());
  const { concurrency } = flags;
  const signal = terminal.interrupted();
  const api = createAccountsApi({
    baseUrl,
    credentials,
    proxy: proxyFor(baseUrl, terminal.env),
    concurrency,
    // Waiting costs nothing here, and only the client can wait as long as the API asks. A person waits for a wrong host.
    limits: { maxWaitMs: MAX_API_WAIT_SECONDS * 1000, lookupWindowMs: 6000 },
    sleep: (ms, aborted) => terminal.sleep(ms, aborted ?? signal),
  });
  const progress = pageProgress(terminal, flags);
  const printNext = planPrinter(output, progress);
  // A retry after drift has an id of its own.
  let currentRunId = runId;
  let lastError: unknown;
  try {
    const outcome = await runLocal({
      api,
      store,
      runId,
      request,
      concurrency,
      signal,
      retryIntervalMs: terminal.retryIntervalMs,
      onPlan: (plan) => {
        currentRunId = plan.runId;
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
    return output.fail(
      `Run "${currentRunId}" was interrupted; its finished pages are kept. To resume it, run the same command with --run-id ${currentRunId}.`,
    );
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
    if (planned) {
      progress.stop();
      output.note('Drifted    the data changed during the run; exporting it again');
    }
    planned = true;
    if (plan.outcome === 'publishOnly') {
      output.note(`Run "${plan.runId}" is already published: no page is fetched.`);
      return;
    }
    printPlan(output, plan);
    if (plan.outcome !== 'exportPages') return;
    // Printed before the pages, so that the run can be resumed even after a crash.
    output.note(`           run ${plan.runId}`);
    progress.start(plan.pages);
  };
}

/** Prints how a run on this machine ended. @returns the exit code */
export async function printOutcome(
  outcome: LocalOutcome,
  output: Output,
  store: ObjectStore,
  flags: Pick<RunFlags, 'json' | 'out'>,
): Promise<number> {
  switch (outcome.outcome) {
    case 'dryRun':
      if (flags.json) output.out(JSON.stringify(outcome.plan));
      else printEstimate(output, outcome.plan.estimate);
      return 0;
    case 'skipped':
      output.out(flags.json ? JSON.stringify(outcome.skipped) : `Skipped    ${outcome.skipped.reason}`);
      return 0;
    case 'published': {
      const { runId } = outcome.result;
      if (flags.json) output.out(JSON.stringify(await readManifest(store, runId)));
      else printPublished(output, outcome.result);
      return 0;
    }
    case 'failed':
      output.fail(withFlagNames(outcome.failure.cause));
      for (const line of nextSteps(outcome.failure.event, flags.out)) output.hint(line);
      return 1;
  }
}

function nextSteps({ runId, publish, resume, error }: FailedRun, out: string): string[] {
  if (publish !== null) return [`To publish: npm run --silent account-export -- publish ${runId} --out ${out}`];
  if (resume === null) return [];
  const budget = remedyOf(error) === 'resume with a higher maxRecords' ? ' and a higher --max-records' : '';
  // `publish --out` has no --run-id.
  return [`To resume: repeat its run command with --run-id ${resume.resume}${budget}`];
}
