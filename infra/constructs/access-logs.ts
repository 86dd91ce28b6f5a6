import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

export interface AccessLogsProps {
  readonly retentionDays: number;
  /** Whether logs go when the stack goes. */
  readonly deletable: boolean;
}

/**
 * The bucket of the logs that say who read and wrote what: of the data bucket, and of the network where there is one.
 *
 * A bucket of its own, so that who may read data cannot read or remove the traces of it, and so that writing a log line
 * makes no log line. Encrypted by S3's key also where the data is by the customer's: S3 delivers its logs to no bucket that
 * a key of KMS encrypts (S3 user guide, "Enabling server access logging").
 */
export class AccessLogs extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, { retentionDays, deletable }: AccessLogsProps) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [
        { id: 'logs', expiration: Duration.days(retentionDays) },
        { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) },
      ],
      removalPolicy: deletable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: deletable,
    });
  }

  /**
   * Lets S3 write here who read and wrote what in another bucket. By a policy that names that bucket, as it must be where
   * nobody has access control lists; the property of CDK's Bucket writes one only under a feature flag.
   */
  recordAccessTo(bucket: Bucket): void {
    const prefix = 'objects/';
    (bucket.node.defaultChild as CfnBucket).loggingConfiguration = {
      destinationBucketName: this.bucket.bucketName,
      logFilePrefix: prefix,
    };
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('logging.s3.amazonaws.com')],
        actions: ['s3:PutObject'],
        resources: [this.bucket.arnForObjects(`${prefix}*`)],
        conditions: {
          ArnEquals: { 'aws:SourceArn': bucket.bucketArn },
          StringEquals: { 'aws:SourceAccount': Stack.of(this).account },
        },
      }),
    );
  }
}
