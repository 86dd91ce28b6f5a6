/** The last published runs of an export, in one small object: a manifest names up to 30,000 parts. */
import * as z from 'zod';
import { ExportFormatSchema } from '../../model/export-format.ts';
import { FieldPresenceSchema } from '../../model/field-coverage.ts';
import type { ObjectStore } from '../ports.ts';
import { historyKey } from './bucket-layout.ts';

const MAX_RUNS = 30;
/** Two runs of an export that are published at the same moment; more are rare, and the history is only for reports. */
const ATTEMPTS = 3;

const PublishedFiguresSchema = z.object({
  runId: z.string(),
  publishedAt: z.string(),
  /** Without duplicates. */
  accounts: z.int(),
  verdict: z.enum(['consistent', 'drifted', 'unverified']),
});
export type PublishedFigures = z.infer<typeof PublishedFiguresSchema>;

const HistorySchema = z.object({
  version: z.literal(1),
  /** In the order of publishing. */
  runs: z.array(PublishedFiguresSchema),
  /** How many records of the last one have each field. */
  coverage: z.object({ format: ExportFormatSchema, records: z.int(), fields: z.array(FieldPresenceSchema) }).optional(),
});
/** `work/export_name=<n>/history.json`. */
export type RunHistory = z.infer<typeof HistorySchema>;

/** The last published runs of an export; `undefined` if there are none, or the object has expired or is damaged. */
export async function readHistory(store: ObjectStore, exportName: string): Promise<RunHistory | undefined> {
  return parse((await store.get(historyKey(exportName)))?.body);
}

function parse(body: Uint8Array | undefined): RunHistory | undefined {
  if (body === undefined) return undefined;
  try {
    return HistorySchema.parse(JSON.parse(Buffer.from(body).toString('utf8')));
  } catch {
    return undefined;
  }
}

/** Adds a published run. Adding it again changes nothing. @returns the history with it */
export async function addToHistory(
  store: ObjectStore,
  exportName: string,
  add: (before: RunHistory | undefined) => RunHistory,
): Promise<RunHistory> {
  const key = historyKey(exportName);
  for (let attempt = 1; ; attempt++) {
    const stored = await store.get(key);
    const next = add(parse(stored?.body));
    const history = { ...next, runs: next.runs.slice(-MAX_RUNS) };
    const body = Buffer.from(`${JSON.stringify(history)}\n`);
    const condition = stored ? { ifMatch: stored.etag } : { ifNoneMatch: '*' as const };
    if ((await store.put(key, body, condition)) !== undefined || attempt === ATTEMPTS) return history;
  }
}
