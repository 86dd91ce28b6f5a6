import * as z from 'zod';

/** Requests sent and records fetched: what the Salesforce contract counts. */
export const UsageSchema = z.object({
  /** HTTP requests sent. */
  apiRequests: z.int(),
  /** Records that were or may have been sent: a request without a complete answer counts as a full page. */
  recordsFetched: z.int(),
  /** Retries by cause: a status such as `429`, or `connection`. */
  retries: z.record(z.string(), z.int()),
});
export type Usage = Readonly<z.infer<typeof UsageSchema>>;

export const NO_USAGE: Usage = { apiRequests: 0, recordsFetched: 0, retries: {} };

/** The sum of two usages, cause by cause. */
export function addUsage(a: Usage, b: Usage): Usage {
  const retries: Record<string, number> = { ...a.retries };
  for (const [cause, count] of Object.entries(b.retries)) retries[cause] = (retries[cause] ?? 0) + count;
  return {
    apiRequests: a.apiRequests + b.apiRequests,
    recordsFetched: a.recordsFetched + b.recordsFetched,
    retries,
  };
}
