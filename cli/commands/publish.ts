import { Command } from 'commander';
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import type { AccountsApi } from '../../functions/export/ports.ts';
import { manifestKey } from '../../functions/export/storage/bucket-layout.ts';
import { getJson } from '../../functions/export/storage/stored-json.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { ManifestSchema } from '../../functions/model/manifest.ts';
import { followOnTerminal } from '../deployed/follow-on-terminal.ts';
import type { Sleep } from '../deployed/follow-run.ts';
import { describeRun, lookAtRun } from '../deployed/look-at-run.ts';
import type { OutputFlags } from '../deployed/print-run.ts';
import { executionArnOf, regionOfRun, reportOf } from '../deployed/run-report.ts';
import { findStack, nextCommand, type StackFlags, withStackOptions } from '../deployed/stack.ts';
import { startExecution } from '../deployed/start-execution.ts';
import { localCatalog } from '../local/local-catalog.ts';
import { runLocal } from '../local/run-local.ts';
import { printPublished, terminalOutput } from '../terminal/terminal.ts';
import { newRunId, storeAt } from './run.ts';

/** The flags of `publish`, as commander hands them over. */
export interface PublishFlags extends StackFlags, OutputFlags {
  out?: string;
  follow: boolean;
}

export function publishCommand(): Command {
  const command = new Command('publish')
    .description('publish a run that was held back, as it is')
    .argument('<run>', 'id of the run')
    .option('--out <place>', 'of a run on this machine: its folder, or s3://bucket/prefix')
    .option('--no-follow', 'start it, and do not wait for its end');
  return withStackOptions(command)
    .option('--json', 'print the run (with --out, its manifest), alone, on stdout')
    .option('--quiet', 'print nothing but errors')
    .option('--verbose', 'print stack traces with errors')
    .addHelpText(
      'after',
      `
A run is held back when it has lost too many accounts (--max-drop-percent), or
when the source moved under it (--on-drift fail). Nothing is fetched again.

Example:
  npm run --silent account-export -- publish 20260822T020000Z-1f3a --out ./out`,
    )
    .action(async (run: string, flags: PublishFlags) => {
      process.exitCode =
        flags.out === undefined ? await publishDeployed(run, flags) : await publishHere(run, flags.out, flags);
    });
}

/**
 * Publishes a run of the deployed state machine, and follows that.
 * @returns the exit code: 0 published or just started, 1 anything else
 * @throws CommandError for a run that does not exist
 */
export async function publishDeployed(run: string, flags: PublishFlags, sleep?: Sleep): Promise<number> {
  const output = terminalOutput({ quiet: flags.quiet === true, json: flags.json === true });
  const region = flags.region ?? regionOfRun(run);
  const stack = await findStack(region === undefined ? flags : { ...flags, region });
  const before = reportOf(stack, await describeRun(stack, executionArnOf(run, stack)));
  const publish = before.resumes ?? before.runId;
  const runId = newRunId(new Date());
  const executionArn = await startExecution(stack, runId, { publish });
  output.note(`Started    run ${runId}, which publishes run ${publish}`);
  if (flags.follow) return followOnTerminal({ stack, executionArn, flags, output, sleep });
  if (flags.json) output.out(JSON.stringify((await lookAtRun(stack, executionArn)).report));
  else output.note(`Follow it: ${nextCommand('status', runId, flags)}`);
  return 0;
}

/** A run that is published as it is asks the API for nothing. */
const NO_API: AccountsApi = {
  async fetchPage() {
    throw new ExportError('RequestError', 'Publishing a run as it is asks for no page.');
  },
};

/**
 * Publishes a run on this machine.
 * @returns the exit code: 0 published, 1 not
 */
async function publishHere(run: string, out: string, flags: OutputFlags): Promise<number> {
  const output = terminalOutput({ quiet: flags.quiet === true, json: flags.json === true });
  const store = await storeAt(out);
  const outcome = await runLocal({
    api: NO_API,
    store,
    catalog: localCatalog(),
    clock: { now: Date.now },
    runId: newRunId(new Date()),
    request: { publish: checkRunId(run) },
    exports: [],
    concurrency: 1,
    signal: new AbortController().signal,
  });
  if (outcome.status === 'published') {
    if (flags.json) output.out(JSON.stringify(await getJson(store, manifestKey(run), ManifestSchema)));
    else printPublished(output, outcome.result);
    return 0;
  }
  if (outcome.status === 'failed') process.stderr.write(`error: ${outcome.failure.cause}\n`);
  if (outcome.status === 'skipped') process.stderr.write(`error: ${outcome.skipped.reason}\n`);
  return 1;
}
