/** Exporting one page: one request, one part, one record of it. */

import { formatForRun } from '../../formats/format-for-run.ts';
import type { DecodedPage } from '../../formats/page-format.ts';
import { ExportError } from '../../model/errors.ts';
import { PageTaskSchema } from '../../model/events.ts';
import { FORMAT_DETAILS } from '../../model/export-format.ts';
import { parseOrThrow } from '../../model/export-settings.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Run } from '../../model/run.ts';
import type { Usage } from '../../model/usage.ts';
import type { AccountsApi, ApiAnswer, ObjectStore } from '../ports.ts';
import { pageSizeCapped } from '../source/count-accounts.ts';
import { runAllowance } from '../source/record-budget.ts';
import { askApi, pageQuery } from '../source/source.ts';
import { UsageMeter } from '../source/usage-meter.ts';
import { partKey, receiptKey } from '../storage/bucket-layout.ts';
import { finishedPage, keepFailure, sha256 } from '../storage/run-folder.ts';
import { putJson } from '../storage/stored-json.ts';
import { hashAccounts } from './account-hashes.ts';

export interface PagePorts {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  /** Told what each attempt at a page took, also one that failed. */
  readonly measure?: ((attempt: PageAttempt) => void) | undefined;
}

/** What an attempt at a page took, or one at a plan that failed, for metrics: figures alone. */
export interface PageAttempt {
  readonly exportName: string;
  readonly usage: Usage;
  /** Of the page's own request; `undefined` when the attempt failed. */
  readonly latencyMs?: number;
}

/**
 * Exports one page of a run; a page whose part is already whole is not fetched again.
 *
 * @param event a `PageTask`
 * @returns the number of accounts in the part: a small result, because the workflow collects one of each page
 * @throws ExportError transient when another try may do, terminal when it cannot
 */
export async function exportPage(ports: PagePorts, event: unknown, signal?: AbortSignal): Promise<number> {
  const { run, page } = parseOrThrow(PageTaskSchema, event, 'The event of Export page');
  return (await attemptPage(ports, run, page, signal, () => finishedPage(ports.store, run, page))).records;
}

/** Fetches a page whatever lies there, and writes its part, then its record. */
export function fetchAndStore(ports: PagePorts, run: Run, page: number, signal?: AbortSignal): Promise<Receipt> {
  return attemptPage(ports, run, page, signal, async () => undefined);
}

async function attemptPage(
  { api, store, measure }: PagePorts,
  run: Run,
  page: number,
  signal: AbortSignal | undefined,
  finished: () => Promise<Receipt | undefined>,
): Promise<Receipt> {
  const { exportName } = run;
  const allowance = runAllowance(store, run, { page });
  const ledger = new UsageMeter({ allowance });
  try {
    const key = partKey(run, page);
    // A try that outlives its run must not replace what another has published since: it only writes over what it saw.
    const seen = await store.etagOf(key);
    const before = await finished();
    if (before) return before;
    const format = formatForRun(run);
    const fetchPage = () =>
      askApi(api, ledger, pageQuery(run, run.parameters.pageSize, page), (body) => format.decode(body), signal);
    const exists = async (offset: number) =>
      (await askApi(api, ledger, pageQuery(run, 1, offset), (body) => format.decode(body), signal)).value.records > 0;
    const answer = await fetchWhole(run, page, fetchPage, exists);

    const part = await format.encode(answer.value);
    const etag = await putPart(store, key, part.body, FORMAT_DETAILS[run.format].contentType, seen, page);
    const record: Receipt = {
      version: 1,
      page,
      attempt: run.attempt,
      key,
      etag,
      records: answer.value.records,
      bytes: part.body.byteLength,
      sha256: sha256(part.body),
      accountHashes: hashAccounts(run.runId, answer.value.identities),
      unmappedColumns: [...part.unmappedColumns],
      escapedLineBreaks: part.escapedLineBreaks,
      usage: ledger.total,
      latencyMs: Math.round(answer.latencyMs),
    };
    await putJson(store, receiptKey(run.runId, page), record);
    measure?.({ exportName, usage: record.usage, latencyMs: record.latencyMs });
    return record;
  } catch (error) {
    // The record of a failure must not hide the failure: without it, only the account of what was spent is smaller.
    await keepFailure(store, run, page, error, ledger).catch(() => undefined);
    measure?.({ exportName, usage: ledger.total });
    throw error;
  } finally {
    // What is not told is taken for spent: that is too much, and never too little.
    await allowance?.settle().catch(() => undefined);
  }
}

/** @returns the etag of the part */
async function putPart(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  contentType: string,
  seen: string | undefined,
  page: number,
): Promise<string> {
  const etag = await store.putOver(key, body, contentType, seen);
  if (etag !== undefined) return etag;
  // It may be this very part: its answer was lost, and the SDK asked again.
  const [there, itsEtag] = [await store.get(key), await store.etagOf(key)];
  if (there !== undefined && itsEtag !== undefined && sha256(there) === sha256(body)) return itsEtag;
  throw new ExportError(
    'StorageError',
    `The part of page ${page} was written by another try meanwhile; it can be tried again later.`,
  );
}

/**
 * A page may come short because the source shrank, because the API caps its page size, or because an answer broke off in
 * a place that no parser can see. Only the first is an end: where an account lies behind the short page, it is not.
 */
async function fetchWhole(
  run: Run,
  page: number,
  fetchPage: () => Promise<ApiAnswer<DecodedPage>>,
  exists: (offset: number) => Promise<boolean>,
): Promise<ApiAnswer<DecodedPage>> {
  const { pageSize } = run.parameters;
  const planned = Math.min(pageSize, Math.max(0, run.accounts - page * pageSize));
  const answer = await fetchPage();
  const { records } = answer.value;
  if (records >= planned) return answer;

  if (run.countedBy === 'offsets' && !(await exists(page * pageSize + records))) return answer;
  const again = await fetchPage();
  if (again.value.records >= planned) return again;
  if (run.countedBy === 'pages') return again;
  if (again.value.records === records && records > 0) throw pageSizeCapped(pageSize, records);
  throw new ExportError(
    'ApiAnswerError',
    `Page ${page} came with ${again.value.records} accounts of ${planned} although more follow; it can be tried again later.`,
  );
}
