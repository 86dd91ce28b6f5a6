import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/**
 * A role that only schedules of this stack's group can assume (prevents the confused deputy problem). EventBridge Scheduler
 * sends the ARN of the group, not of the schedule: its user guide, "Confused deputy prevention".
 */
export function schedulerRole(scope: Construct, id: string, group: IScheduleGroup): Role {
  return new Role(scope, id, {
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: {
        StringEquals: { 'aws:SourceAccount': Stack.of(scope).account, 'aws:SourceArn': group.scheduleGroupArn },
      },
    }),
  });
}
