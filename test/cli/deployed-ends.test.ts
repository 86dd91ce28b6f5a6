/** What is said of a run that has ended, whichever way. */
import { describe, expect, it } from 'vitest';
import { brokenPage, quickSleep, smallWorld, start, status, until } from '../support/small-aws-world.ts';

describe('the end of a run', () => {
  it('of a dry run is what it would take', async () => {
    const { aws } = await smallWorld();
    const { code, stdout } = await start({ dryRun: true });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Started .*\nPlanned {4}1,234 accounts in 3 pages of 500\n.*\nDry run {4}nothing was exported/,
    );
    expect(aws.callsOf('DescribeMapRun')).toEqual([]);
  });

  it('of a failed run is its cause and how to go on, with the stack that was named', async () => {
    const { aws } = await smallWorld(brokenPage(5));
    const { code, stderr } = await start({ region: 'eu-west-1' });
    const name = aws.stateMachine.executions[0]?.name;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: The API at \S+ knows no dataset "engage" \(404\): .* \d of 8 pages are done and kept\.\nTo go on: /,
    );
    expect(stderr.split('\n')[1]).toBe(
      `To go on:  npm run --silent account-export -- redrive ${name} --region eu-west-1`,
    );
  });

  it('of a run that was never planned names no way to go on', async () => {
    await smallWorld();
    const { code, stderr } = await start({}, quickSleep().sleep, 'nope');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'error: There is no export "nope": configured are all-accounts, emea; an ad-hoc export needs a datasetId.\n',
    });
  });

  it('of a skipped run is its reason', async () => {
    const { aws } = await smallWorld({ accounts: 4000, latencyMs: 50 });
    await start({ follow: false });
    await until(() => aws.stateMachine.storage.puts.length > 0);
    const first = aws.stateMachine.executions[0]?.name;
    const { code, stderr, stdout } = await start({ json: true });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `error: Run "${first}" of export "all-accounts", started \\S+, has not ended: this run yields to it\\.\\n$`,
      ),
    );
    expect(JSON.parse(stdout)).toMatchObject({ status: 'skipped', output: { yieldsTo: first } });
  });

  it('is one JSON object with --json', async () => {
    const { aws } = await smallWorld();
    const { code, stdout } = await start({ json: true });
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

  it('of a run that prints nothing with --quiet is its exit code', async () => {
    await smallWorld();
    expect(await start({ quiet: true })).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it.each([undefined, '', 'not json', '{"status":"published"}', '[]', '{"status":"of another version"}'])(
    'is told without a crash when the output is %j',
    async (output) => {
      const { aws } = await smallWorld();
      aws.stateMachine.add({
        name: 'odd',
        input: '{',
        startDate: 1,
        stopDate: 2,
        status: 'SUCCEEDED',
        ...(output === undefined ? {} : { output }),
      });
      const { code, stdout } = await status('odd');
      expect(code).toBe(0);
      expect(stdout).toContain('Succeeded  with an output that this version of the command line does not know');
    },
  );

  it('of a run that ran out of time is one sentence', async () => {
    const { aws } = await smallWorld();
    aws.stateMachine.add({ name: 'late', input: '{}', startDate: 1, stopDate: 2, status: 'TIMED_OUT' });
    expect(await status('late')).toMatchObject({ code: 1, stderr: 'error: Run "late" ran out of time.\n' });
  });
});
