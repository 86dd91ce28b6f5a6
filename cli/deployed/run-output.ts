/** What an execution was started with and ended with, read with care: other versions of the stack wrote it too. */
import * as z from 'zod';
import type { DryRunResult, PublishResult, SkippedRun } from '../../functions/model/outcomes.ts';

const figures = { accounts: z.int().min(0), pages: z.int().min(1), pageSize: z.int().min(1) };
const plan = z.object({
  countedBy: z.enum(['offsets', 'pages']),
  apiRequests: z.int(),
  recordsFetched: z.int(),
  rounds: z.int(),
  attempt: z.int().default(1),
  resumed: z.boolean(),
});

/** What a terminal needs of a plan. */
const SeenPlanSchema = z.object({
  exportName: z.string(),
  dryRun: z.boolean(),
  /** Whether all pages are there already, and the run is only to be published. */
  release: z.boolean().default(false),
  ...figures,
  plan,
});
export type SeenPlan = z.infer<typeof SeenPlanSchema>;

const RunOutputSchema = z.discriminatedUnion('status', [
  z.looseObject({
    status: z.literal('published'),
    runId: z.string(),
    exportName: z.string(),
    accounts: z.int(),
    distinctAccounts: z.int(),
    pages: z.int(),
    bytes: z.number(),
    seconds: z.number(),
    verdict: z.enum(['consistent', 'drifted']),
    unmappedColumns: z.array(z.string()),
    parts: z.string(),
    manifest: z.string(),
  }),
  z.looseObject({
    status: z.literal('planned'),
    exportName: z.string(),
    ...figures,
    plan,
    expected: z.object({
      apiRequests: z.int(),
      recordsFetched: z.int(),
      maxRecordsNeeded: z.int(),
      seconds: z.number(),
      secondsFrom: z.enum(['last run', 'probes']),
      usd: z.number(),
    }),
  }),
  z.looseObject({ status: z.literal('skipped'), exportName: z.string(), reason: z.string() }),
]);

/** The three ways in which an execution succeeds. */
export type RunOutput = PublishResult | DryRunResult | SkippedRun;

const RunInputSchema = z.looseObject({
  exportName: z.string().optional(),
  datasetId: z.string().optional(),
  resume: z.string().optional(),
  publish: z.string().optional(),
});
export type RunInput = z.infer<typeof RunInputSchema>;

/** @returns `undefined` for what is no plan that a terminal could show */
export function readPlan(text: string | undefined): SeenPlan | undefined {
  return SeenPlanSchema.safeParse(readJson(text)).data;
}

/** @returns `undefined` for an output that this version does not know */
export function readOutput(text: string | undefined): RunOutput | undefined {
  // The schema holds what is printed; the rest is passed on as it came.
  return RunOutputSchema.safeParse(readJson(text)).data as RunOutput | undefined;
}

export function readInput(text: string | undefined): RunInput {
  return RunInputSchema.safeParse(readJson(text)).data ?? {};
}

/** @returns `undefined` for what is no JSON */
export function readJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
