import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { titleOf } from '../../functions/model/stack-name.ts';

export interface FailureTopicProps {
  /** @default no subscription */
  readonly email?: string | undefined;
  /** Receives emails that could not be delivered. */
  readonly deadLetters: IQueue;
  /** @default not encrypted at rest: notifications hold ids and error messages, no account data */
  readonly encryptionKey?: IKey | undefined;
}

/** The SNS topic for failed runs and alarms. */
export class FailureTopic extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { email, deadLetters, encryptionKey }: FailureTopicProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', {
      displayName: titleOf(Stack.of(this).stackName),
      enforceSSL: true,
      ...(encryptionKey ? { masterKey: encryptionKey } : {}),
    });
    if (email !== undefined) this.topic.addSubscription(new EmailSubscription(email, { deadLetterQueue: deadLetters }));
  }
}
