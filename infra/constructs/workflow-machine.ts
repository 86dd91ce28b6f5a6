import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IVersion } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import {
  CustomerManagedEncryptionConfiguration,
  DefinitionBody,
  LogLevel,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions';
import { RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { acknowledgeWildcard, defaultPolicyOf } from '../acknowledge.ts';
import { KEY_SENDS, useOfKey } from './data-key.ts';

export interface WorkflowMachineProps {
  /** Letters, digits, hyphens and underscores. */
  readonly name: string;
  /** Amazon States Language. */
  readonly definition: { readonly Comment: string };
  /** The functions that its tasks call. */
  readonly tasks: readonly IVersion[];
  /** The topic that it publishes to. */
  readonly topic: ITopic;
  readonly logRetentionDays: number;
  /** The customer managed key of the executions, the topic and the logs, if any. */
  readonly encryptionKey?: IKey | undefined;
}

/**
 * A state machine with traces, and with logs that contain no data. It may call versions of its functions, publish to the topic,
 * and send events to the default event bus.
 */
export function workflowMachine(scope: Construct, props: WorkflowMachineProps): StateMachine {
  const { name, definition, encryptionKey, logRetentionDays, tasks, topic } = props;
  const stack = Stack.of(scope);
  const stateMachine = new StateMachine(scope, 'StateMachine', {
    stateMachineName: name,
    // Retries take longer than the five minutes of an Express workflow.
    stateMachineType: StateMachineType.STANDARD,
    definitionBody: DefinitionBody.fromString(stack.toJsonString(definition)),
    comment: definition.Comment,
    tracingEnabled: true,
    ...(encryptionKey ? { encryptionConfiguration: new CustomerManagedEncryptionConfiguration(encryptionKey) } : {}),
    logs: {
      destination: new LogGroup(scope, 'Logs', {
        // This prefix keeps the resource policy of log delivery short: Step Functions developer guide, "Logging".
        logGroupName: `/aws/vendedlogs/states/${name}`,
        retention: logRetentionDays as RetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
        ...(encryptionKey ? { encryptionKey } : {}),
      }),
      level: LogLevel.ALL,
      // Inputs hold filters, which may be personal data.
      includeExecutionData: false,
    },
  });
  for (const { lambda } of tasks) {
    // A running execution calls the versions that were current when it started, with the role's present rights.
    const versions = `${lambda.functionArn}:*`;
    stateMachine.addToRolePolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [versions] }));
    acknowledgeWildcard(
      defaultPolicyOf(stateMachine.role),
      versions,
      'A run that started before a deployment calls earlier versions of this function, whose numbers Lambda assigns. The right is limited to versions of this one function.',
    );
  }
  const defaultBus = stack.formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' });
  stateMachine.addToRolePolicy(new PolicyStatement({ actions: ['events:PutEvents'], resources: [defaultBus] }));
  stateMachine.addToRolePolicy(new PolicyStatement({ actions: ['sns:Publish'], resources: [topic.topicArn] }));
  if (encryptionKey) stateMachine.addToRolePolicy(useOfKey(encryptionKey, KEY_SENDS, ['sns']));
  acknowledgeWildcard(
    defaultPolicyOf(stateMachine.role),
    '*',
    'X-Ray traces and log delivery support no resource-level permissions (Step Functions developer guide, "Logging"). The functions, the topic and the event bus of the workflow are named.',
  );
  return stateMachine;
}
