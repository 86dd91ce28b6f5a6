import * as z from 'zod';

/** `work/export_name=<n>/…`: which run took a tick, or an export. */
export const ClaimSchema = z.object({
  version: z.literal(1),
  runId: z.string(),
  execution: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
});

export type Claim = z.infer<typeof ClaimSchema>;
