/** The retry after drift: a run whose data changed is quarantined, and the same execution exports again. */
import type { Manifest } from '../../model/manifest.ts';
import type { StoredPlan } from '../../model/run.ts';
import { RECORDS_TO_COUNT } from './count-accounts.ts';
import { verificationTickets } from './page-boundaries.ts';

/** Whether to export again because the data changed: the policy is `retry`, this is the first run, and the budget allows it. */
export function mayRetry({ run, maxRecords }: StoredPlan, { consistency, recordsFetched }: Manifest): boolean {
  if (consistency.verdict !== 'drifted' || run.onDrift !== 'retry' || run.retryOf !== undefined) return false;
  if (maxRecords === undefined) return true;
  const { pageSize } = run.parameters;
  const pages = Math.ceil(consistency.accountsAfter / pageSize) + 1;
  // The last page of the drifted run counts as a full one, and the retry checks the page size with another.
  const further = RECORDS_TO_COUNT + (pages + verificationTickets({ ...run, pages }) + 2) * pageSize;
  return recordsFetched + further <= maxRecords;
}
