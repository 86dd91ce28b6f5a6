/** The folder of a run under `work/`: its plan, receipts, failures and quarantined manifest. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { isExportError } from '../../model/errors.ts';
import { type Manifest, ManifestSchema } from '../../model/manifest.ts';
import { type Receipt, ReceiptSchema, type TaskFailure, TaskFailureSchema } from '../../model/receipt.ts';
import { type Run, type StoredPlan, StoredPlanSchema } from '../../model/run.ts';
import { addUsage, NO_USAGE, type Usage } from '../../model/usage.ts';
import type { ObjectStore, StoredBytes, StoredObject } from '../ports.ts';
import {
  executionFailuresPrefix,
  failureKey,
  failuresPrefix,
  pageOfKey,
  partKey,
  planKey,
  quarantinedManifestKey,
  receiptKey,
  receiptsPrefix,
} from './bucket-layout.ts';
import { getJson, putJson } from './stored-json.ts';

/** The checksum of a part as stored, in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What is stored of a page. `done`: the part is stored as the receipt says. */
export type StoredPage =
  | { readonly done: true; readonly part: StoredBytes; readonly receipt: Receipt }
  | { readonly done: false; readonly part: StoredBytes | undefined; readonly receipt: Receipt | undefined };

/** A receipt in memory, where those of 30,000 pages must fit. */
export type PageReceipt = Omit<Receipt, 'fields' | 'accountHashes'>;

export function withoutContents({ fields: _, accountHashes: __, ...receipt }: Receipt): PageReceipt {
  return receipt;
}

/**
 * Small objects read in parallel: enough to read 30,000 in a minute, few enough for one connection pool. At most this many
 * whole receipts are in memory, each with up to 1,000 fields and the text of its hashes.
 */
const PARALLEL_READS = 50;

export class RunFolder {
  readonly #store: ObjectStore;
  readonly runId: string;

  constructor(store: ObjectStore, runId: string) {
    this.#store = store;
    this.runId = runId;
  }

  /** @throws ExportError `RequestError` when the plan is invalid, or that of another run: its folder was copied */
  plan(): Promise<StoredPlan | undefined> {
    const own = StoredPlanSchema.refine(({ run }) => run.runId === this.runId);
    return getJson(this.#store, planKey(this.runId), own, ['RequestError', 'start a new run']);
  }

  savePlan(plan: StoredPlan): Promise<void> {
    return putJson(this.#store, planKey(this.runId), plan);
  }

  /** The manifest with which the run was quarantined. */
  quarantined(): Promise<Manifest | undefined> {
    return getJson(this.#store, quarantinedManifestKey(this.runId), ManifestSchema);
  }

  quarantine(manifest: Manifest): Promise<void> {
    return putJson(this.#store, quarantinedManifestKey(this.runId), manifest);
  }

  /** What is stored of a page. */
  async page(run: Run, page: number): Promise<StoredPage> {
    const key = partKey(run, page);
    const receipt = await getJson(this.#store, receiptKey(this.runId, page), ReceiptSchema);
    const part = await this.#store.get(key);
    if (part && receipt?.key === key && sha256(part.body) === receipt.sha256) return { done: true, part, receipt };
    return { done: false, part, receipt };
  }

  saveReceipt(receipt: Receipt): Promise<void> {
    return putJson(this.#store, receiptKey(this.runId, receipt.page), receipt);
  }

  /**
   * The receipts of all pages, in page order.
   * @param keep what is kept of each in memory; called in page order
   */
  async receipts(keep: (receipt: Receipt) => PageReceipt = withoutContents): Promise<PageReceipt[]> {
    const receipts: PageReceipt[] = [];
    const objects = await this.#store.list(receiptsPrefix(this.runId));
    for await (const receipt of this.#readAll(objects, ReceiptSchema)) receipts.push(keep(receipt));
    return receipts.sort((a, b) => a.page - b.page);
  }

  /** The pages that have a receipt. */
  async pagesDone(): Promise<Set<number>> {
    const keys = (await this.#store.list(receiptsPrefix(this.runId))).map(({ key }) => pageOfKey(key));
    return new Set(keys.filter((page) => page !== undefined));
  }

  /** The failed tasks of all executions, or of one; of one execution, pages come first, in order. */
  async failures(execution?: string): Promise<TaskFailure[]> {
    const { runId } = this;
    const prefix = execution === undefined ? failuresPrefix(runId) : executionFailuresPrefix(runId, execution);
    const failures: TaskFailure[] = [];
    for await (const failure of this.#readAll(await this.#store.list(prefix), TaskFailureSchema))
      failures.push(failure);
    return failures;
  }

  /** Keeps how an attempt at a task failed, and adds what it used to that of earlier attempts. */
  async recordFailure(
    task: TaskFailure['task'],
    execution: string,
    { error, usage }: { readonly error: unknown; readonly usage: Usage },
  ): Promise<void> {
    const key = failureKey(executionFailuresPrefix(this.runId, execution), task);
    const before = await getJson(this.#store, key, TaskFailureSchema);
    const name = error instanceof Error ? error.name : 'Error';
    const failure: TaskFailure = {
      version: 1,
      task,
      error: name,
      // The message of an unexpected error may hold anything, account data too.
      message: isExportError(error)
        ? error.message
        : `Unexpected error in ${typeof task === 'number' ? `page ${task}` : task} of run "${this.runId}" (${name}): resume the run; if it fails again, report it with the log of the function, or, on this machine, with the output of --verbose.`,
      attempts: (before?.attempts ?? 0) + 1,
      usage: addUsage(before?.usage ?? NO_USAGE, usage),
    };
    await putJson(this.#store, key, failure);
  }

  /**
   * Usage of the run so far, failed attempts and the run that it repeats included.
   * @param now usage that is not recorded yet
   */
  async usage(
    receipts: readonly Pick<Receipt, 'usage'>[],
    now: Usage = NO_USAGE,
  ): Promise<Usage & { readonly totalRetries: number }> {
    const plan = await this.plan();
    const failures = await this.failures();
    const recorded = [plan?.usage, plan?.earlierUsage, ...[...receipts, ...failures].map(({ usage }) => usage)];
    const total = recorded.filter((usage) => usage !== undefined).reduce(addUsage, now);
    const attempts = failures.reduce((sum, failure) => sum + failure.attempts, 0);
    return { ...total, totalRetries: attempts + Object.values(total.retries).reduce((sum, count) => sum + count, 0) };
  }

  /** In the order of the objects. One that was deleted in the meantime is left out. */
  async *#readAll<T>(objects: readonly StoredObject[], schema: z.ZodType<T>): AsyncGenerator<T> {
    const reading: Promise<T | undefined>[] = [];
    for (let next = 0; next < objects.length || reading.length > 0; ) {
      for (; reading.length < PARALLEL_READS && next < objects.length; next++) {
        const read = getJson(this.#store, (objects[next] as StoredObject).key, schema);
        // Awaited later, in order. Without a handler until then, Node.js would report an unhandled rejection.
        read.catch(() => undefined);
        reading.push(read);
      }
      const found = await reading.shift();
      if (found !== undefined) yield found;
    }
  }
}
