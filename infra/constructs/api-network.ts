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
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';
import type { NetworkConfig } from '../stack-config.ts';
import { kept } from './kept.ts';

/** A network of the same app. */
export interface ExistingNetwork {
  readonly vpc: IVpc;
  /** @default private subnets with egress */
  readonly subnets?: SubnetSelection | undefined;
  /** @default a group that admits only HTTPS to the outside */
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
}

export interface ApiNetworkProps {
  readonly network: NetworkConfig | ExistingNetwork;
  /** The only bucket that can be reached from the new network. */
  readonly bucket: IBucket;
  /** Receives the flow logs of the new network. */
  readonly accessLogs?: IBucket | undefined;
  /** Whether the fixed address is released with the stack. */
  readonly deletable: boolean;
}

/** The network of functions that call the API. */
export interface FunctionNetwork {
  readonly vpc: IVpc;
  readonly subnets: readonly ISubnet[];
  readonly securityGroups: readonly ISecurityGroup[];
}

/** The network to call the API from: an existing VPC, or a new one with one fixed address. */
export class ApiNetwork extends Construct implements FunctionNetwork {
  readonly vpc: IVpc;
  readonly subnets: readonly ISubnet[];
  readonly securityGroups: readonly ISecurityGroup[];
  /** The address that the API sees; unknown for an existing VPC. */
  readonly egressIp?: string;

  constructor(scope: Construct, id: string, props: ApiNetworkProps) {
    super(scope, id);
    const { network } = props;
    if ('vpc' in network) {
      this.vpc = network.vpc;
      this.subnets = network.vpc.selectSubnets(
        network.subnets ?? { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      ).subnets;
      this.securityGroups = network.securityGroups ?? [this.httpsOnly(this.vpc)];
      return;
    }
    if (network.fixedEgressIp) {
      const { vpc, egressIp } = this.ownVpc(props, network);
      this.vpc = vpc;
      this.subnets = vpc.privateSubnets;
      this.securityGroups = [this.httpsOnly(vpc)];
      this.egressIp = egressIp;
      return;
    }
    const { vpcId = '', subnetIds = [], securityGroupIds = [] } = network;
    // No lookup, so that synthesis needs no credentials. CDK needs one zone per subnet; the names are not in the template.
    this.vpc = Vpc.fromVpcAttributes(this, 'Vpc', {
      vpcId,
      availabilityZones: subnetIds.map((_id, i) => `zone-${i}`),
      privateSubnetIds: [...subnetIds],
    });
    acknowledge(
      this.vpc,
      'Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId',
      'The stack adds no routes to an existing VPC, so it needs no route table ids.',
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
   * Functions in two availability zones, which cost nothing, and one NAT gateway: a second would cost as much again, and need
   * a second address in the IP Accept List of the API key. A run that fails while its zone is down can be resumed.
   */
  private ownVpc(
    { bucket, accessLogs, deletable }: ApiNetworkProps,
    { availabilityZones }: NetworkConfig,
  ): { vpc: Vpc; egressIp: string } {
    const address = new CfnEIP(this, 'Address', { domain: 'vpc' });
    // It is in the IP Accept List of the API key, and a released address cannot be had again.
    address.applyRemovalPolicy(kept(deletable));
    const vpc = new Vpc(this, 'Vpc', {
      ...(availabilityZones ? { availabilityZones } : { maxAzs: 2 }),
      natGateways: 1,
      natGatewayProvider: NatProvider.gateway({ eipAllocationIds: [address.attrAllocationId] }),
      subnetConfiguration: [
        // Only the NAT gateway, which has its own address.
        { name: 'Egress', subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
        // Functions share network interfaces, so a few addresses are enough for a thousand concurrent pages.
        { name: 'Functions', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 26 },
      ],
      restrictDefaultSecurityGroup: true,
    });
    // Parts bypass the NAT gateway, which charges per gigabyte; this endpoint is free. An interface endpoint costs about
    // 7 USD a month, while the few calls to Secrets Manager, Glue and Step Functions cost less than a cent through the NAT
    // gateway.
    const endpoint = vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
    // A compromised function cannot copy data to a bucket of another account.
    endpoint.addToPolicy(
      new PolicyStatement({
        principals: [new AnyPrincipal()],
        actions: ['s3:DeleteObject', 's3:GetObject', 's3:ListBucket', 's3:PutObject'],
        resources: [bucket.bucketArn, bucket.arnForObjects('*')],
      }),
    );
    if (accessLogs) {
      vpc.addFlowLog('Connections', {
        destination: FlowLogDestination.toS3(accessLogs, 'network'),
        trafficType: FlowLogTrafficType.ALL,
      });
    }
    return { vpc, egressIp: address.attrPublicIp };
  }

  /**
   * Functions accept no connections and only open HTTPS ones. Security groups do not filter the VPC's own DNS resolver; a
   * VPC with other resolvers needs its own security group.
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
