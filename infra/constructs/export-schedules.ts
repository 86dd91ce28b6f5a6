import { Duration, TimeZone } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ContextAttribute,
  Schedule,
  ScheduleExpression,
  ScheduleTargetInput,
  TimeWindow,
} from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { ExportSettings } from '../../functions/export/export-config.ts';

export interface ExportSchedulesProps {
  readonly exports: readonly ExportSettings[];
  readonly stateMachine: StateMachine;
}

/**
 * How often, and for how long, a run that could not be started is tried again. It is about the start alone: the workflow
 * has its own retries. After an hour somebody should look.
 */
const RETRY_ATTEMPTS = 5;
const MAX_EVENT_AGE = Duration.hours(1);
/** As long as SQS keeps a message: time to find out which run never started. */
const KEEP_UNDELIVERED = Duration.days(14);

/** One schedule for each export that has one, and a queue for the starts that could not be delivered. */
export class ExportSchedules extends Construct {
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { exports, stateMachine }: ExportSchedulesProps) {
    super(scope, id);
    this.deadLetters = new Queue(this, 'Undelivered', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: KEEP_UNDELIVERED,
    });
    // Its own role: it may start this state machine and put into this queue, and nothing else.
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('scheduler.amazonaws.com') });
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
          deadLetterQueue: this.deadLetters,
          retryAttempts: RETRY_ATTEMPTS,
          maxEventAge: MAX_EVENT_AGE,
        }),
      });
    }
  }
}
