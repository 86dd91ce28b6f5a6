/** What `run` does. */
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import { checkStore } from '../../functions/export/storage/check-store.ts';
import type { PlanOutcome } from '../../functions/model/outcomes.ts';
import { MAX_API_WAIT_SECONDS } from '../../functions/model/retry-policy.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { proxyFor } from '../../functions/personalization/proxy.ts';
import { type ApiFlags, baseUrlOf, credentialsOf } from '../flags/api-flags.ts';
import { newRunId } from '../flags/common-flags.ts';
import { type DestinationFlags, storeAt } from '../flags/destination.ts';
import type { ExportFlags } from '../flags/export-flags.ts';
import { requestOf } from '../flags/export-request.ts';
import { printPlan } from '../terminal/print-run.ts';
import { type Progress, runProgress } from '../terminal/progress.ts';
import { type Output, type OutputFlags, outputOf, type Terminal } from '../terminal/terminal.ts';
import { noteUsage, printOutcome, repeatCommand } from './print-outcome.ts';
import { runLocal } from './run-local.ts';

export interface RunFlags extends ExportFlags, ApiFlags, DestinationFlags, OutputFlags {
  concurrency: number;
  out: string;
  dryRun?: boolean;
  runId?: string;
}

/**
 * Runs one export on this machine and prints the result.
 * @returns the exit code: 0 published, skipped or dry run; 1 failed
 * @throws ExportError before anything has started: invalid flags, no key
 */
export async function runExport(flags: RunFlags, terminal: Terminal): Promise<number> {
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
    // Waiting costs nothing here, and only the client can wait as long as the API asks. A person waits for a wrong host.
    limits: { maxWaitMs: MAX_API_WAIT_SECONDS * 1000, lookupWindowMs: 6000 },
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
