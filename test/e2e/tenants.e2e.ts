/**
 * Several stacks in one account: two tenants that do not affect each other, and every variant that the emulator supports.
 *
 * Not supported are variants with `AWS::EC2::EIP`, `AWS::EC2::NatGateway` and `AWS::EC2::FlowLog` (`fixedEgressIp`) and
 * `AWS::Budgets::Budget` (`monthlyBudgetUsd`).
 */
import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DeployedStack, deployStack, type EmulatedAws, startEmulatedAws } from './deployed-stack.ts';
import { objectsBelow, partitionsOf } from './stored.ts';

const OTHER = 'AccountExport-acme';
const KEY = JSON.stringify({ keyId: 'demo-key', secret: 'demo:secret' });
const REQUEST = { exportName: 'all-accounts', dueAt: '2026-08-22T02:00:00Z' };

let emulated: EmulatedAws;
let first: DeployedStack;
let second: DeployedStack;

beforeAll(async () => {
  emulated = await startEmulatedAws();
  first = await deployStack(emulated, { accounts: 120 });
  second = await deployStack(emulated, { accounts: 75 }, { stackName: OTHER });
  await storeKey(first);
}, 600_000);

afterAll(async () => {
  await second?.close();
  await first?.close();
  await emulated?.close();
});

async function storeKey({ aws, outputs }: DeployedStack): Promise<void> {
  const [, SecretId = ''] = /--secret-id (\S+) /.exec(outputs.PutKeyCommand ?? '') ?? [];
  await aws.secrets.putSecretValue({ SecretId, SecretString: KEY });
}

describe('two tenants', () => {
  it('have databases, workgroups and state machines of their own', () => {
    expect([first, second].map(({ outputs }) => outputs.Workgroup)).toEqual(['account_export', 'account_export_acme']);
    expect([first, second].map(({ outputs }) => outputs.StateMachineArn?.split(':').at(-1))).toEqual([
      'AccountExport',
      OTHER,
    ]);
    for (const output of ['BucketName', 'FailureTopicArn', 'PutKeyCommand'])
      expect(first.outputs[output]).not.toBe(second.outputs[output]);
  });

  it('have API keys of their own: without one, only runs of that tenant fail, and only its topic is notified', async () => {
    expect(await second.execute(REQUEST, 'no-key')).toMatchObject({ status: 'FAILED', error: 'ApiCredentialsError' });
    expect(await second.notifications.with('no-key')).toContain('failed');
    expect(await first.notifications.all()).toEqual([]);
    await storeKey(second);
  });

  it('export under the same names at the same time, each its own accounts', async () => {
    const [one, other] = await Promise.all([first, second].map((stack) => stack.execute(REQUEST, 'same-name')));
    expect(one).toMatchObject({ status: 'SUCCEEDED', output: { accounts: 120 } });
    expect(other).toMatchObject({ status: 'SUCCEEDED', output: { accounts: 75 } });
    for (const stack of [first, second]) {
      expect(await partitionsOf(stack, 'accounts_json')).toEqual(['all-accounts/2026-08-22/same-name']);
      expect((await objectsBelow(stack, 'accounts_json/')).size).toBe(1);
    }
  });

  it('list only their own runs', async () => {
    const lists = await Promise.all([first.cli('runs'), first.cli('runs', '--stack', OTHER)]);
    expect(lists.map(({ code }) => code)).toEqual([0, 0]);
    expect(lists.map(({ stdout }) => stdout.includes('no-key'))).toEqual([false, true]);
  });

  it('have metrics of their own', async () => {
    const measured = (await first.logLines())
      .filter((line) => line.includes('"_aws"') && line.includes('"Accounts"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line.export === 'all-accounts')
      .map(({ stack, Accounts }) => [stack, Accounts]);
    expect(measured.sort()).toEqual([
      ['AccountExport', 120],
      [OTHER, 75],
    ]);
  });

  it('have schedules in groups of their own', async () => {
    const { Schedules = [] } = await first.aws.scheduler.listSchedules({});
    const groups = Map.groupBy(Schedules, ({ GroupName }) => GroupName);
    expect([...groups.keys()].sort()).toEqual(['AccountExport', OTHER]);
    expect(groups.get(OTHER)).toHaveLength(groups.get('AccountExport')?.length ?? 0);
  });

  it('are protected from deletion', async () => {
    const cloudFormation = new CloudFormation(emulated.emulator.client);
    await expect(cloudFormation.deleteStack({ StackName: OTHER })).rejects.toThrow(/[Tt]ermination ?[Pp]rotection/);
    cloudFormation.destroy();
  });
});

describe.each([
  ['a customer key', { stackName: 'customer-key', encryption: 'customer-key' }],
  [
    'an existing network and secret',
    {
      stackName: 'existing-network',
      secretName: 'personalization/key',
      network: { vpcId: 'vpc-00000001', subnetIds: ['subnet-00000001'] },
    },
  ],
  ['data that is deleted with the stack', { stackName: 'deletable', deleteDataWithStack: true }],
])('a stack with %s', (_what, config) => {
  it('is deployed and exports', async () => {
    if ('secretName' in config) await first.aws.secrets.createSecret({ Name: config.secretName, SecretString: KEY });
    const stack = await deployStack(emulated, { accounts: 30 }, config);
    try {
      await storeKey(stack);
      expect(await stack.execute(REQUEST, 'a-run')).toMatchObject({ status: 'SUCCEEDED', output: { accounts: 30 } });
    } finally {
      await stack.close();
    }
  }, 400_000);
});
