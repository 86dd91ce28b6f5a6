/** `npm start`: a complete export against a simulated tenant, and a look at what it wrote. */
import { gunzipSync } from 'node:zlib';
import { manifestKey } from '../functions/export/storage/bucket-layout.ts';
import { getJson } from '../functions/export/storage/stored-json.ts';
import { type Manifest, ManifestSchema } from '../functions/model/manifest.ts';
import { startSimulator } from '../simulator/simulator.ts';
import { newRunId, runExport } from './commands/run.ts';
import { directoryStore } from './local/directory-store.ts';
import { count } from './terminal/terminal.ts';

const ACCOUNTS = 12_431;
const LATENCY_MS = 200;
const OUT = './out';
const COLUMNS = 80;

const print = (line = '') => void process.stdout.write(`${line}\n`);
const shorten = (line: string) => (line.length > COLUMNS ? `${line.slice(0, COLUMNS - 1)}…` : line);

const key = { keyId: 'demo-key', keySecret: 'demo:secret' };
const simulator = await startSimulator({ accounts: ACCOUNTS, latencyMs: LATENCY_MS, ...key });
process.env.PERSONALIZATION_API_KEY_ID = key.keyId;
process.env.PERSONALIZATION_API_KEY_SECRET = key.keySecret;
const runId = newRunId(new Date());
try {
  print(`Simulated  a tenant of ${count(ACCOUNTS)} accounts at ${simulator.url},`);
  print(`           which takes ${LATENCY_MS} ms to answer`);
  process.exitCode = await runExport({
    dataset: 'engage',
    apiUrl: simulator.url,
    name: 'demo',
    format: 'json',
    pageSize: 500,
    concurrency: 8,
    out: OUT,
    runId,
  });
  if (process.exitCode === 0) await look();
} finally {
  await simulator.close();
}

async function look(): Promise<void> {
  const store = directoryStore(OUT);
  const manifest = await getJson(store, manifestKey(runId), ManifestSchema);
  const part = manifest?.parts[0] && (await store.get(manifest.parts[0].key));
  if (!manifest || !part) throw new Error('the demonstration published nothing');
  print();
  print('The manifest, in short:');
  for (const line of inShort(manifest)) print(shorten(`  ${line}`));
  print();
  print('The first accounts of part-00000.json.gz, one a line:');
  for (const line of gunzipSync(part).toString('utf8').split('\n').slice(0, 3)) print(shorten(`  ${line}`));
  print();
  print('With your own key, and no AWS:');
  print('  export PERSONALIZATION_API_KEY_ID=… PERSONALIZATION_API_KEY_SECRET=…');
  print('  npm run --silent account-export -- run \\');
  print('    --account NAME --instance ID --dataset ID');
}

function inShort(manifest: Manifest): string[] {
  const { consistency, pages, records, distinctAccounts, duplicates, recordsFetched, apiRequests, retries } = manifest;
  return [
    `records ${records}, distinctAccounts ${distinctAccounts}, duplicates ${duplicates}`,
    `pages ${pages}, apiRequests ${apiRequests}, retries ${retries}`,
    `recordsFetched ${recordsFetched} (what the contract counts)`,
    `consistency ${consistency.verdict}: ${consistency.accountsBefore} accounts before, ${consistency.accountsAfter} after,`,
    `  ${consistency.boundariesMoved} of ${consistency.boundariesChecked} boundaries moved`,
    `unmappedColumns ${JSON.stringify(manifest.unmappedColumns)}`,
  ];
}
