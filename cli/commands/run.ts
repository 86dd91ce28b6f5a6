import { Command } from 'commander';
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { publishedReportKey, unpublishedReportKey } from '../../functions/export/storage/bucket-layout.ts';
import { checkStore } from '../../functions/export/storage/check-store.ts';
import { readManifest } from '../../functions/export/storage/published-runs.ts';
import { RunFolder } from '../../functions/export/storage/run-folder.ts';
import { ExportError, PERMANENT_ERRORS } from '../../functions/model/errors.ts';
import {
  DEFAULT_MAX_DROP_PERCENT,
  DEFAULT_PAGE_SIZE,
  type ExportSettings,
} from '../../functions/model/export-settings.ts';
import type { FailedRun, FailureReport, PlanOutcome } from '../../functions/model/outcomes.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { RESUME_OR_START, remedyOf } from '../../functions/model/remedies.ts';
import { MAX_API_WAIT_SECONDS } from '../../functions/model/retry-policy.ts';
import { shellWord } from '../../functions/model/shell-word.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { proxyFor } from '../../functions/personalization/proxy.ts';
import { type ApiFlags, baseUrlOf, credentialsOf, withApiFlags } from '../flags/api-flags.ts';
import { integer, newRunId, withOutputFlags } from '../flags/common-flags.ts';
import { type DestinationFlags, storeAt, withDestinationFlags } from '../flags/destination.ts';
import { type ExportFlags, flagOf, requestOf, withExportFlags, withFlagNames } from '../flags/export-flags.ts';
import { type LocalOutcome, runLocal } from '../local/run-local.ts';
import { printEstimate, printPlan, printPublished, printUsageSoFar, printVanished } from '../terminal/print-run.ts';
import { type Progress, runProgress } from '../terminal/progress.ts';
import { type Output, type OutputFlags, outputOf, type Terminal } from '../terminal/terminal.ts';

interface RunFlags extends ExportFlags, ApiFlags, DestinationFlags, OutputFlags {
  /** A `cdk.json`, and an export in it. */
  config?: string;
  export?: string;
  concurrency?: number;
  out: string;
  dryRun?: boolean;
  runId?: string;
}

/** On AWS, it is 20: there, pages are written by as many functions. */
const DEFAULT_CONCURRENCY = 8;

export function runCommand(terminal: Terminal): Command {
  const command = new Command('run')
    .option('--dataset <id>', 'dataset to export')
    .option('--config <file>', 'instead of --dataset: a cdk.json with exports')
    .option('--export <name>', 'export in --config; optional if there is only one');
  withApiFlags(command).option('--name <name>', 'name of the export (default: the dataset; required for a segment)');
  withDestinationFlags(command, 'folder, or s3://bucket/prefix', './out')
    .option('--run-id <id>', 'id of the run; an existing id resumes that run')
    .option('--concurrency <n>', 'concurrent API requests', integer(1, 1000));
  withExportFlags(command);
  return withOutputFlags(command, 'the manifest (or the estimate)')
    .addHelpText(
      'after',
      `
Defaults: --format json, --page-size ${DEFAULT_PAGE_SIZE}, --concurrency ${DEFAULT_CONCURRENCY},
--on-drift publish, --max-drop-percent ${DEFAULT_MAX_DROP_PERCENT}, --overlap skip.

--config reads the tenant, the concurrency and the export from a cdk.json, as a
deployment does. Other flags override it, except the dataset and the segment.
What concerns only AWS has no effect here: schedules, network, emails,
encryption, retention and the secret.

Set the API key in PERSONALIZATION_API_KEY_ID and
PERSONALIZATION_API_KEY_SECRET, or pass --secret-id.

Examples:
  ${PROGRAM} run --account acme --instance us-5 \\
    --dataset engage --window P7D
  ${PROGRAM} run --config cdk.json --export all-accounts`,
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
  const { baseUrl, request, exports, concurrency } = await chosenExport(flags);
  if (flags.config !== undefined) output.note(`Export     ${request.exportName} of ${flags.config}`);
  const credentials = await credentialsOf(flags, terminal.env);
  const store = await storeAt(flags.out, flags);
  const runId = checkRunId(flags.runId ?? newRunId());
  // A dry run writes nothing.
  if (!flags.dryRun) await checkStore(store);
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
  const printNext = planPrinter(output, progress, flags.runId !== undefined);
  // A retry after drift has an id of its own.
  let currentRunId = runId;
  let planned = false;
  let resumed = false;
  let lastError: unknown;
  try {
    progress.planning();
    const outcome = await runLocal({
      api,
      store,
      runId,
      request,
      exports,
      concurrency,
      signal,
      retryIntervalMs: terminal.retryIntervalMs,
      observe: progress.observe,
      onPlan: (plan) => {
        currentRunId = plan.runId;
        planned = true;
        resumed ||= plan.outcome === 'exportPages' && plan.plan.resumed;
        printNext(plan);
      },
      onPage: progress.page,
      onError: (error) => {
        lastError = error;
      },
    });
    progress.stop();
    const code = await printOutcome(outcome, output, store, { ...flags, resumed });
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

interface ChosenExport {
  /** Of the API. */
  readonly baseUrl: string;
  readonly request: Readonly<Record<string, unknown>>;
  /** The configured exports, which the request may name. */
  readonly exports: readonly ExportSettings[];
  readonly concurrency: number;
}

/**
 * What to export: with `--config` the export that the state machine would run for the same request, otherwise an ad-hoc one.
 * @throws ExportError and CommandError for missing, conflicting or invalid flags, and for an invalid configuration
 */
async function chosenExport(flags: RunFlags): Promise<ChosenExport> {
  const { config: path, dataset, concurrency } = flags;
  if (path === undefined) {
    if (flags.export !== undefined) throw new ExportError('ConfigError', 'Conflicting flags: --export needs --config.');
    if (dataset === undefined)
      throw new ExportError('ConfigError', 'Missing --dataset: pass the dataset to export, or --config cdk.json.');
    return {
      baseUrl: baseUrlOf(flags),
      request: requestOf(flags),
      exports: [],
      concurrency: concurrency ?? DEFAULT_CONCURRENCY,
    };
  }
  for (const key of ['dataset', 'name', 'filter', 'segmentationId', 'segmentId'] as const) {
    if ((flags as { readonly [flag: string]: unknown } & RunFlags)[key] !== undefined)
      throw new ExportError('ConfigError', `Conflicting flags (--config and ${flagOf(key)}): pass only one of them.`);
  }
  // Only this needs the rules of the stack.
  const { configuredExport } = await import('../local/configuration.ts');
  const { config, settings } = await configuredExport(path, flags.export);
  const { accountName: account, instance } = config;
  return {
    baseUrl: baseUrlOf(flags.apiUrl === undefined ? { account, instance, ...flags } : flags),
    request: requestOf({ ...flags, name: settings.name }),
    exports: config.exports,
    concurrency: concurrency ?? config.concurrency,
  };
}

/** Prints the plan; after drift, the plan of the retry too. @param isNamed whether the user chose the id of the run */
function planPrinter(output: Output, progress: Progress, isNamed: boolean): (plan: PlanOutcome) => void {
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
    // Nobody else would notice that the id was misspelled.
    const isNew = isNamed && !plan.plan.resumed;
    output.note(`           run ${plan.runId}${isNew ? ' (new)' : ''}`);
    progress.exporting(plan.pages);
  };
}

/** The flags of `run`, or of `publish --out`, that its last lines depend on. */
type EndFlags = DestinationFlags & { out: string; json?: boolean } & Partial<Pick<RunFlags, 'apiUrl' | 'runId'>> & {
    /** Whether the run was started before. */
    resumed: boolean;
  };

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
      const { runId, vanishedFields } = outcome.result;
      if (flags.json) {
        output.out(JSON.stringify(await readManifest(store, runId)));
        printVanished(output.note, vanishedFields);
      } else {
        printPublished(output, { ...outcome.result, resumed: flags.resumed }, 'local');
        const hasReport = await noteReport(output.out, store, publishedReportKey(runId));
        if (!hasReport) output.note('Warning    the report could not be written');
      }
      return 0;
    }
    case 'failed':
      await noteUsage(output, store, outcome.failure.event.runId);
      output.fail(withFlagNames(causeOf(outcome.failure), flags.apiUrl === undefined ? undefined : '--api-url'));
      for (const line of nextSteps(outcome.failure.event, flags)) output.hint(line);
      // A request that was refused changed nothing about the run.
      if (outcome.failure.event.error !== 'RequestError') {
        await noteReport(output.hint, store, unpublishedReportKey(outcome.failure.event.runId));
      }
      return 1;
  }
}

/** Whether the run was planned is known here. */
function causeOf({ cause, event }: FailureReport): string {
  return cause.replace(RESUME_OR_START, event.resume === null ? 'repeat this command' : 'resume the run');
}

/** @returns whether there is a report */
async function noteReport(print: (line: string) => void, store: ObjectStore, key: string): Promise<boolean> {
  const report = await store.get(key).catch(() => undefined);
  if (report) print(`  report   ${store.location}${key}`);
  return report !== undefined;
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
