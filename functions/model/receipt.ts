import * as z from 'zod';
import { FieldPresenceSchema } from './field-coverage.ts';
import { UsageSchema } from './usage.ts';

/** 64 bits for each account: thirty million accounts collide with a probability of about 2 in 100,000. */
export const HASH_BYTES = 8;

/** What a receipt says, without a check of its hashes. */
export const ReceiptFieldsSchema = z.object({
  version: z.literal(1),
  page: z.int().min(0),
  key: z.string(),
  /** The store's etag of the part as written. */
  etag: z.string(),
  /** Accounts in the part; one that the API sent twice counts twice. */
  records: z.int().min(0),
  bytes: z.int().min(0),
  /** Hex, of the part as stored. */
  sha256: z.string(),
  /** Eight bytes of a salted hash per account, concatenated in page order, as Base64: no names. */
  accountHashes: z.string(),
  /** Fields that the Glue table cannot show: it has no column for them, or a value does not fit. The part contains them. */
  unmappedColumns: z.array(z.string()),
  /** Of at most 1,000 fields, how many records have a value; sorted by name. Receipts of earlier versions have none. */
  fields: z.array(FieldPresenceSchema).optional(),
  /** CSV: how many line breaks in values were written as `\n`; 0 in other formats. */
  escapedLineBreaks: z.int(),
  usage: UsageSchema,
  /** ISO 8601: when the request that was answered was sent, `latencyMs` before its answer. Receipts of earlier versions have none. */
  startedAt: z.string().optional(),
  latencyMs: z.number(),
});

/** `work/run_id=<id>/receipts/00000.json`: describes a written part. */
export const ReceiptSchema = ReceiptFieldsSchema.refine(
  ({ records, accountHashes }) => Buffer.byteLength(accountHashes, 'base64') === records * HASH_BYTES,
);
export type Receipt = z.infer<typeof ReceiptSchema>;

/** `work/run_id=<id>/failures/<execution>/{00000,plan,publish}.json`: what failed attempts at a task used, and the last error. */
export const TaskFailureSchema = z.object({
  version: z.literal(1),
  /** What was attempted: a page, by its number, or a step of the run that is not about one page. */
  task: z.union([z.int().min(0), z.enum(['plan', 'publish'])]),
  error: z.string(),
  message: z.string(),
  attempts: z.int(),
  usage: UsageSchema,
});
export type TaskFailure = z.infer<typeof TaskFailureSchema>;
