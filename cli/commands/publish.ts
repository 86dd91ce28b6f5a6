import { Command } from 'commander';
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import type { AccountsApi } from '../../functions/export/ports.ts';
import { isPublished } from '../../functions/export/storage/published-runs.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { startAndFollow } from '../deployed/follow-on-terminal.ts';
import { describeRun } from '../deployed/look-at-run.ts';
import { reportOf } from '../deployed/run-report.ts';
import { connect, executionArnOf } from '../deployed/stack.ts';
import { newRunId } from '../flags/common-flags.ts';
import { type DestinationFlags, endpointWithoutBucket, storeAt, withDestinationFlags } from '../flags/destination.ts';
import { type StackFlags, withStackFlags } from '../flags/stack-flags.ts';
import { runLocal } from '../local/run-local.ts';
import { runProgress } from '../terminal/progress.ts';
import { type OutputFlags, outputOf, type Terminal } from '../terminal/terminal.ts';
import { printOutcome } from './run.ts';

type PublishFlags = StackFlags & DestinationFlags & { out?: string };

export function publishCommand(terminal: Terminal): Command {
  const command = new Command('publish').argument('<run>', 'run id, or execution ARN');
  withDestinationFlags(command, 'for a run on this machine: folder or s3://bucket/prefix').option(
    '--no-follow',
    'start it and exit',
  );
  return withStackFlags(command, 'the run (with --out: the manifest)')
    .addHelpText(
      'after',
      `
A run is quarantined when it has lost too many accounts (--max-drop-percent),
when the first run of a segment has none, when it has a different dataset or
segment than the last published run, or when the data changed during the run
(--on-drift fail). Publishing it sends no requests to the API.

Example:
  ${PROGRAM} publish 20260822T020000Z-1f3a --out ./out`,
    )
    .action(async (run: string, flags: PublishFlags) => {
      if (flags.out === undefined && flags.s3Endpoint !== undefined) throw endpointWithoutBucket();
      if (flags.out !== undefined) refuseStackFlags(command);
      terminal.exitCode = await (flags.out === undefined
        ? publishDeployed(run, flags, terminal)
        : publishLocal(run, { ...flags, out: flags.out }, terminal));
    });
}

/** A run is either on this machine or deployed. */
function refuseStackFlags(command: Command): void {
  const typed = ['stack', 'region', 'profile', 'follow'].filter((name) => command.getOptionValueSource(name) === 'cli');
  if (typed.length === 0) return;
  const flags = typed.map((name) => (name === 'follow' ? '--no-follow' : `--${name}`)).join(', ');
  throw new ExportError(
    'RequestError',
    `Conflicting flags: --out is for a run on this machine, and ${flags} for a deployed run.`,
  );
}

async function publishDeployed(run: string, flags: PublishFlags, terminal: Terminal): Promise<number> {
  const deployed = await connect(terminal, flags, run);
  const { runId, resumes } = reportOf(await describeRun(deployed.stack, executionArnOf(run, deployed.stack)));
  const publish = resumes ?? runId;
  return startAndFollow(deployed, { publish }, (started) => `run ${started}, which publishes run ${publish}`);
}

/** Publishing a quarantined run needs no API. */
const NO_API: AccountsApi = {
  host: '',
  fetchPage: () => Promise.reject(new Error('Publishing a quarantined run sent an API request.')),
};

async function publishLocal(
  run: string,
  flags: OutputFlags & DestinationFlags & { out: string },
  terminal: Terminal,
): Promise<number> {
  const store = await storeAt(flags.out, flags);
  const progress = runProgress(terminal, flags);
  const output = outputOf(progress, flags);
  const runId = checkRunId(run);
  const published = await isPublished(store, runId);
  if (published) output.note(`Run "${runId}" is already published.`);
  const outcome = await runLocal({
    api: NO_API,
    store,
    runId: newRunId(),
    request: { publish: runId },
    concurrency: 1,
    signal: new AbortController().signal,
    observe: progress.observe,
  }).finally(progress.stop);
  return printOutcome(outcome, output, store, { ...flags, resumed: !published });
}
