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

/** What could not be delivered, in one dead-letter queue for each cause, so that each alarm knows its cause. */
export class Undelivered extends Construct {
  /** Scheduled starts of runs. */
  readonly starts: Queue;
  /** Daily calls of *Expire runs*. */
  readonly retention: Queue;
  /** Hourly calls of *Watch exports*. */
  readonly freshness: Queue;
  /** Emails, and events about stopped and timed-out runs. */
  readonly notifications: Queue;
  readonly all: readonly Queue[];

  constructor(scope: Construct, id: string, { encryptionKey }: UndeliveredProps) {
    super(scope, id);
    this.starts = this.queue('Starts', encryptionKey);
    acknowledgeUnseen(this.starts, 'schedules of the exports, whose targets name it');
    this.retention = this.queue('Retention', encryptionKey);
    this.freshness = this.queue('Freshness', encryptionKey);
    this.notifications = this.queue('Notifications', encryptionKey);
    acknowledgeUnseen(this.notifications, 'failure topic and of the rules for stopped and timed-out runs');
    this.all = [this.starts, this.retention, this.freshness, this.notifications];
  }

  private queue(id: string, encryptionKey: IKey | undefined): Queue {
    const queue = new Queue(this, id, {
      encryption: encryptionKey ? QueueEncryption.KMS : QueueEncryption.SQS_MANAGED,
      ...(encryptionKey ? { encryptionMasterKey: encryptionKey } : {}),
      enforceSSL: true,
      retentionPeriod: KEEP_UNDELIVERED,
    });
    acknowledge(
      queue,
      'Serverless-SQSRedrivePolicy',
      'This queue is a dead-letter queue of schedules, rules, a topic or a function. Nothing consumes it, so no message in it can fail.',
    );
    return queue;
  }
}

/** cdk-nag recognizes only the dead-letter queues of functions and of other queues. */
function acknowledgeUnseen(queue: Queue, users: string): void {
  acknowledge(
    queue,
    'AwsSolutions-SQS3',
    `This queue is itself the dead-letter queue of the ${users}. It needs no second one, because nothing consumes it.`,
  );
}
