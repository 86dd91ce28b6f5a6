/** One look at a deployed run: its state, its plan, its finished pages. */
import { isDeepStrictEqual } from 'node:util';
import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import { STATES } from '../../functions/workflow.ts';
import { nextCommand } from '../flags/stack-flags.ts';
import { CommandError } from '../terminal/terminal.ts';
import { type RunOutput, readPlan, type SeenPlan } from './run-output.ts';
import { outputOfRun, type RunReport, reportOf } from './run-report.ts';
import type { Stack } from './stack.ts';

export interface RunLook {
  readonly report: RunReport;
  /** Of a run that succeeded. */
  readonly output: RunOutput | undefined;
  readonly plan: SeenPlan | undefined;
  readonly mapRun: MapRun | undefined;
  /** Why plan and pages are unknown; the report is correct without them. */
  readonly hidden: CommandError | undefined;
}

interface MapRun {
  readonly arn: string;
  readonly startedAt: Date | undefined;
  readonly pagesDone: number;
}

/**
 * Looks at a run once. Only the description of the execution is required; a failure to read plan and pages is in `hidden`.
 *
 * @param before the previous look, so that what cannot have changed is not read again
 * @throws CommandError if the execution cannot be described
 */
export async function lookAtRun(
  stack: Stack,
  executionArn: string,
  before?: RunLook,
  signal?: AbortSignal,
): Promise<RunLook> {
  const execution = await describeRun(stack, executionArn, signal);
  const { status } = reportOf(execution);
  let { plan, mapRun, hidden } = before ?? {};
  // A missing permission will still be missing next time.
  if (hidden === undefined || hidden.transient) {
    hidden = undefined;
    try {
      const pages = status === 'published' ? undefined : await seeMapRun(stack, executionArn, signal);
      // A second map run means that the run was planned again. A skipped run has no plan.
      const newPages = pages !== undefined && pages.arn !== mapRun?.arn;
      if (status !== 'skipped' && (!plan || newPages)) {
        const newest = await seePlan(stack, executionArn, signal);
        if (newest && !isDeepStrictEqual(newest, plan)) plan = newest;
      }
      mapRun = pages ?? mapRun;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      hidden = error;
    }
  }
  const report = reportOf(execution, plan, mapRun?.pagesDone);
  return { report, output: outputOfRun(execution), plan, mapRun, hidden };
}

/** @throws CommandError, also if the run does not exist */
export async function describeRun(
  stack: Stack,
  executionArn: string,
  signal?: AbortSignal,
): Promise<DescribeExecutionCommandOutput> {
  const runId = executionArn.split(':').at(-1) ?? '';
  try {
    return await stack.ask(`Reading run "${runId}"`, (sfn) =>
      sfn.describeExecution({ executionArn }, { abortSignal: signal }),
    );
  } catch (error) {
    if ((error as { cause?: Error }).cause?.name !== 'ExecutionDoesNotExist') throw error;
    throw new CommandError(
      `No run "${runId}" in stack ${JSON.stringify(stack.name)} in ${stack.region} (never started, or deleted after 90 days): list the runs with ${nextCommand('runs', undefined, { ...stack.clientOptions, stack: stack.name })}`,
      { cause: error },
    );
  }
}

/**
 * The newest plan is the last output of the state *Plan export*. It is among the first 200 events: at most about 25 if all
 * attempts but the last failed, twice as many after a retry, and pages add no events.
 */
async function seePlan(stack: Stack, executionArn: string, signal?: AbortSignal): Promise<SeenPlan | undefined> {
  const { events = [] } = await stack.ask('Reading the plan of the run', (sfn) =>
    sfn.getExecutionHistory({ executionArn, maxResults: 200 }, { abortSignal: signal }),
  );
  const planned = events.findLast(({ stateExitedEventDetails }) => stateExitedEventDetails?.name === STATES.plan);
  return readPlan(planned?.stateExitedEventDetails?.output);
}

/** The newest map run: a retry after drift and a redriven execution have several. */
async function seeMapRun(stack: Stack, executionArn: string, signal?: AbortSignal): Promise<MapRun | undefined> {
  const { mapRuns = [] } = await stack.ask('Listing the map runs of the run', (sfn) =>
    sfn.listMapRuns({ executionArn }, { abortSignal: signal }),
  );
  const newest = mapRuns.toSorted((a, b) => Number(b.startDate) - Number(a.startDate))[0];
  if (newest?.mapRunArn === undefined) return undefined;
  const { mapRunArn: arn, startDate: startedAt } = newest;
  const { itemCounts } = await stack.ask('Counting the finished pages', (sfn) =>
    sfn.describeMapRun({ mapRunArn: arn }, { abortSignal: signal }),
  );
  return { arn, startedAt, pagesDone: itemCounts?.succeeded ?? 0 };
}
