/**
 * Fetches a page and prints the outcome and the peak memory of this process:
 * `node fetch-one.ts <url> <json|csv|parquet> <page size> <concurrent requests>`.
 */
import { readFileSync } from 'node:fs';
import { csvFormat, csvTableColumns } from '../../functions/formats/csv.ts';
import { jsonLinesFormat } from '../../functions/formats/json-lines.ts';
import type { DecodedPage, PageFormat } from '../../functions/formats/page-format.ts';
import { parquetFormat } from '../../functions/formats/parquet.ts';
import { isExportError } from '../../functions/model/errors.ts';
import { type ExportFormat, FORMAT_DETAILS } from '../../functions/model/export-format.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';

export interface Outcome {
  /** The name of an `ExportError`. */
  readonly error: string | null;
  readonly message: string;
  readonly records: number;
  readonly maxRssMb: number;
}

/** On Linux, the peak of `getrusage` includes the memory of the parent at the fork. */
function peakKb(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS;
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? Number.NaN);
}

const [baseUrl = '', formatName = 'json', pageSize = '1000', times = '1'] = process.argv.slice(2);
const tableColumns = csvTableColumns([]);
const formats: Record<string, PageFormat> = {
  json: jsonLinesFormat(),
  csv: csvFormat({ columns: tableColumns, tableColumns, finalNewline: true }),
  parquet: parquetFormat(),
};
const format = formats[formatName] as PageFormat;
const api = createAccountsApi({ baseUrl, credentials: { get: async () => ({ keyId: 'hidden', secret: 'hidden' }) } });
const query = {
  datasetId: 'engage',
  endpoint: FORMAT_DETAILS[formatName as ExportFormat].endpoint,
  pageSize: Number(pageSize),
  page: 0,
};
let [error, message, records]: [string | null, string, number] = [null, '', 0];
try {
  const calls = Array.from({ length: Number(times) }, () =>
    api.fetchPage<DecodedPage>(query, (body) => format.decode(body)),
  );
  const [first, ...others] = await Promise.all(calls);
  // Pages are encoded, probes are not.
  if (first && others.length === 0) await format.encode(first.value);
  records = first?.value.records ?? 0;
} catch (thrown) {
  if (!isExportError(thrown)) throw thrown;
  [error, message] = [thrown.name, thrown.message];
}
await api.close();
const outcome: Outcome = {
  error,
  message,
  records,
  maxRssMb: Math.round(peakKb() / 1024),
};
console.log(JSON.stringify(outcome));
