/** A run over an API and a store in memory, ready to be stepped through, and ways to look at what it left. */
import { gunzipSync } from 'node:zlib';
import { type Manifest, ManifestSchema } from '../../functions/model/manifest.ts';
import { accounts, arrayApi } from './array-api.ts';
import { memoryStore } from './memory-store.ts';
import { runSteps } from './run-steps.ts';

export const partsOf = (runId: string) => `accounts_json/export_name=all/export_date=2026-08-22/run_id=${runId}/`;
export const PARTS = partsOf('run-1');
export const WORK = 'work/run_id=run-1/';
export const MANIFEST = 'export_runs/run_id=run-1/manifest.json';

export function setUp(total: number, beforeAnswer?: Parameters<typeof arrayApi>[1]) {
  const source = { list: accounts(total) };
  const { api, queries, pageFetches } = arrayApi(source, beforeAnswer);
  const memory = memoryStore();
  return { source, api, queries, pageFetches, ...memory, steps: runSteps(api, memory.store) };
}

export const manifestIn = (objects: Map<string, Buffer>, key = MANIFEST): Manifest =>
  ManifestSchema.parse(JSON.parse(String(objects.get(key))));

/** The names of all exported accounts, in the order of the parts. */
export function namesIn(objects: Map<string, Buffer>, runId = 'run-1'): string[] {
  return [...objects]
    .filter(([key]) => key.startsWith(partsOf(runId)))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, body]) => gunzipSync(body).toString().split('\n').filter(Boolean))
    .map((line) => (JSON.parse(line) as { name: string }).name);
}
