/** What the stack created, as CloudFormation and EventBridge Scheduler describe it. */
import type { StackResourceSummary } from '@aws-sdk/client-cloudformation';
import type { GetScheduleCommandOutput } from '@aws-sdk/client-scheduler';
import { readJson } from './run-output.ts';
import type { Stack } from './stack.ts';

export interface DeployedSchedule {
  /** The export that it starts, or what it does for upkeep. */
  readonly label: string;
  readonly exportName?: string;
  readonly state: 'enabled' | 'disabled' | 'missing';
}

/** All resources of the deployment. */
export async function listResources(stack: Stack): Promise<StackResourceSummary[]> {
  const { CloudFormation } = await import('@aws-sdk/client-cloudformation');
  const cloudFormation = new CloudFormation(stack.clientOptions);
  const found: StackResourceSummary[] = [];
  let next: string | undefined;
  do {
    const page = await cloudFormation.listStackResources({
      StackName: stack.cloudFormationName,
      ...(next === undefined ? {} : { NextToken: next }),
    });
    const resources = page.StackResourceSummaries ?? [];
    found.push(...resources.filter(({ LogicalResourceId = '' }) => LogicalResourceId.startsWith(stack.idPrefix)));
    next = page.NextToken;
  } while (next !== undefined);
  return found;
}

/** The schedules of the stack, as they are now: people can change them in the console. */
export async function describeSchedules(
  stack: Stack,
  resources: readonly StackResourceSummary[],
): Promise<DeployedSchedule[]> {
  const { Scheduler } = await import('@aws-sdk/client-scheduler');
  const scheduler = new Scheduler(stack.clientOptions);
  const idsOf = (type: string) =>
    resources.flatMap(({ ResourceType, PhysicalResourceId }) =>
      ResourceType === type && PhysicalResourceId !== undefined ? PhysicalResourceId : [],
    );
  const [group] = idsOf('AWS::Scheduler::ScheduleGroup');
  return Promise.all(
    idsOf('AWS::Scheduler::Schedule').map((name) =>
      scheduler
        .getSchedule({ Name: name, ...(group === undefined ? {} : { GroupName: group }) })
        .then(deployedSchedule, (error: Error): DeployedSchedule => {
          if (error.name === 'ResourceNotFoundException') return { label: name, state: 'missing' };
          throw error;
        }),
    ),
  );
}

function deployedSchedule({ State, Description, Name = '', Target }: GetScheduleCommandOutput): DeployedSchedule {
  const { exportName } = (readJson(Target?.Input) ?? {}) as { exportName?: unknown };
  const state = State === 'DISABLED' ? 'disabled' : 'enabled';
  return typeof exportName === 'string'
    ? { label: exportName, exportName, state }
    : { label: `"${(Description ?? Name).replace('Account Export: ', '')}"`, state };
}
