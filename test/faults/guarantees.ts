/**
 * What a run guarantees (`docs/reliability.md`), checked without the code under test: it is published and complete, or it
 * fails with a useful error, leaves published runs as they are, and fetches only unfinished pages when it is resumed.
 */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from '../../functions/model/errors.ts';
import type { Manifest } from '../../functions/model/manifest.ts';
import type { Tenant } from '../../simulator/tenant.ts';
import { expectSameAccount } from '../support/exact-json.ts';

/** A run that breaks a guarantee. */
export class GuaranteeBroken extends Error {}

export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new GuaranteeBroken(otherwise);
}

export function mustEqual(actual: string | number | undefined, expected: string | number, what: string): void {
  must(actual === expected, `${what}: expected ${expected}, got ${actual}`);
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const partsOf = (exportDate: string, runId: string) =>
  `accounts_json/export_name=all/export_date=${exportDate}/run_id=${runId}/`;

async function getJson<T>(store: ObjectStore, key: string): Promise<T | undefined> {
  const stored = await store.get(key);
  return stored && (JSON.parse(Buffer.from(stored.body).toString()) as T);
}

export function manifestOf(store: ObjectStore, runId: string): Promise<Manifest | undefined> {
  return getJson(store, `export_runs/run_id=${runId}/manifest.json`);
}

/** What a published run must contain. */
export interface ExpectedRun {
  readonly runId: string;
  readonly exportDate: string;
  readonly pageSize: number;
  readonly tenant: Tenant;
  /** @default all accounts of the tenant */
  readonly accounts?: number | undefined;
  /** @default consistent */
  readonly verdict?: 'consistent' | 'drifted' | 'either' | undefined;
}

/**
 * The parts of a run contain exactly the accounts of the simulator, and its manifest describes exactly these parts.
 * @throws GuaranteeBroken
 */
export async function mustBeComplete(store: ObjectStore, expected: ExpectedRun): Promise<void> {
  const { runId, exportDate, pageSize, tenant, accounts = tenant.total, verdict = 'consistent' } = expected;
  const manifest = await manifestOf(store, runId);
  must(manifest !== undefined, `run ${runId} is published without a manifest`);
  if (verdict !== 'either') mustEqual(manifest.consistency.verdict, verdict, 'verdict');
  mustEqual(manifest.pages, Math.max(1, Math.ceil(accounts / pageSize)), 'pages in the manifest');
  mustEqual(manifest.records, accounts, 'accounts in the manifest');
  mustEqual(manifest.distinctAccounts, accounts, 'distinct accounts in the manifest');
  mustEqual(manifest.duplicates, 0, 'duplicates in the manifest');
  const keys = (await store.list(partsOf(exportDate, runId))).map(({ key }) => key);
  mustEqual(keys.join(), manifest.parts.map(({ key }) => key).join(), 'parts');
  let index = 0;
  let bytes = 0;
  for (const [page, part] of manifest.parts.entries()) {
    const body = (await store.get(part.key))?.body;
    must(body !== undefined, `the part of page ${page} is missing`);
    must(part.sha256 === sha256(body), `the part of page ${page} is not the one in the manifest`);
    must(part.page === page && part.bytes === body.byteLength, `the manifest describes page ${page} wrongly`);
    const lines = gunzipSync(body).toString().split('\n').slice(0, -1);
    mustEqual(lines.length, part.records, `accounts in the part of page ${page}`);
    for (const line of lines) mustBeAccount(line, tenant, index++);
    bytes += body.byteLength;
  }
  mustEqual(index, accounts, 'accounts in the parts');
  mustEqual(manifest.bytes, bytes, 'bytes in the manifest');
}

function mustBeAccount(line: string, tenant: Tenant, index: number): void {
  try {
    expectSameAccount(line, tenant.json(index) ?? '{}');
  } catch {
    throw new GuaranteeBroken(`account ${index} is lost, out of place or modified`);
  }
}

/** Keys and checksums of everything that queries read of a run. */
export function publishedObjects(store: ObjectStore, exportDate: string, runId: string): Promise<string> {
  return objectsIn(store, [`export_runs/run_id=${runId}/`, partsOf(exportDate, runId)]);
}

/** Keys and checksums of all objects under some prefixes. */
export async function objectsIn(store: ObjectStore, prefixes: readonly string[]): Promise<string> {
  const objects = (await Promise.all(prefixes.map((prefix) => store.list(prefix)))).flat();
  const lines = objects.map(async ({ key }) => `${key} ${sha256((await store.get(key))?.body ?? Buffer.alloc(0))}`);
  return (await Promise.all(lines)).join('\n');
}

/**
 * The pages that a resumed run must fetch: those whose part and receipt do not match, and those that have grown. All of
 * them if the run was never planned, none if it is published.
 */
export async function unfinishedPages(store: ObjectStore, { runId, pageSize, tenant }: ExpectedRun): Promise<number[]> {
  if (await manifestOf(store, runId)) return [];
  const unfinished: number[] = [];
  for (let page = 0; page * pageSize < tenant.total; page++) {
    const key = `work/run_id=${runId}/receipts/${String(page).padStart(5, '0')}.json`;
    const receipt = await getJson<{ key: string; records: number; sha256: string }>(store, key);
    const part = receipt && (await store.get(receipt.key));
    const complete = Math.min(pageSize, tenant.total - page * pageSize);
    if (!part || receipt.records < complete || sha256(part.body) !== receipt.sha256) unfinished.push(page);
  }
  return unfinished;
}

const ERRORS: readonly string[] = [...PERMANENT_ERRORS, ...TRANSIENT_ERRORS];

/** A failure has a name from `errors.ts`, and a sentence without secrets or account data. @throws GuaranteeBroken */
export function mustNameItsCause(error: string, cause: string, tenant: Tenant): void {
  must(ERRORS.includes(error), `the run failed with ${error}, which is not one of the project's errors`);
  must(/^\S.{20,}\.$/s.test(cause), `${error} has no sentence: ${JSON.stringify(cause)}`);
  const secrets = ['demo:secret', Buffer.from('demo-key:demo:secret').toString('base64'), 'Basic '];
  for (const secret of secrets) must(!cause.includes(secret), 'the error contains the API key');
  for (let i = 0; i < tenant.total; i++) {
    const { name } = JSON.parse(tenant.json(i) ?? '{}') as { name?: string };
    must(!name || name.length < 4 || !cause.includes(name), 'the error contains the name of an account');
  }
}
