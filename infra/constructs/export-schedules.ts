import { Duration, TimeZone } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  ContextAttribute,
  Schedule,
  ScheduleExpression,
  ScheduleTargetInput,
  TimeWindow,
} from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import { KEY_SENDS, useOfKey } from './data-key.ts';
import { schedulerRole } from './scheduler-role.ts';

export interface ExportSchedulesProps {
  readonly exports: readonly ExportSettings[];
  readonly stateMachine: StateMachine;
  /** Where starts go that could not be delivered. */
  readonly deadLetters: IQueue;
  /** The key of that queue, if it has one of the customer's. */
  readonly encryptionKey?: IKey | undefined;
}

/**
 * How often, and for how long, a run that could not be started is tried again. It is about the start alone: the workflow
 * has its own retries. After an hour somebody should look.
 */
const RETRY_ATTEMPTS = 5;
const MAX_EVENT_AGE = Duration.hours(1);

/** One schedule for each export that has one. */
export class ExportSchedules extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { exports, stateMachine, deadLetters, encryptionKey }: ExportSchedulesProps,
  ) {
    super(scope, id);
    // One role for all: it may start this state machine and put into this queue, and nothing else.
    const role = schedulerRole(this, 'Role');
    if (encryptionKey) role.addToPolicy(useOfKey(encryptionKey, KEY_SENDS, ['sqs']));
    for (const settings of exports) {
      if (settings.schedule === undefined) continue;
      new Schedule(this, `Export-${settings.name}`, {
        description: `Account Export: ${settings.name}`,
        schedule: ScheduleExpression.expression(
          settings.schedule,
          settings.timeZone === undefined ? undefined : TimeZone.of(settings.timeZone),
        ),
        enabled: settings.scheduleEnabled ?? true,
        timeWindow:
          settings.flexibleMinutes === undefined
            ? TimeWindow.off()
            : TimeWindow.flexible(Duration.minutes(settings.flexibleMinutes)),
        target: new StepFunctionsStartExecution(stateMachine, {
          role,
          // The time it was due, not the time it was delivered: a redelivery brings the same, and so does a flexible window.
          input: ScheduleTargetInput.fromObject({
            exportName: settings.name,
            dueAt: ContextAttribute.scheduledTime,
            scheduled: true,
          }),
          deadLetterQueue: deadLetters,
          retryAttempts: RETRY_ATTEMPTS,
          maxEventAge: MAX_EVENT_AGE,
        }),
      });
    }
  }
}
