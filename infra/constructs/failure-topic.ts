import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { titleOf } from '../../functions/model/stack-name.ts';
import type { Deployment } from '../deployment.ts';

export interface FailureTopicProps {
  readonly deployment: Deployment;
  /** A topic to use instead. @default a new topic */
  readonly existing?: ITopic | undefined;
  /** @default no subscription */
  readonly email?: string | undefined;
  /** Receives emails that could not be delivered. */
  readonly deadLetters: IQueue;
  /** @default not encrypted at rest: notifications hold ids and error messages, no account data */
  readonly encryptionKey?: IKey | undefined;
}

/** The SNS topic for failed runs and alarms. */
export class FailureTopic extends Construct {
  readonly topic: ITopic;

  constructor(scope: Construct, id: string, props: FailureTopicProps) {
    super(scope, id);
    const { deployment, existing, email, deadLetters, encryptionKey } = props;
    this.topic =
      existing ??
      new Topic(this, 'Topic', {
        displayName: titleOf(deployment.name),
        enforceSSL: true,
        ...(encryptionKey ? { masterKey: encryptionKey } : {}),
      });
    if (email !== undefined) this.topic.addSubscription(new EmailSubscription(email, { deadLetterQueue: deadLetters }));
  }
}
