/**
 * The process that `publishing.ts` measures: `node publishing-run.mjs write|publish|floor FOLDER PAGES`. `write` writes a
 * complete run, `publish` publishes it, and `floor` only reads its receipts. Each prints what it used as JSON.
 */
import pLimit from 'p-limit';
import { directoryStore } from '../cli/local/directory-store.ts';
import { localCatalog } from '../cli/local/run-local.ts';
import { hashAccounts } from '../functions/export/page/account-hashes.ts';
import { publishRun } from '../functions/export/publish/publish-run.ts';
import { partKey, planKey, receiptKey } from '../functions/export/storage/bucket-layout.ts';
import { sha256 } from '../functions/export/storage/run-folder.ts';
import { putJson } from '../functions/export/storage/stored-json.ts';
import type { Receipt } from '../functions/model/receipt.ts';
import type { StoredPlan } from '../functions/model/run.ts';
import { keepHeapSmall } from '../functions/runtime/small-heap.ts';
import { plannedRun } from '../test/export/planned-run.ts';
import { cpuMs, peakMb } from './measure.ts';
import { nameAt, offsetApi } from './offset-api.ts';

/** What one process used. */
export interface Publishing {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMb: number;
  /** Of the API, to verify the run. */
  readonly requests: number;
  readonly records: number;
}

const PAGE_SIZE = 1000;
/** Duplicated accounts, which publishing must detect. */
const DUPLICATES = 3;

/** Fields and attributes of each account. */
const FIELDS = 20;
/** Files in use at once, as when publishing. */
const FILES_AT_ONCE = 50;
const USAGE = { apiRequests: 1, recordsFetched: 0, retries: {} };

const [task, folder = '', pagesText] = process.argv.slice(2);
const pages = Number(pagesText);
const run = plannedRun({ parameters: { pageSize: PAGE_SIZE }, accounts: pages * PAGE_SIZE, pages });
const store = directoryStore(folder);

/** Works on each page, many at once. */
async function eachPage(work: (page: number) => Promise<unknown>): Promise<void> {
  const limit = pLimit(FILES_AT_ONCE);
  await Promise.all(Array.from({ length: pages }, (_, page) => limit(() => work(page))));
}

/** The parts are tiny, because publishing does not read them. */
async function writePage(page: number): Promise<void> {
  const key = partKey(run, page);
  const body = Buffer.from(`page ${page}\n`);
  const names = Array.from({ length: PAGE_SIZE }, (_, i) => nameAt(page * PAGE_SIZE + i));
  // Not at a page boundary: boundaries must match the API.
  if (page === 0) for (let i = 1; i <= DUPLICATES; i++) names[i * 2] = nameAt(i * 2 - 1);
  const receipt: Receipt = {
    version: 1,
    page,
    key,
    etag: (await store.put(key, body)) ?? '',
    records: PAGE_SIZE,
    bytes: body.byteLength,
    sha256: sha256(body),
    accountHashes: hashAccounts(run.runId, names),
    fields: Array.from({ length: FIELDS }, (_, i) => ({ name: `attributes.attribute${i}`, present: PAGE_SIZE - i })),
    unmappedColumns: [],
    escapedLineBreaks: 0,
    usage: { ...USAGE, recordsFetched: PAGE_SIZE },
    latencyMs: 400,
  };
  await putJson(store, receiptKey(run.runId, page), receipt);
}

async function measured(work: () => Promise<Partial<Publishing>>): Promise<Publishing> {
  const [cpuBefore, startedAt] = [cpuMs(), performance.now()];
  const more = await work();
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuSeconds = (cpuMs() - cpuBefore) / 1000;
  return { seconds, cpuSeconds, peakMb: peakMb(), requests: 0, records: 0, ...more };
}

const TASKS: Readonly<Record<string, () => Promise<Partial<Publishing>>>> = {
  async write() {
    const plan: StoredPlan = { version: 1, run, usage: USAGE, rounds: 8, earlierRecords: 0 };
    await putJson(store, planKey(run.runId), plan);
    await eachPage(writePage);
    return {};
  },
  async publish() {
    keepHeapSmall();
    const { api, used } = offsetApi(run.accounts);
    const ports = { api, store, catalog: localCatalog(), clock: { now: Date.now } };
    const outcome = await publishRun(ports, { run, execution: 'bench', outcome: 'exportPages' });
    if (outcome.status !== 'published') throw new Error(`The run ended with status ${outcome.status}.`);
    if (outcome.accounts - outcome.distinctAccounts !== DUPLICATES) throw new Error('Duplicates were not found.');
    return { ...used };
  },
  async floor() {
    await eachPage(async (page) => {
      JSON.parse(Buffer.from((await store.get(receiptKey(run.runId, page)))?.body ?? []).toString());
    });
    return {};
  },
};
const work = TASKS[task ?? ''];
if (!work) throw new Error(`Unknown task "${task}".`);
process.stdout.write(JSON.stringify(await measured(work)));
