/** The input and output of an execution. Both are checked: another version of the stack may have written them. */
import * as z from 'zod';
import { ExportFormatSchema } from '../../functions/model/export-format.ts';
import type { PlanFigures, RunEstimate } from '../../functions/model/outcomes.ts';

const planned = {
  exportName: z.string(),
  accounts: z.int().min(0),
  pages: z.int().min(1),
  pageSize: z.int().min(1),
  plan: z.object({
    countedBy: z.enum(['offsets', 'pages']),
    apiRequests: z.int(),
    recordsFetched: z.int(),
    rounds: z.int(),
    resumed: z.boolean(),
  }) satisfies z.ZodType<PlanFigures>,
};

const SeenPlanSchema = z.object({ outcome: z.enum(['dryRun', 'exportPages', 'publishOnly']), ...planned });
/** What the terminal shows of a plan. */
export type SeenPlan = z.infer<typeof SeenPlanSchema>;

const PublishedSchema = z.looseObject({
  status: z.literal('published'),
  runId: z.string(),
  exportName: z.string(),
  accounts: z.int(),
  distinctAccounts: z.int(),
  pages: z.int(),
  bytes: z.number(),
  seconds: z.number(),
  verdict: z.enum(['consistent', 'drifted', 'unverified']),
  format: ExportFormatSchema.optional().catch(undefined),
  recordsFetched: z.int().optional(),
  apiRequests: z.int().optional(),
  retries: z.int().optional(),
  unmappedColumns: z.array(z.string()),
  vanishedFields: z.array(z.string()).optional(),
  parts: z.string(),
  manifest: z.string(),
});
const DryRunSchema = z.looseObject({
  outcome: z.literal('dryRun'),
  ...planned,
  estimate: z.object({
    apiRequests: z.int(),
    recordsFetched: z.int(),
    maxRecordsNeeded: z.int(),
    seconds: z.number(),
    secondsFrom: z.enum(['last run', 'probes']),
    usd: z.number(),
  }) satisfies z.ZodType<RunEstimate>,
});
const SkippedSchema = z.looseObject({ outcome: z.literal('skipped'), exportName: z.string(), reason: z.string() });

/** The output of an execution that succeeded. `unknown`: another version of the stack wrote it. */
export type RunOutput =
  | { readonly status: 'published'; readonly result: z.infer<typeof PublishedSchema> }
  | { readonly status: 'dry run'; readonly result: z.infer<typeof DryRunSchema> }
  | { readonly status: 'skipped'; readonly result: z.infer<typeof SkippedSchema> }
  | { readonly status: 'unknown' };

const RunInputSchema = z.looseObject({
  exportName: z.string().optional(),
  datasetId: z.string().optional(),
  resume: z.string().optional(),
  publish: z.string().optional(),
});
export type RunInput = z.infer<typeof RunInputSchema>;

/** @returns `undefined` for a skipped run and for the plan of another version */
export function readPlan(text: string | undefined): SeenPlan | undefined {
  return SeenPlanSchema.safeParse(readJson(text)).data;
}

export function readOutput(text: string | undefined): RunOutput {
  const json = readJson(text);
  const published = PublishedSchema.safeParse(json);
  if (published.success) return { status: 'published', result: published.data };
  const dryRun = DryRunSchema.safeParse(json);
  if (dryRun.success) return { status: 'dry run', result: dryRun.data };
  const skipped = SkippedSchema.safeParse(json);
  return skipped.success ? { status: 'skipped', result: skipped.data } : { status: 'unknown' };
}

export function readInput(text: string | undefined): RunInput {
  return RunInputSchema.safeParse(readJson(text)).data ?? {};
}

/** @returns `undefined` for text that is not JSON */
export function readJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
