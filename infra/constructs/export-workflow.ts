import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IVersion } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { titleOf } from '../../functions/model/stack-name.ts';
import { exportWorkflow, MAP_LABEL, type TaskName } from '../../functions/workflow.ts';
import { acknowledgeWildcard } from '../acknowledge.ts';
import { KEY_SENDS } from './data-key.ts';
import { workflowMachine } from './workflow-machine.ts';

export interface ExportWorkflowProps {
  /** Published versions, so that a deployment does not change the code of a run in progress. */
  readonly tasks: Readonly<Record<TaskName, IVersion>>;
  readonly concurrency: number;
  readonly logRetentionDays: number;
  /** Receives failure notifications. */
  readonly topic: ITopic;
  /** The customer managed key of the executions, the topic and the logs, if any. */
  readonly encryptionKey?: IKey | undefined;
}

/** The state machine: the same definition that `run` executes on one machine, with the ARNs of the Lambdas. */
export class ExportWorkflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: ExportWorkflowProps) {
    super(scope, id);
    const stack = Stack.of(this);
    const { planExport, exportPage, publishRun, reportFailure } = props.tasks;
    const definition = exportWorkflow({
      resources: {
        planExport: planExport.functionArn,
        exportPage: exportPage.functionArn,
        publishRun: publishRun.functionArn,
        reportFailure: reportFailure.functionArn,
      },
      partition: stack.partition,
      title: titleOf(stack.stackName),
      concurrency: props.concurrency,
      topicArn: props.topic.topicArn,
    });
    this.stateMachine = workflowMachine(this, {
      ...props,
      name: stack.stackName,
      definition,
      tasks: Object.values(props.tasks),
    });
    if (props.encryptionKey) {
      this.stateMachine.addToRolePolicy(useByChildren(props.encryptionKey, stack.stackName));
    }
    this.allowChildren(stack);
    this.allowLookingUp(planExport);
  }

  /**
   * Plan export checks whether the execution that holds a lock is still running. A separate policy avoids a circular
   * dependency: the state machine depends on the function.
   */
  private allowLookingUp(planExport: IVersion): void {
    if (!planExport.role) return;
    const lookingUp = new Policy(this, 'LookingUp', {
      roles: [planExport.role],
      statements: [new PolicyStatement({ actions: ['states:DescribeExecution'], resources: [this.executions()] })],
    });
    acknowledgeWildcard(
      lookingUp,
      this.executions(),
      'The execution that holds a lock is known only when a run starts. The right is read-only and limited to executions of this state machine.',
    );
  }

  /** The executions of this state machine, without the child executions of its Distributed Map. */
  private executions(): string {
    return Stack.of(this).formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${this.stateMachine.stateMachineName}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  }

  /**
   * The rights that a Distributed Map needs to start, watch, stop and redrive its child executions, as in CDK's
   * `DistributedMap`. A separate policy avoids a circular dependency: the state machine depends on the default policy.
   */
  private allowChildren(stack: Stack): void {
    const { stateMachine } = this;
    const name = stateMachine.stateMachineName;
    const children = stack.formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${name}/${MAP_LABEL}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    const policy = new Policy(this, 'Children', {
      roles: [stateMachine.role],
      statements: [
        new PolicyStatement({ actions: ['states:StartExecution'], resources: [stateMachine.stateMachineArn] }),
        new PolicyStatement({
          actions: ['states:DescribeExecution', 'states:StopExecution'],
          resources: [this.executions()],
        }),
        new PolicyStatement({ actions: ['states:RedriveExecution'], resources: [children] }),
      ],
    });
    acknowledgeWildcard(
      policy,
      this.executions(),
      'A Distributed Map watches and stops its child executions, whose names Step Functions generates at run time. The right is limited to executions of this state machine.',
    );
    acknowledgeWildcard(
      policy,
      children,
      'A Distributed Map redrives its child executions, whose names Step Functions generates at run time. The right is limited to children of this state machine.',
    );
  }
}

/**
 * CDK allows the key for the state machine's ARN only. Step Functions documents no encryption context for children of a
 * Distributed Map (developer guide, "Data at rest encryption"), but their state machine is NAME/LABEL in every other ARN
 * (the same guide, "Map state in Distributed mode", Label), so both forms are allowed.
 */
function useByChildren(key: IKey, stackName: string): PolicyStatement {
  const children = Stack.of(key).formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: `${stackName}/${MAP_LABEL}`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return new PolicyStatement({
    actions: [...KEY_SENDS],
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:EncryptionContext:aws:states:stateMachineArn': children } },
  });
}
