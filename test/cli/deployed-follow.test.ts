/** Following a run through its troubles, in this process and without real waits. */
import { describe, expect, it, vi } from 'vitest';
import { pollWaitMs } from '../../cli/deployed/follow-run.ts';
import { THROTTLED } from '../support/small-aws.ts';
import { quickSleep, type Said, smallWorld, start, status, until } from '../support/small-aws-world.ts';

describe('following a run', () => {
  it('polls at least 2 s apart, and never asks for the pages more often than once a poll', async () => {
    const { aws } = await smallWorld({ accounts: 4000, latencyMs: 20 });
    const { waits, sleep } = quickSleep();
    expect((await start({}, sleep)).code).toBe(0);
    expect(waits.length).toBeGreaterThan(3);
    expect(Math.min(...waits)).toBe(2000);
    expect(aws.callsOf('DescribeMapRun').length).toBeLessThanOrEqual(waits.length);
    expect(aws.callsOf('GetExecutionHistory').length).toBeLessThan(waits.length);
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

  it('shows on a terminal how many pages are done, and reckons the accounts', async () => {
    await smallWorld({ accounts: 4100, latencyMs: 8 }, { concurrency: 1 });
    const { stderr, code } = await onTerminal(() => start());
    expect(code).toBe(0);
    expect(stderr).toMatch(/Exporting {2}[█░]{24} 0\/9 pages, 0 accounts/);
    expect(stderr).toMatch(/█{24} 9\/9 pages, 4,100 accounts/);
  });

  it('shows the plan and the pages of an export that is made once more', async () => {
    const { aws, simulator } = await smallWorld({ accounts: 4000, latencyMs: 12 }, { concurrency: 1 });
    await start({ follow: false });
    await until(() => simulator.requests.some(({ pageSize, page }) => pageSize === 500 && page === 1));
    const [execution] = aws.stateMachine.executions;
    const { sleep, waits } = quickSleep();
    const { stdout, stderr } = await onTerminal(() =>
      status(execution?.name ?? '', {}, async (ms) => {
        if (waits.length === 2) {
          const output =
            '{"exportName":"all-accounts","dryRun":false,"accounts":4200,"pages":9,"pageSize":500,"plan":{"countedBy":"offsets","apiRequests":1,"recordsFetched":1,"rounds":1,"resumed":false}}';
          execution?.events.push({ type: 'TaskStateExited', stateExitedEventDetails: { name: 'Plan export', output } });
          execution?.mapRuns.push({ total: 9, startDate: Date.now() / 1000 + 1, succeeded: 2 });
        }
        await sleep(ms);
      }),
    );
    expect(stdout).toMatch(/Planned {4}4,000 accounts in 8 pages.*Planned {4}4,200 accounts in 9 pages of 500/s);
    expect(stderr).toMatch(/\d\/8 pages,.*[2-9]\/9 pages, \d,\d00 accounts/s);
  });

  it('survives polls that are throttled or fail, and says nothing of them', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    const { aws } = await smallWorld(
      { latencyMs: 5 },
      {
        fail: ({ action }, nth) => {
          if (action === 'DescribeExecution' && nth <= 4) return THROTTLED;
          if (action === 'DescribeExecution' && nth <= 6) return { status: 503, type: 'ServiceUnavailable' };
          return action === 'DescribeMapRun' ? THROTTLED : undefined;
        },
      },
    );
    const { code, stdout, stderr } = await start();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Published  1,234 accounts');
    expect(aws.callsOf('DescribeExecution').length).toBeGreaterThan(6);
  });

  it('gives up when polls have failed for five minutes, and says how to come back', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    const { aws } = await smallWorld(
      { accounts: 4000, latencyMs: 50 },
      { fail: ({ action }, nth) => (action === 'DescribeExecution' && nth > 1 ? THROTTLED : undefined) },
    );
    const { waits, sleep } = quickSleep();
    const { thrown } = await start({}, sleep);
    const name = aws.stateMachine.executions[0]?.name;
    expect(thrown?.message).toBe(
      `Looking at run "${name}" failed (ThrottlingException): AWS keeps throttling; try again in a minute. The run itself goes on: npm run --silent account-export -- status ${name}`,
    );
    const waited = waits.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThanOrEqual(300_000);
    expect(waited).toBeLessThan(320_000);
  });

  it('ends at once when the credentials have expired meanwhile', async () => {
    const { aws } = await smallWorld(
      { accounts: 4000, latencyMs: 50 },
      {
        fail: ({ action }, nth) =>
          action === 'DescribeExecution' && nth > 1 ? { status: 400, type: 'ExpiredTokenException' } : undefined,
      },
    );
    const { thrown } = await start();
    expect(thrown?.message).toMatch(
      /^Looking at run "\S+" failed \(ExpiredTokenException\): the AWS credentials have expired; sign in again\. The run itself goes on: npm run --silent account-export -- status \S+$/,
    );
    expect(aws.callsOf('DescribeExecution')).toHaveLength(2);
  });

  it('follows without figures where they may not be asked for, and says so once', async () => {
    await smallWorld(
      { latencyMs: 5 },
      {
        fail: ({ action }) =>
          action === 'ListMapRuns'
            ? {
                status: 400,
                type: 'AccessDeniedException',
                message: 'not authorized to perform: states:ListMapRuns on',
              }
            : undefined,
      },
    );
    const { code, stdout } = await start();
    expect(code).toBe(0);
    expect(stdout.match(/^Warning {4}progress is not shown\. .*states:ListMapRuns is missing\.$/gm)).toHaveLength(1);
    expect(stdout).toContain('Published  1,234 accounts');
  });
});

/** As where stderr is a terminal. */
async function onTerminal(command: () => Promise<Said>): Promise<Said> {
  const before = process.stderr.isTTY;
  process.stderr.isTTY = true;
  try {
    return await command();
  } finally {
    process.stderr.isTTY = before;
  }
}
