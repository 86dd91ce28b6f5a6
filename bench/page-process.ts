/**
 * Exports pages as a Lambda container does, and prints what that used:
 * `node page-process.mjs <url> <json|csv|parquet> <accounts per page> <pages> <body limit in MB>`.
 */
// Loads the same modules as the Lambda function, so that they count in the memory of the first page.
import '../functions/handlers/export-page.ts';
import { isExportError } from '../functions/model/errors.ts';
import { EXPORT_FORMATS } from '../functions/model/export-format.ts';
import { createAccountsApi } from '../functions/personalization/accounts-api.ts';
import { cpuMs } from './measure.ts';
import { benchRun, exportFirstPage } from './pages.ts';
import { peakBytes } from './peak-memory.ts';

export interface PageProcess {
  /** The message of the error that ended it. */
  readonly error: string | null;
  /** Peak of the process, in MB of 2^20 bytes. */
  readonly peakMb: number;
  /** CPU time of each page, in order. */
  readonly cpuMs: readonly number[];
}

const [baseUrl = '', formatName, accounts, pages, bodyMb] = process.argv.slice(2);
const format = EXPORT_FORMATS.find((name) => name === formatName) ?? 'json';
const run = benchRun(format, Number(accounts));
const api = createAccountsApi({
  baseUrl,
  credentials: { get: async () => ({ keyId: 'k', secret: 's' }) },
  limits: { bodyLimitBytes: Number(bodyMb) * 2 ** 20 },
});
const pageCpuMs: number[] = [];
let error: string | null = null;
try {
  for (let page = 0; page < Number(pages); page++) {
    const before = cpuMs();
    await exportFirstPage(api, run);
    pageCpuMs.push(cpuMs() - before);
  }
} catch (thrown) {
  if (!isExportError(thrown)) throw thrown;
  error = thrown.message;
}
await api.close();
const result: PageProcess = { error, peakMb: peakBytes() / 2 ** 20, cpuMs: pageCpuMs };
process.stdout.write(JSON.stringify(result));
