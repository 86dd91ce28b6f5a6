import * as z from 'zod';

/** Requests sent and records fetched: what the contract counts. */
export interface Usage {
  /** HTTP requests sent. */
  readonly apiRequests: number;
  /** Records that were sent back, as far as anyone can tell: an answer that broke off counts as a full page. */
  readonly recordsFetched: number;
  /** Retries by cause: a status such as `429`, or `connection`. */
  readonly retries: Readonly<Record<string, number>>;
}

export const UsageSchema = z.object({
  apiRequests: z.int(),
  recordsFetched: z.int(),
  retries: z.record(z.string(), z.int()),
});
