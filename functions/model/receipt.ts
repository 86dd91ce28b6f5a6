import * as z from 'zod';
import { UsageSchema } from './usage.ts';

/** `work/run_id=<id>/pages/00000.json`: what is known of a part once it is written. */
export const ReceiptSchema = z.object({
  version: z.literal(1),
  page: z.int().min(0),
  /** Of the run: what an earlier attempt left is not part of this one. */
  attempt: z.int().min(1),
  key: z.string(),
  /** What the store called this version of the part. */
  etag: z.string(),
  records: z.int().min(0),
  bytes: z.int().min(0),
  /** Hex, of the part as stored. */
  sha256: z.string(),
  /** Eight bytes of a hash for each account, in page order, Base64 of all: no names. */
  accountHashes: z.string(),
  unmappedColumns: z.array(z.string()),
  escapedLineBreaks: z.int(),
  usage: UsageSchema,
  latencyMs: z.number(),
});

export type Receipt = z.infer<typeof ReceiptSchema>;

/** `work/run_id=<id>/failures/00000.json`: what failed attempts at a page cost, and how the last one ended. */
export const PageFailureSchema = z.object({
  version: z.literal(1),
  page: z.int().min(0),
  error: z.string(),
  message: z.string(),
  /** Of the run, when it failed last. */
  start: z.int(),
  attempts: z.int(),
  usage: UsageSchema,
});

export type PageFailure = z.infer<typeof PageFailureSchema>;

/** `work/run_id=<id>/failures/{plan,publish}.json`: what failed attempts at the task cost. */
export const TaskFailureSchema = z.object({ version: z.literal(1), attempts: z.int(), usage: UsageSchema });
