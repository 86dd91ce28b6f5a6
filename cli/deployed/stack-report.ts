/** Finds the report of a run of a deployed stack. */
import { type FoundReport, reportOfRun } from '../local/find-report.ts';
import { CommandError } from '../terminal/terminal.ts';
import { listRuns } from './list-runs.ts';
import { describeRun } from './look-at-run.ts';
import type { StoredPage } from './presigned-url.ts';
import { reportOf } from './run-report.ts';
import { executionArnOf, type Stack } from './stack.ts';

/** Skipped runs and dry runs have no report, so the latest one that has may not be the latest run. */
const LATEST_RUNS = 20;

/**
 * @param run the run id or execution ARN. @default the latest run that has a report
 * @param statusCommand the command that shows the status of a run
 * @throws CommandError that says why there is no report
 */
export async function stackReport(
  stack: Stack,
  run: string | undefined,
  statusCommand: (runId: string) => string,
): Promise<FoundReport & { readonly report: string; readonly page: StoredPage }> {
  const [{ S3Client }, { s3ObjectStore }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../../functions/aws/s3-object-store.ts'),
  ]);
  const client = new S3Client(stack.clientOptions);
  const bucket = stack.output('BucketName');
  const store = s3ObjectStore({ client, bucket });
  const place = (found: FoundReport) => {
    return { ...found, report: `${store.location}${found.key}`, page: { client, bucket, key: found.key } };
  };
  if (run !== undefined) {
    const executionArn = executionArnOf(run, stack);
    const runId = executionArn.split(':').at(-1) ?? '';
    const found = await reportOfRun(store, runId);
    if (found) return place(found);
    // An execution that resumes a run has another name.
    const { status, resumes } = reportOf(await describeRun(stack, executionArn));
    const resumed = resumes === null ? undefined : await reportOfRun(store, resumes);
    if (resumed) return place(resumed);
    throw new CommandError(
      status === 'running'
        ? `Run "${runId}" has no report (it is still running): follow it with ${statusCommand(runId)}`
        : `Run "${runId}" has no report (${status}): it may have failed before it was planned, an earlier version without reports may have made it, or its report may have expired. See ${statusCommand(runId)}`,
    );
  }
  for (const { runId, resumes, status } of await listRuns(stack, LATEST_RUNS)) {
    if (status === 'running' || status === 'skipped' || status === 'dry run') continue;
    const found = await reportOfRun(store, resumes ?? runId);
    if (found) return place(found);
  }
  throw new CommandError(
    `No report found for the latest ${LATEST_RUNS} runs of stack ${JSON.stringify(stack.name)} (there are no runs, or an earlier version without reports made them): deploy this version, and start a run.`,
  );
}
