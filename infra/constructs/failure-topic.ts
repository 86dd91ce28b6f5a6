import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { executionPage, type RegionConsole } from '../../functions/model/console-url.ts';
import { DEFAULT_STACK_NAME, titleOf } from '../../functions/model/stack-name.ts';
import { RUN_TIMEOUT_SECONDS } from '../../functions/workflow.ts';
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

export interface StoppedRunsProps {
  readonly deployment: Deployment;
  readonly stateMachine: StateMachine;
  readonly topic: ITopic;
  /** Receives notifications that could not be delivered. */
  readonly deadLetters: IQueue;
  readonly console: RegionConsole;
}

/** How such a run ended, by the status of its execution. */
const ENDS = {
  ABORTED: 'was stopped',
  TIMED_OUT: `failed (States.Timeout): it reached the limit of ${RUN_TIMEOUT_SECONDS / 3600} hours`,
} as const;

/** Notifies the topic about runs that were stopped or timed out: such an execution enters no further state. */
export class StoppedRuns extends Construct {
  constructor(scope: Construct, id: string, props: StoppedRunsProps) {
    super(scope, id);
    const { deployment, stateMachine, topic, deadLetters, console } = props;
    const name = EventField.fromPath('$.detail.name');
    const { reference } = deployment;
    const stack = reference === DEFAULT_STACK_NAME ? '' : ` --stack ${reference}`;
    const page = executionPage(console, EventField.fromPath('$.detail.executionArn'));
    for (const [status, ended] of Object.entries(ENDS)) {
      new Rule(this, status, {
        description: `Account Export: runs that end with status ${status}`,
        eventPattern: {
          source: ['aws.states'],
          detailType: ['Step Functions Execution Status Change'],
          detail: { stateMachineArn: [stateMachine.stateMachineArn], status: [status] },
        },
        targets: [
          new SnsTopic(topic, {
            deadLetterQueue: deadLetters,
            message: RuleTargetInput.fromText(
              `${titleOf(deployment.name)}: run ${name} ${ended}. Published data is unchanged, and its finished pages are kept. To resume it: npm run --silent account-export -- resume ${name}${stack}  If it was not planned yet, start the export again.  Execution: ${page}`,
            ),
          }),
        ],
      });
    }
  }
}
