// A stack with its own bucket, key, network, topic and secret, two exports, and grants for the people who use them.
import { AccountExport } from 'account-export';
import { App, Stack } from 'aws-cdk-lib';
import { IpAddresses, Vpc } from 'aws-cdk-lib/aws-ec2';
import { AccountRootPrincipal, ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';

const app = new App();
const stack = new Stack(app, 'Data');
const encryptionKey = new Key(stack, 'Key', { enableKeyRotation: true });
const accounts = new AccountExport(stack, 'Accounts', {
  accountName: 'acme',
  instance: 'us-5',
  exports: [
    {
      name: 'all-accounts',
      datasetId: 'engage',
      window: 'P7D',
      schedule: 'cron(0 6 * * ? *)',
      timeZone: 'Europe/Berlin',
    },
    { name: 'emea', datasetId: 'engage', format: 'csv', filter: 'Tier 1 & 2/EMEA', attributeColumns: ['industry'] },
  ],
  concurrency: 10,
  retentionDays: 90,
  tags: { 'cost-center': '4711' },
  encryptionKey,
  bucket: new Bucket(stack, 'Bucket', {
    encryption: BucketEncryption.KMS,
    encryptionKey,
    bucketKeyEnabled: true,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
  }),
  secret: new Secret(stack, 'ApiKey', { encryptionKey }),
  topic: new Topic(stack, 'Failures', { masterKey: encryptionKey, enforceSSL: true }),
  vpc: new Vpc(stack, 'Vpc', { ipAddresses: IpAddresses.cidr('10.0.0.0/16'), maxAzs: 2, natGateways: 1 }),
  permissionsBoundary: ManagedPolicy.fromManagedPolicyName(stack, 'Boundary', 'developer-boundary'),
});

accounts.grantQuery(new Role(stack, 'Analysts', { assumedBy: new AccountRootPrincipal() }));
accounts.grantOperate(new Role(stack, 'Operators', { assumedBy: new AccountRootPrincipal() }));
accounts.grantStart(new Role(stack, 'Upstream', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }));
accounts.metricFailed().createAlarm(stack, 'Failed', { threshold: 1, evaluationPeriods: 1 });
accounts.metricAge('all-accounts').createAlarm(stack, 'Late', { threshold: 30, evaluationPeriods: 1 });
