/** One sentence for each way in which AWS keeps a command from its work. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { resumeRun } from '../../cli/commands/resume.ts';
import { showRuns } from '../../cli/commands/runs.ts';
import { startRun } from '../../cli/commands/start.ts';
import { showStatus } from '../../cli/commands/status.ts';
import { addressOfNobody } from '../support/closed-port.ts';
import { temporaryFolder } from '../support/command-line.ts';
import { THROTTLED } from '../support/small-aws.ts';
import { STACK_FLAGS, said, sentenceOf, smallWorld } from '../support/small-aws-world.ts';

const runs = (flags = {}) => sentenceOf(() => showRuns({ ...STACK_FLAGS, limit: 20, ...flags }));
const start = (flags = {}) => sentenceOf(() => startRun('all-accounts', { ...STACK_FLAGS, ...flags }));

/** Only the named action fails, always. */
const failing = (action: string, type: string, message = 'hidden', status = 400) => ({
  fail: (call: { action: string }) => (call.action === action ? { status, type, message } : undefined),
});

describe('credentials', () => {
  it('that are missing', async () => {
    await smallWorld();
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('HOME', '/nonexistent');
    expect(await runs()).toBe(
      'No AWS credentials were found: name a profile with --profile, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    );
  });

  it('that the profile does not have', async () => {
    await smallWorld();
    const config = join(await temporaryFolder(), 'config');
    await writeFile(config, '[default]\n[profile dev]\nregion = eu-west-1\n');
    vi.stubEnv('AWS_CONFIG_FILE', config);
    const warned = vi.spyOn(console, 'warn').mockReturnValue();
    const { thrown, stderr } = await said(() => showRuns({ ...STACK_FLAGS, limit: 20, profile: 'dev' }));
    expect(thrown?.message).toBe(
      'Profile "dev" gives no AWS credentials: sign in with aws sso login --profile dev, or complete the profile with aws configure.',
    );
    expect(stderr).toBe('');
    // The SDK would tell at length that keys are set beside the profile.
    expect(warned).not.toHaveBeenCalled();
  });

  it.each([
    ['ExpiredToken', 'the AWS credentials have expired; sign in again'],
    [
      'InvalidClientTokenId',
      'AWS does not know the credentials in eu-west-1; check the key, its secret, and that the region is enabled',
    ],
    [
      'SignatureDoesNotMatch',
      'AWS does not know the credentials in eu-west-1; check the key, its secret, and that the region is enabled',
    ],
  ])('that CloudFormation refuses: %s', async (type, why) => {
    await smallWorld({}, failing('DescribeStacks', type, 'canonical request: AKIDEXAMPLE', 403));
    expect(await runs()).toBe(`Looking for stack "AccountExport" in eu-west-1 failed (${type}): ${why}.`);
  });

  it('that Step Functions refuses', async () => {
    await smallWorld({}, failing('ListExecutions', 'UnrecognizedClientException'));
    expect(await runs()).toBe(
      'Listing the runs failed (UnrecognizedClientException): AWS does not know the credentials in eu-west-1; check the key, its secret, and that the region is enabled.',
    );
  });

  it('that lack a right, named by its action and by nothing else of the message', async () => {
    const message =
      'User: arn:aws:iam::123456789012:user/jane is not authorized to perform: states:StartExecution on resource: arn:aws:states:eu-west-1:123456789012:stateMachine:Workflow';
    await smallWorld({}, failing('StartExecution', 'AccessDeniedException', message));
    expect(await start()).toMatch(
      /^Starting run "\S+" failed \(AccessDeniedException\): the AWS credentials may not do this; states:StartExecution is missing\.$/,
    );
  });

  it('that lack a right which the service does not name', async () => {
    await smallWorld({}, failing('DescribeStacks', 'AccessDenied', '', 403));
    expect(await runs()).toBe(
      'Looking for stack "AccountExport" in eu-west-1 failed (AccessDenied): the AWS credentials may not do this; a right is missing.',
    );
  });
});

describe('a profile that does not exist', () => {
  it.each([
    ['--profile', { profile: 'prod' }, undefined],
    ['AWS_PROFILE', {}, 'prod'],
  ])('given by %s', async (_how, flags, variable) => {
    await smallWorld();
    const config = join(await temporaryFolder(), 'config');
    await writeFile(config, '[default]\n[profile dev]\n[sso-session company]\n[profile "two words"]\n');
    vi.stubEnv('AWS_CONFIG_FILE', config);
    vi.stubEnv('AWS_PROFILE', variable);
    expect(await runs(flags)).toBe(
      `There is no AWS profile "prod" in ${config} or /nonexistent/credentials: there are default, dev, two words.`,
    );
  });
});

describe('a region', () => {
  it('that is missing', async () => {
    await smallWorld();
    vi.stubEnv('AWS_REGION', undefined);
    expect(await runs()).toBe(
      'No AWS region is set: name it with --region, or set AWS_REGION or the region of the profile.',
    );
  });

  it('that has no such stack', async () => {
    await smallWorld();
    expect(await runs({ region: 'us-east-1' })).toBe(
      'There is no stack "AccountExport" in us-east-1: name another with --stack, its region with --region, its account with --profile, or deploy it with npm run deploy.',
    );
  });

  it('that is none', async () => {
    await smallWorld();
    expect(await runs({ region: 'eu west' })).toBe(
      'Looking for stack "AccountExport" failed: "eu west" is no AWS region; one such as eu-west-1 is needed.',
    );
  });
});

describe('a stack', () => {
  it('that is of another kind', async () => {
    await smallWorld({}, { outputs: { BucketName: 'bucket' } });
    expect(await start()).toBe(
      'Stack "AccountExport" in eu-west-1 has no output StateMachineArn: it is no Account Export stack, or its deployment has not ended (it is UPDATE_COMPLETE).',
    );
  });

  it('whose state machine is gone', async () => {
    await smallWorld({}, failing('StartExecution', 'StateMachineDoesNotExist'));
    expect(await start()).toBe(
      'The state machine of stack "AccountExport" in eu-west-1 is gone: deploy the stack again.',
    );
  });
});

describe('a run', () => {
  it.each([
    ['status', () => showStatus('20260822T020000Z-1f3a', STACK_FLAGS)],
    ['redrive', () => resumeRun('20260822T020000Z-1f3a', STACK_FLAGS)],
  ])('that does not exist, for %s', async (_command, command) => {
    const { aws } = await smallWorld();
    expect(await sentenceOf(command)).toBe(
      'Stack "AccountExport" in eu-west-1 has no run "20260822T020000Z-1f3a": the command runs lists the latest, and Step Functions forgets a run after 90 days.',
    );
    expect(aws.callsOf('StartExecution')).toEqual([]);
  });

  it('of another state machine is neither stopped nor redriven', async () => {
    const { aws } = await smallWorld();
    const other = 'arn:aws:states:eu-west-1:123456789012:execution:Other:run';
    expect(await sentenceOf(() => showStatus(other, { ...STACK_FLAGS, stop: true }))).toBe(
      `${other} is no run of stack "AccountExport", whose state machine is arn:aws:states:eu-west-1:123456789012:stateMachine:Workflow: name its stack with --stack.`,
    );
    expect(aws.callsOf('StopExecution')).toEqual([]);
  });

  it.each(['two words', 'arn:aws:s3:::bucket', '', '../x'])('whose id cannot be one is misuse: %j', async (run) => {
    await smallWorld();
    const { thrown } = await said(() => showStatus(run, STACK_FLAGS));
    expect(thrown).toMatchObject({ name: 'RequestError' });
  });
});

describe('AWS itself', () => {
  it('cannot be reached', async () => {
    await smallWorld();
    vi.stubEnv('AWS_ENDPOINT_URL', await addressOfNobody());
    expect(await runs()).toBe(
      'Looking for stack "AccountExport" in eu-west-1 failed (ECONNREFUSED): AWS cannot be reached; check the network, and that "eu-west-1" is the region that is meant.',
    );
  });

  it('throttles for ever', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '2');
    const { aws } = await smallWorld(
      {},
      { fail: ({ action }) => (action === 'ListExecutions' ? THROTTLED : undefined) },
    );
    expect(await runs()).toBe(
      'Listing the runs failed (ThrottlingException): AWS keeps throttling; try again in a minute.',
    );
    expect(aws.callsOf('ListExecutions')).toHaveLength(2);
  });

  it('has trouble', async () => {
    vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
    await smallWorld({}, failing('ListExecutions', 'InternalFailure', 'hidden', 500));
    expect(await runs()).toBe(
      'Listing the runs failed (InternalFailure, status 500): AWS has trouble; try again in a minute.',
    );
  });

  it('refuses for a reason of its own, which is not passed on', async () => {
    await smallWorld({}, failing('StartExecution', 'KmsAccessDeniedException', 'secret'));
    expect(await start()).toMatch(/^Starting run "\S+" failed \(KmsAccessDeniedException, status 400\)\.$/);
  });
});
