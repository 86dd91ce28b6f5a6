/**
 * The deployed functions in a process of their own: the handlers, called by the workflow definition, with the environment
 * that the stack and Lambda set. `deployed-run.ts` starts it and sends it executions.
 */
import type { Context } from 'aws-lambda';
import { StateMachine } from 'aws-local-stepfunctions';
import { handler as exportPage } from '../../functions/handlers/export-page.ts';
import { handler as planExport } from '../../functions/handlers/plan-export.ts';
import { handler as publishRun } from '../../functions/handlers/publish-run.ts';
import { handler as reportFailure } from '../../functions/handlers/report-failure.ts';
import { ANNOUNCING_STATES, exportWorkflow, STATES } from '../../functions/workflow.ts';
import { END_OF_OUTPUT, type Executed, type Execution } from './deployed-run.ts';

type Handler = (event: unknown, context: Context) => Promise<unknown>;

const HANDLERS = {
  [STATES.plan]: planExport,
  [STATES.page]: exportPage,
  [STATES.publish]: publishRun,
  [STATES.report]: reportFailure,
} as unknown as Readonly<Record<string, Handler>>;
const TASKS = Object.entries(HANDLERS);

const arn = (name: string) => `arn:aws:lambda:eu-west-1:111122223333:function:${name}`;
const RESOURCES = {
  planExport: arn('plan-export'),
  exportPage: arn('export-page'),
  publishRun: arn('publish-run'),
  reportFailure: arn('report-failure'),
};
/** The parts of Lambda's context that the functions read. */
const LAMBDA = { functionName: 'a-function', getRemainingTimeInMillis: () => 900_000 } as Context;

async function execute({ runId, request, concurrency, retries = 0 }: Execution): Promise<Executed> {
  const states: Record<string, number> = {};
  let invocations = 0;
  const invoke = (handler: Handler) => async (event: unknown) => {
    const result = await handler(event, { ...LAMBDA, awsRequestId: `request-${++invocations}` });
    return JSON.parse(JSON.stringify(result ?? null)) as unknown;
  };
  const definition = exportWorkflow({
    resources: RESOURCES,
    concurrency,
    topicArn: 'arn:aws:sns:eu-west-1:111122223333:failures',
    retries,
  });
  const startedAt = Date.now();
  const execution = new StateMachine(definition as ConstructorParameters<typeof StateMachine>[0]).run(
    request as never,
    {
      overrides: {
        taskResourceLocalHandlers: Object.fromEntries([
          ...TASKS.map(([state, handler]) => [state, invoke(handler)]),
          // There is no EventBridge and no SNS.
          ...ANNOUNCING_STATES.map((state) => [state, async () => ({})]),
        ]) as never,
        retryIntervalOverrides: Object.fromEntries(TASKS.map(([state]) => [state, 1])),
      },
      context: {
        Execution: {
          Id: `arn:aws:states:eu-west-1:111122223333:execution:AccountExport:${runId}`,
          Name: runId,
          StartTime: new Date(startedAt).toISOString(),
          Input: request as never,
        },
      } as never,
    },
  );
  const counted = (async () => {
    for await (const event of execution.eventLogs) {
      if (event.type === 'StateEntered') states[event.state.name] = (states[event.state.name] ?? 0) + 1;
    }
  })();
  const ended = await execution.result.then(
    (output) => ({ output: output as unknown }),
    ({ name, message }: Error) => ({ failure: { name, message } }),
  );
  await counted;
  return { ...ended, states, invocations, seconds: (Date.now() - startedAt) / 1000 };
}

process.on('message', async (execution: Execution) => {
  const executed = await execute(execution);
  process.stdout.write(END_OF_OUTPUT);
  process.stderr.write(END_OF_OUTPUT);
  process.send?.(executed);
});
process.send?.('ready');
