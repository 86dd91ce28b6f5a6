import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { type IScheduleGroup, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { KEY_SENDS, useOfKey } from './data-key.ts';
import { schedulerRole } from './scheduler-role.ts';

export interface TimedCallProps {
  readonly description: string;
  readonly group: IScheduleGroup;
  readonly every: Duration;
  readonly function: IFunction;
  /** The event of each call. */
  readonly input: object;
  /** Receives calls that could not be delivered. */
  readonly deadLetters: IQueue;
  /** The customer managed key of that queue, if any. */
  readonly encryptionKey?: IKey | undefined;
}

/** Calls a function at a fixed rate, with a role that can call only this function. */
export class TimedCall extends Construct {
  constructor(scope: Construct, id: string, props: TimedCallProps) {
    super(scope, id);
    const { deadLetters, encryptionKey } = props;
    const role = schedulerRole(this, 'Role', props.group);
    role.addToPolicy(
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [props.function.functionArn] }),
    );
    role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetters.queueArn] }));
    if (encryptionKey) role.addToPolicy(useOfKey(encryptionKey, KEY_SENDS, ['sqs']));
    new Schedule(this, 'Schedule', {
      description: props.description,
      scheduleGroup: props.group,
      schedule: ScheduleExpression.rate(props.every),
      target: new LambdaInvoke(props.function, {
        // Otherwise CDK adds the right to call every version of the function.
        role: role.withoutPolicyUpdates(),
        retryAttempts: 2,
        deadLetterQueue: deadLetters,
        input: ScheduleTargetInput.fromObject(props.input),
      }),
    });
  }
}
