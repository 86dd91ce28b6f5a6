/** The policies of an export: what happens to a complete run whose data changed, or that is much smaller than the last one. */
import { ExportError } from '../../model/errors.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { Run } from '../../model/run.ts';

/**
 * Why a run is quarantined; `undefined` when it may be published.
 * @param last the last published run of the export
 */
export function quarantineReason(run: Run, manifest: Manifest, last: Manifest | undefined): ExportError | undefined {
  if (manifest.consistency.verdict === 'drifted' && run.onDrift === 'fail') return driftedError(manifest);
  return dropReason(run, manifest, last);
}

/** The error of a run that is quarantined because its data changed. */
export function driftedError({ runId, consistency, duplicates }: Manifest): ExportError {
  const { accountsBefore, accountsAfter, boundariesMoved, boundariesChecked } = consistency;
  return new ExportError(
    'DriftedError',
    `Run "${runId}" is quarantined: the data changed during the run, so accounts may be missing or duplicated (${accountsBefore} accounts before, ${accountsAfter} after; ${boundariesMoved} of ${boundariesChecked} page boundaries moved; ${duplicates} duplicates). Publish it if that is acceptable; otherwise start a new run.`,
  );
}

function dropReason(
  { runId, exportName, maxDropPercent }: Run,
  { distinctAccounts: now }: Manifest,
  last: Manifest | undefined,
): ExportError | undefined {
  const before = last?.distinctAccounts ?? 0;
  if (last === undefined || before === 0) return undefined;
  const dropPercent = ((before - now) * 100) / before;
  if (now > 0 && dropPercent <= maxDropPercent) return undefined;
  const rule = now === 0 ? 'an empty run needs a review' : `maxDropPercent allows ${maxDropPercent} %`;
  // Rounded up: 50.04 % must not look like 50 %.
  const shownPercent = Math.ceil(((before - now) * 1000) / before) / 10;
  return new ExportError(
    'QuarantinedError',
    `Run "${runId}" is quarantined: it has ${now} accounts, ${shownPercent} % fewer than "${last.runId}", the last published run of export "${exportName}" (${before} accounts; ${rule}). Check the filter and the dataset; if the data is right, publish the run.`,
  );
}
