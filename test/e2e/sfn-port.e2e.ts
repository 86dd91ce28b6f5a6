import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { beforeAll, describe, expect, it } from 'vitest';
import { sfnExecutions } from '../../functions/aws/sfn-executions.ts';
import { awsError, emulatedService } from './emulated-service.ts';
import { ACCOUNT, REGION } from './emulator.ts';
import { limitedUser } from './limited-user.ts';

/** Waits, fails or succeeds as its input says. The emulator waits a hundredth of the time. */
const DEFINITION = {
  StartAt: 'Choose',
  States: {
    Choose: {
      Type: 'Choice',
      Choices: [
        { Variable: '$.do', StringEquals: 'wait', Next: 'Wait' },
        { Variable: '$.do', StringEquals: 'fail', Next: 'Fail' },
      ],
      Default: 'Done',
    },
    Wait: { Type: 'Wait', Seconds: 86_400, Next: 'Done' },
    Fail: { Type: 'Fail', Error: 'ConfigError' },
    Done: { Type: 'Succeed' },
  },
};
const LONG_AGO = '2026-08-22T02:00:00.000Z';
const MACHINE = `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:exports`;
const executionArn = (name: string) => `arn:aws:states:${REGION}:${ACCOUNT}:execution:exports:${name}`;

const sfn = emulatedService(SFNClient);

beforeAll(async () => {
  const iam = new IAMClient(sfn.service.client);
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'states.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: 'exports', AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  iam.destroy();
  await sfn.client.send(
    new CreateStateMachineCommand({ name: 'exports', definition: JSON.stringify(DEFINITION), roleArn: Role?.Arn }),
  );
});

async function start(name: string, what: string): Promise<string> {
  const input = JSON.stringify({ do: what });
  const started = await sfn.client.send(new StartExecutionCommand({ stateMachineArn: MACHINE, name, input }));
  return started.executionArn ?? '';
}

const statusOf = async (arn: string) =>
  (await sfn.client.send(new DescribeExecutionCommand({ executionArn: arn }))).status;
const isRunning = (execution: string, startedAt = LONG_AGO) =>
  sfnExecutions(sfn.proxied).isRunning(execution, startedAt);

describe('sfnExecutions', () => {
  it('reports whether an execution is running or was stopped', async () => {
    const arn = await start('running', 'wait');
    expect(arn).toBe(executionArn('running'));
    expect(await isRunning(arn)).toBe(true);
    await sfn.client.send(new StopExecutionCommand({ executionArn: arn }));
    await expect.poll(() => statusOf(arn)).toBe('ABORTED');
    expect(await isRunning(arn)).toBe(false);
  });

  it.each([
    ['SUCCEEDED', 'nothing'],
    ['FAILED', 'fail'],
  ])('reports an execution with status %s as not running', async (status, what) => {
    const arn = await start(`ended-${what}`, what);
    await expect.poll(() => statusOf(arn)).toBe(status);
    expect(await isRunning(arn)).toBe(false);
  });

  it('reports an unknown execution as running only if it has just been started', async () => {
    expect(await isRunning(executionArn('unknown'))).toBe(false);
    expect(await isRunning(executionArn('unknown'), new Date().toISOString())).toBe(true);
  });

  it('retries throttling and fails after three attempts', async () => {
    const arn = await start('busy', 'wait');
    sfn.proxy.follow('throttle', 'throttle', 'pass');
    expect(await isRunning(arn)).toBe(true);
    const { error, requests } = await sfn.proxy.failureOf(['throttle'], () => isRunning(arn));
    expect(error).toMatchObject(awsError('StorageError', '', 'ThrottlingException'));
    expect(requests).toBe(3);
  });

  it('needs the permission to describe executions', async () => {
    const arn = await start('held', 'wait');
    const withPermission = async (name: string, action: string) =>
      new SFNClient(
        await limitedUser(sfn.service, name, [{ actions: [action], resources: [executionArn('*'), MACHINE] }]),
      );
    const describer = await withPermission('describer', 'states:DescribeExecution');
    expect(await sfnExecutions(describer).isRunning(arn, LONG_AGO)).toBe(true);
    const starter = await withPermission('starter', 'states:StartExecution');
    await expect(sfnExecutions(starter).isRunning(arn, LONG_AGO)).rejects.toMatchObject(
      awsError('ConfigError', '', 'AccessDeniedException'),
    );
    describer.destroy();
    starter.destroy();
  });
});
