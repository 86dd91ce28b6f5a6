/** Writes run reports. A report is for people: whatever fails here, the run ends as it would without it. */
import pLimit from 'p-limit';
import { consoleOf, executionPage } from '../../model/console-url.ts';
import { type FieldPresence, FieldSums } from '../../model/field-coverage.ts';
import { ReceiptFieldsSchema, type TaskFailure } from '../../model/receipt.ts';
import type { Run } from '../../model/run.ts';
import type { ObjectStore, RunToReport, StoredObject } from '../ports.ts';
import {
  pageOfKey,
  publishedReportKey,
  publishedRunPrefix,
  receiptsPrefix,
  runLockPrefix,
  unpublishedReportKey,
} from '../storage/bucket-layout.ts';
import { RunFolder } from '../storage/run-folder.ts';
import { addToHistory, type RunHistory, readHistory } from '../storage/run-history.ts';
import { getJson } from '../storage/stored-json.ts';
import type { PageFacts } from './page-timeline.ts';
import { renderReport } from './render-report.ts';
import { describeRun, type Ended, type Evidence, figuresOf } from './run-report.ts';

/**
 * Writes the report of a run that was just published, and adds the run to the history of its export. If an earlier attempt
 * published it, the report is written only if it is missing.
 * @param onError receives what failed
 * @returns where the report is; `undefined` if it could not be written
 */
export async function keepReport(
  store: ObjectStore,
  published: RunToReport,
  onError: (error: unknown) => void = () => undefined,
): Promise<string | undefined> {
  const { run } = published;
  const key = publishedReportKey(run.runId);
  try {
    // A listing costs as much as looking for one object, and does not read it.
    const isRepeated = published.receipts === undefined;
    if (isRepeated && (await store.list(publishedRunPrefix(run.runId))).some((object) => object.key === key)) {
      return `${store.location}${key}`;
    }
    const receipts = published.receipts ?? (await new RunFolder(store, run.runId).receipts());
    const isResumed = await wasResumed(store, run, published.execution);
    const evidence: Evidence = { ...published, status: 'published', receipts, isResumed };
    const history = await remember(store, published).catch((error: unknown) => onError(error));
    await store.put(key, Buffer.from(renderReport(describeRun({ ...evidence, history: history ?? undefined }))));
    return `${store.location}${key}`;
  } catch (error) {
    onError(error);
    return undefined;
  }
}

/** Adds a published run to the history of its export. @returns the history with it */
function remember(store: ObjectStore, { run, manifest, last }: RunToReport): Promise<RunHistory> {
  return addToHistory(store, run.exportName, (before) => {
    const known = before?.runs ?? (last ? [figuresOf(last)] : []);
    const others = known.filter(({ runId }) => runId !== run.runId);
    const { format, records, fields } = manifest;
    return { version: 1, runs: [...others, figuresOf(manifest)], coverage: { format, records, fields } };
  });
}

/** A run that failed or was quarantined. */
export interface UnpublishedRun {
  readonly run: Run;
  readonly status: 'failed' | 'quarantined';
  readonly execution: string;
  /** The pages that have a receipt. */
  readonly done: ReadonlySet<number>;
  readonly failures: readonly TaskFailure[];
  readonly ended: Pick<Ended, 'error' | 'message' | 'remedy' | 'command'>;
}

/** @returns where the report is; `undefined` if it could not be written */
export async function keepUnpublishedReport(
  store: ObjectStore,
  unpublished: UnpublishedRun,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { run, status, execution, done, failures, ended } = unpublished;
  const key = unpublishedReportKey(run.runId);
  try {
    const folder = new RunFolder(store, run.runId);
    const [manifest, history, pages] = [
      status === 'quarantined' ? await folder.quarantined() : undefined,
      await readHistory(store, run.exportName),
      await readPages(store, run.runId, signal),
    ];
    const awsConsole = consoleOf(execution);
    const executionUrl = awsConsole ? executionPage(awsConsole, execution) : undefined;
    const usage = pages.receipts.length < done.size ? undefined : await folder.usage(pages.receipts);
    const evidence: Evidence = {
      run,
      status,
      execution,
      isResumed: await wasResumed(store, run, execution),
      manifest,
      done,
      history,
      usage,
      receipts: pages.receipts,
      fields: pages.fields,
      ended: { ...ended, failures, executionUrl },
    };
    if (signal?.aborted) return undefined;
    await store.put(key, Buffer.from(renderReport(describeRun(evidence))));
    return `${store.location}${key}`;
  } catch {
    return undefined;
  }
}

/**
 * Whether an earlier execution worked on the run. A run on AWS has the name of its first execution; of other runs, the locks
 * say how many executions there were.
 */
async function wasResumed(store: ObjectStore, run: Run, execution: string): Promise<boolean> {
  if (execution.startsWith('arn:')) return execution.split(':').at(-1) !== (run.retryOf ?? run.runId);
  return (await store.list(runLockPrefix(run.retryOf ?? run.runId))).length > 1;
}

/** A receipt without its hashes: eight bytes for each account of the page. */
const PageFactsSchema = ReceiptFieldsSchema.pick({
  page: true,
  records: true,
  bytes: true,
  fields: true,
  usage: true,
  startedAt: true,
  latencyMs: true,
});

/** Read for the report of a failed run: the email about it waits, and *Report failure* has little memory. */
const MAX_RECEIPTS = 1000;
const MAX_RECEIPT_BYTES = 20_000_000;
const PARALLEL_READS = 16;

interface Pages {
  readonly receipts: readonly PageFacts[];
  readonly fields: readonly FieldPresence[];
}

/** What the receipts of a run say, or, if they are many, some of them, evenly spread. */
async function readPages(store: ObjectStore, runId: string, signal?: AbortSignal): Promise<Pages> {
  const keys = sampleOf((await store.list(receiptsPrefix(runId))).filter(({ key }) => pageOfKey(key) !== undefined));
  const limit = pLimit(PARALLEL_READS);
  const sums = new FieldSums();
  const read = async (key: string): Promise<PageFacts | undefined> => {
    const receipt = signal?.aborted ? undefined : await getJson(store, key, PageFactsSchema);
    if (receipt === undefined) return undefined;
    const { fields, ...facts } = receipt;
    sums.add(fields);
    return facts;
  };
  const found = await Promise.all(keys.map((key) => limit(read, key)));
  return { receipts: found.filter((facts) => facts !== undefined), fields: sums.fields };
}

function sampleOf(objects: readonly StoredObject[]): string[] {
  const total = objects.reduce((sum, { bytes }) => sum + bytes, 0);
  const take = Math.min(
    objects.length,
    MAX_RECEIPTS,
    Math.floor((objects.length * MAX_RECEIPT_BYTES) / Math.max(1, total)),
  );
  return Array.from({ length: take }, (_, i) => objects[Math.floor((i * objects.length) / take)]?.key ?? '');
}
