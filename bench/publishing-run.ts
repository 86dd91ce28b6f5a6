/**
 * A process of its own for what `publishing.ts` measures: `write` leaves a run as its pages leave it, `publish` publishes
 * it and says what that took, as one line of JSON; `read` says what reading objects from an S3 takes.
 */
import { S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { directoryStore } from '../cli/local/directory-store.ts';
import { localCatalog } from '../cli/local/local-catalog.ts';
import { s3ObjectStore } from '../functions/aws/s3-object-store.ts';
import { hashAccounts } from '../functions/export/page/account-hashes.ts';
import type { ObjectStore } from '../functions/export/ports.ts';
import { publishRun } from '../functions/export/publish/publish-run.ts';
import { partKey, planKey, receiptKey } from '../functions/export/storage/bucket-layout.ts';
import { sha256 } from '../functions/export/storage/run-folder.ts';
import { putJson } from '../functions/export/storage/stored-json.ts';
import type { Receipt } from '../functions/model/receipt.ts';
import type { Run, StoredPlan } from '../functions/model/run.ts';
import { nameAt, offsetApi } from './offset-api.ts';
import { peakBytes } from './peak-memory.ts';

/** What publishing a run took. */
export interface PublishingFigures {
  readonly ms: number;
  readonly cpuMs: number;
  /** Of the whole process, Node and modules among it. */
  readonly peakRssBytes: number;
  /** Before anything was published. */
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
/** As publishing reads page records. */
const READS_AT_ONCE = 50;
const SPENT = { apiRequests: 1, recordsFetched: 0, retries: {} };
/** So many accounts come twice: publishing must find them. */
export const TWICE = 3;

/** What reading from S3 took. */
export interface ReadingFigures {
  readonly cpuMsAGet: number;
}

const [task, folder = '', pagesText, pageSizeText] = process.argv.slice(2);
const [pages, pageSize] = [Number(pagesText), Number(pageSizeText)];
const run = runOf(pages, pageSize);
if (task === 'write') await write(directoryStore(folder));
else if (task === 'publish') print(await publish(directoryStore(folder)));
else print(await read(folder, pages));

function print(figures: PublishingFigures | ReadingFigures): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

function runOf(pages: number, pageSize: number): Run {
  const at = '2026-08-22T02:00:00.000Z';
  return {
    runId: `run-of-${pages}`,
    exportName: 'all',
    datasetId: 'engage',
    format: 'json',
    parameters: { pageSize },
    dueAt: at,
    exportDate: '2026-08-22',
    startedAt: at,
    accounts: pages * pageSize,
    pages,
    countedBy: 'offsets',
    attempt: 1,
    onDrift: 'publish',
    maxDropPercent: 50,
    budget: 1,
    start: 1,
  };
}

/** The plan, and of each page a part and its record; the parts are tiny, since publishing does not read them. */
async function write(store: ObjectStore): Promise<void> {
  const plan: StoredPlan = { version: 1, run, counting: SPENT, usage: SPENT, rounds: 8 };
  await putJson(store, planKey(run.runId), plan);
  const limit = pLimit(WRITES_AT_ONCE);
  await Promise.all(Array.from({ length: pages }, (_, page) => limit(() => writePage(store, page))));
}

async function writePage(store: ObjectStore, page: number): Promise<void> {
  const key = partKey(run, page);
  const body = Buffer.from(`page ${page}\n`);
  const names = Array.from({ length: pageSize }, (_, i) => nameAt(page * pageSize + i));
  // Within the first page, and away from its boundaries, so that the API still agrees with them.
  if (page === 0) for (let i = 1; i <= TWICE; i++) names[i * 2] = nameAt(i * 2 - 1);
  const record: Receipt = {
    version: 1,
    page,
    attempt: 1,
    key,
    etag: await store.put(key, body, 'application/gzip'),
    records: pageSize,
    bytes: body.byteLength,
    sha256: sha256(body),
    accountHashes: hashAccounts(run.runId, names),
    unmappedColumns: [],
    escapedLineBreaks: 0,
    usage: { ...SPENT, recordsFetched: pageSize },
    latencyMs: 400,
  };
  await putJson(store, receiptKey(run.runId, page), record);
}

async function publish(directory: ObjectStore): Promise<PublishingFigures> {
  const did = { gets: 0, lists: 0 };
  const store: ObjectStore = {
    ...directory,
    get(key) {
      did.gets++;
      return directory.get(key);
    },
    list(prefix) {
      did.lists++;
      return directory.list(prefix);
    },
  };
  const { api, asked } = offsetApi(run.accounts);
  const startRssBytes = process.memoryUsage.rss();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const ports = { api, store, catalog: localCatalog(), clock: { now: Date.now } };
  const outcome = await publishRun(ports, { run, release: false });
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (outcome.status !== 'published') throw new Error(`The run ended as ${outcome.status}.`);
  return {
    ms,
    cpuMs: (user + system) / 1000,
    peakRssBytes: peakBytes(),
    startRssBytes,
    apiRequests: asked.requests,
    recordsFetched: asked.records,
    ...did,
    manifestBytes: (await directory.get(`export_runs/run_id=${run.runId}/manifest.json`))?.byteLength ?? 0,
    accounts: outcome.accounts,
    distinctAccounts: outcome.distinctAccounts,
  };
}

/** Reads one object of an S3 again and again, as many at once as publishing does, once for warmth and once for the figure. */
async function read(endpoint: string, reads: number): Promise<ReadingFigures> {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
  const store = s3ObjectStore({ client, bucket: 'bench' });
  const limit = pLimit(READS_AT_ONCE);
  const readAll = () => Promise.all(Array.from({ length: reads }, () => limit(() => store.get('record.json'))));
  await readAll();
  const before = process.cpuUsage();
  await readAll();
  const { user, system } = process.cpuUsage(before);
  client.destroy();
  return { cpuMsAGet: (user + system) / 1000 / reads };
}
