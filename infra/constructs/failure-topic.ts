import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface FailureTopicProps {
  /** @default nobody: others may subscribe */
  readonly email?: string | undefined;
}

/** Where failed runs are told to people. */
export class FailureTopic extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, { email }: FailureTopicProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { displayName: 'Account Export', enforceSSL: true });
    if (email !== undefined) this.topic.addSubscription(new EmailSubscription(email));
  }
}

export interface StoppedRunsProps {
  readonly stateMachine: StateMachine;
  readonly topic: ITopic;
}

/** A run that is stopped or runs out of time reaches none of its own states any more, so the platform's event tells it. */
export class StoppedRuns extends Construct {
  constructor(scope: Construct, id: string, { stateMachine, topic }: StoppedRunsProps) {
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
          message: RuleTargetInput.fromText(
            `Account Export: run ${name} ended as ${EventField.fromPath('$.detail.status')} and published nothing. Its finished pages are kept. To go on with it: npm run --silent account-export -- redrive ${name} https://${region}.console.aws.amazon.com/states/home?region=${region}#/v2/executions/details/${execution}`,
          ),
        }),
      ],
    });
  }
}
