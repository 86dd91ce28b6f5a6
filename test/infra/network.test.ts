import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG } from '../support/synthesized.ts';
import { type ConfigurationName, configuredStack, EXISTING_VPC } from './configured-stack.ts';

const HTTPS_OUT = [
  { CidrIp: '0.0.0.0/0', Description: 'HTTPS to the API and to AWS', FromPort: 443, IpProtocol: 'tcp', ToPort: 443 },
];

/** The networks of the functions, by the name of each; nothing for those that are in none. */
function networks(name: ConfigurationName): Record<string, unknown> {
  const functions = Object.entries(configuredStack(name).template.findResources('AWS::Lambda::Function'));
  return Object.fromEntries(
    functions
      .filter(([, { Properties }]) => Properties.VpcConfig !== undefined)
      .map(([id, { Properties }]) => [id.replace(/Function[0-9A-F]{8}$/, ''), Properties.VpcConfig]),
  );
}

describe('without a network', () => {
  it('nothing of one is made, and no function is in one', () => {
    const { template } = configuredStack('the default');
    expect(Object.keys(template.toJSON().Resources).length).toBeGreaterThan(0);
    for (const type of ['VPC', 'NatGateway', 'EIP', 'SecurityGroup', 'VPCEndpoint']) {
      template.resourceCountIs(`AWS::EC2::${type}`, 0);
    }
    expect(networks('the default')).toEqual({});
  });
});

describe('a fixed address', () => {
  const { template } = configuredStack('a fixed address');

  it('is the only one that the functions can call the API from, and an output tells it', () => {
    template.resourceCountIs('AWS::EC2::NatGateway', 1);
    template.resourceCountIs('AWS::EC2::EIP', 1);
    const [address = ''] = Object.keys(template.findResources('AWS::EC2::EIP'));
    template.hasResourceProperties('AWS::EC2::NatGateway', {
      AllocationId: { 'Fn::GetAtt': [address, 'AllocationId'] },
    });
    expect(Object.values(template.findOutputs('EgressIp')).map(({ Value }) => Value)).toEqual([
      { 'Fn::GetAtt': [address, 'PublicIp'] },
    ]);
    const subnets = template.findResources('AWS::EC2::Subnet');
    expect(Object.values(subnets).map(({ Properties }) => Properties.MapPublicIpOnLaunch)).toEqual([false, false]);
    const [functions = ''] = Object.keys(subnets).filter((id) => id.includes('FunctionsSubnet'));
    const [nat = ''] = Object.keys(template.findResources('AWS::EC2::NatGateway'));
    template.hasResourceProperties('AWS::EC2::Route', {
      DestinationCidrBlock: '0.0.0.0/0',
      NatGatewayId: { Ref: nat },
    });
    for (const network of Object.values(networks('a fixed address'))) {
      expect(network).toMatchObject({ SubnetIds: [{ Ref: functions }] });
    }
  });

  it('is that of planning, pages and publishing; nothing else needs it', () => {
    expect(Object.keys(networks('a fixed address')).sort()).toEqual(['ExportPage', 'PlanExport', 'PublishRun']);
  });

  it('lets out HTTPS and lets nothing in', () => {
    template.resourceCountIs('AWS::EC2::SecurityGroup', 1);
    const [group] = Object.values(template.findResources('AWS::EC2::SecurityGroup'));
    expect(group?.Properties.SecurityGroupEgress).toEqual(HTTPS_OUT);
    expect(group?.Properties).not.toHaveProperty('SecurityGroupIngress');
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
    // The group that every VPC comes with is emptied.
    template.resourceCountIs('Custom::VpcRestrictDefaultSG', 1);
  });

  it('is not paid for what goes to the bucket, and no other bucket can be reached', () => {
    template.resourceCountIs('AWS::EC2::VPCEndpoint', 1);
    const [bucket = ''] = Object.keys(template.findResources('AWS::S3::Bucket')).filter((id) =>
      id.startsWith('Storage'),
    );
    const arn = { 'Fn::GetAtt': [bucket, 'Arn'] };
    template.hasResourceProperties('AWS::EC2::VPCEndpoint', {
      VpcEndpointType: 'Gateway',
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: '*' },
            Action: ['s3:DeleteObject', 's3:GetObject', 's3:ListBucket', 's3:PutObject'],
            Resource: [arn, { 'Fn::Join': ['', [arn, '/*']] }],
          },
        ],
      },
    });
  });

  it('leaves a log of its connections beside the access logs', () => {
    const [logs = ''] = Object.keys(template.findResources('AWS::S3::Bucket')).filter((id) => id.startsWith('Access'));
    template.hasResourceProperties('AWS::EC2::FlowLog', {
      TrafficType: 'ALL',
      LogDestinationType: 's3',
      LogDestination: { 'Fn::Join': ['', [{ 'Fn::GetAtt': [logs, 'Arn'] }, '/network']] },
    });
  });
});

describe('an existing network', () => {
  const { template } = configuredStack('an existing VPC');

  it('is used as it is: its subnets, and a security group of the stack', () => {
    for (const type of ['VPC', 'Subnet', 'NatGateway', 'EIP', 'Route', 'VPCEndpoint']) {
      template.resourceCountIs(`AWS::EC2::${type}`, 0);
    }
    const [group = ''] = Object.keys(template.findResources('AWS::EC2::SecurityGroup'));
    template.hasResourceProperties('AWS::EC2::SecurityGroup', {
      VpcId: EXISTING_VPC.vpcId,
      SecurityGroupEgress: HTTPS_OUT,
      SecurityGroupIngress: Match.absent(),
    });
    expect(networks('an existing VPC').ExportPage).toEqual({
      SubnetIds: EXISTING_VPC.subnetIds,
      SecurityGroupIds: [{ 'Fn::GetAtt': [group, 'GroupId'] }],
    });
    expect(template.findOutputs('EgressIp')).toEqual({});
  });

  it('may bring its own security groups', () => {
    const name = 'a secret and a security group that exist';
    configuredStack(name).template.resourceCountIs('AWS::EC2::SecurityGroup', 0);
    expect(networks(name).PlanExport).toEqual({
      SubnetIds: EXISTING_VPC.subnetIds,
      SecurityGroupIds: ['sg-0123456789abcdef0'],
    });
  });
});

describe('the rights of a network', () => {
  it('are there before the function, and its code is denied them', () => {
    const { template } = configuredStack('a fixed address');
    for (const [id, resource] of Object.entries(template.findResources('AWS::Lambda::Function'))) {
      if (resource.Properties.VpcConfig === undefined) continue;
      expect((resource.DependsOn as string[]).some((on) => on.includes('NetworkInterfaces'))).toBe(true);
      template.hasResourceProperties('AWS::IAM::Policy', {
        PolicyDocument: {
          Statement: [
            Match.objectLike({
              Effect: 'Deny',
              Action: Match.arrayWith(['ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface']),
              Resource: '*',
              Condition: { ArnEquals: { 'lambda:SourceFunctionArn': { 'Fn::GetAtt': [id, 'Arn'] } } },
            }),
          ],
        },
      });
    }
  });
});

describe('a network that cannot be', () => {
  it.each([
    ['one without subnets', { vpcId: EXISTING_VPC.vpcId }, /network .*"vpcId":.*or \{"fixedEgressIp":true\} is needed/],
    ['none of both', {}, /or \{"fixedEgressIp":true\} is needed/],
    ['a text', 'vpc-0123456789abcdef0', /or \{"fixedEgressIp":true\} is needed/],
    ['both', { ...EXISTING_VPC, fixedEgressIp: true }, /makes a network of its own: leave the ids out/],
    ['no fixed address', { fixedEgressIp: false }, /network\.fixedEgressIp is false; true is needed/],
    [
      'a subnet by its name',
      { ...EXISTING_VPC, subnetIds: ['private-a'] },
      /subnetIds\[0\] is "private-a"; an id such as/,
    ],
    ['no subnets', { ...EXISTING_VPC, subnetIds: [] }, /a list of one to 16 ids such as subnet-/],
    ['a zone', { ...EXISTING_VPC, zone: 'a' }, /network: "zone" is not known/],
  ])('%s, is refused with what is allowed', (_what, network, message) => {
    expect(() => parseStackConfig({ ...CONFIG, network })).toThrow(message);
  });

  it('an encryption that is not known, is refused too', () => {
    expect(() => parseStackConfig({ ...CONFIG, encryption: 'kms' })).toThrow(
      /encryption is "kms"; "s3-managed" or "customer-key" is needed/,
    );
  });
});
