import { isExportError } from '../../model/errors.ts';
import type { PageQuery } from '../../model/page-query.ts';
import type { Run } from '../../model/run.ts';
import type { AccountsApi, ApiAnswer, Decode } from '../ports.ts';
import type { UsageMeter } from './usage-meter.ts';

/** What of a run a request needs. */
export type Asking = Pick<Run, 'datasetId' | 'format'> & { readonly parameters: Omit<Run['parameters'], 'pageSize'> };

/** The request for one page of a run; probes ask with page sizes of their own. */
export function pageQuery(run: Asking, pageSize: number, page: number): PageQuery {
  const { filter, start, end, segmentationId, segmentId } = run.parameters;
  return {
    datasetId: run.datasetId,
    endpoint: run.format === 'csv' ? 'csv' : 'json',
    filter,
    start,
    end,
    segmentationId,
    segmentId,
    pageSize,
    page,
  };
}

/** Fetches a page and enters what it cost, also when it fails. */
export async function askApi<T extends { readonly records: number }>(
  api: AccountsApi,
  ledger: UsageMeter,
  query: PageQuery,
  decode: Decode<T>,
  signal?: AbortSignal,
): Promise<ApiAnswer<T>> {
  try {
    const answer = await api.fetchPage(query, decode, signal, ledger.allowance);
    ledger.add(answer);
    return answer;
  } catch (error) {
    if (isExportError(error)) ledger.add(error.usage);
    throw error;
  }
}
