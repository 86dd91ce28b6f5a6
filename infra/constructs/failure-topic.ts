import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { executionPage, type RegionConsole } from '../../functions/model/console-url.ts';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';

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
  /** Receives notifications that could not be delivered. */
  readonly deadLetters: IQueue;
  readonly console: RegionConsole;
}

/** Notifies the topic about runs that were stopped or timed out: such an execution enters no further state. */
export class StoppedRuns extends Construct {
  constructor(scope: Construct, id: string, { stateMachine, topic, deadLetters, console }: StoppedRunsProps) {
    super(scope, id);
    const name = EventField.fromPath('$.detail.name');
    const status = EventField.fromPath('$.detail.status');
    const { stackName } = Stack.of(this);
    const stack = stackName === DEFAULT_STACK_NAME ? '' : ` --stack ${stackName}`;
    const page = executionPage(console, EventField.fromPath('$.detail.executionArn'));
    new Rule(this, 'Rule', {
      description: 'Account Export: runs that were stopped or timed out',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: { stateMachineArn: [stateMachine.stateMachineArn], status: ['ABORTED', 'TIMED_OUT'] },
      },
      targets: [
        new SnsTopic(topic, {
          deadLetterQueue: deadLetters,
          message: RuleTargetInput.fromText(
            `Account Export: run ${name} ended with status ${status} and published nothing. Its finished pages are kept. To resume it: npm run --silent account-export -- resume ${name}${stack}  Execution: ${page}`,
          ),
        }),
      ],
    });
  }
}
