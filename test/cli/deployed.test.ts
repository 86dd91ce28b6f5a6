/** The command line for the deployed state machine as a user runs it: a process of its own. */
import { describe, expect, it } from 'vitest';
import { resumeCommand } from '../../cli/commands/resume.ts';
import { runsCommand } from '../../cli/commands/runs.ts';
import { startCommand } from '../../cli/commands/start.ts';
import { statusCommand } from '../../cli/commands/status.ts';
import { accountExport, startAccountExport } from '../support/command-line.ts';
import { THROTTLED } from '../support/small-aws.ts';
import { brokenPage, smallWorld, until } from '../support/small-aws-world.ts';

const RUN_ID = /\d{8}T\d{6}Z-[0-9a-f]{4}/;

describe('start', () => {
  it('starts a run, follows it to its end and says what run says, though AWS throttles', async () => {
    const { aws } = await smallWorld(
      {},
      { fail: ({ action }, nth) => (action === 'StartExecution' && nth <= 2 ? THROTTLED : undefined) },
    );
    const { code, stdout, stderr } = await accountExport(['start', 'all-accounts'], aws.environment);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^Started {4}run \d{8}T\d{6}Z-[0-9a-f]{4} of export all-accounts$/);
    expect(lines[1]).toBe('Planned    1,234 accounts in 3 pages of 500');
    expect(lines[2]).toMatch(/^ {11}counted by \d+ requests in \d+ rounds, \d+ records$/);
    expect(lines[3]).toMatch(/^Published {2}1,234 accounts in [\d.]+ s, [\d.]+ kB, steady: the source held still$/);
    expect(lines[6]).toBe(`  run      ${RUN_ID.exec(lines[0] ?? '')?.[0]}`);
    expect(aws.stateMachine.executions).toHaveLength(1);
    expect(aws.callsOf('StartExecution')).toHaveLength(3);
  });

  it('hands every override over as the input of the execution, and nothing else', async () => {
    const { aws } = await smallWorld();
    const flags =
      '--dataset engage --format csv --page-size 250 --filter everyone --start 1767225600000 --end 2026-02-01 ' +
      '--segmentation-id s1 --segment-id everyone --attribute-columns industry,region --max-records 5000 ' +
      '--overlap allow --due 2026-08-07T06:00:00Z --dry-run';
    const args = ['start', 'ad-hoc', ...flags.split(' '), '--no-follow', '--json'];
    const { code, stdout } = await accountExport(args, aws.environment);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runId: expect.stringMatching(RUN_ID), exportName: 'ad-hoc' });
    const [call] = aws.callsOf('StartExecution');
    expect(JSON.parse(String(call?.input.input))).toEqual({
      exportName: 'ad-hoc',
      datasetId: 'engage',
      format: 'csv',
      pageSize: 250,
      filter: 'everyone',
      start: 1767225600000,
      end: '2026-02-01',
      segmentationId: 's1',
      segmentId: 'everyone',
      attributeColumns: ['industry', 'region'],
      maxRecords: 5000,
      overlap: 'allow',
      dueAt: '2026-08-07T06:00:00Z',
      dryRun: true,
    });
    expect(call?.input).toMatchObject({
      name: expect.stringMatching(RUN_ID),
      stateMachineArn: 'arn:aws:states:eu-west-1:123456789012:stateMachine:Workflow',
    });
  });

  it('refuses what makes no request before AWS is asked', async () => {
    const { aws } = await smallWorld();
    const refused = (...flags: string[]) => accountExport(['start', 'all-accounts', ...flags], aws.environment);
    const answers = await Promise.all([
      refused('--window', '7 days', '--due', 'yesterday'),
      refused('--overlap', 'queue'),
    ]);
    expect(answers.map(({ code }) => code)).toEqual([2, 2]);
    expect(answers[0]?.stderr).toMatch(
      /^error: The command line is unusable: window is "7 days"; .*; dueAt is "yesterday"; .*\n$/,
    );
    expect(answers[1]?.stderr).toMatch(/^error: option '--overlap <policy>' argument 'queue' is invalid/);
    expect(aws.calls).toEqual([]);
  });

  it('stops following at Ctrl-C, says how to come back, and leaves the run alone', async () => {
    const { aws } = await smallWorld({ accounts: 4000, latencyMs: 60 });
    const args = ['start', 'all-accounts', '--region', 'eu-west-1'];
    const { child, finished } = startAccountExport(args, aws.environment);
    await until(() => aws.callsOf('DescribeExecution').length > 0);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await finished;
    const [execution] = aws.stateMachine.executions;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `error: No longer following run "${execution?.name}", which goes on: npm run --silent account-export -- status ${execution?.name} --region eu-west-1\n`,
    });
    expect(stdout).not.toContain('Published');
    expect(execution?.status).toBe('RUNNING');
    await execution?.ended;
    expect(execution?.status).toBe('SUCCEEDED');
    expect(aws.callsOf('StopExecution')).toEqual([]);
  });
});

describe('a run that failed', () => {
  it('is listed, looked at, redriven and published', async () => {
    const { aws } = await smallWorld(brokenPage(5));
    const first = await accountExport(['start', 'all-accounts', '--no-follow'], aws.environment);
    const [failed] = aws.stateMachine.executions;
    const name = failed?.name ?? '';
    expect(first).toEqual({
      code: 0,
      stdout: `Started    run ${name} of export all-accounts\nFollow it: npm run --silent account-export -- status ${name}\n`,
      stderr: '',
    });
    await failed?.ended;
    const listed = await accountExport(['runs'], aws.environment);
    expect(listed.stdout.split('\n')[1]).toMatch(new RegExp(`^${name} all-accounts failed `));
    const looked = await accountExport(['status', name], aws.environment);
    expect(looked.code).toBe(1);
    expect(looked.stderr).toMatch(/^error: The API at .* are done and kept\.\nTo go on: /);
    const again = await accountExport(['redrive', name, '--no-follow', '--json'], aws.environment);
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ resumes: name });
    const [redriven] = aws.stateMachine.executions;
    await redriven?.ended;
    expect(JSON.parse(redriven?.output ?? '')).toMatchObject({ status: 'published', runId: name });
  });
});

describe('a command that cannot do its work', () => {
  it('prints one sentence without a stack, and exits with 1', async () => {
    const { aws } = await smallWorld();
    const { code, stdout, stderr } = await accountExport(['runs', '--stack', 'Other'], aws.environment);
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'error: There is no stack "Other" in eu-west-1: name another with --stack, its region with --region, its account with --profile, or deploy it with npm run deploy.\n',
    });
  });
});

describe('--help', () => {
  it.each([
    ['start', startCommand],
    ['runs', runsCommand],
    ['status', statusCommand],
    ['redrive', resumeCommand],
  ])('of %s keeps to 80 columns and shows an example', (name, makeCommand) => {
    let text = '';
    makeCommand()
      .configureHelp({ helpWidth: 80 })
      .configureOutput({
        writeOut: (more) => {
          text += more;
        },
      })
      .outputHelp();
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(text).toContain(`npm run --silent account-export -- ${name} `);
  });
});
