/** What cdk-nag finds, and what is answered. `npm run synth` checks the same, for the configuration of `cdk.json`. */
import { App, CfnWaitConditionHandle, Stack, Validations } from 'aws-cdk-lib';
import { CfnPolicy } from 'aws-cdk-lib/aws-iam';
import { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { enforceSecurityChecks } from '../../infra/security-checks.ts';
import { CONFIGURATIONS, type ConfigurationName, configuredStack } from './configured-stack.ts';

const NAMES = Object.keys(CONFIGURATIONS) as ConfigurationName[];

function findings(pack: NagPack, app: App): string[] {
  return pack
    .validateScope(app)
    .violations.flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
    );
}

/** What CDK puts behind the logical name of a resource. */
const HASH = /[0-9A-F]{8}(?=[.>])/g;

interface Answer {
  readonly id: string;
  readonly path: string;
  readonly reason: string;
}

/** Everything that is acknowledged anywhere below. */
function answers(app: App): Answer[] {
  return app.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]) => ({
        id: id.replace(/^annotation::(?=AwsSolutions|Serverless)/i, '').replaceAll(HASH, ''),
        path: node.path.replace('AccountExport/', ''),
        reason,
      })),
  );
}

/** As lines, one for each, the same for many functions once. */
function listed(app: App): string[] {
  return answers(app)
    .map(({ id, path }) => `${path}: ${id}`)
    .sort();
}

const OBJECTS = ['accounts_csv', 'accounts_json', 'accounts_parquet', 'export_runs', 'work'];
const EXECUTIONS = 'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<WorkflowStateMachine.Name>';

function objects(role: string, ...prefixes: readonly string[]): string[] {
  const resources = ['*', ...prefixes.map((prefix) => `<StorageBucket.Arn>/${prefix}/*`)];
  return resources.map((on) => `${role}/Role/DefaultPolicy: AwsSolutions-IAM5[Resource::${on}]`);
}

/** Every answer there is: one that is not listed here was not looked at by whoever reviews. */
const ANSWERED = [
  'ApiKey/Secret: AwsSolutions-SMG4',
  ...['PlanExport', 'ExportPage', 'PublishRun', 'ReportFailure'].map((f) => `${f}/Function: Serverless-LambdaDLQ`),
  ...objects('PlanExport', 'export_runs', 'work'),
  ...objects('ExportPage', 'accounts_csv', 'accounts_json', 'accounts_parquet', 'work'),
  ...objects('PublishRun', ...OBJECTS),
  ...objects('ReportFailure', 'work'),
  ...objects('ExpireRuns', ...OBJECTS),
  ...objects('WatchExports', 'export_runs'),
  'Undelivered/Queue: Serverless-SQSRedrivePolicy',
  `Workflow/Children: AwsSolutions-IAM5[Resource::${EXECUTIONS}/Pages:*]`,
  `Workflow/Children: AwsSolutions-IAM5[Resource::${EXECUTIONS}:*]`,
  `Workflow/LookingUp: AwsSolutions-IAM5[Resource::${EXECUTIONS}:*]`,
  'Workflow/StateMachine/Role/DefaultPolicy: AwsSolutions-IAM5[Resource::*]',
].sort();

/** More of them in a network. */
const IN_A_NETWORK = ['PlanExport', 'ExportPage', 'PublishRun'].map(
  (f) => `${f}/NetworkInterfaces: AwsSolutions-IAM5[Resource::*]`,
);

/** Not of cdk-nag: what CDK's constructs of a network answer themselves, of CDK's own checks of the template. */
const BY_CDK = [
  'AccountExport: CloudFormation-Validate::W3010',
  'Network/Vpc/Connections: CloudFormation-Validate::F3002',
  'Network/Vpc/Connections: CloudFormation-Validate::F3003',
];

/** Not of cdk-nag: CDK warns that it does not know the routes of a network that is not the stack's. */
const NO_ROUTES = ['Network/Vpc: Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId'];

describe.each(NAMES)('with %s', (name) => {
  it('nothing is found that is not answered', () => {
    const { app } = configuredStack(name);
    expect(findings(new AwsSolutionsChecks(), app)).toEqual([]);
    expect(findings(new ServerlessChecks(), app)).toEqual([]);
  });
});

describe('the answers', () => {
  it.each([
    ['the default', ANSWERED],
    ['a key of the customer', ANSWERED],
    ['a fixed address', [...ANSWERED, ...IN_A_NETWORK, ...BY_CDK]],
    ['all of it', [...ANSWERED, ...IN_A_NETWORK, ...BY_CDK]],
    ['an existing VPC', [...ANSWERED, ...IN_A_NETWORK, ...NO_ROUTES]],
    [
      'a secret and a security group that exist',
      [...ANSWERED.filter((line) => !line.startsWith('ApiKey')), ...IN_A_NETWORK, ...NO_ROUTES],
    ],
  ] as const)('with %s are these and no others', (name, expected) => {
    expect(listed(configuredStack(name).app)).toEqual([...expected].sort());
  });

  it.each(NAMES)('with %s each answer one finding, with a reason of more than a few words', (name) => {
    for (const { id, reason } of answers(configuredStack(name).app)) {
      if (id.startsWith('CloudFormation-Validate::')) continue;
      expect(reason.length, id).toBeGreaterThan(60);
      // The rule of wildcards is answered for one resource of one policy, never as a whole.
      expect(id).not.toBe('AwsSolutions-IAM5');
    }
  });

  it.each(NAMES)('with %s are all needed: each answers a finding that is there', (name) => {
    const { app } = configuredStack(name);
    const found = [AwsSolutionsChecks, ServerlessChecks].flatMap((Checks) => {
      const pack = new Checks();
      // As if nothing were acknowledged. The packs offer no such option.
      Reflect.set(pack, 'isAcknowledged', () => false);
      return findings(pack, app);
    });
    const answered = answers(app)
      .filter(({ id }) => /^(AwsSolutions|Serverless)-/.test(id))
      .map(({ id, path }) => `${id} at AccountExport/${path}/Resource`);
    expect(found.map((line) => line.replaceAll(HASH, '')).sort()).toEqual(answered.sort());
  });
});

describe('synthesis', () => {
  const synth = (make: (stack: Stack) => unknown) => {
    const app = new App({ context: { '@aws-cdk/core:validateAgainstDefaultRules': true } });
    enforceSecurityChecks(app);
    make(new Stack(app, 'Stack'));
    return () => app.synth();
  };

  it('ends with the finding where there is one', () => {
    expect(synth((stack) => new CfnBucket(stack, 'Bucket'))).toThrow(/AwsSolutions-S1/);
    const policyDocument = { Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::b' }] };
    expect(synth((stack) => new CfnPolicy(stack, 'Policy', { policyName: 'p', policyDocument, roles: ['r'] }))).toThrow(
      /AwsSolutions-IAM5\[Action::s3:\*\]/,
    );
  });

  it('goes through where there is none', () => {
    expect(synth((stack) => new CfnWaitConditionHandle(stack, 'Nothing'))).not.toThrow();
  });
});
