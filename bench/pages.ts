/** Pages to export: bodies as the simulator serves them, a run, and an API and a store that cost no time. */
import { gunzipSync } from 'node:zlib';
import { exportPage } from '../functions/export/page/export-page.ts';
import type { AccountsApi, ObjectStore } from '../functions/export/ports.ts';
import { csvTableColumns, pinCsvColumns } from '../functions/formats/csv.ts';
import { formatForRun } from '../functions/formats/format-for-run.ts';
import type { ExportFormat } from '../functions/model/export-format.ts';
import type { Run } from '../functions/model/run.ts';
import { ATTRIBUTES } from '../simulator/accounts.ts';
import { Tenant } from '../simulator/tenant.ts';
import { plannedRun } from '../test/export/planned-run.ts';

const STYLE = { seed: 1, nasty: false };

const CSV_COLUMNS = pinCsvColumns(csvTableColumns([]), ATTRIBUTES);

/** A JSON body with nested attributes, long integers, unusual names and new fields. */
export function hardBodyOf(count: number): Buffer {
  const tenant = new Tenant({ ...STYLE, nasty: true, accounts: count });
  return Buffer.from(`[${Array.from({ length: count }, (_, i) => tenant.json(i)).join(',')}]`);
}

/** The accounts of a page as JSON. @param filler bytes of extra attributes per account */
function accountsOf(count: number, filler = 0): string[] {
  const tenant = new Tenant({ ...STYLE, accounts: count });
  return Array.from({ length: count }, (_, i) => {
    const account = tenant.json(i) ?? '';
    return filler === 0 ? account : account.replace('"attributes":{', `"attributes":{${fillers(i, filler)}`);
  });
}

/** The body of a page, as the API sends it. */
export function bodyOf(format: ExportFormat, count: number, filler = 0): Buffer {
  if (format !== 'csv') return Buffer.from(`[${accountsOf(count, filler).join(',')}]`);
  const tenant = new Tenant({ ...STYLE, accounts: count });
  const columns = tenant.csvColumns();
  const rows = Array.from({ length: count }, (_, i) => {
    const cells = tenant.csvCells(i);
    const row = columns.map((column) => cells?.get(column) ?? '');
    return [...row, ...fillerTexts(i, filler)].join(',');
  });
  const header = [...columns, ...fillerTexts(0, filler).map((_, i) => `extra${i}`)];
  return Buffer.from(`${[header.join(','), ...rows].join('\n')}\n`);
}

/** Strings of 28 bytes, 40 with a key, different for each account, so that they do not compress to nothing. */
function fillerTexts(account: number, bytes: number): string[] {
  return Array.from({ length: Math.ceil(bytes / 40) }, (_, i) => {
    const digits = ((account + 1) * 2_654_435_761 * (i + 7)).toString(36).padStart(14, '0');
    return `${digits.split('').reverse().join('')} of the tenant`;
  });
}

function fillers(account: number, bytes: number): string {
  return fillerTexts(account, bytes)
    .map((text, i) => `"extra${i}":"${text}",`)
    .join('');
}

/** The uncompressed content of a part. */
export async function partTextOf(name: Exclude<ExportFormat, 'parquet'>, body: Buffer): Promise<Buffer> {
  const format = formatForRun(benchRun(name, 1));
  return gunzipSync((await format.encode(format.decode(body))).body);
}

/** A run of one page. */
export function benchRun(format: ExportFormat, pageSize: number): Run {
  const csv = { columns: CSV_COLUMNS, tableColumns: csvTableColumns([]).length, finalNewline: true };
  return plannedRun({
    format,
    parameters: { pageSize },
    accounts: pageSize,
    pages: 1,
    ...(format === 'csv' ? { csv } : {}),
  });
}

/** Exports the first page of a run without any network. @returns the accounts in its part */
export function exportFirstPage(api: AccountsApi, run: Run): Promise<number> {
  return exportPage({ api, store: DISCARDING_STORE, clock: { now: Date.now } }, { run, page: 0, execution: 'bench' });
}

/** An API that serves this body for every page. */
export function apiOf(body: Buffer): AccountsApi {
  return {
    host: plannedRun().apiHost,
    fetchPage: async (_query, decode) => {
      const value = decode(body);
      return { value, usage: { apiRequests: 1, recordsFetched: value.records, retries: {} }, latencyMs: 0 };
    },
  };
}

/** Keeps nothing, so that storage costs no time. */
const DISCARDING_STORE: ObjectStore = {
  location: 'nowhere/',
  put: async () => '"etag"',
  get: async () => undefined,
  list: async () => [],
  listFolders: async () => [],
  delete: async () => undefined,
};
