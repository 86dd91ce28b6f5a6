/** What is printed about a run that has ended. */
import { describe, expect, it } from 'vitest';
import { brokenPage, cli, endless, smallWorld, start } from '../support/small-aws-world.ts';

const ended = { input: '{}', startDate: 1, stopDate: 2 } as const;
const CLI = 'npm run --silent account-export --';

describe('a run that has ended', () => {
  it('prints the estimate of a dry run', async () => {
    const { aws } = await smallWorld();
    const { code, stdout } = await start('--dry-run');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Started .*\nPlanned {4}1,234 accounts in 3 pages of 500\n.*\nDry run {4}nothing was exported; the estimate/,
    );
    expect(aws.callsOf('DescribeMapRun')).toEqual([]);
  });

  it('prints the cause of a failed run and how to resume it in the same stack', async () => {
    const { aws } = await smallWorld(brokenPage(5));
    const { code, stderr } = await start('--region', 'eu-west-1');
    const name = aws.stateMachine.executions[0]?.name;
    const [error, hint] = stderr.split('\n');
    expect(code).toBe(1);
    expect(error).toMatch(/^error: 403 Forbidden for dataset "engage"/);
    expect(hint).toBe(`To resume: ${CLI} resume ${name} --region eu-west-1`);
  });

  it('does not offer to resume a run without a plan', async () => {
    await smallWorld();
    const { code, stderr } = await cli('start', 'unknown');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*"unknown".*all-accounts, emea.*\n$/);
  });

  it.each([
    [
      'a higher budget',
      'BudgetExceededError',
      `To resume: ${CLI} resume late --max-records N (replace N with a number higher than before)\n`,
    ],
    ['a new run', 'PageTooLargeError', ''],
    ['a new run', 'PageSizeCappedError', ''],
    ['a publication', 'DriftedError', `To publish: ${CLI} publish late\n`],
  ])('says that it needs %s (%s)', async (_what, error, hint) => {
    const { aws } = await smallWorld();
    aws.stateMachine.add({ name: 'late', ...ended, input: '{"resume":"r"}', status: 'FAILED', error, cause: 'No.' });
    expect((await cli('status', 'late')).stderr).toBe(`error: No.\n${hint}`);
  });

  it('prints where to find the details of a failure without a cause', async () => {
    const { aws } = await smallWorld();
    aws.stateMachine.add({ name: 'late', ...ended, status: 'FAILED', error: 'States.Runtime' });
    expect((await cli('status', 'late')).stderr).toMatch(
      /^error: Run "late" failed \(States\.Runtime\): open the execution for details, https:\S+:late\n$/,
    );
  });

  it('exits with 0 for a skipped run and prints the reason on stdout', async () => {
    const { aws } = await smallWorld();
    const reason = 'Run "a" of export "all-accounts" is running.';
    const output = JSON.stringify({ outcome: 'skipped', exportName: 'all-accounts', lockedBy: 'a', reason });
    aws.stateMachine.add({ name: 'b', ...ended, status: 'SUCCEEDED', output });
    const { code, stdout, stderr } = await cli('status', 'b');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').at(-2)).toBe(`Skipped    ${reason}`);
    const json = await cli('status', 'b', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ status: 'skipped', output: { lockedBy: 'a' } });
  });

  it('prints one JSON object with --json', async () => {
    const { aws } = await smallWorld();
    const { code, stdout } = await start('--json');
    expect(code).toBe(0);
    const [execution] = aws.stateMachine.executions;
    expect(JSON.parse(stdout)).toEqual({
      runId: execution?.name,
      resumes: null,
      exportName: 'all-accounts',
      status: 'published',
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      stoppedAt: expect.stringMatching(/Z$/),
      accounts: 1234,
      pages: 3,
      pagesDone: 3,
      output: JSON.parse(execution?.output ?? ''),
      error: null,
      cause: null,
      executionArn: `arn:aws:states:eu-west-1:123456789012:execution:Workflow:${execution?.name}`,
      consoleUrl: `https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:states:eu-west-1:123456789012:execution:Workflow:${execution?.name}`,
    });
  });

  it('prints nothing with --quiet', async () => {
    await smallWorld();
    expect(await start('--quiet')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it.each([undefined, '', 'not json', '{"status":"published"}', '[]', '{"outcome":"of another version"}'])(
    'accepts an output of another version: %j',
    async (output) => {
      const { aws } = await smallWorld();
      const unknown = output === undefined ? {} : { output };
      aws.stateMachine.add({ name: 'odd', ...ended, input: '{', status: 'SUCCEEDED', ...unknown });
      const { code, stdout } = await cli('status', 'odd');
      expect(code).toBe(0);
      expect(stdout).toContain('Succeeded  with an output that this version does not know');
    },
  );

  it('reports a run that timed out', async () => {
    const { aws } = await smallWorld();
    aws.stateMachine.add({ name: 'late', ...ended, status: 'TIMED_OUT' });
    expect(await cli('status', 'late')).toMatchObject({ code: 1, stderr: 'error: Run "late" timed out.\n' });
  });
});

describe('resume', () => {
  it.each([
    ['running', 'is running. Follow it with'],
    ['published', 'has succeeded.'],
    ['dry run', 'was a dry run. Start a run without --dry-run.'],
    ['skipped', 'was skipped. Start a new run.'],
  ])('refuses a run with the status %s', async (status, why) => {
    const { aws } = await smallWorld({}, status === 'running' ? { work: endless } : {});
    const skipped = { outcome: 'skipped', exportName: 'all-accounts', reason: 'Another run is running.' };
    if (status === 'skipped')
      aws.stateMachine.add({ name: 'skipped', ...ended, status: 'SUCCEEDED', output: JSON.stringify(skipped) });
    else await start(...(status === 'running' ? ['--no-follow'] : status === 'dry run' ? ['--dry-run'] : []));
    const name = aws.stateMachine.executions[0]?.name ?? '';
    const { code, stderr } = await cli('resume', name);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: Cannot resume run "${name}": it ${why}`);
    expect(aws.stateMachine.executions).toHaveLength(1);
  });
});
