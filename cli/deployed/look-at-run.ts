/** One look at a run: how it stands, what was planned, how many of its pages are there. */
import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import { STATES } from '../../functions/workflow.ts';
import { CommandError } from './command-error.ts';
import { readPlan, type SeenPlan } from './run-output.ts';
import { type RunReport, reportOf } from './run-report.ts';
import type { Stack } from './stack.ts';

export interface RunLook {
  readonly report: RunReport;
  readonly plan: SeenPlan | undefined;
  readonly mapRun: MapRun | undefined;
  /** Why the figures are not known, when they cannot be asked for; the run is as reported all the same. */
  readonly hidden: CommandError | undefined;
}

interface MapRun {
  readonly arn: string;
  readonly startedAt: Date | undefined;
  readonly pagesDone: number;
}

/**
 * Looks once. That a run is described is all it needs: its figures are an ornament, and a failure to get them ends nothing.
 *
 * @param before the look before: what cannot have changed is not asked for again
 * @throws CommandError when the execution cannot be described
 */
export async function lookAtRun(
  stack: Stack,
  executionArn: string,
  before?: RunLook,
  signal?: AbortSignal,
): Promise<RunLook> {
  const execution = await describeRun(stack, executionArn, signal);
  const { status } = reportOf(stack, execution);
  let { plan, mapRun, hidden } = before ?? {};
  // What may not be asked for will not be allowed the next time either.
  if (hidden === undefined || hidden.transient) {
    hidden = undefined;
    try {
      const pages = status === 'published' ? undefined : await seeMapRun(stack, executionArn, signal);
      // Pages that are begun anew were planned anew. A skipped run has no plan.
      const anew = pages !== undefined && pages.arn !== mapRun?.arn;
      if (status !== 'skipped' && (!plan || anew)) plan = (await seePlan(stack, executionArn, signal)) ?? plan;
      mapRun = pages ?? mapRun;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      hidden = error;
    }
  }
  return { report: reportOf(stack, execution, { plan, pagesDone: mapRun?.pagesDone }), plan, mapRun, hidden };
}

/** @throws CommandError also for a run that does not exist */
export async function describeRun(
  stack: Stack,
  executionArn: string,
  signal?: AbortSignal,
): Promise<DescribeExecutionCommandOutput> {
  const runId = executionArn.split(':').at(-1) ?? '';
  try {
    return await stack.ask(`Looking at run ${JSON.stringify(runId)}`, (sfn) =>
      sfn.describeExecution({ executionArn }, { abortSignal: signal }),
    );
  } catch (error) {
    if ((error as { cause?: Error }).cause?.name !== 'ExecutionDoesNotExist') throw error;
    throw new CommandError(
      `Stack ${JSON.stringify(stack.name)} in ${stack.region} has no run ${JSON.stringify(runId)}: the command runs lists the latest, and Step Functions forgets a run after 90 days.`,
      { cause: error },
    );
  }
}

/**
 * The newest plan is what its state ended with last. It comes early in the history, where the pages leave no events: behind
 * some 25 at most, when every try but the last of the state failed, and twice that when the export was made once more.
 */
async function seePlan(stack: Stack, executionArn: string, signal?: AbortSignal): Promise<SeenPlan | undefined> {
  const { events = [] } = await stack.ask('Reading the plan of the run', (sfn) =>
    sfn.getExecutionHistory({ executionArn, maxResults: 200 }, { abortSignal: signal }),
  );
  const planned = events.findLast(({ stateExitedEventDetails }) => stateExitedEventDetails?.name === STATES.plan);
  return readPlan(planned?.stateExitedEventDetails?.output);
}

/** The newest fan-out over the pages: an export that is made once more, or an execution that was redriven, has several. */
async function seeMapRun(stack: Stack, executionArn: string, signal?: AbortSignal): Promise<MapRun | undefined> {
  const { mapRuns = [] } = await stack.ask('Looking for the pages of the run', (sfn) =>
    sfn.listMapRuns({ executionArn }, { abortSignal: signal }),
  );
  const newest = mapRuns.toSorted((a, b) => Number(b.startDate) - Number(a.startDate))[0];
  if (newest?.mapRunArn === undefined) return undefined;
  const { mapRunArn: arn, startDate: startedAt } = newest;
  const { itemCounts } = await stack.ask('Counting the pages that are done', (sfn) =>
    sfn.describeMapRun({ mapRunArn: arn }, { abortSignal: signal }),
  );
  return { arn, startedAt, pagesDone: itemCounts?.succeeded ?? 0 };
}
