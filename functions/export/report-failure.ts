/** Reporting: finds the sentence that says what failed and what to do, for whoever looks at the execution. */
import { FailureEventSchema, type FailureReport, StoredPlanSchema } from '../contracts.ts';
import { TERMINAL_ERRORS, TRANSIENT_ERRORS } from '../errors.ts';
import { ExportRequestSchema, parseOrThrow } from './export-config.ts';
import { pageOfWorkKey, pageRecordsPrefix, planKey } from './layout.ts';
import { failedAttempts } from './page-records.ts';
import type { ObjectStore } from './ports.ts';
import { getJson } from './stored-json.ts';

const OURS: readonly string[] = [...TERMINAL_ERRORS, ...TRANSIENT_ERRORS];

/**
 * A Distributed Map only tells that one of its children failed, so the page's own record of its failure is looked up.
 *
 * @param event a `FailureEvent`: the run's id and what Catch caught
 */
export async function reportFailure(
  { store }: { readonly store: ObjectStore },
  event: unknown,
): Promise<FailureReport> {
  const { failure, ...started } = parseOrThrow(FailureEventSchema, event, 'The event of Report failure');
  const runId = resumedRun(started.request) ?? started.runId;
  const plan = await getJson(store, planKey(runId), StoredPlanSchema).catch(() => undefined);
  const done = new Set(plan ? (await store.list(pageRecordsPrefix(runId))).map(({ key }) => pageOfWorkKey(key)) : []);
  let { error, cause } = { error: failure.Error, cause: messageOf(failure.Cause) };
  if (plan && !OURS.includes(error)) {
    const failed = (await failedAttempts(store, runId)).filter(({ page }) => !done.has(page));
    // A terminal error is why the run ended; transient ones may only have been cut short by it.
    const reason = failed.find((one) => (TERMINAL_ERRORS as readonly string[]).includes(one.error)) ?? failed[0];
    if (reason) ({ error, message: cause } = reason);
  }
  const progress = plan ? ` ${done.size} of ${plan.run.pages} pages are done and kept.` : '';
  return { error, cause: `${cause === '' ? `The run failed with ${error}.` : cause}${progress}` };
}

/** The run that an execution went on with, when its request can be read that far. */
function resumedRun(request: unknown): string | undefined {
  const parsed = ExportRequestSchema.safeParse(request);
  return parsed.success ? parsed.data.resume : undefined;
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
