/** `status`: looking at a run, following it, stopping it. */
import { describe, expect, it } from 'vitest';
import { hangingRun, isHanging } from '../support/hanging-run.ts';
import { cli, polledWorld, smallWorld, start } from '../support/small-aws-world.ts';
import { until } from '../support/until.ts';

/** A run that has finished three of its eight pages and does not end by itself. */
async function runWithThreePages() {
  const { aws, simulator } = await smallWorld(hangingRun, { concurrency: 8 });
  await start('--no-follow');
  await until(() => isHanging(simulator) && aws.stateMachine.executions[0]?.mapRuns.at(-1)?.succeeded === 3);
  return { aws, simulator, name: aws.stateMachine.executions[0]?.name ?? '' };
}

describe('status', () => {
  it('follows a running run, named by its ARN, to its end', async () => {
    const { aws } = await polledWorld(4000);
    await start('--no-follow');
    const { code, stdout } = await cli('status', aws.stateMachine.executions[0]?.executionArn ?? '');
    expect(code).toBe(0);
    expect(stdout).toContain(`Run        ${aws.stateMachine.executions[0]?.name} of export all-accounts\n`);
    expect(stdout).toMatch(/started \d{4}-\d\d-\d\d \d\d:\d\d UTC, running for \d+ s/);
    expect(stdout).toContain('Planned    4,000 accounts in 8 pages of 500');
    expect(stdout).toContain('Published  4,000 accounts');
  });

  it('looks once with --no-follow', async () => {
    const { name } = await runWithThreePages();
    const { code, stdout } = await cli('status', name, '--no-follow');
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nExporting {2}3 of 8 pages, 1,500 accounts\n$/);
    const json = JSON.parse((await cli('status', name, '--no-follow', '--json')).stdout);
    expect(json).toMatchObject({ status: 'running', stoppedAt: null, pages: 8, pagesDone: 3, output: null });
  });

  it('stops a run with --stop, keeps its finished pages and prints how to resume it', async () => {
    const { aws, name } = await runWithThreePages();
    const { code, stdout, stderr } = await cli('status', name, '--stop');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `Stopped    run ${name}`,
      '           kept 3 of 8 pages',
      `To resume: npm run --silent account-export -- resume ${name}`,
      '',
    ]);
    expect(aws.stateMachine.executions[0]).toMatchObject({ status: 'ABORTED', error: 'Stopped' });
    expect(await cli('status', name)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: Run "\S+" was stopped; 3 of 8 pages are finished\.\nTo resume: /),
    });
    expect((await cli('resume', name)).code).toBe(0);
  });

  it('refuses to stop a run that has ended', async () => {
    const { aws } = await smallWorld();
    await start();
    const name = aws.stateMachine.executions[0]?.name ?? '';
    expect(await cli('status', name, '--stop')).toEqual({
      code: 1,
      stdout: '',
      stderr: `error: Cannot stop run "${name}": it has already ended (published).\n`,
    });
    expect(aws.callsOf('StopExecution')).toEqual([]);
  });
});
