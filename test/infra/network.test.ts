import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG, synthesized } from '../support/synthesized.ts';
import { type ConfigurationName, configuredStack, EXISTING_VPC } from './configured-stack.ts';

const HTTPS_OUT = [
  { CidrIp: '0.0.0.0/0', Description: 'HTTPS to the API and to AWS', FromPort: 443, IpProtocol: 'tcp', ToPort: 443 },
];

const SHAPES = 'network must be {"vpcId":"vpc-…","subnetIds":["subnet-…"]} or {"fixedEgressIp":true}';

/** The VPC configurations of the functions that have one, by function. */
function networks(name: ConfigurationName): Record<string, unknown> {
  const functions = Object.entries(configuredStack(name).template.findResources('AWS::Lambda::Function'));
  return Object.fromEntries(
    functions
      .filter(([, { Properties }]) => Properties.VpcConfig !== undefined)
      .map(([id, { Properties }]) => [id.replace(/Function[0-9A-F]{8}$/, ''), Properties.VpcConfig]),
  );
}

describe('without a network', () => {
  it('no network resources exist, and no function is in a VPC', () => {
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

  it('is the only address of the functions, and is an output', () => {
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
    expect(Object.values(subnets).map(({ Properties }) => Properties.MapPublicIpOnLaunch)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    const functions = Object.keys(subnets).filter((id) => id.includes('FunctionsSubnet'));
    const [nat = ''] = Object.keys(template.findResources('AWS::EC2::NatGateway'));
    template.hasResourceProperties('AWS::EC2::Route', {
      DestinationCidrBlock: '0.0.0.0/0',
      NatGatewayId: { Ref: nat },
    });
    for (const network of Object.values(networks('a fixed address'))) {
      expect(network).toMatchObject({ SubnetIds: functions.map((Ref) => ({ Ref })) });
    }
  });

  it('is kept when the stack is deleted, because it is in the allowlist of the API key', () => {
    template.hasResource('AWS::EC2::EIP', { DeletionPolicy: 'RetainExceptOnCreate' });
  });

  it('has functions in two availability zones, of which one NAT gateway serves both', () => {
    const subnets = Object.entries(template.findResources('AWS::EC2::Subnet'));
    const zones = subnets
      .filter(([id]) => id.includes('FunctionsSubnet'))
      .map(([, { Properties }]) => Properties.AvailabilityZone['Fn::Select'][0]);
    expect(zones).toEqual([0, 1]);
    const throughNat = { Properties: { DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: Match.anyValue() } };
    expect(Object.keys(template.findResources('AWS::EC2::Route', throughNat))).toHaveLength(2);
  });

  it.each([[['us-east-1b']], [['us-east-1d', 'us-east-1b']]])('can be in the zones %j', (availabilityZones) => {
    const chosen = synthesized({ network: { fixedEgressIp: true, availabilityZones } });
    const subnets = Object.values(chosen.findResources('AWS::EC2::Subnet'));
    expect(new Set(subnets.map(({ Properties }) => Properties.AvailabilityZone))).toEqual(new Set(availabilityZones));
    chosen.resourceCountIs('AWS::EC2::NatGateway', 1);
  });

  it('is used by the functions that call the API, and by no others', () => {
    expect(Object.keys(networks('a fixed address')).sort()).toEqual(['ExportPage', 'PlanExport', 'PublishRun']);
  });

  it('allows HTTPS out and nothing in', () => {
    template.resourceCountIs('AWS::EC2::SecurityGroup', 1);
    const [group] = Object.values(template.findResources('AWS::EC2::SecurityGroup'));
    expect(group?.Properties.SecurityGroupEgress).toEqual(HTTPS_OUT);
    expect(group?.Properties).not.toHaveProperty('SecurityGroupIngress');
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
    // The default security group allows nothing.
    template.resourceCountIs('Custom::VpcRestrictDefaultSG', 1);
  });

  it('reaches the data bucket through a free endpoint, and no other bucket', () => {
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

  it('delivers flow logs to the bucket of the access logs', () => {
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

  it('is used unchanged, with a new security group', () => {
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

  it('can have its own security groups', () => {
    const name = 'an existing secret and security group';
    configuredStack(name).template.resourceCountIs('AWS::EC2::SecurityGroup', 0);
    expect(networks(name).PlanExport).toEqual({
      SubnetIds: EXISTING_VPC.subnetIds,
      SecurityGroupIds: ['sg-0123456789abcdef0'],
    });
  });
});

describe('the rights on network interfaces', () => {
  it('exist before the function, and are denied to its code', () => {
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
              Condition: {
                ArnEquals: {
                  'lambda:SourceFunctionArn': [
                    { 'Fn::GetAtt': [id, 'Arn'] },
                    { 'Fn::Join': ['', [{ 'Fn::GetAtt': [id, 'Arn'] }, ':*']] },
                  ],
                },
              },
            }),
          ],
        },
      });
    }
  });
});

describe('an invalid network is refused', () => {
  it.each([
    ['without subnets', { vpcId: EXISTING_VPC.vpcId }, SHAPES],
    ['without any key', {}, SHAPES],
    ['as a text', 'vpc-0123456789abcdef0', SHAPES],
    ['of both kinds', { ...EXISTING_VPC, fixedEgressIp: true }, 'must have either fixedEgressIp'],
    ['with fixedEgressIp: false', { fixedEgressIp: false }, 'network.fixedEgressIp must be true'],
    [
      'with the name of a subnet',
      { ...EXISTING_VPC, subnetIds: ['private-a'] },
      'network.subnetIds[0] must be an id such as subnet-0123456789abcdef0 (got "private-a")',
    ],
    ['with no subnets', { ...EXISTING_VPC, subnetIds: [] }, 'must be a list of 1 to 16 ids such as subnet-'],
    [
      'with zones of an existing network',
      { ...EXISTING_VPC, availabilityZones: ['us-east-1a'] },
      'network must not have availabilityZones together with subnetIds',
    ],
    [
      'with the id of a zone',
      { fixedEgressIp: true, availabilityZones: ['use1-az3'] },
      'must be a list of 1 or 2 availability zones such as us-east-1a',
    ],
    ['with an unknown key', { ...EXISTING_VPC, zone: 'a' }, 'unknown key "zone" in network'],
  ])('%s', (_what, network, message) => {
    expect(() => parseStackConfig({ ...CONFIG, network })).toThrow(message);
  });
});
