/** How long a run outlasts an API that is down, from the definition itself: what `docs/decisions/0006-retries.md` says. */
import { describe, expect, it } from 'vitest';
import { TERMINAL_ERRORS, TRANSIENT_ERRORS } from '../functions/errors.ts';
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

  const definition = exportWorkflow({
    resources: { planExport: 'a', exportPage: 'b', publishRun: 'c', reportFailure: 'd' },
    exports: [],
    concurrency: 20,
    topicArn: 'topic',
  });
  const page = definition.States[STATES.pages].ItemProcessor.States[STATES.page];
  const tasks = [STATES.plan, STATES.publish, STATES.report].map((state) => definition.States[state]);

  it('tries every task again with full jitter for what time can heal, and for nothing else of ours', () => {
    for (const { Retry } of [...tasks, page]) {
      expect(Retry).toHaveLength(1);
      const [{ ErrorEquals, ...policy }] = Retry as [(typeof Retry)[number]];
      expect(policy).toEqual(RETRY_POLICY);
      expect(policy.JitterStrategy).toBe('FULL');
      expect(ErrorEquals).toEqual(expect.arrayContaining([...TRANSIENT_ERRORS]));
      for (const name of TERMINAL_ERRORS) expect(ErrorEquals).not.toContain(name);
      expect(ErrorEquals).not.toContain('States.ALL');
    }
  });
});
