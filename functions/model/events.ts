/** The events of the Lambdas, as the workflow sends them. */
import * as z from 'zod';
import { RunSchema } from './run.ts';

/** What *Plan export* receives: the execution's input, its name and start. */
export const PlanEventSchema = z.object({
  /** The state machine's execution name. */
  runId: z.string(),
  /** The execution itself, as `Executions` knows it: an ARN on AWS. */
  execution: z.string(),
  startedAt: z.string(),
  /** Whatever the execution was started with; `resolveRequest` checks it. */
  request: z.unknown(),
  /** The most requests that planning has in flight. It never has more than eight. */
  concurrency: z.int().min(1),
});
export type PlanEvent = z.infer<typeof PlanEventSchema>;

/** What *Export page* receives. */
export const PageTaskSchema = z.object({
  page: z.int().min(0),
  run: RunSchema,
  /** The execution that works on the run; a resumed run has had several. Failures are kept under its name. */
  execution: z.string(),
});
export type PageTask = z.infer<typeof PageTaskSchema>;

/** What *Publish run* receives. `publishOnly`: the run is complete and is published without asking the API. */
export const PublishEventSchema = z.object({
  run: RunSchema,
  execution: z.string(),
  outcome: z.enum(['exportPages', 'publishOnly']),
  /** The most requests in flight at once. */
  concurrency: z.int().min(1).default(8),
});
export type PublishEvent = z.infer<typeof PublishEventSchema>;

/** What *Report failure* receives: the execution, its input, and what Catch caught. */
export const FailureEventSchema = z.object({
  runId: z.string(),
  execution: z.string(),
  request: z.unknown(),
  failure: z.object({ Error: z.string().default('Error'), Cause: z.string().default('') }),
});
