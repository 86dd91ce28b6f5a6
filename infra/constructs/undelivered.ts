import { Duration } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge.ts';

export interface UndeliveredProps {
  /** @default SQS encrypts with a key of its own */
  readonly encryptionKey?: IKey | undefined;
}

/** As long as SQS keeps a message: time to find out which run never started. */
const KEEP_UNDELIVERED = Duration.days(14);

/** The queue of what could not be delivered: starts of runs, calls of retention, and messages about stopped runs. */
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
      'It is a dead-letter queue itself, of schedules, a rule, a topic and functions; the check wants one behind every queue. Nothing consumes it, so no message can fail here.',
    );
  }
}
