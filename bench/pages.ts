/** Pages to export: bodies as the simulator serves them, a run, an API and a store that cost no time, and lower bounds. */
import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { exportPage } from '../functions/export/page/export-page.ts';
import type { AccountsApi, ObjectStore } from '../functions/export/ports.ts';
import { ACCOUNT_FIELDS, type FieldKind } from '../functions/formats/account-columns.ts';
import { GZIP_LEVEL } from '../functions/formats/compression.ts';
import { csvTableColumns, pinCsvColumns } from '../functions/formats/csv.ts';
import { formatForRun } from '../functions/formats/format-for-run.ts';
import { packColumn } from '../functions/formats/parquet.ts';
import { PARQUET_SCHEMA } from '../functions/formats/parquet-schema.ts';
import type { ExportFormat } from '../functions/model/export-format.ts';
import type { Run } from '../functions/model/run.ts';
import { ATTRIBUTES } from '../simulator/accounts.ts';
import { Tenant } from '../simulator/tenant.ts';
import { plannedRun } from '../test/export/planned-run.ts';

export interface BodySetting {
  /** Nested attributes, long integers, unusual names and new fields. */
  readonly hard?: boolean;
  /** Bytes of extra attributes per account. */
  readonly filler?: number;
}

/** The body of a page, as the API sends it. */
export function bodyOf(format: ExportFormat, count: number, { hard = false, filler = 0 }: BodySetting = {}): Buffer {
  const tenant = new Tenant({ seed: 1, nasty: hard, accounts: count });
  const accounts = Array.from({ length: count }, (_, i) => i);
  if (format !== 'csv') {
    const objects = accounts.map((i) => {
      const more = fillers(i, filler).map((text, n) => `"extra${n}":"${text}",`);
      return (tenant.json(i) ?? '').replace('"attributes":{', `"attributes":{${more.join('')}`);
    });
    return Buffer.from(`[${objects.join(',')}]`);
  }
  const columns = tenant.csvColumns();
  const quote = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const rows = accounts.map((i) => {
    const cells = tenant.csvCells(i);
    return [...columns.map((column) => quote(cells?.get(column) ?? '')), ...fillers(i, filler)].join(',');
  });
  const header = [...columns, ...fillers(0, filler).map((_, n) => `extra${n}`)];
  return Buffer.from(`${[header.join(','), ...rows].join('\n')}\n`);
}

/** Strings of 28 bytes, 40 with a key, different for each account, so that they do not compress to nothing. */
function fillers(account: number, bytes: number): string[] {
  return Array.from({ length: Math.ceil(bytes / 40) }, (_, n) => {
    const digits = ((account + 1) * 2_654_435_761 * (n + 7)).toString(36).padStart(14, '0');
    return `${digits.split('').reverse().join('')} of the tenant`;
  });
}

/** A run of one page. */
export function benchRun(format: ExportFormat, pageSize: number): Run {
  const columns = pinCsvColumns(csvTableColumns([]), ATTRIBUTES);
  const csv = { columns, tableColumns: csvTableColumns([]).length, finalNewline: true };
  const parameters = { pageSize };
  return plannedRun({ format, parameters, accounts: pageSize, pages: 1, ...(format === 'csv' ? { csv } : {}) });
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

/** The uncompressed content of a part. */
export async function partTextOf(name: Exclude<ExportFormat, 'parquet'>, body: Buffer): Promise<Buffer> {
  const format = formatForRun(benchRun(name, 1));
  return gunzipSync((await format.encode(format.decode(body))).body);
}

const packText = promisify(gzip);

/** Lower bounds: the same work without checks, and without exact numbers. */
export const FLOORS: Readonly<Record<ExportFormat, (body: Buffer) => Promise<unknown>>> = {
  json: (body) => packText(JSON.stringify(JSON.parse(body.toString())), { level: GZIP_LEVEL }),
  csv: (body) => packText(body.toString(), { level: GZIP_LEVEL }),
  parquet: async (body) => plainParquet(JSON.parse(body.toString()) as Record<string, unknown>[]),
};

const VALUES: Readonly<Record<FieldKind, (value: unknown) => unknown>> = {
  text: (value) => value,
  double: (value) => value,
  integer: (value) => BigInt(value as number),
  epochMs: (value) => new Date(value as number),
  textMap: (value) => new Map(Object.entries(value as object).map(([key, inner]) => [key, String(inner)])),
};

/** Writes the same columns with the same writer as a Parquet part, from accounts parsed by `JSON.parse`. */
export function plainParquet(
  accounts: readonly Record<string, unknown>[],
  pack: (bytes: Uint8Array) => Uint8Array = packColumn,
): ArrayBuffer {
  const nulls = accounts.map(() => null);
  return parquetWriteBuffer({
    schema: PARQUET_SCHEMA,
    columnData: [
      ...ACCOUNT_FIELDS.map(({ name, kind }) => ({
        name: name.toLowerCase(),
        data: accounts.map((account) => (account[name] == null ? null : VALUES[kind](account[name]))),
        statistics: kind !== 'textMap',
      })),
      { name: 'other_fields', data: nulls, statistics: false },
      { name: 'superseded', data: nulls },
    ],
    rowGroupSize: Math.max(1, accounts.length),
    codec: 'ZSTD',
    compressors: { ZSTD: (bytes) => pack(bytes) },
  });
}
