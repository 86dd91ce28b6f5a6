import { randomBytes } from 'node:crypto';
import { Command, Option } from 'commander';
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { manifestKey } from '../../functions/export/storage/bucket-layout.ts';
import { getJson } from '../../functions/export/storage/stored-json.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { DEFAULT_PAGE_SIZE, ExportRequestSchema, parseOrThrow } from '../../functions/model/export-settings.ts';
import { ManifestSchema } from '../../functions/model/manifest.ts';
import type { FailedRun } from '../../functions/model/outcomes.ts';
import { createAccountsApi, evergageBaseUrl } from '../../functions/personalization/accounts-api.ts';
import { type CredentialsSource, staticCredentials } from '../../functions/personalization/credentials.ts';
import { integer } from '../flags/integer.ts';
import { directoryStore } from '../local/directory-store.ts';
import { localCatalog } from '../local/local-catalog.ts';
import { type LocalOutcome, runLocal } from '../local/run-local.ts';
import { pageProgress, printExpected, printPlan, printPublished, terminalOutput } from '../terminal/terminal.ts';

/** The flags of `run`, as commander hands them over. */
export interface RunFlags {
  dataset: string;
  account?: string;
  instance?: string;
  apiUrl?: string;
  name?: string;
  format: string;
  pageSize: number;
  concurrency: number;
  filter?: string;
  start?: string;
  end?: string;
  window?: string;
  segmentationId?: string;
  segmentId?: string;
  attributeColumns?: string;
  maxRecords?: number;
  onDrift?: string;
  maxDropPercent?: number;
  overlap?: string;
  out: string;
  runId?: string;
  secretId?: string;
  dryRun?: boolean;
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

export function runCommand(): Command {
  return new Command('run')
    .description('export the accounts of one dataset, on this machine')
    .requiredOption('--dataset <id>', 'the dataset to export')
    .option('--account <name>', 'account name: the host is <name>.<instance>.evergage.com')
    .option('--instance <id>', 'instance of the account, such as us-5')
    .option('--api-url <url>', 'another API in place of account and instance, such as a simulator')
    .option('--name <name>', 'name of the export (default: the dataset)')
    .addOption(new Option('--format <format>', 'what to write').choices(['json', 'csv', 'parquet']).default('json'))
    .option('--page-size <n>', 'accounts a page', integer('--page-size', 1), DEFAULT_PAGE_SIZE)
    .option('--concurrency <n>', 'API requests in flight at once', integer('--concurrency', 1, 1000), 8)
    .option('--filter <segment>', 'name or id of a segment: only its accounts')
    .option('--start <time>', 'statistics from: epoch ms or ISO 8601')
    .option('--end <time>', 'statistics to: epoch ms or ISO 8601')
    .option('--window <duration>', 'statistics of the time before now, such as P7D')
    .option('--segmentation-id <id>', 'segmentation to export')
    .option('--segment-id <id>', 'segment to export')
    .option('--attribute-columns <names>', 'CSV: attribute columns of the table, comma-separated')
    .option('--max-records <n>', 'fail rather than fetch more records than this', integer('--max-records', 1))
    .addOption(
      new Option('--on-drift <policy>', 'when the source moves under the run').choices(['publish', 'fail', 'retry']),
    )
    .option(
      '--max-drop-percent <n>',
      'hold the run back when more than n % are gone',
      integer('--max-drop-percent', 0, 100),
    )
    .addOption(
      new Option('--overlap <policy>', 'beside a run of this export that has not ended').choices(['skip', 'allow']),
    )
    .option('--out <place>', 'folder, or s3://bucket/prefix', './out')
    .option('--run-id <id>', 'id of the run; with an id used before, goes on with that run')
    .option('--secret-id <id>', 'read the key from Secrets Manager')
    .option('--dry-run', 'only plan: count the accounts and pages')
    .option('--json', 'print the manifest (or the plan), alone, on stdout')
    .option('--quiet', 'print nothing but errors')
    .option('--verbose', 'print stack traces with errors')
    .addHelpText(
      'after',
      `
The key is taken from PERSONALIZATION_API_KEY_ID and
PERSONALIZATION_API_KEY_SECRET, or from Secrets Manager with --secret-id.

Example:
  npm run --silent account-export -- run --account acme --instance us-5 \\
    --dataset engage --window P7D`,
    )
    .action(async (flags: RunFlags, command: Command) => {
      checkHost(flags, command);
      process.exitCode = await runExport(flags);
    });
}

function checkHost(flags: RunFlags, command: Command): void {
  const hosted = flags.account !== undefined || flags.instance !== undefined;
  if (flags.apiUrl !== undefined ? hosted : flags.account === undefined || flags.instance === undefined) {
    command.error('error: either --account and --instance or --api-url is needed');
  }
}

/**
 * Runs one export on this machine and says how it went.
 * @returns the exit code: 0 published (or planned), 1 failed
 * @throws ExportError before anything has started: unusable flags, no key
 */
export async function runExport(flags: RunFlags): Promise<number> {
  const output = terminalOutput({ quiet: flags.quiet === true, json: flags.json === true });
  const request = requestOf(flags);
  parseOrThrow(ExportRequestSchema, request, 'The command line');
  const credentials = await credentialsOf(flags);
  const store = await storeAt(flags.out);
  const runId = checkRunId(flags.runId ?? newRunId(new Date()));
  const api = createAccountsApi({
    baseUrl:
      flags.apiUrl === undefined ? evergageBaseUrl(flags.account ?? '', flags.instance ?? '') : apiUrl(flags.apiUrl),
    credentials,
    concurrency: flags.concurrency,
  });
  const stop = new AbortController();
  const onSignal = () => stop.abort(new StoppedError());
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const progress = pageProgress({ visible: process.stderr.isTTY === true && flags.quiet !== true });
  let lastError: unknown;
  try {
    const outcome = await runLocal({
      api,
      store,
      catalog: localCatalog(),
      clock: { now: Date.now },
      runId,
      request,
      exports: [],
      concurrency: flags.concurrency,
      signal: stop.signal,
      onPlan: (plan) => {
        if (plan.skipped) return;
        if (!plan.dryRun && plan.run.attempt > 1) {
          progress.stop();
          output.note('Drifted    the source moved meanwhile; exporting once more');
        }
        printPlan(output, plan);
        if (!plan.dryRun && !plan.release) progress.start(plan.pages);
      },
      onPage: progress.page,
      onError: (error) => {
        lastError = error;
      },
    });
    progress.stop();
    return await finish(outcome, flags, output, store, runId, lastError);
  } catch (error) {
    progress.stop();
    if (!(error instanceof StoppedError)) throw error;
    process.stderr.write(
      `error: Stopped. Run "${runId}" keeps its finished pages: the same command with --run-id ${runId} goes on.\n`,
    );
    return 1;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await api.close();
  }
}

async function finish(
  outcome: LocalOutcome,
  flags: RunFlags,
  output: ReturnType<typeof terminalOutput>,
  store: ObjectStore,
  runId: string,
  lastError: unknown,
): Promise<number> {
  switch (outcome.status) {
    case 'planned':
      if (flags.json) output.out(JSON.stringify(outcome.plan));
      else printExpected(output, outcome.plan);
      return 0;
    case 'skipped':
      if (flags.json) output.out(JSON.stringify(outcome.skipped));
      process.stderr.write(`error: ${outcome.skipped.reason}\n`);
      return 1;
    case 'published':
      if (flags.json) output.out(JSON.stringify(await getJson(store, manifestKey(runId), ManifestSchema)));
      else printPublished(output, outcome.result);
      return 0;
    case 'failed': {
      process.stderr.write(`error: ${outcome.failure.cause}\n`);
      if (!flags.quiet) process.stderr.write(nextStep(outcome.failure.event, flags));
      if (flags.verbose && lastError instanceof Error) process.stderr.write(`${lastError.stack}\n`);
      return 1;
    }
  }
}

/** What to do about a run that did not end well; nothing for one that never began. */
function nextStep({ runId, publish, resume, error }: FailedRun, { out }: RunFlags): string {
  if (publish !== null) return `To publish it as it is:  ${publishCommandLine(runId, out)}\n`;
  if (resume === null) return '';
  const budget = error === 'BudgetExceededError' ? ' and a higher --max-records' : '';
  return `To go on:  the same command with --run-id ${runId}${budget}\n`;
}

/** The flags as an ad-hoc request: what an execution of the deployed state machine would be started with. */
function requestOf(flags: RunFlags): Record<string, unknown> {
  const instant = (value: string | undefined) => (value !== undefined && /^\d+$/.test(value) ? Number(value) : value);
  const request = {
    exportName: flags.name ?? flags.dataset,
    datasetId: flags.dataset,
    format: flags.format,
    pageSize: flags.pageSize,
    filter: flags.filter,
    start: instant(flags.start),
    end: instant(flags.end),
    window: flags.window,
    segmentationId: flags.segmentationId,
    segmentId: flags.segmentId,
    attributeColumns: flags.attributeColumns?.split(',').map((column) => column.trim()),
    maxRecords: flags.maxRecords,
    onDrift: flags.onDrift,
    maxDropPercent: flags.maxDropPercent,
    overlap: flags.overlap,
    dryRun: flags.dryRun,
  };
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}

function apiUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url &&
    ['http:', 'https:'].includes(url.protocol) &&
    url.username === '' &&
    url.search === '' &&
    url.pathname === '/'
  ) {
    return url.origin;
  }
  throw new ExportError(
    'ConfigError',
    `--api-url is ${JSON.stringify(text)}; an http or https address without path or user is needed, such as http://127.0.0.1:8787.`,
  );
}

async function credentialsOf(flags: RunFlags): Promise<CredentialsSource> {
  if (flags.secretId !== undefined) {
    const { secretCredentials } = await import('../../functions/aws/secret-credentials.ts');
    return secretCredentials({ secretId: flags.secretId });
  }
  const { PERSONALIZATION_API_KEY_ID: keyId, PERSONALIZATION_API_KEY_SECRET: secret } = process.env;
  const missing = [
    ...(keyId ? [] : ['PERSONALIZATION_API_KEY_ID']),
    ...(secret ? [] : ['PERSONALIZATION_API_KEY_SECRET']),
  ];
  if (!keyId || !secret) {
    throw new ExportError(
      'ConfigError',
      `The API key is missing: set ${missing.join(' and ')}, or name a secret with --secret-id.`,
    );
  }
  return staticCredentials({ keyId, secret });
}

/** The store at `--out`. @throws ExportError `ConfigError` */
export async function storeAt(place: string): Promise<ObjectStore> {
  if (!place.startsWith('s3://')) return directoryStore(place);
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(place) ?? [];
  if (bucket === '')
    throw new ExportError('ConfigError', `--out is ${JSON.stringify(place)}; s3://bucket/prefix is needed.`);
  const [{ S3Client }, { s3ObjectStore }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../../functions/aws/s3-object-store.ts'),
  ]);
  return s3ObjectStore({ client: new S3Client({}), bucket, prefix });
}

/** What publishes a run that was held back on this machine. */
function publishCommandLine(runId: string, out: string): string {
  return `npm run --silent account-export -- publish ${runId} --out ${out}`;
}

/** Sortable, unique, and without the colons that execution names may not have: `20260822T020000Z-1f3a`. */
export function newRunId(now: Date): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(2).toString('hex')}`;
}

class StoppedError extends Error {}
