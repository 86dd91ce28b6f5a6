import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

export interface UndeliveredProps {
  /** @default SQS-managed encryption */
  readonly encryptionKey?: IKey | undefined;
}

/** The maximum of SQS. */
const KEEP_UNDELIVERED = Duration.days(14);

/** The dead-letter queue: starts of runs, hourly and daily calls, and notifications that could not be delivered. */
export class Undelivered extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, { encryptionKey }: UndeliveredProps) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      encryption: encryptionKey ? QueueEncryption.KMS : QueueEncryption.SQS_MANAGED,
      ...(encryptionKey ? { encryptionMasterKey: encryptionKey } : {}),
      enforceSSL: true,
      retentionPeriod: KEEP_UNDELIVERED,
    });
    acknowledge(
      this.queue,
      'Serverless-SQSRedrivePolicy',
      'This queue is the dead-letter queue of the schedules, the rule, the topic and the functions. Nothing consumes it, so no message in it can fail.',
    );
  }
}
