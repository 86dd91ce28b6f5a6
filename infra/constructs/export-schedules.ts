import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  ContextAttribute,
  type IScheduleGroup,
  Schedule,
  ScheduleExpression,
  ScheduleTargetInput,
  TimeWindow,
} from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Duration, TimeZone } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import { KEY_SENDS, useOfKey } from './data-key.ts';
import { schedulerRole } from './scheduler-role.ts';

export interface ExportSchedulesProps {
  readonly exports: readonly ExportSettings[];
  readonly group: IScheduleGroup;
  readonly stateMachine: StateMachine;
  /** Receives starts that could not be delivered. */
  readonly deadLetters: IQueue;
  /** The customer managed key of that queue, if any. */
  readonly encryptionKey?: IKey | undefined;
}

/**
 * How often and how long Scheduler retries to start a run. The retries of the workflow are separate (`RETRY_POLICY`). After
 * an hour the start goes to the dead-letter queue, which raises an alarm.
 */
const RETRY_ATTEMPTS = 5;
const MAX_EVENT_AGE = Duration.hours(1);

/** A schedule for each export that has one. */
export class ExportSchedules extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { exports, group, stateMachine, deadLetters, encryptionKey }: ExportSchedulesProps,
  ) {
    super(scope, id);
    const role = schedulerRole(this, 'Role', group);
    if (encryptionKey) role.addToPolicy(useOfKey(encryptionKey, KEY_SENDS, ['sqs']));
    for (const settings of exports) {
      if (settings.schedule === undefined) continue;
      new Schedule(this, `Export-${settings.name}`, {
        description: `Account Export: ${settings.name}`,
        scheduleGroup: group,
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
          // The scheduled time, not the time of delivery: it is the same in every delivery of one start.
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
