/** The construct in a stack of its own kind: names, resources that it is given, and errors. */
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { App, NestedStack, Stack, Tags } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { describe, expect, it } from 'vitest';
import { AccountExport, type AccountExportProps } from '../../infra/index.ts';

const SETTINGS = {
  accountName: 'acme',
  instance: 'us-5',
  exports: [{ name: 'all-accounts', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }],
} satisfies AccountExportProps;

/** Without bundles, feature flags, and CDK's check of the template, which takes seconds. */
const app = () => new App({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
const stackNamed = (name: string) => new Stack(app(), name);

type Resources = Readonly<
  Record<string, { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }>
>;

const resourcesOf = (stack: Stack): Resources => Template.fromStack(stack).toJSON().Resources as Resources;
const ofType = (stack: Stack, type: string) => Object.values(resourcesOf(stack)).filter(({ Type }) => Type === type);

describe('names', () => {
  it('start with the stack and the id, so that several do not clash', () => {
    const stack = stackNamed('Data');
    new AccountExport(stack, 'Accounts', SETTINGS);
    new AccountExport(new Construct(stack, 'Eu'), 'Accounts', SETTINGS);
    const named = (type: string, property: string) => ofType(stack, type).map(({ Properties }) => Properties[property]);
    expect(named('AWS::StepFunctions::StateMachine', 'StateMachineName').sort()).toEqual([
      'Data-Accounts',
      'Data-Accounts_TimedOutRuns',
      'Data-Eu-Accounts',
      'Data-Eu-Accounts_TimedOutRuns',
    ]);
    expect(named('AWS::Athena::WorkGroup', 'Name')).toEqual(['data_accounts', 'data_eu_accounts']);
    expect(named('AWS::Scheduler::ScheduleGroup', 'Name')).toEqual(['Data-Accounts', 'Data-Eu-Accounts']);
    const alarms = named('AWS::CloudWatch::Alarm', 'AlarmName');
    expect(new Set(alarms).size).toBe(alarms.length);
    const outputs = Object.keys(Template.fromStack(stack).toJSON().Outputs as object);
    expect(outputs).toContain('AccountsStateMachineArn');
    expect(outputs).toContain('EuAccountsStateMachineArn');
  });

  it('are those of the stack alone for the id Default', () => {
    const stack = stackNamed('Data');
    new AccountExport(stack, 'Default', SETTINGS);
    Template.fromStack(stack).hasResourceProperties('AWS::StepFunctions::StateMachine', { StateMachineName: 'Data' });
    expect(Template.fromStack(stack).toJSON().Outputs).toHaveProperty('StateMachineArn');
  });

  it('stay within the limits of the services', () => {
    const stack = stackNamed('Production'.repeat(8));
    new AccountExport(stack, 'Accounts', SETTINGS);
    const [machine] = ofType(stack, 'AWS::StepFunctions::StateMachine');
    expect(machine?.Properties.StateMachineName).toMatch(/^(?=.{1,40}$)Production.*Accounts/);
  });

  it('work in a nested stack, whose own name is not known', () => {
    const stack = stackNamed('Data');
    const nested = new NestedStack(stack, 'Nested');
    new AccountExport(nested, 'Accounts', SETTINGS);
    const machines = ofType(nested, 'AWS::StepFunctions::StateMachine');
    expect(machines.map(({ Properties }) => Properties.StateMachineName)).toContainEqual(
      expect.stringMatching(/^Data-Nested-Accounts-[0-9a-f]{8}$/),
    );
  });

  it('tell functions what commands take as --stack', () => {
    const stack = stackNamed('Data');
    new AccountExport(stack, 'Accounts', SETTINGS);
    const variables = { STACK_NAME: 'Data/Accounts', PROGRAM: Match.stringLikeRegexp('account-export') };
    Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', { Environment: { Variables: variables } });
  });
});

describe('given resources', () => {
  const everything = () => {
    const stack = stackNamed('Data');
    const encryptionKey = new Key(stack, 'Key');
    const bucket = new Bucket(stack, 'Bucket', { encryption: BucketEncryption.KMS, encryptionKey });
    const props = {
      bucket,
      encryptionKey,
      secret: new Secret(stack, 'ApiKey'),
      topic: new Topic(stack, 'Topic', { masterKey: encryptionKey }),
      vpc: new Vpc(stack, 'Vpc', { maxAzs: 2 }),
      permissionsBoundary: ManagedPolicy.fromManagedPolicyName(stack, 'Boundary', 'boundary'),
    };
    const accounts = new AccountExport(stack, 'Accounts', { ...SETTINGS, ...props });
    return { stack, accounts, props };
  };

  it('replace those that it would create', () => {
    const { stack, accounts, props } = everything();
    for (const name of ['bucket', 'topic', 'secret'] as const) expect(accounts[name] === props[name], name).toBe(true);
    for (const [type, count] of [
      ['AWS::S3::Bucket', 1],
      ['AWS::KMS::Key', 1],
      ['AWS::SNS::Topic', 1],
      ['AWS::SecretsManager::Secret', 1],
      ['AWS::EC2::VPC', 1],
    ] as const)
      expect(ofType(stack, type), type).toHaveLength(count);
  });

  it('get the lifecycle rules and policies that they need', () => {
    const { stack } = everything();
    const template = Template.fromStack(stack);
    const rules = ['work', 'query-results', 'unfinished-uploads'].map((Id) => Match.objectLike({ Id }));
    template.hasResourceProperties('AWS::S3::Bucket', { LifecycleConfiguration: { Rules: rules } });
    const service = (name: string) => Match.objectLike({ Principal: { Service: name } });
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: { Statement: Match.arrayWith([service('events.amazonaws.com')]) },
    });
    template.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: { Statement: Match.arrayWith([service('cloudwatch.amazonaws.com')]) },
    });
  });

  it('limit every role with the permissions boundary', () => {
    const { stack } = everything();
    const roles = Object.entries(resourcesOf(stack)).filter(
      ([id, { Type }]) => Type === 'AWS::IAM::Role' && id.startsWith('Accounts'),
    );
    expect(roles.length).toBeGreaterThan(8);
    for (const [id, { Properties }] of roles) expect(Properties, id).toHaveProperty('PermissionsBoundary');
  });

  it.each<[string, (stack: Stack) => Partial<AccountExportProps>, string]>([
    [
      'a bucket with a KMS key, without the key',
      (stack) => ({ bucket: new Bucket(stack, 'B', { encryption: BucketEncryption.KMS }) }),
      'encryptionKey is missing',
    ],
    [
      'a VPC and a network',
      (stack) => ({ vpc: new Vpc(stack, 'V'), network: { fixedEgressIp: true } }),
      'do not set network together with vpc',
    ],
    [
      'a secret and its name',
      (stack) => ({ secret: new Secret(stack, 'S'), secretName: 's' }),
      'do not set secretName together with secret',
    ],
    ['subnets without a VPC', () => ({ vpcSubnets: {} }), 'vpcSubnets and securityGroups need vpc'],
  ])('are refused: %s', (_what, propsOf, message) => {
    const stack = stackNamed('Data');
    expect(() => new AccountExport(stack, 'Accounts', { ...SETTINGS, ...propsOf(stack) })).toThrow(message);
  });

  it('are refused if two would share a bucket', () => {
    const stack = stackNamed('Data');
    const bucket = new Bucket(stack, 'Bucket');
    new AccountExport(stack, 'One', { ...SETTINGS, bucket });
    expect(() => new AccountExport(stack, 'Two', { ...SETTINGS, bucket })).toThrow(
      /another AccountExport construct already uses it/,
    );
  });
});

it('names every invalid prop', () => {
  const invalid = { ...SETTINGS, instance: 'us 5', concurrency: 0, typo: 1 } as AccountExportProps;
  const create = () => new AccountExport(stackNamed('Data'), 'Accounts', invalid);
  expect(create).toThrow(/^Invalid props of AccountExport: instance must .*concurrency must .*unknown key "typo"/);
});

describe('wrong types from JavaScript', () => {
  const create = (props: unknown, id = 'Accounts', stack = stackNamed('Data')) =>
    new AccountExport(stack, id, props as AccountExportProps);

  it.each([
    [{ bucket: 'name' }, /^Invalid props of AccountExport: bucket must be an IBucket, such as Bucket\.fromBucketName/],
    [{ encryptionKey: 'arn' }, /encryptionKey must be an IKey/],
    [{ vpc: 'vpc-1' }, /vpc must be an IVpc/],
    [{ topic: 'arn', secret: null }, /topic must be an ITopic, .*; secret must be an ISecret/],
    [{ permissionsBoundary: {} }, /permissionsBoundary must be an IManagedPolicy/],
    [{ securityGroups: 'sg-1', vpcSubnets: 'subnet-1' }, /vpcSubnets must be .*; securityGroups must be a list/],
    [{ exports: 'x' }, /exports must be a list of exports \(got "x"\)/],
    [{ exports: ['x'] }, /exports\[0\] /],
  ])('name the prop: %j', (props, message) => {
    expect(() => create({ ...SETTINGS, ...props })).toThrow(message);
  });

  it('name what is missing', () => {
    expect(() => create(undefined)).toThrow(/^Invalid props of AccountExport: accountName .*instance .*exports /);
  });

  it('include a FIFO topic', () => {
    const stack = stackNamed('Data');
    const topic = new Topic(stack, 'Topic', { fifo: true });
    expect(() => create({ ...SETTINGS, topic }, 'Accounts', stack)).toThrow(/topic must be a standard topic/);
  });

  it('include ids that are equal in outputs', () => {
    const stack = stackNamed('Data');
    create(SETTINGS, 'a-b', stack);
    expect(() => create(SETTINGS, 'a_b', stack)).toThrow(
      'The ids of two AccountExport constructs clash ("Data/a-b" and "Data/a_b"): choose ids that differ in letters or digits.',
    );
  });
});

it('reads a secret of another account by its ARN', () => {
  const stack = stackNamed('Data');
  const arn = 'arn:aws:secretsmanager:eu-west-1:444455556666:secret:key-AbCdEf';
  new AccountExport(stack, 'Accounts', { ...SETTINGS, secret: Secret.fromSecretCompleteArn(stack, 'S', arn) });
  const variables = { SECRET_ID: arn };
  Template.fromStack(stack).hasResourceProperties('AWS::Lambda::Function', { Environment: { Variables: variables } });
});

it('leaves a tag of the app as it is', () => {
  const stack = stackNamed('Data');
  Tags.of(stack).add('application', 'crm');
  new AccountExport(stack, 'Accounts', SETTINGS);
  const [bucket] = ofType(stack, 'AWS::S3::Bucket');
  expect(bucket?.Properties.Tags).toEqual([{ Key: 'application', Value: 'crm' }]);
});

it('grants and measures', () => {
  const stack = stackNamed('Data');
  const accounts = new AccountExport(stack, 'Accounts', SETTINGS);
  const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  for (const grant of [accounts.grantStart(role), accounts.grantQuery(role), accounts.grantOperate(role)])
    expect(grant.success).toBe(true);
  const dimensions = { service: 'account-export', stack: 'Data/Accounts' };
  expect(accounts.metricPublished()).toMatchObject({ metricName: 'Accounts', dimensions });
  expect(accounts.metricRecordsFetched()).toMatchObject({ metricName: 'RecordsFetched', dimensions });
  expect(accounts.metricAge('all-accounts')).toMatchObject({
    metricName: 'PublishedAgeHours',
    dimensions: { ...dimensions, export: 'all-accounts' },
  });
  expect(accounts.metricFailed()).toMatchObject({ metricName: 'ExecutionsFailed' });
});
