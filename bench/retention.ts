/**
 * `node bench/retention.ts RUNS PAGES`: removes all runs of an export but the newest from a simulated bucket, and prints the
 * requests, the time that they would take, and the peak memory. Nothing is stored: objects are made when they are read, and
 * a virtual clock adds up the latencies of requests, so that millions of objects take seconds.
 */
import type { Catalog, ObjectStore } from '../functions/export/ports.ts';
import { partKey, publishedRunPrefix } from '../functions/export/storage/bucket-layout.ts';
import { expireRuns } from '../functions/export/upkeep/retention.ts';
import type { Manifest } from '../functions/model/manifest.ts';
import { peakBytes } from './peak-memory.ts';

/** Milliseconds, as S3 and Glue usually take within a region. */
const LATENCY = { get: 20, list: 60, delete: 20, deleteKey: 0.5, glue: 50 };
const PAGE = 1000;

const [runs = 400, pages = 10_000] = process.argv.slice(2).map(Number);
const HOUR = 3_600_000;
const every = runs > 1000 ? HOUR : 24 * HOUR;
const placeOf = (n: number) => {
  const at = new Date(Date.UTC(2025, 0, 1) + n * every).toISOString();
  return { format: 'json', exportName: 'all', exportDate: at.slice(0, 10), runId: `run-${n}`, at } as const;
};
const removed = new Set<string>();
const gone = new Map<string, number>();
const clock = virtualClock();
const requests: Record<string, number> = {};

/** A request: it counts, and takes its time. */
async function request(verb: string, ms: number): Promise<void> {
  requests[verb] = (requests[verb] ?? 0) + 1;
  await clock.sleep(ms);
}

const numberIn = (key: string) => Number(/run_id=run-(\d+)/.exec(key)?.[1]);

const store: ObjectStore = {
  location: 'simulated/',
  async get(key) {
    await request('get', LATENCY.get);
    if (!key.startsWith('export_runs/') || removed.has(key)) return undefined;
    return { body: manifestOf(numberIn(key)), etag: '' };
  },
  async put() {
    throw new Error('Retention writes nothing.');
  },
  async list(prefix) {
    const manifest = `${prefix}manifest.json`;
    const all = prefix.startsWith('export_runs/')
      ? removed.has(manifest)
        ? []
        : [manifest]
      : Array.from({ length: pages }, (_, page) => partKey(placeOf(numberIn(prefix)), page));
    const keys = all.slice(gone.get(prefix) ?? 0);
    for (let at = 0; at === 0 || at < keys.length; at += PAGE) await request('list', LATENCY.list);
    return keys.map((key) => ({ key, bytes: 100_000, etag: `"${key.length}"` }));
  },
  async listFolders(prefix) {
    const all = Array.from({ length: runs }, (_, n) => placeOf(n));
    const names = {
      'export_runs/': () => all.map(({ runId }) => `run_id=${runId}`),
      'accounts_json/': () => ['export_name=all'],
      'accounts_json/export_name=all/': () => [...new Set(all.map(({ exportDate }) => `export_date=${exportDate}`))],
    }[prefix];
    const day = /export_date=([^/]+)\/$/.exec(prefix)?.[1];
    const found = names?.() ?? all.filter(({ exportDate }) => exportDate === day).map(({ runId }) => `run_id=${runId}`);
    for (let at = 0; at === 0 || at < found.length; at += PAGE) await request('list', LATENCY.list);
    return found.sort();
  },
  async delete(...keys) {
    await request('delete', LATENCY.delete + (keys.length - 1) * LATENCY.deleteKey);
    for (const key of keys) {
      const prefix = key.replace(/[^/]+$/, '');
      gone.set(prefix, (gone.get(prefix) ?? 0) + 1);
      if (prefix === publishedRunPrefix(`run-${numberIn(key)}`)) removed.add(key);
    }
  },
};
const catalog: Catalog = {
  check: async () => undefined,
  addRun: async () => undefined,
  removeRun: () => request('glue', 3 * LATENCY.glue),
  isVisible: async () => request('glue', LATENCY.glue).then(() => true),
};

function manifestOf(n: number): Buffer {
  const { at, ...place } = placeOf(n);
  const manifest: Manifest = {
    version: 1,
    runId: place.runId,
    exportName: place.exportName,
    datasetId: 'engage',
    format: place.format,
    parameters: { pageSize: 1000 },
    dueAt: at,
    startedAt: at,
    publishedAt: at,
    pages,
    records: pages * 1000,
    distinctAccounts: pages * 1000,
    duplicates: 0,
    bytes: pages * 100_000,
    parts: Array.from({ length: pages }, (_, page) => ({
      key: partKey(place, page),
      page,
      records: 1000,
      bytes: 100_000,
      sha256: String(page).padStart(64, '0'),
    })),
    plannedRecords: pages * 1000,
    recordsFetched: pages * 1000,
    apiRequests: pages,
    retries: 0,
    consistency: {
      verdict: 'consistent',
      accountsBefore: pages * 1000,
      accountsAfter: pages * 1000,
      boundariesChecked: 64,
      boundariesMoved: 0,
    },
    fields: [],
    unmappedColumns: [],
    escapedLineBreaks: 0,
  };
  return Buffer.from(JSON.stringify(manifest));
}

/** A clock that stands still while anything runs, and then jumps to the next request that ends. */
function virtualClock() {
  let nowMs = 0;
  let pumping = false;
  const waiting: { readonly at: number; readonly done: () => void }[] = [];
  const pump = () => {
    waiting.sort((a, b) => a.at - b.at);
    const next = waiting.shift();
    if (!next) {
      pumping = false;
      return;
    }
    nowMs = next.at;
    next.done();
    setImmediate(pump);
  };
  return {
    now: () => nowMs,
    sleep(ms: number): Promise<void> {
      return new Promise((done) => {
        waiting.push({ at: nowMs + ms, done });
        if (!pumping) setImmediate(pump);
        pumping = true;
      });
    },
  };
}

const baseline = peakBytes();
const expired = await expireRuns({ store, catalog, clock: { now: () => Date.UTC(2100, 0) } }, 400);
const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
process.stdout.write(
  `${JSON.stringify({
    runs,
    pages,
    expired,
    requests: { ...requests, total },
    seconds: Math.round(clock.now() / 1000),
    peakMb: Math.round(peakBytes() / 1_000_000),
    baselineMb: Math.round(baseline / 1_000_000),
  })}\n`,
);
