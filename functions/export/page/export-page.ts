/** Exporting one page: one request, one part, one receipt. */
import { formatForRun } from '../../formats/format-for-run.ts';
import type { DecodedPage, PageFormat } from '../../formats/page-format.ts';
import { ExportError } from '../../model/errors.ts';
import { type PageTask, PageTaskSchema } from '../../model/events.ts';
import { parseOrThrow } from '../../model/parse-input.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Run } from '../../model/run.ts';
import { addUsage, NO_USAGE } from '../../model/usage.ts';
import type { ApiAnswer, Clock, ObjectStore, PagePorts, StoredBytes } from '../ports.ts';
import { pageSizeCapped } from '../source/paging-errors.ts';
import { budgetOf } from '../source/record-budget.ts';
import { sharedWait } from '../source/shared-wait.ts';
import { Source } from '../source/source.ts';
import { partKey } from '../storage/bucket-layout.ts';
import { isPublished } from '../storage/published-runs.ts';
import { RunFolder, type StoredPage, sha256 } from '../storage/run-folder.ts';
import { hashAccounts } from './account-hashes.ts';

/**
 * Exports one page of a run. If the stored part matches its receipt, the page is not fetched again.
 *
 * @param event a `PageTask`
 * @returns the number of accounts in the part: a small result, because the workflow collects one per page
 * @throws ExportError transient when a retry may succeed, permanent when it cannot
 */
export async function exportPage(ports: PagePorts, event: unknown, signal?: AbortSignal): Promise<number> {
  const task = parseOrThrow(PageTaskSchema, event, 'event of Export page');
  const stored = await new RunFolder(ports.store, task.run.runId).page(task.run, task.page);
  const { records } = stored.done ? stored.receipt : await writePart(ports, task, stored, signal);
  return records;
}

/**
 * Fetches a page and writes its part, then its receipt.
 * @param stored what is stored of the page. The part is overwritten only if it has not changed since it was read, and the
 * usage of the old receipt is added to that of the new one.
 */
export async function writePart(
  { api, store, clock, measure }: PagePorts,
  { run, page, execution }: PageTask,
  stored: StoredPage,
  signal?: AbortSignal,
): Promise<Receipt> {
  const { exportName, runId } = run;
  const folder = new RunFolder(store, runId);
  const format = formatForRun(run);
  const budget = budgetOf(store, run, page);
  const wait = sharedWait(store, runId);
  const source = new Source(api, run, format.decode, { signal, budget, wait, answeredBefore: true });
  try {
    const { body, content, times } = await fetchPart(source, format, { run, page }, clock);
    const etag = await putPart(store, run, page, { body, before: stored.part });
    const usage = addUsage(stored.receipt?.usage ?? NO_USAGE, source.usage);
    const receipt: Receipt = { version: 1, page, key: partKey(run, page), etag, ...content, usage, ...times };
    await folder.saveReceipt(receipt);
    measure?.({ exportName, usage: source.usage, latencyMs: receipt.latencyMs });
    return receipt;
  } catch (error) {
    const { usage } = source;
    // A failure to record the failure must not hide it.
    await folder.recordFailure(page, execution, { error, usage }).catch(() => undefined);
    measure?.({ exportName, usage });
    throw error;
  } finally {
    await budget?.returnTickets().catch(() => undefined);
  }
}

interface FetchedPart {
  readonly body: Uint8Array;
  /** What the receipt says about the body. */
  readonly content: Pick<
    Receipt,
    'records' | 'bytes' | 'sha256' | 'accountHashes' | 'fields' | 'unmappedColumns' | 'escapedLineBreaks'
  >;
  readonly times: Pick<Receipt, 'startedAt' | 'latencyMs'>;
}

/** Fetches and encodes a page. Nothing of the decoded page is kept: other pages need the memory while its part is written. */
async function fetchPart(
  source: Source<DecodedPage>,
  format: PageFormat,
  { run, page }: Pick<PageTask, 'run' | 'page'>,
  clock: Clock,
): Promise<FetchedPart> {
  const { value, latencyMs } = await fetchCompletePage(source, run, page);
  // An attempt may wait for other requests first, so its begin says nothing about the API.
  const startedAt = new Date(clock.now() - latencyMs).toISOString();
  const { body, unmappedColumns, escapedLineBreaks } = await format.encode(value);
  return {
    body,
    content: {
      records: value.records,
      bytes: body.byteLength,
      sha256: sha256(body),
      accountHashes: hashAccounts(run.runId, value.names),
      fields: [...value.fields],
      unmappedColumns: [...unmappedColumns],
      escapedLineBreaks,
    },
    times: { startedAt, latencyMs: Math.round(latencyMs) },
  };
}

/** Writes a part, unless another attempt has replaced the version of it that was there before. @returns its etag */
async function putPart(
  store: ObjectStore,
  run: Run,
  page: number,
  { body, before }: { readonly body: Uint8Array; readonly before: StoredBytes | undefined },
): Promise<string> {
  const key = partKey(run, page);
  const published = () =>
    new ExportError(
      'RequestError',
      `Cannot write page ${page} of run "${run.runId}": the run is already published. No action is needed.`,
    );
  if (await isPublished(store, run.runId)) throw published();
  // A Lambda that outlives its execution must not replace what a later execution wrote.
  const etag = await store.put(key, body, before ? { ifMatch: before.etag } : { ifNoneMatch: '*' });
  if (etag !== undefined) {
    if (!before || !(await isPublished(store, run.runId))) return etag;
    // The run was published between the check and this write, with the part that was there before. Put it back.
    await store.put(key, before.body, { ifMatch: etag });
    throw published();
  }
  // Perhaps our own write succeeded, the response of S3 was lost, and the retry of the SDK failed the condition.
  const there = await store.get(key);
  if (there && sha256(there.body) === sha256(body)) return there.etag;
  throw new ExportError(
    'StorageError',
    `Two attempts wrote page ${page} of run "${run.runId}" at the same time: resume the run.`,
  );
}

/**
 * A page may be short because the data shrank, because the API caps its page size, or because an answer was cut between
 * two accounts. If an account follows a short page, accounts are missing. If none follows, the data shrank and the page is
 * complete.
 */
async function fetchCompletePage(source: Source<DecodedPage>, run: Run, page: number): Promise<ApiAnswer<DecodedPage>> {
  const { pageSize } = run.parameters;
  // 0 for a page of the tail, which the plan does not have.
  const plannedRecords = Math.min(pageSize, Math.max(0, run.accounts - page * pageSize));
  /** Whether another account follows a short answer. */
  const isFollowed = ({ value: { records } }: ApiAnswer<DecodedPage>) => source.exists(page * pageSize + records);
  const answer = await source.page(page);
  if (answer.value.records >= plannedRecords) return answer;
  // Without offsets, nobody can ask for the next account: the page is fetched again, and that answer is accepted.
  if (run.countedBy === 'offsets' && !(await isFollowed(answer))) return answer;

  const again = await source.page(page);
  const { records } = again.value;
  if (records >= plannedRecords || run.countedBy === 'pages' || !(await isFollowed(again))) return again;
  if (records === 0 && source.takenForEnd) throw source.takenForEnd;
  if (records === answer.value.records && records > 0) throw pageSizeCapped(pageSize, records);
  throw new ExportError(
    'ApiAnswerError',
    `Page ${page} of run "${run.runId}" is incomplete (${records} of ${plannedRecords} accounts, but more accounts follow): resume the run.`,
  );
}
