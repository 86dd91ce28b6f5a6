/** Following a run through throttling, errors and a retry after drift. Polls drive the run, so no test depends on time. */
import { describe, expect, it, vi } from 'vitest';
import { pollWaitMs } from '../../cli/deployed/follow-run.ts';
import { commandLine, startCommandLine } from '../support/command-line.ts';
import { THROTTLED } from '../support/small-aws.ts';
import {
  endless,
  planOf,
  polledWorld,
  publishedOf,
  recordedSleep,
  smallWorld,
  start,
} from '../support/small-aws-world.ts';
import { until } from '../support/until.ts';

describe('following a run', () => {
  it('polls at least 2 s apart, and reads the pages at most once per poll and the plan once', async () => {
    const { aws } = await polledWorld(4000);
    const { waits, sleep } = recordedSleep();
    expect((await commandLine(['start', 'all-accounts'], { sleep })).code).toBe(0);
    expect(waits.length).toBeGreaterThan(3);
    expect(Math.min(...waits)).toBe(2000);
    expect(aws.callsOf('DescribeMapRun').length).toBeLessThanOrEqual(waits.length);
    expect(aws.callsOf('GetExecutionHistory')).toHaveLength(1);
  });

  it.each([
    [0, 2000],
    [40_000, 2000],
    [60_000, 3000],
    [300_000, 15_000],
    [3_600_000, 15_000],
  ])('waits longer for a longer run: after %i ms for %i ms', (waitedMs, waitMs) => {
    expect(pollWaitMs(waitedMs)).toBe(waitMs);
  });

  it('shows the finished pages on a terminal and estimates the accounts', async () => {
    let looks = 0;
    // The first look from now on sees what is true now, and has ended when the second begins.
    const seenOnce = (from = looks) => until(() => looks > from + 1);
    await smallWorld(
      {},
      {
        fail: ({ action }) => {
          if (action === 'DescribeExecution') looks++;
          return undefined;
        },
        work: async ({ onPlan, onPage }) => {
          onPlan(planOf(4100));
          for (let page = 0; page < 9; page++) {
            onPage();
            await seenOnce();
          }
          return { status: 'SUCCEEDED', output: JSON.stringify(publishedOf(4100)) };
        },
      },
    );
    const { stderr, code } = await commandLine(['start', 'all-accounts'], { isTTY: true });
    expect(code).toBe(0);
    expect(stderr).toMatch(/Exporting: 0 of 9 pages, 0 accounts, 0\/s.*Exporting: 8 of 9 pages, 4,000 accounts, /s);
    expect(stderr.endsWith('Publishing: all pages are done\r\u001B[K')).toBe(true);
  });

  it('shows that the accounts are counted until there is a plan', async () => {
    let looks = 0;
    await smallWorld(
      {},
      {
        fail: ({ action }) => {
          if (action === 'DescribeExecution') looks++;
          return undefined;
        },
        work: async ({ onPlan }) => {
          await until(() => looks > 1);
          onPlan(planOf(1234));
          return { status: 'SUCCEEDED', output: JSON.stringify(publishedOf(1234)) };
        },
      },
    );
    const { stderr } = await commandLine(['start', 'all-accounts'], { isTTY: true });
    expect(stderr).toContain('Planning: counting the accounts');
  });

  it('shows the new plan and the new pages of a retry after drift', async () => {
    let plansRead = 0;
    await smallWorld(
      {},
      {
        fail: ({ action }) => {
          if (action === 'GetExecutionHistory') plansRead++;
          return undefined;
        },
        work: async ({ onPlan, onPage }) => {
          onPlan(planOf(4000));
          onPage();
          await until(() => plansRead > 0);
          onPlan(planOf(4200));
          onPage();
          onPage();
          await until(() => plansRead > 1);
          return { status: 'SUCCEEDED', output: JSON.stringify(publishedOf(4200)) };
        },
      },
    );
    const { stdout, stderr } = await commandLine(['start', 'all-accounts'], { isTTY: true });
    expect(stdout).toMatch(/Planned {4}4,000 accounts in 8 pages.*Planned {4}4,200 accounts in 9 pages of 500/s);
    expect(stderr).toMatch(/1 of 8 pages,.*0 of 9 pages.*2 of 9 pages/s);
  });

  it('ignores polls that are throttled or fail', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    const { aws } = await polledWorld(1234, ({ action }, nth) => {
      if (action === 'DescribeExecution' && nth <= 4) return THROTTLED;
      if (action === 'DescribeExecution' && nth <= 6) return { status: 503, type: 'ServiceUnavailable' };
      return action === 'DescribeMapRun' ? THROTTLED : undefined;
    });
    const { code, stdout, stderr } = await start();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Published  1,234 accounts');
    expect(aws.callsOf('DescribeExecution').length).toBeGreaterThan(6);
  });

  it('stops after five minutes of failed polls and prints how to follow the run again', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    const { aws } = await smallWorld(
      {},
      {
        work: endless,
        fail: ({ action }, nth) => (action === 'DescribeExecution' && nth > 1 ? THROTTLED : undefined),
      },
    );
    const { waits, sleep } = recordedSleep();
    const { code, stderr } = await commandLine(['start', 'all-accounts'], { sleep });
    const name = aws.stateMachine.executions[0]?.name;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: Reading run "${name}" failed (ThrottlingException): transient AWS error; run the command again in a minute. The run continues. Follow it with npm run --silent account-export -- status ${name}\n`,
    });
    const waited = waits.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThanOrEqual(300_000);
    expect(waited).toBeLessThan(320_000);
  });

  it('stops at once when the credentials expire', async () => {
    const { aws } = await smallWorld(
      {},
      {
        work: endless,
        fail: ({ action }, nth) =>
          action === 'DescribeExecution' && nth > 1 ? { status: 400, type: 'ExpiredTokenException' } : undefined,
      },
    );
    const { stderr } = await start();
    expect(stderr).toMatch(
      /^error: Reading run "\S+" failed \(ExpiredTokenException\): the AWS credentials have expired; sign in again\. The run continues\. Follow it with npm run --silent account-export -- status \S+\n$/,
    );
    expect(aws.callsOf('DescribeExecution')).toHaveLength(2);
  });

  it('detaches when it is interrupted, and leaves the run running', async () => {
    const { aws } = await smallWorld({}, { work: endless });
    const following = startCommandLine(['start', 'all-accounts', '--region', 'eu-west-1']);
    await until(() => aws.callsOf('DescribeMapRun').length > 0);
    following.interrupt();
    const { code, stdout, stderr } = await following.finished;
    const [execution] = aws.stateMachine.executions;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `Detached   run ${execution?.name} continues. Follow it with npm run --silent account-export -- status ${execution?.name} --region eu-west-1\n`,
    });
    expect(stdout).not.toContain('Published');
    expect(execution?.status).toBe('RUNNING');
    expect(aws.callsOf('StopExecution')).toEqual([]);
  });

  it('warns once if it may not read the pages', async () => {
    const message = 'not authorized to perform: states:ListMapRuns on';
    await polledWorld(1234, ({ action }) =>
      action === 'ListMapRuns' ? { status: 400, type: 'AccessDeniedException', message } : undefined,
    );
    const { code, stdout } = await start();
    expect(code).toBe(0);
    const warnings = stdout.match(
      /^Warning {4}no progress is shown\. .*lack the permission states:ListMapRuns; ask your AWS administrator for it\..*$/gm,
    );
    expect(warnings).toHaveLength(1);
    expect(stdout).toContain('Published  1,234 accounts');
  });
});
