/** A complete run on one machine, in this process, against its own simulator. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { directoryStore } from '../../cli/local/directory-store.ts';
import { type LocalOutcome, localCatalog, runLocal } from '../../cli/local/run-local.ts';
import { type Manifest, ManifestSchema } from '../../functions/model/manifest.ts';
import { createAccountsApi } from '../../functions/personalization/accounts-api.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { temporaryFolder } from './command-line.ts';

export interface FinishedRun {
  readonly outcome: LocalOutcome;
  readonly simulator: Simulator;
  readonly folder: string;
  readonly manifest: () => Promise<Manifest>;
  /** The text of all parts, in page order. */
  readonly parts: () => Promise<string[]>;
}

export async function localRun(
  simulatorOptions: SimulatorOptions,
  request: Record<string, unknown> = {},
  concurrency = 8,
): Promise<FinishedRun> {
  const simulator = await startSimulator(simulatorOptions);
  const folder = await temporaryFolder();
  const api = createAccountsApi({
    baseUrl: simulator.url,
    credentials: { get: async () => ({ keyId: 'demo-key', secret: 'demo:secret' }) },
    concurrency,
  });
  try {
    const outcome = await runLocal({
      api,
      store: directoryStore(folder),
      catalog: localCatalog(),
      clock: { now: Date.now },
      runId: 'run-1',
      request: { exportName: 'all', datasetId: 'engage', pageSize: 500, dueAt: '2026-08-22', ...request },
      exports: [],
      concurrency,
      retryIntervalMs: 1,
      signal: new AbortController().signal,
    });
    const manifest = async () =>
      ManifestSchema.parse(JSON.parse(await readFile(join(folder, 'export_runs/run_id=run-1/manifest.json'), 'utf8')));
    const parts = async () =>
      Promise.all(
        (await manifest()).parts.map(async ({ key }) => gunzipSync(await readFile(join(folder, key))).toString()),
      );
    return { outcome, simulator, folder, manifest, parts };
  } finally {
    await api.close();
    await simulator.close();
  }
}
