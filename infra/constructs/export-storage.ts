import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { AccessLogs } from './access-logs.ts';
import { RESULTS_PREFIX } from './account-catalog.ts';

export interface ExportStorageProps {
  /** Days until what lies under `work/` expires. */
  readonly workRetentionDays: number;
  /** Whether objects go when the stack goes. */
  readonly deletable: boolean;
  /** Where S3 writes who read and wrote what. */
  readonly accessLogs: AccessLogs;
  /** @default S3 encrypts with a key of its own */
  readonly encryptionKey?: IKey | undefined;
}

/** Results can be had again by asking again. */
const RESULT_RETENTION = Duration.days(30);

/**
 * The bucket of parts, manifests and work.
 *
 * Not versioned: parts are written under keys that no other run uses, a retry writes the same, and a version of every
 * expired object would be kept and paid for.
 */
export class ExportStorage extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: ExportStorageProps) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: props.encryptionKey ? BucketEncryption.KMS : BucketEncryption.S3_MANAGED,
      // A key of the bucket's own, derived from the customer's: one call of KMS for many objects, and not one for each.
      ...(props.encryptionKey ? { encryptionKey: props.encryptionKey, bucketKeyEnabled: true } : {}),
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [
        { id: 'work', prefix: 'work/', expiration: Duration.days(props.workRetentionDays) },
        { id: 'query-results', prefix: RESULTS_PREFIX, expiration: RESULT_RETENTION },
        { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) },
      ],
      removalPolicy: props.deletable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      autoDeleteObjects: props.deletable,
    });
    props.accessLogs.recordAccessTo(this.bucket);
  }
}
