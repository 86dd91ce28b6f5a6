/** How a run on this machine ended, for people: `run` and `publish --out` print the same. */
import type { ObjectStore } from '../../functions/export/ports.ts';
import { readManifest } from '../../functions/export/storage/published-runs.ts';
import { RunFolder } from '../../functions/export/storage/run-folder.ts';
import { PERMANENT_ERRORS } from '../../functions/model/errors.ts';
import type { FailedRun } from '../../functions/model/outcomes.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { remedyOf } from '../../functions/model/remedies.ts';
import type { ApiFlags } from '../flags/api-flags.ts';
import type { DestinationFlags } from '../flags/destination.ts';
import { withFlagNames } from '../flags/export-request.ts';
import { shellWord } from '../flags/stack-flags.ts';
import { printEstimate, printPublished, printUsageSoFar } from '../terminal/print-run.ts';
import type { Output } from '../terminal/terminal.ts';
import type { LocalOutcome } from './run-local.ts';

/** The flags of `run`, or of `publish --out`, that its last lines depend on. */
type EndFlags = DestinationFlags & { out: string; json?: boolean } & Pick<ApiFlags, 'apiUrl'> & { runId?: string };

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
      output.fail(withFlagNames(outcome.failure.cause, flags.apiUrl === undefined ? undefined : '--api-url'));
      for (const line of nextSteps(outcome.failure.event, flags)) output.hint(line);
      return 1;
  }
}

/** A run that publishes nothing has used records, too. */
export async function noteUsage(output: Output, store: ObjectStore, runId: string): Promise<void> {
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
  return (PERMANENT_ERRORS as readonly string[]).includes(error) ? 'remove the cause, then ' : '';
}

/** `publish --out` has no --run-id. */
export function repeatCommand(runId: string, flags: Pick<EndFlags, 'runId'>): string {
  return flags.runId === runId ? 'repeat this command' : `repeat the run command with --run-id ${runId}`;
}
