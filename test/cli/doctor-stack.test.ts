/** `doctor --stack`: the diagnosis of a deployment that commands cannot use, or whose checks cannot look. */
import { describe, expect, it, vi } from 'vitest';
import type { Finding } from '../../cli/terminal/findings.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { commandLine } from '../support/command-line.ts';
import { THROTTLED } from '../support/small-aws.ts';
import { cli, smallWorld } from '../support/small-aws-world.ts';
import { smallDeployment } from '../support/small-deployment.ts';
import { doctor, problemsOf, refused, squeezed } from '../support/stack-doctor.ts';

const VERSION = packageJson.version;

const NEVER_STORED = [
  'fail  API key        no key was stored: every run fails with ApiCredentialsError',
  '      Store it as docs/operations.md, "Store the API key", describes:',
  '        aws secretsmanager put-secret-value \\',
  '        --secret-id ApiKeySecret4F1B2A3C-AbCdEfGhIjKl \\',
  '        --secret-string file://key.json',
];

describe('a deployment in order', () => {
  it('has a live line while it is checked', async () => {
    await smallDeployment();
    const { stderr } = await commandLine(['doctor', '--stack'], { isTTY: true });
    expect(stderr).toBe('\r\u001B[KChecking the stack\r\u001B[K');
  });

  it('has a line for each check', async () => {
    const { calls } = await smallDeployment();
    const { code, text } = await doctor();
    expect({ code, lines: text.split('\n') }).toEqual({
      code: 0,
      lines: [
        'ok    connection     stack AccountExport, account 123456789012, eu-west-1',
        `ok    stack          version ${VERSION}, UPDATE_COMPLETE`,
        'ok    API key        stored; its secret changed 2026-08-02',
        'ok    notifications  1 confirmed subscription',
        'ok    concurrency    1,000 functions can run at the same time',
        'ok    catalog        7 tables in account_export, visible with your credentials',
        'ok    schedules      2 schedules enabled, 1 of them for exports',
        'ok    dead letters   none in 4 queues',
        'ok    latest run     all-accounts: published, started 2026-08-22 02:00 UTC,',
        '                     12,431 accounts',
        '',
        '0 failures, 0 warnings, 9 ok',
        '',
      ],
    });
    expect([...new Set(calls.map((call) => call.split(' ')[0]))].sort()).toEqual([
      'glue:GetDatabase',
      'glue:GetTable',
      'lambda:GetAccountSettings',
      'scheduler:GetSchedule',
      'secretsmanager:DescribeSecret',
      'sns:ListSubscriptionsByTopic',
      'sqs:GetQueueAttributes',
    ]);
  });

  it('is an array with --json, and each command is one line', async () => {
    await smallDeployment({ secretVersions: 1 });
    const { code, stdout } = await cli('doctor', '--stack', '--json');
    const findings = JSON.parse(stdout) as Finding[];
    expect(code).toBe(1);
    expect(findings.map(({ name, status }) => `${name}: ${status}`)).toEqual([
      'connection: ok',
      'stack: ok',
      'API key: fail',
      'notifications: ok',
      'concurrency: ok',
      'catalog: ok',
      'schedules: ok',
      'dead letters: ok',
      'latest run: ok',
    ]);
    expect(findings[1]).toEqual({
      name: 'stack',
      status: 'ok',
      detail: `version ${VERSION}, UPDATE_COMPLETE`,
      remedy: null,
      command: null,
    });
    expect(findings[2]?.command).toBe(
      'aws secretsmanager put-secret-value --secret-id ApiKeySecret4F1B2A3C-AbCdEfGhIjKl --secret-string file://key.json',
    );
  });

  it('prints nothing with --quiet', async () => {
    await smallDeployment();
    expect(await doctor('--quiet')).toEqual({ code: 0, text: '' });
  });
});

describe('a connection', () => {
  it('has no credentials', async () => {
    await smallDeployment();
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('HOME', '/nonexistent');
    expect(await doctor()).toEqual({
      code: 1,
      text: [
        'fail  connection     Looking for stack "AccountExport" in eu-west-1 failed',
        '                     (CredentialsProviderError)',
        '      no AWS credentials found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and',
        '      AWS_SECRET_ACCESS_KEY.',
        '',
        '1 failure, 0 warnings, 0 ok',
        '',
      ].join('\n'),
    });
  });

  it('has the wrong region', async () => {
    await smallDeployment();
    expect(await doctor('--region', 'us-east-1')).toEqual({
      code: 1,
      text: [
        'fail  connection     No stack "AccountExport" in us-east-1',
        '      check --stack, --region and --profile, or deploy it with npm run deploy.',
        '',
        '1 failure, 0 warnings, 0 ok',
        '',
      ].join('\n'),
    });
  });

  it('leads to a stack of another kind', async () => {
    await smallWorld({}, { outputs: { BucketName: 'bucket' } });
    const { code, text } = await doctor();
    expect(code).toBe(1);
    expect(squeezed(text)).toContain(
      'fail connection Stack "AccountExport" in eu-west-1 has no output StateMachineArn',
    );
  });
});

describe('a stack', () => {
  it.each([
    ['0.0.9', ['      Deploy this version:', '        npm run deploy']],
    ['99.0.0', ['      Update this copy:', '        git pull && npm ci']],
  ])('has another version: %s', async (version, remedy) => {
    expect(await problemsOf({ version })).toEqual({
      code: 0,
      lines: [`warn  stack          version ${version} is deployed, and this is ${VERSION}`, ...remedy],
    });
  });

  it('is from before stacks had a version', async () => {
    await smallDeployment({
      outputs: { StateMachineArn: 'arn:aws:states:eu-west-1:123456789012:stateMachine:Workflow' },
    });
    const { text } = await doctor();
    expect(text).toContain(`warn  stack          version unknown is deployed, and this is ${VERSION}\n`);
    expect(text).toContain('warn  API key        not checked: the stack has no output ApiKeySecret\n');
  });

  it.each([
    ['UPDATE_IN_PROGRESS', 0, 'warn  stack          a deployment is in progress (UPDATE_IN_PROGRESS)'],
    ['UPDATE_ROLLBACK_COMPLETE', 0, 'warn  stack          the last deployment was rolled back'],
    ['UPDATE_ROLLBACK_FAILED', 1, 'fail  stack          the last deployment failed (UPDATE_ROLLBACK_FAILED)'],
  ])('has the status %s', async (stackStatus, code, line) => {
    const problems = await problemsOf({ stackStatus });
    expect({ code: problems.code, line: problems.lines[0] }).toEqual({ code, line });
  });
});

describe('the API key', () => {
  it('was never stored', async () => {
    expect(await problemsOf({ secretVersions: 1 })).toEqual({ code: 1, lines: NEVER_STORED });
  });

  it('was never stored in an existing secret', async () => {
    expect(await problemsOf({ secretVersions: 0, ownSecret: false })).toEqual({ code: 1, lines: NEVER_STORED });
  });

  it('is the first version of an existing secret', async () => {
    expect(await problemsOf({ secretVersions: 1, ownSecret: false })).toEqual({ code: 0, lines: [] });
  });

  it('is being deleted; the command has the region that was given', async () => {
    expect(await problemsOf({ secretDeleted: true }, '--region', 'eu-west-1')).toEqual({
      code: 1,
      lines: [
        'fail  API key        its secret is being deleted: every run fails',
        '      Restore it:',
        '        aws secretsmanager restore-secret \\',
        '        --secret-id ApiKeySecret4F1B2A3C-AbCdEfGhIjKl --region eu-west-1',
      ],
    });
  });
});

describe('a check that cannot look', () => {
  it.each([
    ['secretsmanager:DescribeSecret', 'API key', 'AccessDeniedException'],
    ['sns:ListSubscriptionsByTopic', 'notifications', 'AccessDenied'],
    ['glue:GetDatabase', 'catalog', 'AccessDeniedException'],
    ['scheduler:GetSchedule', 'schedules', 'AccessDeniedException'],
    ['sqs:GetQueueAttributes', 'dead letters', 'AccessDeniedException'],
  ])('without %s is a warning, and the others continue', async (action, name, type) => {
    const message = `User: arn:aws:iam::123456789012:user/jane is not authorized to perform: ${action} on resource: x`;
    const { code, lines } = await problemsOf(refused(action, type, message));
    expect(code).toBe(0);
    expect(squeezed(lines)).toMatch(new RegExp(`^warn ${name} Checking "${name}" failed \\(${type}\\) your AWS`));
    expect(squeezed(lines)).toContain(`your AWS credentials lack the permission ${action}; ask`);
  });

  it('without the list of resources is a warning for each check that needs it', async () => {
    const { aws } = await smallDeployment();
    aws.setFail(({ action }) => (action === 'ListStackResources' ? { status: 403, type: 'AccessDenied' } : undefined));
    const { code, text } = await doctor();
    expect(code).toBe(0);
    expect(text.match(/^(warn|ok) .*/gm)?.map((line) => line.slice(0, 20).trimEnd())).toEqual([
      'ok    connection',
      'ok    stack',
      'warn  API key',
      'ok    notifications',
      'ok    concurrency',
      'ok    catalog',
      'warn  schedules',
      'warn  dead letters',
      'ok    latest run',
    ]);
  });

  it('because AWS throttles it is a warning', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    const { aws } = await smallDeployment();
    aws.setFail(({ action }) => (action === 'ListExecutions' ? THROTTLED : undefined));
    const { code, text } = await doctor();
    expect(code).toBe(0);
    expect(text).toContain('warn  latest run     Listing the runs failed (ThrottlingException)\n');
  });

  it('because its resource is gone has failed', async () => {
    const { code, lines } = await problemsOf(refused('secretsmanager:DescribeSecret', 'ResourceNotFoundException'));
    expect(code).toBe(1);
    expect(squeezed(lines)).toMatch(
      /^fail API key Checking "API key" failed \(ResourceNotFoundException, status 400\)/,
    );
  });
});
