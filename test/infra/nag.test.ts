/** cdk-nag's findings and their acknowledgments. `npm run synth` checks them for the configuration in `cdk.json`. */
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

/** The suffix of a logical id. */
const HASH = /[0-9A-F]{8}(?=[.>])/g;

interface Acknowledgment {
  readonly id: string;
  readonly path: string;
  readonly reason: string;
}

function acknowledgmentsOf(app: App): Acknowledgment[] {
  return app.node.findAll().flatMap(({ node }) =>
    node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]) => ({
        id: id.replace(/^annotation::(?=AwsSolutions|Serverless)/i, '').replaceAll(HASH, ''),
        path: node.path.replace(/^AccountExport\/(Default\/)?/, ''),
        reason,
      })),
  );
}

function listed(app: App): string[] {
  return acknowledgmentsOf(app)
    .map(({ id, path }) => `${path}: ${id}`)
    .sort();
}

const PARTS = ['accounts_csv/*', 'accounts_json/*', 'accounts_parquet/*'];
const TICKETS = 'work/run_id=*/tickets/*';
const FAILURES = 'work/run_id=*/failures/*';
const RECEIPTS = 'work/run_id=*/receipts/*';
const LOCKS = [
  'work/run_id=*/locks/*',
  'work/export_name=*/locks/running/*',
  'work/export_name=*/locks/scheduled/*/*',
  'work/export_name=*/locks/host.json',
];
const PLAN = 'work/run_id=*/plan.json';
const NOT_BEFORE = 'work/run_id=*/not-before.json';
const HISTORY = 'work/export_name=*/history.json';
const UNPUBLISHED_REPORT = 'work/run_id=*/_report.html';
const EXECUTIONS = 'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<WorkflowStateMachine.Name>';

function objects(role: string, ...patterns: readonly string[]): string[] {
  const resources = ['*', ...patterns.map((pattern) => `<StorageBucket.Arn>/${pattern}`)];
  return resources.map((on) => `${role}/Role/DefaultPolicy: AwsSolutions-IAM5[Resource::${on}]`);
}

const PEOPLE = [
  ...['*', ...[...PARTS, 'athena-results/*', 'export_runs/*'].map((pattern) => `<StorageBucket.Arn>/${pattern}`)].map(
    (on) => `People/Analysts: AwsSolutions-IAM5[Resource::${on}]`,
  ),
  'People/Analysts: AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/AccountExport/*]',
  'People/Analysts: AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:glue:<AWS::Region>:<AWS::AccountId>:table/account_export/*]',
  ...[
    '*',
    '<StorageBucket.Arn>/export_runs/*',
    `<StorageBucket.Arn>/${UNPUBLISHED_REPORT}`,
    'arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/AccountExport/*',
    'arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/AccountExport/*',
    `${EXECUTIONS}:*`,
    `${EXECUTIONS.replace(':execution:', ':mapRun:')}/Pages:*`,
  ].map((on) => `People/Operators: AwsSolutions-IAM5[Resource::${on}]`),
];

/** All acknowledgments. A new one must be added here, so that a reviewer sees it. */
const ACKNOWLEDGED = [
  'ApiKey/Secret: AwsSolutions-SMG4',
  ...['PlanExport', 'ExportPage', 'PublishRun', 'ReportFailure'].map((f) => `${f}/Function: Serverless-LambdaDLQ`),
  ...objects('PlanExport', 'work/*', 'export_runs/*', PLAN, TICKETS, FAILURES, NOT_BEFORE, ...LOCKS),
  ...objects(
    'ExportPage',
    ...PARTS,
    'work/run_id=*/*',
    'export_runs/run_id=*/manifest.json',
    TICKETS,
    RECEIPTS,
    FAILURES,
    NOT_BEFORE,
  ),
  ...objects('PublishRun', ...PARTS, 'work/run_id=*/*', 'export_runs/*', TICKETS, RECEIPTS, FAILURES, NOT_BEFORE),
  ...objects('PublishRun', 'work/run_id=*/manifest.json', HISTORY).slice(1),
  ...objects('ReportFailure', 'work/run_id=*/*', HISTORY, UNPUBLISHED_REPORT),
  ...objects('ExpireRuns', ...PARTS, 'export_runs/*', PLAN),
  ...objects('WatchExports', 'export_runs/*'),
  ...PEOPLE,
  'TimedOutRuns/StateMachine/Role/DefaultPolicy: AwsSolutions-IAM5[Resource::*]',
  'TimedOutRuns/StateMachine/Role/DefaultPolicy: AwsSolutions-IAM5[Resource::<ReportFailureFunction.Arn>:*]',
  ...['Starts', 'Retention', 'Freshness', 'Notifications'].map(
    (queue) => `Undelivered/${queue}: Serverless-SQSRedrivePolicy`,
  ),
  ...['Starts', 'Notifications'].map((queue) => `Undelivered/${queue}: AwsSolutions-SQS3`),
  `Workflow/Children: AwsSolutions-IAM5[Resource::${EXECUTIONS}/Pages:*]`,
  `Workflow/Children: AwsSolutions-IAM5[Resource::${EXECUTIONS}:*]`,
  `Workflow/LookingUp: AwsSolutions-IAM5[Resource::${EXECUTIONS}:*]`,
  'Workflow/StateMachine/Role/DefaultPolicy: AwsSolutions-IAM5[Resource::*]',
  ...['PlanExport', 'ExportPage', 'PublishRun', 'ReportFailure'].map(
    (f) => `Workflow/StateMachine/Role/DefaultPolicy: AwsSolutions-IAM5[Resource::<${f}Function.Arn>:*]`,
  ),
].sort();

const IN_A_NETWORK = ['PlanExport', 'ExportPage', 'PublishRun'].map(
  (f) => `${f}/NetworkInterfaces: AwsSolutions-IAM5[Resource::*]`,
);

/** CDK's network constructs acknowledge these checks of CDK itself. */
const BY_CDK = [
  'AccountExport: CloudFormation-Validate::W3010',
  'Network/Vpc/Connections: CloudFormation-Validate::F3002',
  'Network/Vpc/Connections: CloudFormation-Validate::F3003',
];

/** CDK warns that it does not know the routes of an existing network. */
const NO_ROUTES = ['Network/Vpc: Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId'];

describe.each(NAMES)('with %s', (name) => {
  it('has no finding that is not acknowledged', () => {
    const { app } = configuredStack(name);
    expect(findings(new AwsSolutionsChecks(), app)).toEqual([]);
    expect(findings(new ServerlessChecks(), app)).toEqual([]);
  });
});

describe('the acknowledgments', () => {
  it.each([
    ['the default', ACKNOWLEDGED],
    ['a customer key', ACKNOWLEDGED],
    ['a fixed address', [...ACKNOWLEDGED, ...IN_A_NETWORK, ...BY_CDK]],
    ['all options', [...ACKNOWLEDGED, ...IN_A_NETWORK, ...BY_CDK]],
    ['an existing VPC', [...ACKNOWLEDGED, ...IN_A_NETWORK, ...NO_ROUTES]],
    [
      'an existing secret and security group',
      [...ACKNOWLEDGED.filter((line) => !line.startsWith('ApiKey')), ...IN_A_NETWORK, ...NO_ROUTES],
    ],
  ] as const)('with %s are exactly these', (name, expected) => {
    expect(listed(configuredStack(name).app)).toEqual([...expected].sort());
  });

  it.each(NAMES)('with %s each concern one finding and give a reason', (name) => {
    for (const { id, reason } of acknowledgmentsOf(configuredStack(name).app)) {
      if (id.startsWith('CloudFormation-Validate::')) continue;
      expect(reason.length, id).toBeGreaterThan(60);
      // Wildcards are acknowledged for one resource of one policy, never for all.
      expect(id).not.toBe('AwsSolutions-IAM5');
    }
  });

  it.each(NAMES)('with %s each match a finding', (name) => {
    const { app } = configuredStack(name);
    const found = [AwsSolutionsChecks, ServerlessChecks].flatMap((Checks) => {
      const pack = new Checks();
      // Reports all findings, also the acknowledged ones. The packs have no option for this.
      Reflect.set(pack, 'isAcknowledged', () => false);
      return findings(pack, app);
    });
    const acknowledged = acknowledgmentsOf(app)
      .filter(({ id }) => /^(AwsSolutions|Serverless)-/.test(id))
      .map(({ id, path }) => `${id} at AccountExport/Default/${path}/Resource`);
    expect(found.map((line) => line.replaceAll(HASH, '')).sort()).toEqual(acknowledged.sort());
  });
});

describe('synthesis', () => {
  const synth = (make: (stack: Stack) => unknown) => {
    const app = new App({
      context: { '@aws-cdk/core:validateAgainstDefaultRules': true },
      builtinCloudFormationValidation: false,
    });
    enforceSecurityChecks(app);
    make(new Stack(app, 'Stack'));
    return () => app.synth();
  };

  it('fails with a finding', () => {
    expect(synth((stack) => new CfnBucket(stack, 'Bucket'))).toThrow(/AwsSolutions-S1/);
    const policyDocument = { Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::b' }] };
    expect(synth((stack) => new CfnPolicy(stack, 'Policy', { policyName: 'p', policyDocument, roles: ['r'] }))).toThrow(
      /AwsSolutions-IAM5\[Action::s3:\*\]/,
    );
  });

  it('succeeds without a finding', () => {
    expect(synth((stack) => new CfnWaitConditionHandle(stack, 'Nothing'))).not.toThrow();
  });
});
