import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { ExportError } from '../../functions/model/errors.ts';
import type { AccessLogs } from './access-logs.ts';
import { RESULTS_PREFIX } from './account-catalog.ts';
import { kept } from './kept.ts';

export interface ExportStorageProps {
  /** Days until objects in `work/` expire. */
  readonly workRetentionDays: number;
  /** Whether objects are deleted with the stack. */
  readonly deletable: boolean;
  /** A bucket to use instead. @default a new bucket */
  readonly existing?: IBucket | undefined;
  /** Receives the access logs of a new bucket. */
  readonly accessLogs?: AccessLogs | undefined;
  /** @default S3-managed encryption */
  readonly encryptionKey?: IKey | undefined;
}

/** Buckets that were passed in. Two deployments would mix their runs in one. */
const inUse = new WeakSet<IBucket>();

/** Query results can be recreated by running the query again. */
const RESULT_RETENTION = Duration.days(30);

/**
 * The bucket with parts, manifests and the working files of runs.
 *
 * Not versioned: every run writes its own keys, a retry writes the same content, and versions of expired objects would cost
 * money.
 */
export class ExportStorage extends Construct {
  readonly bucket: IBucket;

  constructor(scope: Construct, id: string, props: ExportStorageProps) {
    super(scope, id);
    const lifecycleRules: LifecycleRule[] = [
      { id: 'work', prefix: 'work/', expiration: Duration.days(props.workRetentionDays) },
      { id: 'query-results', prefix: RESULTS_PREFIX, expiration: RESULT_RETENTION },
      { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) },
    ];
    if (props.existing) {
      if (inUse.has(props.existing)) {
        throw new ExportError(
          'ConfigError',
          'Invalid bucket: another AccountExport construct already uses it. Use one bucket per construct.',
        );
      }
      inUse.add(props.existing);
      this.bucket = props.existing;
      if (props.existing instanceof Bucket) for (const rule of lifecycleRules) props.existing.addLifecycleRule(rule);
      return;
    }
    const bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: props.encryptionKey ? BucketEncryption.KMS : BucketEncryption.S3_MANAGED,
      // A bucket key: S3 calls KMS once for many objects instead of once for each.
      ...(props.encryptionKey ? { encryptionKey: props.encryptionKey, bucketKeyEnabled: true } : {}),
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules,
      removalPolicy: kept(props.deletable),
      autoDeleteObjects: props.deletable,
    });
    props.accessLogs?.recordAccessTo(bucket);
    this.bucket = bucket;
  }
}
