import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sfnExecutions } from '../../functions/aws/sfn-executions.ts';
import { ACCOUNT, type Emulator, REGION, startEmulator } from './emulator.ts';
import { limitedUser } from './limited-user.ts';
import { type ServiceProxy, startServiceProxy } from './service-proxy.ts';

/** Waits or fails, as it is told; the emulator waits a hundredth of the time. */
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

let emulator: Emulator;
let proxy: ServiceProxy;
let client: SFNClient;
/** The same, by way of the proxy. */
let proxied: SFNClient;

beforeAll(async () => {
  emulator = await startEmulator();
  proxy = await startServiceProxy(emulator.url);
  client = new SFNClient(emulator.client);
  proxied = new SFNClient({ ...emulator.client, endpoint: proxy.url });
  const iam = new IAMClient(emulator.client);
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'states.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: 'exports', AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  iam.destroy();
  await client.send(
    new CreateStateMachineCommand({ name: 'exports', definition: JSON.stringify(DEFINITION), roleArn: Role?.Arn }),
  );
});

afterAll(async () => {
  client?.destroy();
  proxied?.destroy();
  await proxy?.close();
  await emulator?.close();
});

async function start(name: string, what: string): Promise<string> {
  const input = JSON.stringify({ do: what });
  const started = await client.send(new StartExecutionCommand({ stateMachineArn: MACHINE, name, input }));
  return started.executionArn ?? '';
}

const statusOf = async (arn: string) => (await client.send(new DescribeExecutionCommand({ executionArn: arn }))).status;
const isRunning = (execution: string, startedAt = LONG_AGO) => sfnExecutions(proxied).isRunning(execution, startedAt);

describe('sfnExecutions', () => {
  it('knows an execution that runs, and that it runs no more once it was stopped', async () => {
    const arn = await start('running', 'wait');
    expect(arn).toBe(executionArn('running'));
    expect(await isRunning(arn)).toBe(true);
    await client.send(new StopExecutionCommand({ executionArn: arn }));
    await expect.poll(() => statusOf(arn)).toBe('ABORTED');
    expect(await isRunning(arn)).toBe(false);
  });

  it.each([
    ['SUCCEEDED', 'nothing'],
    ['FAILED', 'fail'],
  ])('knows an execution that has %s not to run', async (status, what) => {
    const arn = await start(`ended-${what}`, what);
    await expect.poll(() => statusOf(arn)).toBe(status);
    expect(await isRunning(arn)).toBe(false);
  });

  it('takes an execution that nobody knows for running only if it has just been started', async () => {
    expect(await isRunning(executionArn('unknown'))).toBe(false);
    expect(await isRunning(executionArn('unknown'), new Date().toISOString())).toBe(true);
  });

  it('waits throttling out, and gives it up when it does not end, after three tries', async () => {
    const arn = await start('busy', 'wait');
    proxy.follow('throttle', 'throttle', 'pass');
    expect(await isRunning(arn)).toBe(true);
    const before = proxy.requests.length;
    proxy.follow('throttle');
    const failure = await isRunning(arn).catch((error: unknown) => error);
    proxy.follow('pass');
    expect(failure).toMatchObject({
      name: 'StorageError',
      transient: true,
      message: 'Looking up the run that has this export failed (ThrottlingException); it can be tried again later.',
    });
    expect(proxy.requests.length - before).toBe(3);
  });

  it('needs the right to describe executions, and says when it is missing', async () => {
    const arn = await start('held', 'wait');
    const withRight = async (name: string, action: string) =>
      new SFNClient(
        await limitedUser(emulator, name, [{ actions: [action], resources: [executionArn('*'), MACHINE] }]),
      );
    const describer = await withRight('describer', 'states:DescribeExecution');
    expect(await sfnExecutions(describer).isRunning(arn, LONG_AGO)).toBe(true);
    const starter = await withRight('starter', 'states:StartExecution');
    await expect(sfnExecutions(starter).isRunning(arn, LONG_AGO)).rejects.toMatchObject({
      name: 'ConfigError',
      message:
        'Looking up the run that has this export failed (AccessDeniedException): the role or user may not do this.',
    });
    describer.destroy();
    starter.destroy();
  });
});
