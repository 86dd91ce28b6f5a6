/**
 * The law: a run ends published and complete, or it fails, says why, leaves what was published before as it was, and is
 * complete once it is started again, fetching no finished page a second time. Written without the code under test.
 */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { ObjectStore } from '../../functions/export/ports.ts';
import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from '../../functions/model/errors.ts';
import type { Tenant } from '../../simulator/tenant.ts';
import { expectSameAccount } from '../support/exact-json.ts';

/** A cell that breaks the law. */
export class LawBroken extends Error {}

export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new LawBroken(otherwise);
}

interface SeenManifest {
  readonly runId: string;
  readonly pages: number;
  readonly records: number;
  readonly distinctAccounts: number;
  readonly duplicates: number;
  readonly bytes: number;
  readonly recordsFetched: number;
  readonly consistency: { readonly verdict: string };
  readonly parts: readonly { key: string; page: number; records: number; bytes: number; sha256: string }[];
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const partsOf = (exportDate: string, runId: string) =>
  `accounts_json/export_name=all/export_date=${exportDate}/run_id=${runId}/`;

/** The manifest of a published run, as it lies there. */
export async function manifestOf(store: ObjectStore, runId: string): Promise<SeenManifest | undefined> {
  const stored = await store.get(`export_runs/run_id=${runId}/manifest.json`);
  return stored && (JSON.parse(Buffer.from(stored.body).toString()) as SeenManifest);
}

/** What a run holds, where it lies and what of it is expected. */
export interface RunEstimate {
  readonly runId: string;
  readonly exportDate: string;
  readonly pageSize: number;
  readonly tenant: Tenant;
  /** That the source held still is part of what a run must say. */
  readonly verdict?: 'consistent' | 'drifted' | 'either';
}

/**
 * The run's parts hold exactly the accounts that the simulator serves, and its manifest says exactly that.
 * @throws LawBroken
 */
export async function mustBeComplete(store: ObjectStore, expected: RunEstimate): Promise<void> {
  const { runId, exportDate, pageSize, tenant, verdict = 'consistent' } = expected;
  const manifest = await manifestOf(store, runId);
  must(manifest !== undefined, `run ${runId} is published without a manifest`);
  const total = tenant.total;
  const pages = Math.max(1, Math.ceil(total / pageSize));
  const said = manifest.consistency.verdict;
  must(verdict === 'either' || said === verdict, `the verdict is ${said}`);
  must(manifest.pages === pages, `half-published: the manifest has ${manifest.pages} pages of ${pages}`);
  must(manifest.records === total, `lost: the manifest has ${manifest.records} accounts of ${total}`);
  must(manifest.distinctAccounts === total && manifest.duplicates === 0, 'the manifest counts accounts twice');
  const there = await store.list(partsOf(exportDate, runId));
  must(
    there.map(({ key }) => key).join() === manifest.parts.map(({ key }) => key).join(),
    `half-published: ${there.length} parts lie there where the manifest names ${manifest.parts.length}`,
  );
  let index = 0;
  let bytes = 0;
  for (const [page, part] of manifest.parts.entries()) {
    const body = (await store.get(part.key))?.body;
    must(body !== undefined, `half-published: the part of page ${page} is gone`);
    must(part.sha256 === sha256(body), `half-published: the part of page ${page} is not the one in the manifest`);
    must(part.page === page && part.bytes === body.byteLength, `the manifest is wrong about page ${page}`);
    const lines = gunzipSync(body).toString().split('\n').slice(0, -1);
    must(part.records === lines.length, `the part of page ${page} has ${lines.length} accounts of ${part.records}`);
    for (const line of lines) mustBeAccount(line, tenant, index++);
    bytes += body.byteLength;
  }
  must(index === total, `lost: the parts hold ${index} accounts of ${total}`);
  must(manifest.bytes === bytes, 'the manifest is wrong about the bytes');
}

function mustBeAccount(line: string, tenant: Tenant, index: number): void {
  try {
    expectSameAccount(line, tenant.json(index) ?? '{}');
  } catch {
    throw new LawBroken(`lost: account ${index} is not where it should be, or not as it was sent`);
  }
}

/** The fingerprints of all that belongs to a run and that queries read. */
export async function published(store: ObjectStore, exportDate: string, runId: string): Promise<string> {
  const keys = [`export_runs/run_id=${runId}/`, partsOf(exportDate, runId)];
  const objects = (await Promise.all(keys.map((prefix) => store.list(prefix)))).flat();
  const lines = objects.map(async ({ key }) => `${key} ${sha256((await store.get(key))?.body ?? Buffer.alloc(0))}`);
  return (await Promise.all(lines)).join('\n');
}

/**
 * The pages that a run must still fetch: those of which record and part do not agree, or that have grown since; all when
 * it was never planned, none when it is published.
 */
export async function unfinishedPages(
  store: ObjectStore,
  runId: string,
  pageSize: number,
  { total }: Tenant,
): Promise<number[]> {
  if (await manifestOf(store, runId)) return [];
  const unfinished: number[] = [];
  for (let page = 0; page * pageSize < total; page++) {
    const stored = await store.get(`work/run_id=${runId}/receipts/${String(page).padStart(5, '0')}.json`);
    const receipt =
      stored && (JSON.parse(Buffer.from(stored.body).toString()) as { key: string; records: number; sha256: string });
    const part = receipt && (await store.get(receipt.key));
    const complete = Math.min(pageSize, total - page * pageSize);
    if (!part || receipt.records < complete || sha256(part.body) !== receipt.sha256) unfinished.push(page);
  }
  return unfinished;
}

const ERRORS: readonly string[] = [...PERMANENT_ERRORS, ...TRANSIENT_ERRORS];

/** A failure has a name of ours and a sentence that gives nothing away. @throws LawBroken */
export function mustNameItsCause(error: string, cause: string, tenant: Tenant): void {
  must(ERRORS.includes(error), `it failed with ${error}, which is no error of ours`);
  must(/^\S.{20,}\.$/s.test(cause), `${error} has no sentence: ${JSON.stringify(cause)}`);
  const secrets = ['demo:secret', Buffer.from('demo-key:demo:secret').toString('base64'), 'Basic '];
  for (const secret of secrets) must(!cause.includes(secret), 'the sentence holds the key');
  for (let i = 0; i < tenant.total; i++) {
    const { name } = JSON.parse(tenant.json(i) ?? '{}') as { name?: string };
    must(!name || name.length < 4 || !cause.includes(name), 'the sentence holds the name of an account');
  }
}
