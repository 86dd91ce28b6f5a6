/** The latest runs: a list names them and knows how they ended; what they exported only each of them knows. */
import pLimit from 'p-limit';
import { describeRun } from './look-at-run.ts';
import { type RunReport, reportOf } from './run-report.ts';
import type { Stack } from './stack.ts';

/** Executions described at once: the calls of one account are counted together, and the runs need some too. */
const AT_ONCE = 4;

/**
 * Lists runs, the newest first.
 * @throws CommandError
 */
export async function listRuns(stack: Stack, limit: number): Promise<RunReport[]> {
  const arns: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await stack.ask('Listing the runs', (sfn) =>
      sfn.listExecutions({
        stateMachineArn: stack.stateMachineArn,
        maxResults: limit - arns.length,
        ...(nextToken === undefined ? {} : { nextToken }),
      }),
    );
    arns.push(...(page.executions ?? []).map(({ executionArn = '' }) => executionArn));
    nextToken = page.nextToken;
  } while (nextToken !== undefined && arns.length < limit);

  const few = pLimit(AT_ONCE);
  const described = new Map<string, Promise<RunReport>>();
  const describe = (arn: string): Promise<RunReport> => {
    const known = described.get(arn) ?? few(async () => reportOf(stack, await describeRun(stack, arn)));
    described.set(arn, known);
    return known;
  };
  const runs = await Promise.all(arns.map(describe));
  return Promise.all(runs.map((run) => named(run, describe)));
}

/** A run that goes on with another has no name of its own until it is published: the other one has it. */
async function named(run: RunReport, describe: (arn: string) => Promise<RunReport>): Promise<RunReport> {
  if (run.exportName !== null || run.resumes === null) return run;
  const origin = run.executionArn.replace(/[^:]+$/, run.resumes);
  // That one may be forgotten by now, and then so is the name.
  const exportName = await describe(origin).then(
    ({ exportName }) => exportName,
    () => null,
  );
  return { ...run, exportName };
}
