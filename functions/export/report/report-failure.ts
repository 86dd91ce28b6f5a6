/** Reporting: finds the sentence that says what failed and what to do, for whoever looks at the execution. */

import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from '../../model/errors.ts';
import { FailureEventSchema } from '../../model/events.ts';
import { type ExportRequest, ExportRequestSchema, parseOrThrow } from '../../model/export-settings.ts';
import { type Manifest, ManifestSchema } from '../../model/manifest.ts';
import type { FailedRun, FailureReport } from '../../model/outcomes.ts';
import type { PageFailure } from '../../model/receipt.ts';
import { type StoredPlan, StoredPlanSchema } from '../../model/run.ts';
import type { ObjectStore } from '../ports.ts';
import { pageOfWorkKey, planKey, quarantinedManifestKey, receiptsPrefix } from '../storage/bucket-layout.ts';
import { failedAttempts } from '../storage/run-folder.ts';
import { getJson } from '../storage/stored-json.ts';

/** A run that ends with one of these was exported, and can be published as it is. */
const QUARANTINE_ERRORS: readonly string[] = ['DriftedError', 'QuarantinedError'];
const OURS: readonly string[] = [...PERMANENT_ERRORS, ...TRANSIENT_ERRORS];

/**
 * A Distributed Map only tells that one of its children failed, so the page's own record of its failure is looked up.
 *
 * @param event a `FailureEvent`: the execution and its input, and what Catch caught
 * @returns the sentence the execution fails with, and the same for a mail and for an event
 */
export async function reportFailure(
  { store }: { readonly store: ObjectStore },
  event: unknown,
): Promise<FailureReport> {
  const { failure, execution, ...started } = parseOrThrow(FailureEventSchema, event, 'The event of Report failure');
  const request = readableRequest(started.request);
  const runId = request?.resume ?? request?.publish ?? started.runId;
  let { error, cause } = { error: failure.Error, cause: messageOf(failure.Cause) };
  const left = await whatItLeft(store, runId).catch(() => 'unreadable' as const);
  const { plan, done } = left === 'unreadable' ? { plan: undefined, done: new Set<number | undefined>() } : left;
  if (!OURS.includes(error)) {
    const reason = left === 'unreadable' ? undefined : reasonOf(left);
    if (reason) ({ error, message: cause } = reason);
    else if (left === 'unreadable') {
      error = 'StorageError';
      cause = `Run "${runId}" failed, and what it left under ${store.location} could not be read to find out why: the execution shows what became of its pages.`;
    } else if (plan && error === 'States.ExceedToleratedFailureThreshold') {
      error = 'RunIncompleteError';
      cause = `Of ${plan.run.pages} pages of run "${runId}", ${plan.run.pages - done.size} are missing, and none could say why: the map run of the execution shows what became of them.`;
    }
  }
  if (cause === '') cause = `The run failed with ${error}.`;
  const held = QUARANTINE_ERRORS.includes(error);
  const failed: FailedRun = {
    status: held ? 'quarantined' : 'failed',
    runId,
    exportName: plan?.run.exportName ?? request?.exportName ?? request?.datasetId ?? null,
    error,
    message: cause,
    pagesDone: done.size,
    pages: plan?.run.pages ?? null,
    // What could not be read may well be there; a run that says itself why it failed before its plan has none.
    resume: plan || (left === 'unreadable' && !OURS.includes(failure.Error)) ? { resume: runId } : null,
    publish: held ? { publish: runId } : null,
    consistency: held ? ((await quarantinedManifest(store, runId))?.consistency ?? null) : null,
    executionUrl: consoleUrl(execution),
  };
  const progress = plan ? ` ${done.size} of ${plan.run.pages} pages are done and kept.` : '';
  return { error, cause: `${cause}${progress}`, ...mailOf(failed), event: failed };
}

/** What lies in the store of a run that failed. */
interface Left {
  readonly plan: StoredPlan | undefined;
  /** The pages that have a record. */
  readonly done: ReadonlySet<number | undefined>;
  readonly failures: readonly PageFailure[];
}

async function whatItLeft(store: ObjectStore, runId: string): Promise<Left> {
  const plan = await getJson(store, planKey(runId), StoredPlanSchema);
  if (!plan) return { plan, done: new Set(), failures: [] };
  const done = new Set((await store.list(receiptsPrefix(runId))).map(({ key }) => pageOfWorkKey(key)));
  return { plan, done, failures: await failedAttempts(store, runId) };
}

/** The page that says why; what failed under an execution before this one is not why this one fails. */
function reasonOf({ plan, done, failures }: Left): PageFailure | undefined {
  const failed = failures.filter(({ page, start }) => !done.has(page) && start === plan?.run.start);
  // A terminal error is why the run ended; transient ones may only have been cut short by it.
  return failed.find((one) => (PERMANENT_ERRORS as readonly string[]).includes(one.error)) ?? failed[0];
}

async function quarantinedManifest(store: ObjectStore, runId: string): Promise<Manifest | undefined> {
  return getJson(store, quarantinedManifestKey(runId), ManifestSchema).catch(() => undefined);
}

function mailOf(failed: FailedRun): Pick<FailureReport, 'subject' | 'message'> {
  const what = failed.exportName === null ? 'An export' : `Export ${failed.exportName}`;
  const ended = failed.status === 'quarantined' ? 'was held back' : 'failed';
  const lines = [
    `${what} ${ended}: ${failed.message}`,
    '',
    `Run:    ${failed.runId}`,
    `Error:  ${failed.error}`,
    `Pages:  ${failed.pages === null ? 'not planned' : `${failed.pagesDone} of ${failed.pages} are done and kept`}`,
    '',
    `What was published before is as it was. ${whatToDo(failed)}`,
    ...(failed.executionUrl === null ? [] : ['', failed.executionUrl]),
  ];
  return { subject: `Account Export: ${what} ${ended}`.slice(0, MAX_SUBJECT), message: lines.join('\n') };
}

function whatToDo({ resume, publish }: FailedRun): string {
  if (publish !== null) {
    return `To publish this run as it is, start the state machine with ${JSON.stringify(publish)}; to export anew, start the export again.`;
  }
  return resume === null
    ? 'When the cause is repaired, start the export again.'
    : `When the cause is repaired, go on with this run, which fetches no finished page again, by starting the state machine with ${JSON.stringify(resume)}.`;
}

const MAX_SUBJECT = 99;

/** Where people see an execution; `null` for one that did not run on AWS. */
function consoleUrl(execution: string): string | null {
  const region = /^arn:aws[a-z-]*:states:([a-z0-9-]+):/.exec(execution)?.[1];
  return region === undefined
    ? null
    : `https://${region}.console.aws.amazon.com/states/home?region=${region}#/v2/executions/details/${execution}`;
}

/** The request, when it can be read that far. */
function readableRequest(request: unknown): ExportRequest | undefined {
  return ExportRequestSchema.safeParse(request ?? {}).data;
}

/** What Lambda reports is JSON with the message and a stack; elsewhere the cause is the message itself. */
function messageOf(cause: string): string {
  try {
    const { errorMessage } = JSON.parse(cause) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : '';
  } catch {
    return cause;
  }
}
