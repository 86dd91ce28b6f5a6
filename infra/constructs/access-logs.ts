import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Duration, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { kept } from './kept.ts';

export interface AccessLogsProps {
  readonly retentionDays: number;
  /** Whether the logs are deleted with the stack. */
  readonly deletable: boolean;
}

/**
 * The bucket for access logs: S3 server access logs of the data bucket, and flow logs of the stack's own network.
 *
 * A separate bucket, so that roles that read data cannot read or delete its access logs. It uses S3-managed encryption
 * even where the data uses a customer key: S3 does not deliver access logs to a bucket encrypted with a KMS key (S3 user
 * guide, "Enabling server access logging").
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
      removalPolicy: kept(deletable),
      autoDeleteObjects: deletable,
    });
  }

  /**
   * Logs access to another bucket here. The bucket policy is needed because access control lists are disabled; CDK's own
   * property adds it only with a feature flag.
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
