/** What the stack costs can be told from a bill, because all that it makes carries tags. */
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG, synthesized } from '../support/synthesized.ts';
import { CONFIGURATIONS, type ConfigurationName, configuredStack } from './configured-stack.ts';

/** What has no tags in CloudFormation, or belongs to something that has. */
const WITHOUT_TAGS = [
  'AWS::Athena::NamedQuery',
  'AWS::EC2::Route',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::VPCGatewayAttachment',
  'AWS::Glue::Database',
  'AWS::Glue::Table',
  'AWS::IAM::Policy',
  'AWS::Logs::QueryDefinition',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::Scheduler::Schedule',
  'Custom::S3AutoDeleteObjects',
  'Custom::VpcRestrictDefaultSG',
];
const TAGGED = [
  'AWS::Athena::WorkGroup',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Events::Rule',
  'AWS::IAM::Role',
  'AWS::Lambda::Function',
  'AWS::Logs::LogGroup',
  'AWS::S3::Bucket',
  'AWS::SNS::Topic',
  'AWS::SQS::Queue',
  'AWS::SecretsManager::Secret',
  'AWS::StepFunctions::StateMachine',
];
const MORE_WITH_ALL = [
  'AWS::Budgets::Budget',
  'AWS::EC2::EIP',
  'AWS::EC2::FlowLog',
  'AWS::EC2::InternetGateway',
  'AWS::EC2::NatGateway',
  'AWS::EC2::RouteTable',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::Subnet',
  'AWS::EC2::VPC',
  'AWS::EC2::VPCEndpoint',
  'AWS::KMS::Key',
];

interface Resource {
  readonly id: string;
  readonly type: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** CDK's own custom resources come as plain CloudFormation, which it does not tag: the stack's tags reach them. */
const isOfCustomResource = ({ id }: Resource) => /^Custom.*CustomResourceProvider(Handler|Role)/.test(id);

function resources(template: Template): Resource[] {
  return Object.entries(template.toJSON().Resources as Record<string, { Type: string; Properties?: object }>).map(
    ([id, { Type, Properties = {} }]) => {
      const { Tags = [], ResourceTags = [] } = Properties as Record<string, { Key: string; Value: string }[] | object>;
      const list = [Tags, ResourceTags].flatMap((tags) =>
        Array.isArray(tags) ? tags.map(({ Key, Value }) => [Key, Value] as const) : Object.entries(tags),
      );
      return { id, type: Type, tags: Object.fromEntries(list) };
    },
  );
}

describe('the tags', () => {
  it.each([
    ['the default', TAGGED],
    ['all of it', [...TAGGED, ...MORE_WITH_ALL].sort()],
  ] as const)('with %s are on all that can have some', (name, tagged) => {
    const all = resources(configuredStack(name).template).filter((one) => !isOfCustomResource(one));
    const types = new Set(all.filter(({ type }) => !WITHOUT_TAGS.includes(type)).map(({ type }) => type));
    expect([...types].sort()).toEqual(tagged);
    const without = all.filter(({ type, tags }) => types.has(type) && tags.application !== 'account-export');
    expect(without).toEqual([]);
  });

  it.each(Object.keys(CONFIGURATIONS) as ConfigurationName[])('with %s are on the stack too', (name) => {
    const own = name === 'all of it' ? { 'cost-center': '4711' } : {};
    expect(configuredStack(name).stack.tags.tagValues()).toEqual({ application: 'account-export', ...own });
  });

  it('of the configuration stand beside ours', () => {
    const [secret] = Object.values(
      configuredStack('all of it').template.findResources('AWS::SecretsManager::Secret'),
    ).map(({ Properties }) => Properties.Tags);
    expect(secret).toEqual([
      { Key: 'application', Value: 'account-export' },
      { Key: 'cost-center', Value: '4711' },
    ]);
  });

  it('have one for the application alone, in the words of the company where it has some', () => {
    const [queue] = Object.values(
      synthesized({ tags: { Application: 'Accounts: EMEA' } }).findResources('AWS::SQS::Queue'),
    );
    expect(queue?.Properties.Tags).toEqual([{ Key: 'Application', Value: 'Accounts: EMEA' }]);
  });

  it('are no more than AWS takes on a resource, when as many are configured as may be', () => {
    const tags = Object.fromEntries(Array.from({ length: 46 }, (_, i) => [`tag-${i}`, 'x']));
    const most = synthesized({ tags, network: { fixedEgressIp: true } });
    expect(Math.max(...resources(most).map((one) => Object.keys(one.tags).length))).toBe(50);
  });

  it.each([
    [{ 'cost-center': '4711', 'Ümlaut + = . _ : / @': 'Größe: 1/2', empty: '' }, 'allowed'],
    [{ 'awsome:x': 'y' }, 'allowed'],
    [{ 'AWS:x': 'y' }, 'tags.AWS:x is "y"; "aws:" is for AWS to begin a tag with.'],
    [{ x: 'aws:y' }, 'tags.x is "aws:y"; "aws:" is for AWS to begin a tag with.'],
    [{ '': 'y' }, 'its key must be 1 to 128 letters, digits, blanks and _ . : / = + - @.'],
    [{ ['k'.repeat(129)]: 'y' }, 'its key must be 1 to 128 letters'],
    [{ 'a,b': 'y' }, 'tags.a,b is "y"; its key must be 1 to 128 letters'],
    [{ x: 'a;b' }, 'tags.x is "a;b"; up to 256 letters, digits, blanks and _ . : / = + - @ are needed.'],
    [{ x: 'v'.repeat(257) }, 'up to 256 letters'],
    [{ x: 4711 }, 'tags.x is 4711; a text is needed.'],
    [{ team: 'a', Team: 'b' }, 'tags.Team is "b"; another key differs from it in case alone, which IAM takes for the'],
    [['a'], 'up to 46 texts by their keys are needed, such as {"cost-center":"4711"}.'],
    [Object.fromEntries(Array.from({ length: 47 }, (_, i) => [`k${i}`, ''])), 'up to 46 texts by their keys'],
  ])('are as AWS takes them: %j', (tags, said) => {
    const parse = () => parseStackConfig({ ...CONFIG, tags });
    if (said === 'allowed') expect(parse().tags).toEqual(tags);
    else expect(parse).toThrow(said);
  });
});
