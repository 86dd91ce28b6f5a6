/** What is reported about a run that timed out: the definition of the second state machine, with the real *Report failure*. */
import { StateMachine } from 'aws-local-stepfunctions';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../functions/export/ports.ts';
import { reportFailure } from '../functions/export/report/report-failure.ts';
import { TIMEOUT_STATES, timeoutReport } from '../functions/workflow.ts';
import { memoryStore } from './support/memory-store.ts';
import { setUp, WORK } from './support/stepped-run.ts';

const COMMAND_LINE = { program: 'npm run --silent account-export --', stack: 'AccountExport' };
const LAMBDA = 'arn:aws:lambda:eu-west-1:111111111111:function:report-failure:1';
/** Its constructor validates the definition, which takes long. */
const machine = new StateMachine(timeoutReport({ resources: { reportFailure: LAMBDA }, topicArn: 'topic' }) as never);

const STATE_MACHINE = 'arn:aws:states:eu-west-1:111111111111:stateMachine:AccountExport';
const executionOf = (name: string) => `${STATE_MACHINE.replace(':stateMachine:', ':execution:')}:${name}`;

/** As Step Functions sends it: its developer guide, "Automating Step Functions event delivery with EventBridge". */
function timedOut(name: string, detail: object = {}) {
  return {
    version: '0',
    id: '315c1398-40ff-a850-213b-158f73e60175',
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account: '111111111111',
    time: '2026-08-23T02:00:01Z',
    region: 'eu-west-1',
    resources: [executionOf(name)],
    detail: {
      executionArn: executionOf(name),
      stateMachineArn: STATE_MACHINE,
      name,
      status: 'TIMED_OUT',
      startDate: 1_787_364_000_000,
      stopDate: 1_787_450_400_000,
      input: '{"exportName":"all","dueAt":"2026-08-22T02:00:00Z","scheduled":true}',
      output: null,
      inputDetails: { included: true },
      outputDetails: null,
      error: null,
      cause: null,
      ...detail,
    },
  };
}

interface Reported {
  readonly status: 'succeeded' | 'failed';
  /** The event on the default event bus. */
  readonly event?: { readonly Detail: object };
  readonly email?: { readonly Subject: string; readonly Message: string };
}

/** Runs the state machine as EventBridge starts it, without waits. */
async function report(store: ObjectStore, input: object, work = reportFailure): Promise<Reported> {
  let event: Reported['event'];
  let email: Reported['email'];
  const notify = async (parameters: never) => {
    email = parameters;
    return {};
  };
  const execution = machine.run(input as never, {
    overrides: {
      taskResourceLocalHandlers: {
        [TIMEOUT_STATES.report]: (received: unknown) => work({ store, commandLine: COMMAND_LINE }, received),
        [TIMEOUT_STATES.announceFailed]: async ({ Entries }: { Entries: never[] }) => {
          [event] = Entries;
          return {};
        },
        [TIMEOUT_STATES.notify]: notify,
        [TIMEOUT_STATES.notifyWithoutReport]: notify,
      } as never,
      retryIntervalOverrides: { [TIMEOUT_STATES.report]: 0 },
    },
    context: { Execution: { Id: 'of-the-report', Name: 'of-the-report', StartTime: '', Input: input } } as never,
  });
  const status = await execution.result.then(
    () => 'succeeded' as const,
    () => 'failed' as const,
  );
  return { status, ...(event && { event }), ...(email && { email }) };
}

/** A run of three pages, of which one is done and one failed once. */
async function planned() {
  const { steps, store, objects } = setUp(25);
  const plan = await steps.plan({ onDrift: 'fail' });
  await steps.pages({ ...plan, pageNumbers: [0] });
  const usage = { apiRequests: 1, recordsFetched: 1, retries: {} };
  const failure = { version: 1, task: 1, error: 'ApiThrottledError', message: 'Page 1.', attempts: 1, usage };
  objects.set(`${WORK}failures/run-1/00001.json`, Buffer.from(JSON.stringify(failure)));
  return store;
}

const MESSAGE =
  'The run reached the limit of 24 hours: find out what took so long, and raise pageSize or concurrency for the next run.';
const urlOf = (name: string) =>
  `https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/${executionOf(name)}`;

describe('a run that timed out', () => {
  it('is reported like one that failed: an event, and an email that says how to resume it', async () => {
    const store = await planned();
    const reported = await report(store, timedOut('run-1'));
    expect(reported).toEqual({
      status: 'succeeded',
      event: {
        Source: 'account-export',
        DetailType: 'Export run failed',
        Resources: [STATE_MACHINE, executionOf('run-1')],
        Detail: {
          status: 'failed',
          runId: 'run-1',
          exportName: 'all',
          error: 'States.Timeout',
          message: MESSAGE,
          pagesDone: 1,
          pages: 3,
          resume: { resume: 'run-1' },
          publish: null,
          consistency: null,
          executionUrl: urlOf('run-1'),
        },
      },
      email: {
        TopicArn: 'topic',
        Subject: 'Account Export: Export all failed',
        Message: [
          `Export all failed: ${MESSAGE}`,
          '',
          'Run:    run-1',
          'Error:  States.Timeout',
          'Pages:  1 of 3 exported and kept',
          '',
          'Published data is unchanged. When the cause is gone, resume the run. Finished pages are not fetched again.',
          'npm run --silent account-export -- resume run-1',
          'Without the command line: Start the state machine with {"resume":"run-1"}.',
          '',
          'Report: npm run --silent account-export -- report run-1 --stack',
          '',
          urlOf('run-1'),
        ].join('\n'),
      },
    });
    // EventBridge delivers at least once.
    expect(await report(store, timedOut('run-1'))).toEqual(reported);
  });

  it('is resumed under its own id if its execution resumed another run', async () => {
    const { event, email } = await report(await planned(), timedOut('later', { input: '{"resume":"run-1"}' }));
    expect(event?.Detail).toMatchObject({ runId: 'run-1', resume: { resume: 'run-1' }, executionUrl: urlOf('later') });
    expect(email?.Message).toContain('account-export -- resume later\n');
  });

  it('is started again if it was not planned', async () => {
    const { event, email } = await report(memoryStore().store, timedOut('run-1'));
    expect(event?.Detail).toMatchObject({ exportName: 'all', error: 'States.Timeout', pages: null, resume: null });
    expect(email?.Message).toContain('Pages:  not planned\n');
    expect(email?.Message).toContain('When the cause is gone, start a new run.');
  });

  it.each([
    ['null', { input: null, inputDetails: { included: false } }],
    ['absent', { input: undefined, inputDetails: undefined }],
  ])('is found by its plan if its input is %s, as for one of more than 248 KiB', async (_what, detail) => {
    const event = JSON.parse(JSON.stringify(timedOut('run-1', detail))) as object;
    const reported = await report(await planned(), event);
    expect(reported).toMatchObject({
      status: 'succeeded',
      event: { Detail: { runId: 'run-1', exportName: 'all', pagesDone: 1, resume: { resume: 'run-1' } } },
      email: { Subject: 'Account Export: Export all failed' },
    });
    expect(await report(memoryStore().store, event)).toMatchObject({
      status: 'succeeded',
      event: { Detail: { runId: 'run-1', exportName: null, resume: null } },
    });
  });

  it('is named in a short email if the report itself fails', async () => {
    const failing = async () => {
      throw Object.assign(new Error('failed'), { name: 'Lambda.Unknown' });
    };
    expect(await report(memoryStore().store, timedOut('run-1'), failing)).toEqual({
      status: 'failed',
      email: {
        TopicArn: 'topic',
        Subject: 'Account Export: a run failed',
        Message: `Run run-1 failed, and its failure report could not be written. Published data is unchanged. See the execution: ${executionOf('run-1')}`,
      },
    });
  });
});

it('has the ARNs of its partition', () => {
  const partition = 'aws-cn';
  const definition = timeoutReport({
    resources: { reportFailure: `arn:${partition}:lambda:r:1:function:f` },
    topicArn: `arn:${partition}:sns:r:1:t`,
    partition,
  });
  const partitions = JSON.stringify(definition).match(/arn:[^:]*/g);
  expect(partitions).toHaveLength(1 + 2 + 3);
  expect(new Set(partitions)).toEqual(new Set([`arn:${partition}`]));
});
