import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface FailureTopicProps {
  /** @default nobody: others may subscribe */
  readonly email?: string | undefined;
  /** Where mails go that could not be delivered. */
  readonly deadLetters: IQueue;
  /** @default what the topic holds until it is delivered is not encrypted at rest: ids and sentences, no account's data */
  readonly encryptionKey?: IKey | undefined;
}

/** Where failed runs are told to people. */
export class FailureTopic extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { email, deadLetters, encryptionKey }: FailureTopicProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', {
      displayName: 'Account Export',
      enforceSSL: true,
      ...(encryptionKey ? { masterKey: encryptionKey } : {}),
    });
    if (email !== undefined) this.topic.addSubscription(new EmailSubscription(email, { deadLetterQueue: deadLetters }));
  }
}

export interface StoppedRunsProps {
  readonly stateMachine: StateMachine;
  readonly topic: ITopic;
  /** Where messages go that the topic did not take. */
  readonly deadLetters: IQueue;
}

/** A run that is stopped or runs out of time reaches none of its own states any more, so the platform's event tells it. */
export class StoppedRuns extends Construct {
  constructor(scope: Construct, id: string, { stateMachine, topic, deadLetters }: StoppedRunsProps) {
    super(scope, id);
    const name = EventField.fromPath('$.detail.name');
    const region = EventField.fromPath('$.region');
    const execution = EventField.fromPath('$.detail.executionArn');
    new Rule(this, 'Rule', {
      description: 'Account Export: runs that were stopped or ran out of time',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: [stateMachine.stateMachineArn], status: ['ABORTED', 'TIMED_OUT'] },
      },
      targets: [
        new SnsTopic(topic, {
          deadLetterQueue: deadLetters,
          message: RuleTargetInput.fromText(
            `Account Export: run ${name} ended as ${EventField.fromPath('$.detail.status')} and published nothing. Its finished pages are kept. To go on with it: npm run --silent account-export -- redrive ${name}  The execution: https://${region}.console.aws.amazon.com/states/home?region=${region}#/v2/executions/details/${execution}`,
          ),
        }),
      ],
    });
  }
}
