/** What becomes of a run that is whole, but under which the source moved, or which is much smaller than the one before. */
import pLimit from 'p-limit';
import { ExportError } from '../../model/errors.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { DriftedRun } from '../../model/outcomes.ts';
import type { Run, StoredDrift } from '../../model/run.ts';
import type { ObjectStore } from '../ports.ts';
import { recordsOfPages } from '../source/record-budget.ts';
import { driftKey, pageFailuresPrefix, partsPrefix, receiptsPrefix } from '../storage/bucket-layout.ts';
import { putJson } from '../storage/stored-json.ts';
import type { VerifiedRun } from './verify-run.ts';

const DELETIONS_AT_ONCE = 50;
/** What counting again costs at the most. */
const RECORDS_TO_PLAN = 62;

/** Whether the export is to be made once more: it drifted, its policy is `retry`, and the budget allows it. */
export function goesAgain(run: Run, { manifest, usage, maxRecords }: VerifiedRun): boolean {
  const { consistency } = manifest;
  if (consistency.verdict !== 'drifted' || run.onDrift !== 'retry' || run.attempt > 1) return false;
  const { pageSize } = run.parameters;
  const pages = Math.ceil(consistency.accountsAfter / pageSize) + 1;
  const needed = usage.recordsFetched + RECORDS_TO_PLAN + pageSize + recordsOfPages(pages, pageSize);
  return maxRecords === undefined || needed <= maxRecords;
}

/**
 * Clears the way for another attempt: what this one wrote must neither be read nor be taken for the next one's.
 * Doing it again after it was cut short does the rest.
 */
export async function beginAgain(store: ObjectStore, run: Run, drift: StoredDrift): Promise<DriftedRun> {
  await putJson(store, driftKey(run.runId), drift);
  const limit = pLimit(DELETIONS_AT_ONCE);
  for (const prefix of [receiptsPrefix(run.runId), pageFailuresPrefix(run.runId), partsPrefix(run)]) {
    const objects = await store.list(prefix);
    await Promise.all(objects.map(({ key }) => limit(() => store.delete(key))));
  }
  await putJson(store, driftKey(run.runId), { ...drift, cleared: true });
  const { accounts, consistency } = drift;
  return { status: 'drifted', runId: run.runId, exportName: run.exportName, accounts, consistency };
}

/**
 * Why a run may not be published, by the policies of its export; `undefined` when it may.
 * @param last what was published before
 */
export function refusalOf(run: Run, manifest: Manifest, last: Manifest | undefined): ExportError | undefined {
  return refusalOfDrift(run, manifest) ?? refusalOfDrop(run, manifest, last);
}

function refusalOfDrift({ runId, onDrift }: Run, { consistency, duplicates }: Manifest): ExportError | undefined {
  if (consistency.verdict !== 'drifted' || onDrift !== 'fail') return undefined;
  const { accountsBefore, accountsAfter, boundariesMoved, boundariesChecked } = consistency;
  return new ExportError(
    'DriftedError',
    `The source moved while run "${runId}" read it (${accountsBefore} accounts before and ${accountsAfter} after, ${boundariesMoved} of ${boundariesChecked} boundaries moved, ${duplicates} accounts came twice), and onDrift is "fail". Nothing was published: start a new run, or publish this one as it is with {"publish":"${runId}"}.`,
  );
}

function refusalOfDrop(
  { runId, exportName, maxDropPercent }: Run,
  { distinctAccounts: now }: Manifest,
  last: Manifest | undefined,
): ExportError | undefined {
  const before = last?.distinctAccounts ?? 0;
  if (last === undefined || before === 0) return undefined;
  const dropPercent = ((before - now) * 100) / before;
  if (now > 0 && dropPercent <= maxDropPercent) return undefined;
  return new ExportError(
    'QuarantinedError',
    `Run "${runId}" has ${now} accounts where the last published run of export "${exportName}" (${last.runId}) had ${before}: a drop of ${Math.floor(dropPercent)} %, and ${now === 0 ? 'none left is always looked at' : `maxDropPercent is ${maxDropPercent}`}. Nothing was published: when this is right, publish it with {"publish":"${runId}"}.`,
  );
}
