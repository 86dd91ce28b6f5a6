/**
 * The process that `publishing.ts` measures. `write` writes a complete run, `publish` publishes it, `read` reads objects
 * from S3; both print what they used as one line of JSON.
 */
import { S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { directoryStore } from '../cli/local/directory-store.ts';
import { localCatalog } from '../cli/local/run-local.ts';
import { s3ObjectStore } from '../functions/aws/s3-object-store.ts';
import { hashAccounts } from '../functions/export/page/account-hashes.ts';
import type { ObjectStore } from '../functions/export/ports.ts';
import { publishRun } from '../functions/export/publish/publish-run.ts';
import { partKey, planKey, receiptKey } from '../functions/export/storage/bucket-layout.ts';
import { sha256 } from '../functions/export/storage/run-folder.ts';
import { putJson } from '../functions/export/storage/stored-json.ts';
import type { Receipt } from '../functions/model/receipt.ts';
import type { StoredPlan } from '../functions/model/run.ts';
import { plannedRun } from '../test/export/planned-run.ts';
import { cpuMs } from './measure.ts';
import { nameAt, offsetApi } from './offset-api.ts';
import { peakBytes } from './peak-memory.ts';

export interface PublishingFigures {
  readonly ms: number;
  readonly cpuMs: number;
  readonly peakRssBytes: number;
  /** Before publishing. */
  readonly startRssBytes: number;
  readonly apiRequests: number;
  readonly recordsFetched: number;
  readonly gets: number;
  readonly lists: number;
  readonly manifestBytes: number;
  readonly accounts: number;
  readonly distinctAccounts: number;
}

const WRITES_AT_ONCE = 32;
/** The concurrency with which publishing reads receipts. */
const READS_AT_ONCE = 50;
const USAGE = { apiRequests: 1, recordsFetched: 0, retries: {} };
/** Duplicated accounts, which publishing must detect. */
const DUPLICATES = 3;
/** Fields and attributes of each account. */
const FIELDS = 20;

export interface ReadingFigures {
  readonly cpuMsPerGet: number;
}

const [task, folder = '', pagesText, pageSizeText] = process.argv.slice(2);
const [pages, pageSize] = [Number(pagesText), Number(pageSizeText)];
const run = plannedRun({ parameters: { pageSize }, accounts: pages * pageSize, pages });
if (task === 'write') await write(directoryStore(folder));
else if (task === 'publish') print(await publish(directoryStore(folder)));
else print(await read(folder, pages));

function print(figures: PublishingFigures | ReadingFigures): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

/** Writes the plan, and a part and a receipt for each page. The parts are tiny, because publishing does not read them. */
async function write(store: ObjectStore): Promise<void> {
  const plan: StoredPlan = { version: 1, run, usage: USAGE, rounds: 8, earlierRecords: 0 };
  await putJson(store, planKey(run.runId), plan);
  const limit = pLimit(WRITES_AT_ONCE);
  await Promise.all(Array.from({ length: pages }, (_, page) => limit(() => writePage(store, page))));
}

async function writePage(store: ObjectStore, page: number): Promise<void> {
  const key = partKey(run, page);
  const body = Buffer.from(`page ${page}\n`);
  const names = Array.from({ length: pageSize }, (_, i) => nameAt(page * pageSize + i));
  // Not at a page boundary: boundaries must match the API.
  if (page === 0) for (let i = 1; i <= DUPLICATES; i++) names[i * 2] = nameAt(i * 2 - 1);
  const receipt: Receipt = {
    version: 1,
    page,
    key,
    etag: (await store.put(key, body)) ?? '',
    records: pageSize,
    bytes: body.byteLength,
    sha256: sha256(body),
    accountHashes: hashAccounts(run.runId, names),
    fields: Array.from({ length: FIELDS }, (_, i) => ({ name: `attributes.attribute${i}`, present: pageSize - i })),
    unmappedColumns: [],
    escapedLineBreaks: 0,
    usage: { ...USAGE, recordsFetched: pageSize },
    latencyMs: 400,
  };
  await putJson(store, receiptKey(run.runId, page), receipt);
}

async function publish(directory: ObjectStore): Promise<PublishingFigures> {
  const calls = { gets: 0, lists: 0 };
  const store: ObjectStore = {
    ...directory,
    get(key) {
      calls.gets++;
      return directory.get(key);
    },
    list(prefix) {
      calls.lists++;
      return directory.list(prefix);
    },
  };
  const { api, used } = offsetApi(run.accounts);
  const startRssBytes = process.memoryUsage.rss();
  const cpuBefore = cpuMs();
  const startedAt = performance.now();
  const ports = { api, store, catalog: localCatalog(), clock: { now: Date.now } };
  const outcome = await publishRun(ports, { run, execution: 'bench', outcome: 'exportPages' });
  const ms = performance.now() - startedAt;
  const cpuUsedMs = cpuMs() - cpuBefore;
  if (outcome.status !== 'published') throw new Error(`The run ended with status ${outcome.status}.`);
  return {
    ms,
    cpuMs: cpuUsedMs,
    peakRssBytes: peakBytes(),
    startRssBytes,
    apiRequests: used.requests,
    recordsFetched: used.records,
    ...calls,
    manifestBytes: (await directory.get(`export_runs/run_id=${run.runId}/manifest.json`))?.body.byteLength ?? 0,
    accounts: outcome.accounts,
    distinctAccounts: outcome.distinctAccounts,
  };
}

/** Reads one object repeatedly, with the concurrency of publishing. The first series only warms up. */
async function read(endpoint: string, reads: number): Promise<ReadingFigures> {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
  const store = s3ObjectStore({ client, bucket: 'bench' });
  const limit = pLimit(READS_AT_ONCE);
  const readAll = () => Promise.all(Array.from({ length: reads }, () => limit(() => store.get('receipt.json'))));
  await readAll();
  const before = cpuMs();
  await readAll();
  client.destroy();
  return { cpuMsPerGet: (cpuMs() - before) / reads };
}
