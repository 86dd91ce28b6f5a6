/** How long a run outlasts an API that is down, from the definition itself: what `docs/decisions/0006-retries.md` says. */
import { StateMachine } from 'aws-local-stepfunctions';
import { describe, expect, it } from 'vitest';
import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from '../functions/model/errors.ts';
import { exportWorkflow, RETRY_POLICY, STATES } from '../functions/workflow.ts';
import { randomFrom } from './support/random.ts';

const { IntervalSeconds, BackoffRate, MaxDelaySeconds, MaxAttempts } = RETRY_POLICY;
const longest = Array.from({ length: MaxAttempts }, (_, i) =>
  Math.min(IntervalSeconds * BackoffRate ** i, MaxDelaySeconds),
);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The outage, in minutes, that so many pages in flight outlast in so many of 100 cases. */
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

describe('the state machine', () => {
  it('tries for 80 minutes at the most', () => expect(Math.round(sum(longest) / 60)).toBe(80));

  it.each([
    [1, 99, 27],
    [20, 99, 22],
    [20, 50, 30],
    [100, 99, 20],
  ])('outlasts, with %i pages in flight, in %i of 100 outages one of some %i minutes', (pages, percent, minutes) => {
    expect(Math.abs(survived(pages, percent) - minutes)).toBeLessThan(1);
  });

  const arn = 'arn:aws:lambda:us-east-1:000000000000:function:task';
  const definition = exportWorkflow({
    resources: { planExport: arn, exportPage: arn, publishRun: arn, reportFailure: arn },
    exports: [],
    concurrency: 20,
    topicArn: 'topic',
  });
  const page = definition.States[STATES.pages].ItemProcessor.States[STATES.page];
  const tasks = [STATES.plan, STATES.publish, STATES.report].map((state) => definition.States[state]);

  it('tells somebody even when the report of a failure fails', async () => {
    const told: unknown[] = [];
    const execution = new StateMachine(definition as never).run({} as never, {
      overrides: {
        taskResourceLocalHandlers: {
          [STATES.plan]: failing('ApiNotFoundError'),
          [STATES.report]: failing('Lambda.Unknown'),
          [STATES.notifyPlainly]: async (event: unknown) => told.push(event),
        } as never,
      },
      context: { Execution: { Id: 'the-arn', Name: 'run-1', StartTime: '', Input: {} } } as never,
    });
    await expect(execution.result).rejects.toThrow('the report of why could not be made');
    expect(told).toEqual([
      {
        TopicArn: 'topic',
        Subject: 'Account Export: a run failed',
        Message:
          'Run run-1 failed, and so did the report of why. What was published before is as it was. See the execution: the-arn',
      },
    ]);
  });

  it('tries every task again with full jitter for what time can heal, and for nothing else of ours', () => {
    for (const { Retry } of [...tasks, page]) {
      expect(Retry).toHaveLength(1);
      const [{ ErrorEquals, ...policy }] = Retry as [(typeof Retry)[number]];
      expect(policy).toEqual(RETRY_POLICY);
      expect(policy.JitterStrategy).toBe('FULL');
      expect(ErrorEquals).toEqual(expect.arrayContaining([...TRANSIENT_ERRORS]));
      for (const name of PERMANENT_ERRORS) expect(ErrorEquals).not.toContain(name);
      expect(ErrorEquals).not.toContain('States.ALL');
    }
  });
});
