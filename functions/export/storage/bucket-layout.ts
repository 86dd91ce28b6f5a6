/** Every key in the bucket: the layout of `docs/architecture.md`, which readers rely on. */
import { type ExportFormat, partExtension } from '../../model/export-format.ts';
import type { Run } from '../../model/run.ts';

/** What the folder of a run's parts is named after. */
export type RunFolderName = Pick<Run, 'format' | 'exportName' | 'exportDate' | 'runId'>;

/** `accounts_json/`: the table of a format. */
export function tablePrefix(format: ExportFormat): string {
  return `accounts_${format}/`;
}

/** The folder of a run's parts, which is also its partition: nothing else is ever written there. */
export function partsPrefix(run: RunFolderName): string {
  return `${tablePrefix(run.format)}export_name=${run.exportName}/export_date=${run.exportDate}/run_id=${run.runId}/`;
}

/** The key of a page's part: made of run and page alone, so that a retry overwrites and never adds. */
export function partKey(run: RunFolderName & Pick<Run, 'compression'>, page: number): string {
  return `${partsPrefix(run)}part-${padPage(page)}.${partExtension(run)}`;
}

/** The folder of all published runs. */
export const PUBLISHED_RUNS_PREFIX = 'export_runs/';

/** The folder of a published run, which is also its partition of `export_runs`. */
export function publishedRunPrefix(runId: string): string {
  return `${PUBLISHED_RUNS_PREFIX}run_id=${runId}/`;
}

/** One line of JSON, written last: a run is published when this object exists. */
export function manifestKey(runId: string): string {
  return `${publishedRunPrefix(runId)}manifest.json`;
}

/** The name of a run report. Athena reads no object whose name starts with an underscore. */
const REPORT_NAME = '_report.html';

/** The report of a published run, for people. */
export function publishedReportKey(runId: string): string {
  return `${publishedRunPrefix(runId)}${REPORT_NAME}`;
}

/** The id of the run that repeats a run whose data changed. */
export function retryIdOf(runId: string): string {
  return `${runId}-retry`;
}

/** The id in the name of a `run_id=…` folder. */
export function runIdOfFolder(folder: string): string {
  return folder.slice('run_id='.length);
}

/** What only the run itself needs; expires by lifecycle. */
export function workPrefix(runId: string): string {
  return `work/run_id=${runId}/`;
}

/** Written and deleted before a run on one machine, to check the store. */
export const STORE_CHECK_KEY = 'work/check.json';

export function planKey(runId: string): string {
  return `${workPrefix(runId)}plan.json`;
}

/** The manifest of a quarantined run. */
export function quarantinedManifestKey(runId: string): string {
  return `${workPrefix(runId)}manifest.json`;
}

/** The report of a failed or quarantined run, for people. */
export function unpublishedReportKey(runId: string): string {
  return `${workPrefix(runId)}${REPORT_NAME}`;
}

export function receiptsPrefix(runId: string): string {
  return `${workPrefix(runId)}receipts/`;
}

export function receiptKey(runId: string, page: number): string {
  return `${receiptsPrefix(runId)}${padPage(page)}.json`;
}

export function failuresPrefix(runId: string): string {
  return `${workPrefix(runId)}failures/`;
}

/** @param execution the id of the execution that met the failure: an ARN on AWS */
export function executionFailuresPrefix(runId: string, execution: string): string {
  return `${failuresPrefix(runId)}${execution.split(/[:/]/).at(-1)}/`;
}

/** @param task a page, or the step that is not about one page */
export function failureKey(prefix: string, task: number | 'plan' | 'publish'): string {
  return `${prefix}${typeof task === 'number' ? padPage(task) : task}.json`;
}

/** Tickets of a record budget. */
export function ticketsPrefix(runId: string): string {
  return `${workPrefix(runId)}tickets/`;
}

/** Until when the API asked the run to wait. */
export function notBeforeKey(runId: string): string {
  return `${workPrefix(runId)}not-before.json`;
}

/** Locks of a run: one execution works on it at a time. */
export function runLockPrefix(runId: string): string {
  return `${workPrefix(runId)}locks/`;
}

/** Locks of an export: one run of it at a time. */
export function exportLockPrefix(exportName: string): string {
  return `work/export_name=${exportName}/locks/running/`;
}

/** The lock of one scheduled time. @param dueAt ISO 8601; colons are not for keys */
export function scheduledLockPrefix(exportName: string, dueAt: string): string {
  return `work/export_name=${exportName}/locks/scheduled/${dueAt.replaceAll(/[-:]|\.\d+/g, '')}/`;
}

/** The API host that an export belongs to. */
export function exportHostKey(exportName: string): string {
  return `work/export_name=${exportName}/locks/host.json`;
}

/** The last published runs of an export, for run reports. */
export function historyKey(exportName: string): string {
  return `work/export_name=${exportName}/history.json`;
}

/** A lock's or ticket's key. @param number from 1 */
export function numberedKey(prefix: string, number: number): string {
  return `${prefix}${String(number).padStart(8, '0')}.json`;
}

/** The number in a lock's or ticket's key. */
export function numberOfKey(key: string): number {
  return Number(/\/(\d{8,})\.json$/.exec(key)?.[1] ?? 0);
}

/** The page in a receipt's or failure's key; `undefined` for any other key. */
export function pageOfKey(key: string): number | undefined {
  const match = /\/(\d{5,})\.json$/.exec(key);
  return match ? Number(match[1]) : undefined;
}

function padPage(page: number): string {
  return String(page).padStart(5, '0');
}
