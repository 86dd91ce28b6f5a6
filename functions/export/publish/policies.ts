/**
 * The policies of an export: what happens to a complete run whose data changed, that has other accounts than the last one, or
 * that is much smaller.
 */
import { ExportError } from '../../model/errors.ts';
import { SEGMENT_KEYS } from '../../model/export-settings.ts';
import type { Manifest } from '../../model/manifest.ts';
import type { Run } from '../../model/run.ts';

/**
 * Why a run is quarantined; `undefined` when it may be published.
 * @param last the last published run of the export
 */
export function quarantineReason(run: Run, manifest: Manifest, last: Manifest | undefined): ExportError | undefined {
  if (manifest.consistency.verdict === 'drifted' && run.onDrift === 'fail') return driftedError(manifest);
  return last === undefined ? emptyReason(run, manifest) : (otherAccounts(manifest, last) ?? drop(run, manifest, last));
}

/** The error of a run that is quarantined because its data changed. */
export function driftedError({ runId, consistency, duplicates }: Manifest): ExportError {
  const { accountsBefore, accountsAfter, boundariesMoved, boundariesChecked } = consistency;
  return new ExportError(
    'DriftedError',
    `Run "${runId}" is quarantined: the data changed during the run, so accounts may be missing or duplicated (${accountsBefore} accounts before, ${accountsAfter} after; ${boundariesMoved} of ${boundariesChecked} page boundaries moved; ${duplicates} duplicates). Publish it if that is acceptable; otherwise start a new run.`,
  );
}

/** The API answers an unknown segment as an empty one. There is no run to compare the first one with. */
function emptyReason({ runId, exportName, parameters }: Run, { distinctAccounts }: Manifest): ExportError | undefined {
  const named = SEGMENT_KEYS.filter((key) => parameters[key] !== undefined);
  if (distinctAccounts > 0 || named.length === 0) return undefined;
  return new ExportError(
    'QuarantinedError',
    `Run "${runId}" is quarantined: it has 0 accounts, and export "${exportName}" has no published run to compare it with. Check the spelling of the segment (${named.join(', ')}); if it is right, publish the run.`,
  );
}

/** Whether the run selects other accounts than the last one, so that it must not replace it unseen. */
function otherAccounts(now: Manifest, last: Manifest): ExportError | undefined {
  const changed = [
    ...(now.datasetId === last.datasetId ? [] : [`datasetId was ${last.datasetId}, now ${now.datasetId}`]),
    // The name of a segment may identify a person.
    ...SEGMENT_KEYS.filter((key) => now.parameters[key] !== last.parameters[key]).map((key) => `${key} differs`),
  ];
  if (changed.length === 0) return undefined;
  return new ExportError(
    'QuarantinedError',
    `Run "${now.runId}" is quarantined: it exports a different dataset or segment (${changed.join('; ')}) than "${last.runId}", the last published run of export "${now.exportName}" (${now.distinctAccounts} accounts now, ${last.distinctAccounts} before). If that is intended, publish the run; otherwise start a new run with another export name.`,
  );
}

function drop(
  { runId, exportName, maxDropPercent }: Run,
  { distinctAccounts: now }: Manifest,
  last: Manifest,
): ExportError | undefined {
  const before = last.distinctAccounts;
  if (before === 0) return undefined;
  const dropPercent = ((before - now) * 100) / before;
  if (now > 0 && dropPercent <= maxDropPercent) return undefined;
  const rule = now === 0 ? 'an empty run needs a review' : `maxDropPercent allows ${maxDropPercent}%`;
  // Rounded up: 50.04% must not look like 50%.
  const shownPercent = Math.ceil(((before - now) * 1000) / before) / 10;
  return new ExportError(
    'QuarantinedError',
    `Run "${runId}" is quarantined: it has ${now} accounts, ${shownPercent}% fewer than "${last.runId}", the last published run of export "${exportName}" (${before} accounts; ${rule}). Check the filter and the dataset; if the data is right, publish the run.`,
  );
}
