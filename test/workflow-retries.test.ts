/** How long a run survives an API that is down, as `docs/decisions/0006-retries.md` says. */
import { StateMachine } from 'aws-local-stepfunctions';
import { describe, expect, it } from 'vitest';
import { PERMANENT_ERRORS, TRANSIENT_ERRORS } from '../functions/model/errors.ts';
import { RETRY_POLICY } from '../functions/model/retry-policy.ts';
import { exportWorkflow, STATES } from '../functions/workflow.ts';
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

  const arn = 'arn:aws:lambda:us-east-1:000000000000:function:task';
  const definition = exportWorkflow({
    resources: { planExport: arn, exportPage: arn, publishRun: arn, reportFailure: arn },
    exports: [],
    concurrency: 20,
    topicArn: 'topic',
  });
  const page = definition.States[STATES.pages].ItemProcessor.States[STATES.page];
  const tasks = [STATES.plan, STATES.publish, STATES.report].map((state) => definition.States[state]);

  it('notifies the topic even when the failure report fails', async () => {
    const notifications: unknown[] = [];
    const execution = new StateMachine(definition as never).run({} as never, {
      overrides: {
        taskResourceLocalHandlers: {
          [STATES.plan]: failing('ApiNotFoundError'),
          [STATES.report]: failing('Lambda.Unknown'),
          [STATES.notifyWithoutReport]: async (event: unknown) => notifications.push(event),
        } as never,
      },
      context: { Execution: { Id: 'the-arn', Name: 'run-1', StartTime: '', Input: {} } } as never,
    });
    await expect(execution.result).rejects.toThrow('its failure report could not be written');
    expect(notifications).toEqual([
      {
        TopicArn: 'topic',
        Subject: 'Account Export: a run failed',
        Message:
          'Run run-1 failed, and its failure report could not be written. Published data is unchanged. See the execution: the-arn',
      },
    ]);
  });

  it('retries every task on transient errors with full jitter, and never on permanent errors', () => {
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
