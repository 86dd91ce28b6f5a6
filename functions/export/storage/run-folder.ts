/** What is kept under `work/` of each page: the record of a finished part, and what failed attempts cost. */
import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import type { z } from 'zod';
import { isExportError } from '../../model/errors.ts';
import {
  type PageFailure,
  PageFailureSchema,
  type Receipt,
  ReceiptSchema,
  TaskFailureSchema,
} from '../../model/receipt.ts';
import type { Run, StoredPlan } from '../../model/run.ts';
import type { Usage } from '../../model/usage.ts';
import type { ObjectStore } from '../ports.ts';
import { addUsage, NO_USAGE, type UsageMeter } from '../source/usage-meter.ts';
import {
  pageFailureKey,
  pageFailuresPrefix,
  pageOfWorkKey,
  partKey,
  receiptKey,
  receiptsPrefix,
  taskFailureKey,
} from './bucket-layout.ts';
import { getJson, putJson } from './stored-json.ts';

/** The fingerprint of a part as stored, in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The page's record when its part lies there as recorded; `undefined` when the page is still to be exported. */
export async function finishedPage(store: ObjectStore, run: Run, page: number): Promise<Receipt | undefined> {
  const record = await getJson(store, receiptKey(run.runId, page), ReceiptSchema);
  if (!record || record.key !== partKey(run, page) || record.attempt !== run.attempt) return undefined;
  const part = await store.get(record.key);
  return part !== undefined && sha256(part) === record.sha256 ? record : undefined;
}

/** Keeps what a failed attempt cost, added to those before it, and how it ended. */
export async function keepFailure(
  store: ObjectStore,
  run: Run,
  page: number,
  error: unknown,
  ledger: UsageMeter,
): Promise<void> {
  const key = pageFailureKey(run.runId, page);
  const before = await getJson(store, key, PageFailureSchema);
  const failure: PageFailure = {
    version: 1,
    page,
    start: run.start,
    error: error instanceof Error ? error.name : 'Error',
    // The text of an error that is not ours may hold anything, account data too.
    message: isExportError(error)
      ? error.message
      : `Page ${page} failed for a reason that is not known: see the function's log.`,
    attempts: (before?.attempts ?? 0) + 1,
    usage: addUsage(before?.usage ?? NO_USAGE, ledger.total),
  };
  await putJson(store, key, failure);
}

/** What failed attempts at planning or publishing cost: `undefined` when there were none. */
export async function failedTask(
  store: ObjectStore,
  runId: string,
  task: 'plan' | 'publish',
): Promise<{ readonly attempts: number; readonly usage: Usage } | undefined> {
  return getJson(store, taskFailureKey(runId, task), TaskFailureSchema);
}

/** Runs a task that spends; when it fails, what it spent is kept, so that no record is forgotten. */
export async function keepingWhatItSpends<T>(
  store: ObjectStore,
  runId: string,
  task: 'plan' | 'publish',
  ledger: UsageMeter,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const keep = async () => {
      const before = await failedTask(store, runId, task);
      const attempts = (before?.attempts ?? 0) + 1;
      const usage = addUsage(before?.usage ?? NO_USAGE, ledger.total);
      await putJson(store, taskFailureKey(runId, task), { version: 1, attempts, usage });
    };
    // The failure itself is what must be told.
    if (ledger.total.apiRequests > 0) await keep().catch(() => undefined);
    throw error;
  } finally {
    await ledger.allowance?.settle().catch(() => undefined);
  }
}

/** Small objects read at once: enough to read 30,000 in a minute, few enough for one connection pool. */
const READS_AT_ONCE = 50;

/** The records of all pages that this attempt has, in page order. */
export async function readReceipts(store: ObjectStore, run: Run): Promise<Receipt[]> {
  const records = await readAll(store, receiptsPrefix(run.runId), ReceiptSchema);
  return records.filter(({ attempt }) => attempt === run.attempt);
}

/** What failed attempts are known of, in page order, also of pages that were exported in the end. */
export async function failedAttempts(store: ObjectStore, runId: string): Promise<PageFailure[]> {
  return readAll(store, pageFailuresPrefix(runId), PageFailureSchema);
}

/**
 * What a run spent, over all its attempts and tries, as far as they could say.
 * @param now what is being spent and written down nowhere yet
 */
export async function usageSoFar(
  store: ObjectStore,
  plan: StoredPlan,
  records: readonly Receipt[],
  now: Usage = NO_USAGE,
): Promise<Usage & { readonly retriesInAll: number }> {
  const { runId } = plan.run;
  const tasks = [await failedTask(store, runId, 'plan'), await failedTask(store, runId, 'publish')];
  const failures = [...(await failedAttempts(store, runId)), ...tasks.filter((task) => task !== undefined)];
  const total = [plan, ...records, ...failures].map(({ usage }) => usage).reduce(addUsage, now);
  const attempts = failures.reduce((sum, failure) => sum + failure.attempts, 0);
  return { ...total, retriesInAll: attempts + Object.values(total.retries).reduce((sum, count) => sum + count, 0) };
}

async function readAll<T extends { page: number }>(
  store: ObjectStore,
  prefix: string,
  schema: z.ZodType<T>,
): Promise<T[]> {
  const limit = pLimit(READS_AT_ONCE);
  const keys = (await store.list(prefix)).map(({ key }) => key).filter((key) => pageOfWorkKey(key) !== undefined);
  const found = await Promise.all(keys.map((key) => limit(() => getJson(store, key, schema))));
  return found.filter((one) => one !== undefined).sort((a, b) => a.page - b.page);
}
