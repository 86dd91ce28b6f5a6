/**
 * Exports pages as a Lambda container does, and prints its peak memory in MB:
 * `node page-process.mjs URL json|csv|parquet ACCOUNTS PAGES`.
 */
// Loads the same modules as the Lambda function, so that they count.
import '../functions/handlers/export-page.ts';
import { EXPORT_FORMATS } from '../functions/model/export-format.ts';
import { createAccountsApi } from '../functions/personalization/accounts-api.ts';
import { staticCredentials } from '../functions/personalization/credentials.ts';
import { peakMb } from './measure.ts';
import { benchRun, exportFirstPage } from './pages.ts';

const [baseUrl = '', name, accounts, pages] = process.argv.slice(2);
const run = benchRun(EXPORT_FORMATS.find((one) => one === name) ?? 'json', Number(accounts));
const api = createAccountsApi({ baseUrl, credentials: staticCredentials({ keyId: 'k', secret: 's' }) });
for (let page = 0; page < Number(pages); page++) await exportFirstPage(api, run);
await api.close();
process.stdout.write(JSON.stringify(peakMb()));
