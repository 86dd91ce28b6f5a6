/** Which key holds what: the bucket layout of `docs/architecture.md`, a contract. */
import type { ExportFormat } from '../../model/export-settings.ts';

const EXTENSIONS: Record<ExportFormat, string> = { json: 'json.gz', csv: 'csv.gz', parquet: 'parquet' };

/** What names a run's place: pinned when it is planned. */
export interface RunPlace {
  readonly format: ExportFormat;
  readonly exportName: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly exportDate: string;
  readonly runId: string;
}

/** `accounts_json/`: the table of a format. */
export function tablePrefix(format: ExportFormat): string {
  return `accounts_${format}/`;
}

/** The folder of a run's parts, which is also its partition: nothing else is ever written there. */
export function partsPrefix(run: RunPlace): string {
  return `${tablePrefix(run.format)}export_name=${run.exportName}/export_date=${run.exportDate}/run_id=${run.runId}/`;
}

/** The key of a page's part: made of run and page alone, so that a retry overwrites and never adds. */
export function partKey(run: RunPlace, page: number): string {
  return `${partsPrefix(run)}part-${padPage(page)}.${EXTENSIONS[run.format]}`;
}

/** The run and page that a part's key was made of; `undefined` for any other key. */
export function parsePartKey(key: string): (RunPlace & { page: number }) | undefined {
  const match =
    /^accounts_(json|csv|parquet)\/export_name=([^/]+)\/export_date=(\d{4}-\d\d-\d\d)\/run_id=([^/]+)\/part-(\d{5,})\.(json\.gz|csv\.gz|parquet)$/.exec(
      key,
    );
  if (!match) return undefined;
  const [, format, exportName = '', exportDate = '', runId = '', page = '', extension] = match;
  if (extension !== EXTENSIONS[format as ExportFormat]) return undefined;
  return { format: format as ExportFormat, exportName, exportDate, runId, page: Number(page) };
}

/** One line of JSON, written last: a run is published when this is there. */
export function manifestKey(runId: string): string {
  return `export_runs/run_id=${runId}/manifest.json`;
}

/** Everything of a run that only the run needs; expires by lifecycle. */
export function workPrefix(runId: string): string {
  return `work/run_id=${runId}/`;
}

/** The pinned plan: a run that is started again goes on with it. */
export function planKey(runId: string): string {
  return `${workPrefix(runId)}plan.json`;
}

/** The manifest of a run that was held back: the pinned plan's place, not the published runs'. */
export function quarantinedManifestKey(runId: string): string {
  return `${workPrefix(runId)}manifest.json`;
}

/** That the source moved under an attempt which is to be made again. */
export function driftKey(runId: string): string {
  return `${workPrefix(runId)}drift.json`;
}

/** What failed attempts at planning or publishing cost. */
export function taskFailureKey(runId: string, task: 'plan' | 'publish'): string {
  return `${pageFailuresPrefix(runId)}${task}.json`;
}

/** Who may spend what of a record budget: objects that only one writer can create. */
export function budgetPrefix(runId: string, budget: number): string {
  return `${workPrefix(runId)}budget/${budget}/`;
}

/** Who works on a run, one after the other: the newest is the one that counts. */
export function runClaimsPrefix(runId: string): string {
  return `${workPrefix(runId)}claims/`;
}

export function receiptsPrefix(runId: string): string {
  return `${workPrefix(runId)}pages/`;
}

/** What is known of a page's part once it is written. */
export function receiptKey(runId: string, page: number): string {
  return `${receiptsPrefix(runId)}${padPage(page)}.json`;
}

export function pageFailuresPrefix(runId: string): string {
  return `${workPrefix(runId)}failures/`;
}

/** What the failed attempts at a page cost, and the last one's error. */
export function pageFailureKey(runId: string, page: number): string {
  return `${pageFailuresPrefix(runId)}${padPage(page)}.json`;
}

/** Who took one delivery of a schedule: the first to write it. @param dueAt ISO 8601; colons are not for keys */
export function tickKey(exportName: string, dueAt: string): string {
  return `work/export_name=${exportName}/ticks/${dueAt.replaceAll(/[-:]|\.\d+/g, '')}.json`;
}

/** Who claimed an export, one after the other: the newest is the one that counts. */
export function claimsPrefix(exportName: string): string {
  return `work/export_name=${exportName}/claims/`;
}

/** @param number from 1 */
export function claimKey(prefix: string, number: number): string {
  return `${prefix}${String(number).padStart(8, '0')}.json`;
}

/** The number of a claim's key. */
export function claimNumber(key: string): number {
  return Number(/\/(\d{8,})\.json$/.exec(key)?.[1] ?? 0);
}

/** The page of a page record's or page failure's key; `undefined` for any other key. */
export function pageOfWorkKey(key: string): number | undefined {
  const match = /\/(?:pages|failures)\/(\d{5,})\.json$/.exec(key);
  return match ? Number(match[1]) : undefined;
}

function padPage(page: number): string {
  return String(page).padStart(5, '0');
}
