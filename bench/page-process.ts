/**
 * Exports pages in a process of its own, as a container of Lambda would, and prints what that took:
 * `node page-process.mjs <url> <json|csv|parquet> <accounts a page> <pages> <MB that a body may have>`. Without a page it
 * only loads.
 */
// All that the function loads is in memory before its first page.
import '../functions/handlers/export-page.ts';
import { isExportError } from '../functions/model/errors.ts';
import { createAccountsApi } from '../functions/personalization/accounts-api.ts';
import { exportFirstPage, FORMATS, runOf } from './pages.ts';
import { peakBytes } from './peak-memory.ts';

export interface PageProcess {
  /** The sentence of the error that ended it; `null` when there was none. */
  readonly error: string | null;
  /** Of the whole life of the process, in MB as Lambda counts them: of 2^20 bytes. */
  readonly peakMb: number;
  /** The processor's time of each page, in order. */
  readonly cpuMs: readonly number[];
}

const [baseUrl = '', formatName, accounts, pages, bodyMb] = process.argv.slice(2);
const format = FORMATS.find((name) => name === formatName) ?? 'json';
const run = runOf(format, Number(accounts));
const api = createAccountsApi({
  baseUrl,
  credentials: { get: async () => ({ keyId: 'k', secret: 's' }) },
  limits: { bodyLimitBytes: Number(bodyMb) * 2 ** 20 },
});
const cpuMs: number[] = [];
let error: string | null = null;
try {
  for (let page = 0; page < Number(pages); page++) {
    const before = process.cpuUsage();
    await exportFirstPage(api, run);
    const { user, system } = process.cpuUsage(before);
    cpuMs.push((user + system) / 1000);
  }
} catch (thrown) {
  if (!isExportError(thrown)) throw thrown;
  error = thrown.message;
}
await api.close();
const result: PageProcess = { error, peakMb: peakBytes() / 2 ** 20, cpuMs };
process.stdout.write(JSON.stringify(result));
