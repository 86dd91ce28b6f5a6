import {
  CfnEIP,
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
  NatProvider,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { NetworkConfig } from '../stack-config.ts';

export interface ApiNetworkProps {
  readonly network: NetworkConfig;
  /** The only bucket that can be reached from a network of the stack's own. */
  readonly bucket: IBucket;
  /** Where the log of the network's connections goes. */
  readonly accessLogs: IBucket;
}

/** Where functions run that call the API. */
export interface FunctionNetwork {
  readonly vpc: IVpc;
  readonly subnets: readonly ISubnet[];
  readonly securityGroups: readonly ISecurityGroup[];
}

/** The network from which the API is called: one that is there already, or a small one with one known address. */
export class ApiNetwork extends Construct implements FunctionNetwork {
  readonly vpc: IVpc;
  readonly subnets: readonly ISubnet[];
  readonly securityGroups: readonly ISecurityGroup[];
  /** The address that the API sees; of an existing network the stack does not know it. */
  readonly egressIp?: string;

  constructor(scope: Construct, id: string, { network, bucket, accessLogs }: ApiNetworkProps) {
    super(scope, id);
    if (network.fixedEgressIp) {
      const { vpc, egressIp } = this.ownVpc(bucket, accessLogs);
      this.vpc = vpc;
      this.subnets = vpc.privateSubnets;
      this.securityGroups = [this.httpsOnly(vpc)];
      this.egressIp = egressIp;
      return;
    }
    const { vpcId = '', subnetIds = [], securityGroupIds = [] } = network;
    // Nothing is looked up, so that synthesis needs no credentials. The zones stand for those that the subnets lie in: only
    // their number matters here, and none of them reaches the template.
    this.vpc = Vpc.fromVpcAttributes(this, 'Vpc', {
      vpcId,
      availabilityZones: subnetIds.map((_id, i) => `zone-${i}`),
      privateSubnetIds: [...subnetIds],
    });
    acknowledge(
      this.vpc,
      'Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId',
      'The stack adds no route to a network that is not its own, and so needs no route table.',
    );
    this.subnets = this.vpc.privateSubnets;
    this.securityGroups =
      securityGroupIds.length === 0
        ? [this.httpsOnly(this.vpc)]
        : securityGroupIds.map((groupId, i) =>
            SecurityGroup.fromSecurityGroupId(this, `SecurityGroup${i}`, groupId, { mutable: false }),
          );
  }

  /**
   * One zone: a second would need a second NAT gateway, and so a second address to allow, to survive the loss of the first.
   * A run that fails meanwhile goes on where it was.
   */
  private ownVpc(bucket: IBucket, accessLogs: IBucket): { vpc: Vpc; egressIp: string } {
    const address = new CfnEIP(this, 'Address', { domain: 'vpc' });
    const vpc = new Vpc(this, 'Vpc', {
      maxAzs: 1,
      natGateways: 1,
      natGatewayProvider: NatProvider.gateway({ eipAllocationIds: [address.attrAllocationId] }),
      subnetConfiguration: [
        // It holds the NAT gateway alone, whose address is its own.
        { name: 'Egress', subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
        // Functions share network interfaces, so that a thousand pages in flight need but a few addresses.
        { name: 'Functions', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 26 },
      ],
      // Nothing uses the group that every VPC comes with: closed, so that nothing ever does.
      restrictDefaultSecurityGroup: true,
    });
    // The parts go around the NAT gateway, whose every gigabyte is paid for; this endpoint costs nothing. There are no
    // interface endpoints: each costs some 7 USD a month, and what would go through them (the key once in five minutes,
    // some calls to Glue and Step Functions) costs less than a cent through the NAT gateway that the API needs anyway.
    const endpoint = vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
    // Who got hold of a function could carry data off to a bucket of their own: this is the way there, and it is closed.
    endpoint.addToPolicy(
      new PolicyStatement({
        principals: [new AnyPrincipal()],
        actions: ['s3:DeleteObject', 's3:GetObject', 's3:ListBucket', 's3:PutObject'],
        resources: [bucket.bucketArn, bucket.arnForObjects('*')],
      }),
    );
    vpc.addFlowLog('Connections', {
      destination: FlowLogDestination.toS3(accessLogs, 'network'),
      trafficType: FlowLogTrafficType.ALL,
    });
    return { vpc, egressIp: address.attrPublicIp };
  }

  /**
   * Nobody calls a function over the network, and a function calls nobody but by HTTPS. Names are resolved by the VPC's own
   * resolver, which security groups do not filter; a network with resolvers of its own needs its own group.
   */
  private httpsOnly(vpc: IVpc): SecurityGroup {
    const group = new SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Account Export: HTTPS out, nothing in',
      allowAllOutbound: false,
    });
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'HTTPS to the API and to AWS');
    return group;
  }
}
