/** The error message for each way in which AWS makes a command fail. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { addressOfNobody } from '../support/closed-port.ts';
import { temporaryFolder } from '../support/command-line.ts';
import { OUTPUTS, THROTTLED } from '../support/small-aws.ts';
import { cli, smallWorld } from '../support/small-aws-world.ts';

/** The sentence that a command fails with. */
async function sentence(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(...argv);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  return stderr.replace(/^error: (.*)\n$/, '$1');
}
const runs = (...flags: string[]) => sentence('runs', ...flags);
const start = () => sentence('start', 'all-accounts');

/** Makes every call of an action fail. */
const failing = (action: string, type: string, message = 'hidden', status = 400) => ({
  fail: (call: { action: string }) => (call.action === action ? { status, type, message } : undefined),
});

describe('credentials', () => {
  it('are missing', async () => {
    await smallWorld();
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('HOME', '/nonexistent');
    expect(await runs()).toBe(
      'Looking for stack "AccountExport" in eu-west-1 failed (CredentialsProviderError): no AWS credentials found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    );
  });

  it('are missing in the profile, without warnings of the SDK', async () => {
    await smallWorld();
    const config = join(await temporaryFolder(), 'config');
    await writeFile(config, '[default]\n[profile dev]\nregion = eu-west-1\n');
    vi.stubEnv('AWS_CONFIG_FILE', config);
    const warned = vi.spyOn(console, 'warn').mockReturnValue();
    expect(await runs('--profile', 'dev')).toBe(
      'Looking for stack "AccountExport" in eu-west-1 failed (CredentialsProviderError): profile "dev" has no AWS credentials; sign in with aws sso login --profile dev, or add credentials with aws configure --profile dev.',
    );
    expect(warned).not.toHaveBeenCalled();
  });

  it.each([
    ['ExpiredToken', 'the AWS credentials have expired; sign in again'],
    [
      'InvalidClientTokenId',
      'the AWS credentials are not valid in eu-west-1; check the key, its secret, and that the region is enabled',
    ],
    [
      'SignatureDoesNotMatch',
      'the AWS credentials are not valid in eu-west-1; check the key, its secret, and that the region is enabled',
    ],
  ])('are refused by CloudFormation: %s', async (type, why) => {
    await smallWorld({}, failing('DescribeStacks', type, 'canonical request: AKIDEXAMPLE', 403));
    expect(await runs()).toBe(`Looking for stack "AccountExport" in eu-west-1 failed (${type}): ${why}.`);
  });

  it('are refused by Step Functions', async () => {
    await smallWorld({}, failing('ListExecutions', 'UnrecognizedClientException'));
    expect(await runs()).toBe(
      'Listing the runs failed (UnrecognizedClientException): the AWS credentials are not valid in eu-west-1; check the key, its secret, and that the region is enabled.',
    );
  });

  it('lack a permission: the message names only the action', async () => {
    const message =
      'User: arn:aws:iam::123456789012:user/jane is not authorized to perform: states:StartExecution on resource: arn:aws:states:eu-west-1:123456789012:stateMachine:Workflow';
    await smallWorld({}, failing('StartExecution', 'AccessDeniedException', message));
    expect(await start()).toMatch(
      /^Starting run "\S+" failed \(AccessDeniedException\): your AWS credentials lack the permission states:StartExecution; ask your AWS administrator for it\.$/,
    );
  });

  it('lack a permission that AWS does not name', async () => {
    await smallWorld({}, failing('DescribeStacks', 'AccessDenied', '', 403));
    expect(await runs()).toBe(
      'Looking for stack "AccountExport" in eu-west-1 failed (AccessDenied): your AWS credentials lack a permission; ask your AWS administrator for it.',
    );
  });
});

describe('a profile that does not exist', () => {
  it.each([
    ['--profile', ['--profile', 'prod'], undefined],
    ['AWS_PROFILE', [], 'prod'],
  ])('is reported with the profiles there are: %s', async (_how, flags, variable) => {
    await smallWorld();
    const config = join(await temporaryFolder(), 'config');
    await writeFile(config, '[default]\n[profile dev]\n[sso-session company]\n[profile "two words"]\n');
    vi.stubEnv('AWS_CONFIG_FILE', config);
    vi.stubEnv('AWS_PROFILE', variable);
    expect(await runs(...flags)).toBe(
      `No AWS profile "prod" in ${config} or /nonexistent/credentials: use one of default, dev, two words.`,
    );
  });
});

describe('a region', () => {
  it('is missing', async () => {
    await smallWorld();
    vi.stubEnv('AWS_REGION', undefined);
    expect(await runs()).toBe(
      'Looking for stack "AccountExport" failed: no AWS region is set; set AWS_REGION or pass --region.',
    );
  });

  it('has no such stack', async () => {
    await smallWorld();
    expect(await runs('--region', 'us-east-1')).toBe(
      'No stack "AccountExport" in us-east-1: check --stack, --region and --profile, or deploy it with npm run deploy.',
    );
  });

  it('does not exist', async () => {
    await smallWorld();
    expect(await runs('--region', 'eu west')).toBe(
      'Looking for stack "AccountExport" failed: "eu west" is not an AWS region; use one such as eu-west-1.',
    );
  });
});

describe('a stack', () => {
  const OTHER_KIND =
    'if it is an Account Export stack, deploy this version; otherwise name the right stack with --stack.';
  const FAILED = 'open its events in the CloudFormation console, fix the cause of the failure, and deploy.';

  it.each([
    ['UPDATE_COMPLETE', OTHER_KIND],
    ['UPDATE_ROLLBACK_COMPLETE', OTHER_KIND],
    ['ROLLBACK_COMPLETE', FAILED],
    ['DELETE_FAILED', FAILED],
    ['CREATE_IN_PROGRESS', 'wait until this operation has finished.'],
    ['REVIEW_IN_PROGRESS', 'it was never deployed; deploy it with npm run deploy.'],
  ])('lacks the outputs in status %s', async (stackStatus, remedy) => {
    await smallWorld({}, { stackStatus, outputs: { BucketName: 'bucket' } });
    expect(await start()).toBe(
      `Stack "AccountExport" in eu-west-1 has no output StateMachineArn (status ${stackStatus}): ${remedy}`,
    );
  });

  it('has several deployments, and one is named by its id', async () => {
    const outputs = Object.fromEntries(
      ['Accounts', 'Eu'].flatMap((id) => Object.entries(OUTPUTS).map(([key, value]) => [`${id}${key}`, value])),
    );
    await smallWorld({}, { outputs });
    expect(await runs()).toBe(
      'Stack "AccountExport" contains several AccountExport constructs: choose one with --stack AccountExport/Accounts or --stack AccountExport/Eu.',
    );
    expect(await runs('--stack', 'AccountExport/Other')).toContain(
      '"AccountExport/Other" in eu-west-1 has no output StateMachineArn',
    );
    expect((await cli('runs', '--stack', 'AccountExport/Eu')).code).toBe(0);
  });

  it('is found by its name alone if it has one deployment', async () => {
    const outputs = Object.fromEntries(Object.entries(OUTPUTS).map(([key, value]) => [`Accounts${key}`, value]));
    await smallWorld({}, { outputs });
    expect((await cli('runs')).code).toBe(0);
  });

  it('has lost its state machine', async () => {
    await smallWorld({}, failing('StartExecution', 'StateMachineDoesNotExist'));
    expect(await start()).toBe(
      'Stack "AccountExport" in eu-west-1 has no state machine (someone deleted it outside of CloudFormation): create it again with npm run deploy -- --revert-drift.',
    );
  });
});

describe('a run', () => {
  it.each(['status', 'resume', 'publish'])('does not exist: %s', async (command) => {
    const { aws } = await smallWorld();
    expect(await sentence(command, '20260822T020000Z-1f3a')).toBe(
      'No run "20260822T020000Z-1f3a" in stack "AccountExport" in eu-west-1 (never started, or deleted after 90 days): list the runs with npm run --silent account-export -- runs',
    );
    expect(aws.callsOf('StartExecution')).toEqual([]);
  });

  it('does not exist: names the command for the same stack', async () => {
    await smallWorld();
    expect(await sentence('status', 'missing', '--region', 'eu-west-1')).toContain(
      'list the runs with npm run --silent account-export -- runs --region eu-west-1',
    );
  });

  it('of another state machine is not stopped', async () => {
    const { aws } = await smallWorld();
    const other = 'arn:aws:states:eu-west-1:123456789012:execution:Other:run';
    expect(await sentence('status', other, '--stop')).toBe(
      'Run "run" belongs to state machine Other (eu-west-1, 123456789012), but stack "AccountExport" has Workflow (eu-west-1, 123456789012): pass the stack of the run with --stack.',
    );
    expect(aws.callsOf('StopExecution')).toEqual([]);
  });

  it.each(['two words', 'arn:aws:s3:::bucket', '', '../x'])('exits with 2 for an invalid run: %j', async (run) => {
    await smallWorld();
    expect(await cli('status', run)).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('AWS itself', () => {
  it('is unreachable', async () => {
    await smallWorld();
    vi.stubEnv('AWS_ENDPOINT_URL', await addressOfNobody());
    expect(await runs()).toBe(
      'Looking for stack "AccountExport" in eu-west-1 failed (ECONNREFUSED): AWS is unreachable; check the network and the region (eu-west-1).',
    );
  });

  it('keeps throttling', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '2');
    const { aws } = await smallWorld(
      {},
      { fail: ({ action }) => (action === 'ListExecutions' ? THROTTLED : undefined) },
    );
    expect(await runs()).toBe(
      'Listing the runs failed (ThrottlingException): transient AWS error; run the command again in a minute.',
    );
    expect(aws.callsOf('ListExecutions')).toHaveLength(2);
  });

  it('has an internal error', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    await smallWorld({}, failing('ListExecutions', 'InternalFailure', 'hidden', 500));
    expect(await runs()).toBe(
      'Listing the runs failed (InternalFailure): transient AWS error; run the command again in a minute.',
    );
  });

  it('refuses for another reason, whose message is not shown', async () => {
    await smallWorld({}, failing('StartExecution', 'KmsAccessDeniedException', 'secret'));
    expect(await start()).toMatch(
      /^Starting run "\S+" failed \(KmsAccessDeniedException, status 400\): look up this error in the AWS documentation\.$/,
    );
  });
});
