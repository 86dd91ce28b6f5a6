import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG, synthesized } from '../support/synthesized.ts';
import { CONFIGURATIONS, type ConfigurationName, configuredStack } from './configured-stack.ts';

/** Types without tags in CloudFormation, or that belong to a tagged resource. */
const WITHOUT_TAGS = [
  'AWS::Athena::NamedQuery',
  'AWS::EC2::Route',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::VPCGatewayAttachment',
  'AWS::Glue::Database',
  'AWS::Glue::Table',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::Lambda::Version',
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
  'AWS::Scheduler::ScheduleGroup',
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

/** CDK does not tag the functions of its own custom resources; CloudFormation does, with the tags of the stack. */
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

describe('tags', () => {
  it.each([
    ['the default', TAGGED],
    ['all options', [...TAGGED, ...MORE_WITH_ALL].sort()],
  ] as const)('with %s are on every resource that can have tags', (name, tagged) => {
    const all = resources(configuredStack(name).template).filter((one) => !isOfCustomResource(one));
    const types = new Set(all.filter(({ type }) => !WITHOUT_TAGS.includes(type)).map(({ type }) => type));
    expect([...types].sort()).toEqual(tagged);
    const without = all.filter(({ type, tags }) => types.has(type) && tags.application !== 'account-export');
    expect(without).toEqual([]);
  });

  it.each(Object.keys(CONFIGURATIONS) as ConfigurationName[])('with %s are on the stack', (name) => {
    const own = name === 'all options' ? { 'cost-center': '4711' } : {};
    expect(configuredStack(name).stack.tags.tagValues()).toEqual({ application: 'account-export', ...own });
  });

  it('include the configured ones', () => {
    const [secret] = Object.values(
      configuredStack('all options').template.findResources('AWS::SecretsManager::Secret'),
    ).map(({ Properties }) => Properties.Tags);
    expect(secret).toEqual([
      { Key: 'application', Value: 'account-export' },
      { Key: 'cost-center', Value: '4711' },
    ]);
  });

  it('include one application tag, which the configuration can override in any case', () => {
    const [queue] = Object.values(
      synthesized({ tags: { Application: 'Accounts: EMEA' } }).findResources('AWS::SQS::Queue'),
    );
    expect(queue?.Properties.Tags).toEqual([{ Key: 'Application', Value: 'Accounts: EMEA' }]);
  });

  it('never exceed the limit of 50 per resource', () => {
    const tags = Object.fromEntries(Array.from({ length: 46 }, (_, i) => [`tag-${i}`, 'x']));
    const most = synthesized({ tags, network: { fixedEgressIp: true } });
    expect(Math.max(...resources(most).map((one) => Object.keys(one.tags).length))).toBe(50);
  });

  it.each([
    [{ 'cost-center': '4711', 'Ümlaut + = . _ : / @': 'Größe: 1/2', empty: '' }, 'allowed'],
    [{ 'awsome:x': 'y' }, 'allowed'],
    [{ 'AWS:x': 'y' }, 'tags["AWS:x"] must not start with "aws:" in key or value (got "AWS:x")'],
    [{ x: 'aws:y' }, 'tags.x must not start with "aws:" in key or value (got "aws:y")'],
    [{ '': 'y' }, 'must have a key of 1 to 128 letters, digits, spaces and _ . : / = + - @'],
    [{ ['k'.repeat(129)]: 'y' }, 'must have a key of 1 to 128 letters'],
    [{ 'a,b': 'y' }, 'tags["a,b"] must have a key of 1 to 128 letters, digits, spaces and _ . : / = + - @ (got "a,b")'],
    [{ x: 'a;b' }, 'tags.x must have a value of up to 256 letters, digits, spaces and _ . : / = + - @ (got "a;b")'],
    [{ x: 'v'.repeat(257) }, 'must have a value of up to 256 letters'],
    [{ x: 4711 }, 'tags.x must be a string (got 4711)'],
    [{ team: 'a', Team: 'b' }, 'tags.Team must be unique regardless of upper or lower case (got ["team","Team"])'],
    [['a'], 'tags must be an object of up to 46 strings, such as {"cost-center":"4711"}'],
    [Object.fromEntries(Array.from({ length: 47 }, (_, i) => [`k${i}`, ''])), 'must be an object of up to 46 strings'],
  ])('follow the rules of AWS (%#)', (tags, error) => {
    const parse = () => parseStackConfig({ ...CONFIG, tags });
    if (error === 'allowed') expect(parse().tags).toEqual(tags);
    else expect(parse).toThrow(error);
  });
});
