/** Runs that a person stopped, and runs that timed out. Their executions enter no further state, so rules report them. */
import { EventField, type EventPattern, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SfnStateMachine, SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IVersion } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { executionPage, type RegionConsole } from '../../functions/model/console-url.ts';
import { DEFAULT_STACK_NAME, titleOf } from '../../functions/model/stack-name.ts';
import { timeoutReport } from '../../functions/workflow.ts';
import { workflowMachine } from './workflow-machine.ts';

export interface StoppedRunsProps {
  readonly stateMachine: StateMachine;
  readonly topic: ITopic;
  /** Receives notifications that could not be delivered. */
  readonly deadLetters: IQueue;
  readonly console: RegionConsole;
}

/** Notifies the topic about runs that a person stopped. */
export class StoppedRuns extends Construct {
  constructor(scope: Construct, id: string, { stateMachine, topic, deadLetters, console }: StoppedRunsProps) {
    super(scope, id);
    const name = EventField.fromPath('$.detail.name');
    const { stackName } = Stack.of(this);
    const stack = stackName === DEFAULT_STACK_NAME ? '' : ` --stack ${stackName}`;
    const page = executionPage(console, EventField.fromPath('$.detail.executionArn'));
    new Rule(this, 'Rule', {
      description: 'Account Export: notifies about runs that end with status ABORTED',
      eventPattern: endsOf(stateMachine, 'ABORTED'),
      targets: [
        new SnsTopic(topic, {
          deadLetterQueue: deadLetters,
          message: RuleTargetInput.fromText(
            `${titleOf(stackName)}: run ${name} was stopped. Published data is unchanged, and its finished pages are kept. To resume it: npm run --silent account-export -- resume ${name}${stack}  If it was not planned yet, start the export again.  Execution: ${page}`,
          ),
        }),
      ],
    });
  }
}

export interface TimedOutRunsProps {
  /** The state machine whose executions are runs. */
  readonly stateMachine: StateMachine;
  readonly reportFailure: IVersion;
  readonly topic: ITopic;
  /** Receives events that could not be delivered. */
  readonly deadLetters: IQueue;
  readonly logRetentionDays: number;
  /** The customer managed key of the executions, the topic and the logs, if any. */
  readonly encryptionKey?: IKey | undefined;
}

/**
 * Reports runs that timed out like those that fail, with an event and an email: a rule starts a second state machine, whose
 * executions are no runs. EventBridge can start it twice, which sends the same report again and changes nothing.
 */
export class TimedOutRuns extends Construct {
  constructor(scope: Construct, id: string, props: TimedOutRunsProps) {
    super(scope, id);
    const { stateMachine, reportFailure, topic, deadLetters } = props;
    const { partition, stackName } = Stack.of(this);
    const reporting = workflowMachine(this, {
      ...props,
      // A stack's name has no underscore, so this is the name of no other stack's workflow.
      name: `${stackName}_TimedOutRuns`,
      definition: timeoutReport({
        resources: { reportFailure: reportFailure.functionArn },
        partition,
        title: titleOf(stackName),
        topicArn: topic.topicArn,
      }),
      tasks: [reportFailure],
    });
    new Rule(this, 'Rule', {
      description: 'Account Export: reports runs that end with status TIMED_OUT',
      eventPattern: endsOf(stateMachine, 'TIMED_OUT'),
      targets: [new SfnStateMachine(reporting, { deadLetterQueue: deadLetters })],
    });
  }
}

/** The events of Step Functions about executions that ended this way. */
function endsOf({ stateMachineArn }: StateMachine, status: 'ABORTED' | 'TIMED_OUT'): EventPattern {
  return {
    source: ['aws.states'],
    detailType: ['Step Functions Execution Status Change'],
    detail: { stateMachineArn: [stateMachineArn], status: [status] },
  };
}
