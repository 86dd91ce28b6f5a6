/** `npm start`: exports a simulated tenant and shows what was written. */
import { gunzipSync } from 'node:zlib';
import { readManifest } from '../functions/export/storage/published-runs.ts';
import type { Manifest } from '../functions/model/manifest.ts';
import { startSimulator } from '../simulator/simulator.ts';
import { runCommandLine } from './command-line.ts';
import { newRunId } from './flags/common-flags.ts';
import { directoryStore } from './local/directory-store.ts';
import { count } from './terminal/format.ts';

const ACCOUNTS = 12_431;
const LATENCY_MS = 200;
const OUT = './out';
const COLUMNS = 80;

const print = (text: string) => void process.stdout.write(`${text}\n`);
const shorten = (line: string) => (line.length > COLUMNS ? `${line.slice(0, COLUMNS - 1)}…` : line);

/** The simulated tenant ends with this process, so its runs cannot be resumed. */
const withoutResume = {
  isTTY: process.stderr.isTTY,
  columns: process.stderr.columns,
  write(text: string) {
    process.stderr.write(text.startsWith('To resume: ') ? 'To start again: npm start\n' : text);
  },
};
const key = { keyId: 'demo-key', keySecret: 'demo:secret' };
const simulator = await startSimulator({ accounts: ACCOUNTS, latencyMs: LATENCY_MS, unknownField: false, ...key });
const runId = newRunId();
try {
  print(`Simulating ${count(ACCOUNTS)} accounts at ${simulator.url}`);
  print(`           with a latency of ${LATENCY_MS} ms`);
  process.exitCode = await runCommandLine({
    argv: [
      ...['run', '--api-url', simulator.url, '--dataset', 'engage', '--name', 'demo', '--page-size', '500'],
      ...['--out', OUT, '--run-id', runId],
    ],
    stdout: process.stdout,
    stderr: withoutResume,
    env: {
      ...process.env,
      PERSONALIZATION_API_KEY_ID: key.keyId,
      PERSONALIZATION_API_KEY_SECRET: key.keySecret,
    },
  });
  if (process.exitCode === 0) await show();
} finally {
  await simulator.close();
}

async function show(): Promise<void> {
  const store = directoryStore(OUT);
  const manifest = await readManifest(store, runId);
  const part = manifest?.parts[0] && (await store.get(manifest.parts[0].key));
  if (!manifest || !part) {
    throw new Error(
      `The demonstration published nothing (no manifest or part in ${OUT}): delete ${OUT} and run it again.`,
    );
  }
  const accounts = gunzipSync(part.body).toString('utf8').split('\n').slice(0, 3);
  const indented = (lines: readonly string[]) => lines.map((line) => shorten(`  ${line}`)).join('\n');
  print(`
From the manifest:
${indented(summaryOf(manifest))}

The first accounts of part-00000.json.gz, one per line:
${indented(accounts)}

To query them:
  npm run --silent account-export -- query \\
    "SELECT name, engagement_score FROM accounts_latest
     WHERE export_name = 'demo' LIMIT 5"

To export with your own key, without AWS:
  export PERSONALIZATION_API_KEY_ID=… PERSONALIZATION_API_KEY_SECRET=…
  npm run --silent account-export -- run \\
    --account NAME --instance ID --dataset ID`);
}

function summaryOf(manifest: Manifest): string[] {
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
