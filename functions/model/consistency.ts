import * as z from 'zod';

/**
 * `consistent`: every check passed, which is evidence and not proof. `drifted`: the data changed during the run.
 * `unverified`: page boundaries could not be checked.
 */
export const VerdictSchema = z.enum(['consistent', 'drifted', 'unverified']);
export type Verdict = z.infer<typeof VerdictSchema>;

/** Whether the data stayed as it was while a run read it, with the figures behind the verdict. */
export const ConsistencySchema = z.object({
  verdict: VerdictSchema,
  accountsBefore: z.int(),
  accountsAfter: z.int(),
  boundariesChecked: z.int(),
  boundariesMoved: z.int(),
});
export type Consistency = z.infer<typeof ConsistencySchema>;
