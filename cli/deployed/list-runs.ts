/** The latest runs. A list names them; what each exported is in its own description. */
import pLimit from 'p-limit';
import { describeRun } from './look-at-run.ts';
import { type RunReport, reportOf } from './run-report.ts';
import type { Stack } from './stack.ts';

/** Concurrent calls: the quota is shared by the whole AWS account. */
const CONCURRENCY = 4;

/**
 * Lists runs, newest first.
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

  const limited = pLimit(CONCURRENCY);
  const described = new Map<string, Promise<RunReport>>();
  const describe = (arn: string): Promise<RunReport> => {
    const known = described.get(arn) ?? limited(async () => reportOf(await describeRun(stack, arn)));
    described.set(arn, known);
    return known;
  };
  const runs = await Promise.all(arns.map(describe));
  return Promise.all(runs.map((run) => withExportName(run, describe)));
}

/** An execution that resumes a run has no export name until it ends, so the name comes from that run. */
async function withExportName(run: RunReport, describe: (arn: string) => Promise<RunReport>): Promise<RunReport> {
  if (run.exportName !== null || run.resumes === null) return run;
  const origin = run.executionArn.replace(/[^:]+$/, run.resumes);
  // Step Functions may have deleted it.
  const exportName = await describe(origin).then(
    ({ exportName }) => exportName,
    () => null,
  );
  return { ...run, exportName };
}
