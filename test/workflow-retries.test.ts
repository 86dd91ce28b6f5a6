/** What the state machine retries, how often and for how long, as `docs/decisions/0006-retries.md` says. */
import { StateMachine } from 'aws-local-stepfunctions';
import { describe, expect, it } from 'vitest';
import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from '../functions/model/errors.ts';
import {
  CRASH_POLICY,
  LAMBDA_ERRORS,
  MAX_API_WAIT_SECONDS,
  NOT_READY_ERRORS,
  NOT_READY_POLICY,
  RETRY_POLICY,
} from '../functions/model/retry-policy.ts';
import {
  ANNOUNCING_STATES,
  exportWorkflow,
  LAMBDA_TIMEOUT_SECONDS,
  STATES,
  type TaskName,
} from '../functions/workflow.ts';
import { randomFrom } from './support/random.ts';

const { IntervalSeconds, BackoffRate, MaxDelaySeconds, MaxAttempts } = RETRY_POLICY;
const longest = Array.from({ length: MaxAttempts }, (_, i) =>
  Math.min(IntervalSeconds * BackoffRate ** i, MaxDelaySeconds),
);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The longest outage, in minutes, that this number of concurrent pages survives in this percentage of cases. */
function survived(pages: number, percent: number): number {
  const random = randomFrom(20);
  const outages = Array.from({ length: 4000 }, () =>
    Math.min(...Array.from({ length: pages }, () => sum(longest.map((wait) => random() * wait)))),
  );
  return (outages.sort((a, b) => b - a)[(4000 * percent) / 100 - 1] ?? 0) / 60;
}

const failing = (name: string) => async () => {
  throw Object.assign(new Error('failed'), { name });
};

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:task';
const makeDefinition = () =>
  exportWorkflow({
    resources: { planExport: ARN, exportPage: ARN, publishRun: ARN, reportFailure: ARN },
    concurrency: 20,
    topicArn: 'topic',
  });
const definition = makeDefinition();
/** Its constructor validates the definition, which takes long. */
const machine = new StateMachine(definition as never);

const TASK_STATES = {
  planExport: STATES.plan,
  exportPage: STATES.page,
  publishRun: STATES.publish,
  reportFailure: STATES.report,
} as const satisfies Record<TaskName, string>;
const TASK_NAMES = Object.keys(TASK_STATES) as TaskName[];

function stateOf({ States }: typeof definition, task: TaskName) {
  const state = TASK_STATES[task];
  return state === STATES.page ? States[STATES.pages].ItemProcessor.States[state] : States[state];
}

interface Tried {
  readonly status: 'succeeded' | 'failed';
  /** Attempts at the task. */
  readonly attempts: number;
  /** What the topic received. */
  readonly emails: readonly { readonly Subject?: string; readonly Message?: string }[];
}

type Attempt = (nth: number) => Promise<unknown>;

/** Runs the definition without waits. One task makes these attempts; *Report failure* needs a run that fails. */
async function attempt(task: TaskName, work: Attempt): Promise<Tried> {
  let attempts = 0;
  const emails: Tried['emails'][number][] = [];
  const announcing = ANNOUNCING_STATES.map((state) => [
    state,
    async (parameters: object) => {
      if ('TopicArn' in parameters) emails.push(parameters as Tried['emails'][number]);
      return {};
    },
  ]);
  const handlers = {
    ...Object.fromEntries(announcing),
    [STATES.plan]: async () => {
      if (task === 'reportFailure') throw Object.assign(new Error('unknown dataset'), { name: 'ApiNotFoundError' });
      return { outcome: 'exportPages', pageNumbers: [0], run: {}, execution: 'e' };
    },
    [STATES.page]: async () => 1,
    [STATES.publish]: async () => ({ status: 'published' }),
    [STATES.report]: async (event: { failure: { Error: string; Cause: string } }) => {
      const { Error: error, Cause: cause } = event.failure;
      return { error, cause, subject: `failed: ${error}`, message: cause, event: {} };
    },
  };
  const usual = handlers[TASK_STATES[task]];
  const tried = async (event: never) => {
    const made = await work(++attempts);
    return made ?? (task === 'planExport' ? handlers[STATES.plan]() : usual(event));
  };
  const execution = machine.run({} as never, {
    overrides: {
      taskResourceLocalHandlers: { ...handlers, [TASK_STATES[task]]: tried } as never,
      retryIntervalOverrides: Object.fromEntries(Object.values(TASK_STATES).map((state) => [state, 0])),
    },
    context: { Execution: { Id: 'the-arn', Name: 'run-1', StartTime: '', Input: {} } } as never,
  });
  const status = await execution.result.then(
    () => 'succeeded' as const,
    () => 'failed' as const,
  );
  return { status, attempts, emails };
}

/** Fails the first attempts with an error. */
const failTimes =
  (times: number, name: string): Attempt =>
  async (nth) => {
    if (nth <= times) await failing(name)();
  };

describe('the state machine', () => {
  it('retries for at most 80 minutes', () => expect(Math.round(sum(longest) / 60)).toBe(80));

  it.each([
    [1, 99, 27],
    [20, 99, 22],
    [20, 50, 30],
    [100, 99, 20],
  ])(
    'with %i concurrent pages survives, in %i of 100 cases, an outage of about %i minutes',
    (pages, percent, minutes) => {
      expect(Math.abs(survived(pages, percent) - minutes)).toBeLessThan(1);
    },
  );

  it('outlasts the longest wait that the API may ask for, with 100 pages in flight', () => {
    expect(survived(100, 99) * 60).toBeGreaterThan(MAX_API_WAIT_SECONDS);
  });

  it('waits for a function that was idle for weeks longer than two minutes, without jitter', () => {
    const { IntervalSeconds: seconds, BackoffRate: rate, MaxAttempts: attempts, ...others } = NOT_READY_POLICY;
    expect(others).toEqual({});
    expect(sum(Array.from({ length: attempts }, (_, i) => seconds * rate ** i))).toBe(300);
  });

  it('notifies the topic even when the failure report fails', async () => {
    const { status, emails } = await attempt('reportFailure', failing('Lambda.Unknown'));
    expect(status).toBe('failed');
    expect(emails).toEqual([
      {
        TopicArn: 'topic',
        Subject: 'Account Export: a run failed',
        Message:
          'Run run-1 failed, and its failure report could not be written. Published data is unchanged. See the execution: the-arn',
      },
    ]);
  });
});

const RETRIED: readonly (readonly [names: readonly string[], retries: number])[] = [
  [NOT_READY_ERRORS, NOT_READY_POLICY.MaxAttempts],
  [[...TRANSIENT_ERRORS, ...LAMBDA_ERRORS], RETRY_POLICY.MaxAttempts],
  [['Lambda.Unknown', 'Runtime.ExitError', 'Runtime.OutOfMemory', 'TypeError'], CRASH_POLICY.MaxAttempts],
  [PERMANENT_ERRORS, 0],
];

describe.each(TASK_NAMES)('%s', (task) => {
  it.each(RETRIED.flatMap(([names, retries]) => names.map((name) => [name, retries] as const)))(
    'is attempted again after %s, %i times',
    async (name, retries) => {
      const recovered = await attempt(task, failTimes(retries, name));
      const status = task === 'reportFailure' ? 'failed' : 'succeeded';
      expect(recovered).toMatchObject({ status, attempts: retries + 1 });
      expect(await attempt(task, failTimes(retries + 1, name))).toMatchObject({
        status: 'failed',
        attempts: retries + 1,
        emails: [{ Subject: task === 'reportFailure' ? 'Account Export: a run failed' : `failed: ${name}` }],
      });
    },
  );

  it('has attempts of each kind of its own', async () => {
    const names = [
      ...Array.from({ length: NOT_READY_POLICY.MaxAttempts }, () => 'Lambda.ResourceNotReadyException'),
      ...Array.from({ length: CRASH_POLICY.MaxAttempts }, () => 'Lambda.Unknown'),
      ...Array.from({ length: RETRY_POLICY.MaxAttempts }, () => 'States.Timeout'),
    ];
    const { attempts } = await attempt(task, async (nth) => {
      const name = names[nth - 1];
      if (name !== undefined) await failing(name)();
    });
    expect(attempts).toBe(names.length + 1);
  });

  it('is attempted again if its function does not answer a minute after its timeout', async () => {
    const state = stateOf(definition, task);
    const seconds = state.TimeoutSeconds;
    expect(seconds).toBe(LAMBDA_TIMEOUT_SECONDS[task] + 60);
    state.TimeoutSeconds = 0.001;
    const { attempts } = await attempt(task, (nth) => (nth === 1 ? new Promise(() => undefined) : Promise.resolve()));
    state.TimeoutSeconds = seconds;
    expect(attempts).toBe(2);
  });
});

describe('timeouts', () => {
  it('end a run after a day, and each call of a service after a minute', () => {
    expect(definition.TimeoutSeconds).toBe(86_400);
    for (const state of ANNOUNCING_STATES) expect(definition.States[state]).toMatchObject({ TimeoutSeconds: 60 });
  });

  it('can be replaced, on one machine', () => {
    const local = exportWorkflow({
      resources: { planExport: ARN, exportPage: ARN, publishRun: ARN, reportFailure: ARN },
      concurrency: 1,
      topicArn: 'topic',
      timeoutSeconds: 1_000_000,
    });
    const limits = [local.TimeoutSeconds, ...TASK_NAMES.map((task) => stateOf(local, task).TimeoutSeconds)];
    expect(new Set(limits)).toEqual(new Set([1_000_000]));
  });
});

it.each(['aws-us-gov', 'aws-cn'])('has the ARNs of partition %s', (partition) => {
  const arn = `arn:${partition}:lambda:r:1:function:f`;
  const elsewhere = exportWorkflow({
    resources: { planExport: arn, exportPage: arn, publishRun: arn, reportFailure: arn },
    concurrency: 1,
    topicArn: `arn:${partition}:sns:r:1:t`,
    partition,
  });
  const partitions = JSON.stringify(elsewhere).match(/arn:[^:]*/g);
  expect(partitions).toHaveLength(4 + 2 + 5);
  expect(new Set(partitions)).toEqual(new Set([`arn:${partition}`]));
});
