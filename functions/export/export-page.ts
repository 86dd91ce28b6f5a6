/** Exporting one page: one request, one part, one record of it. */
import { type PageRecord, PageTaskSchema, type Run } from '../contracts.ts';
import { ExportError, type Spent } from '../errors.ts';
import { formatForRun } from '../formats/format-for-run.ts';
import type { DecodedPage } from '../formats/page-format.ts';
import { hashAccounts } from './account-hashes.ts';
import { askApi, pageQuery } from './ask-api.ts';
import { pageSizeCapped } from './count-accounts.ts';
import { parseOrThrow } from './export-config.ts';
import { pageRecordKey, partKey } from './layout.ts';
import { finishedPage, keepFailure, sha256 } from './page-records.ts';
import type { AccountsApi, ApiAnswer, ObjectStore } from './ports.ts';
import { runAllowance } from './record-budget.ts';
import { SpentLedger } from './spent-ledger.ts';
import { putJson } from './stored-json.ts';

export interface PagePorts {
  readonly api: AccountsApi;
  readonly store: ObjectStore;
  /** Told what each attempt at a page took, also one that failed. */
  readonly measure?: ((attempt: PageAttempt) => void) | undefined;
}

/** What an attempt at a page took, for metrics: figures alone. */
export interface PageAttempt {
  readonly exportName: string;
  readonly spent: Spent;
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
  const finished = await finishedPage(ports.store, run, page);
  if (finished) return finished.records;
  return (await fetchAndStore(ports, run, page, signal)).records;
}

/** Fetches a page whatever lies there, and writes its part, then its record. */
export async function fetchAndStore(
  { api, store, measure }: PagePorts,
  run: Run,
  page: number,
  signal?: AbortSignal,
): Promise<PageRecord> {
  const { exportName } = run;
  const format = formatForRun(run);
  const ledger = new SpentLedger({ allowance: runAllowance(store, run, { page }) });
  try {
    const fetchPage = () =>
      askApi(api, ledger, pageQuery(run, run.parameters.pageSize, page), (body) => format.decode(body), signal);
    const exists = async (offset: number) =>
      (await askApi(api, ledger, pageQuery(run, 1, offset), (body) => format.decode(body), signal)).value.records > 0;
    const answer = await fetchWhole(run, page, fetchPage, exists);

    const part = await format.encode(answer.value);
    const key = partKey(run, page);
    const etag = await store.put(key, part.body, format.contentType);
    const record: PageRecord = {
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
      spent: ledger.total,
      latencyMs: Math.round(answer.latencyMs),
    };
    await putJson(store, pageRecordKey(run.runId, page), record);
    measure?.({ exportName, spent: record.spent, latencyMs: record.latencyMs });
    return record;
  } catch (error) {
    // The record of a failure must not hide the failure: without it, only the account of what was spent is smaller.
    await keepFailure(store, run, page, error, ledger).catch(() => undefined);
    measure?.({ exportName, spent: ledger.total });
    throw error;
  }
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
