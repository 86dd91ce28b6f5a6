import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import { exportWorkflow, MAP_LABEL, type TaskName } from '../../functions/workflow.ts';
import { acknowledgeWildcard, defaultPolicyOf } from '../acknowledge.ts';
import { KEY_SENDS, useOfKey } from './data-key.ts';

export interface ExportWorkflowProps {
  readonly tasks: Readonly<Record<TaskName, IFunction>>;
  readonly exports: readonly ExportSettings[];
  readonly concurrency: number;
  readonly logRetentionDays: number;
  /** Where failures are told. */
  readonly topic: ITopic;
  /** The key of the topic and the logs, if they have one of the customer's. */
  readonly encryptionKey?: IKey | undefined;
}

/** The state machine: the definition that also runs on one machine, with the Lambdas' ARNs in it. */
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
      exports: props.exports,
      concurrency: props.concurrency,
      topicArn: props.topic.topicArn,
    });
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(stack.toJsonString(definition)),
      comment: definition.Comment,
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, 'Logs', {
          // The prefix keeps the resource policy of log delivery short: Step Functions developer guide, "Logging".
          logGroupName: `/aws/vendedlogs/states/${stack.stackName}`,
          retention: props.logRetentionDays as RetentionDays,
          removalPolicy: RemovalPolicy.DESTROY,
          ...(props.encryptionKey ? { encryptionKey: props.encryptionKey } : {}),
        }),
        level: LogLevel.ALL,
        // Inputs hold filters, which may be personal: names and times of states are enough to follow a run.
        includeExecutionData: false,
      },
    });
    for (const task of Object.values(props.tasks)) {
      this.stateMachine.addToRolePolicy(
        new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [task.functionArn] }),
      );
    }
    this.stateMachine.addToRolePolicy(
      new PolicyStatement({ actions: ['events:PutEvents'], resources: [defaultBus(stack)] }),
    );
    this.stateMachine.addToRolePolicy(
      new PolicyStatement({ actions: ['sns:Publish'], resources: [props.topic.topicArn] }),
    );
    if (props.encryptionKey) this.stateMachine.addToRolePolicy(useOfKey(props.encryptionKey, KEY_SENDS, ['sns']));
    acknowledgeWildcard(
      defaultPolicyOf(this.stateMachine.role),
      '*',
      'Traces of X-Ray and the delivery of logs have no resources that a right could name (Step Functions developer guide, "Logging"). What the workflow itself does (functions, topic, bus) is named.',
    );
    this.allowChildren(stack);
    this.allowLookingUp(planExport);
  }

  /**
   * A run that would start beside another asks whether that one still lives. In a policy of its own, because the state
   * machine names the function, and the function must not wait for the state machine.
   */
  private allowLookingUp(planExport: IFunction): void {
    if (!planExport.role) return;
    const lookingUp = new Policy(this, 'LookingUp', {
      roles: [planExport.role],
      statements: [new PolicyStatement({ actions: ['states:DescribeExecution'], resources: [this.executions()] })],
    });
    acknowledgeWildcard(
      lookingUp,
      this.executions(),
      'Which run has the export is found in the bucket, when a run starts. The right ends at executions of this state machine, and is to read.',
    );
  }

  /** The ARNs of this state machine's executions, its children not among them. */
  private executions(): string {
    return Stack.of(this).formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${this.stateMachine.stateMachineName}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  }

  /**
   * What a Distributed Map needs: to start its children as executions of this state machine, to watch and stop them, and
   * to redrive them. The same as aws-cdk-lib's own DistributedMap grants, in a policy of its own, because the role's
   * default policy must exist before the state machine whose ARN this one names.
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
      'A Distributed Map watches and stops its children, whose names Step Functions makes up while it runs. The right ends at executions of this state machine.',
    );
    acknowledgeWildcard(
      policy,
      children,
      'A Distributed Map redrives its children, whose names Step Functions makes up while it runs. The right ends at children of this state machine.',
    );
  }
}

/** The event bus that every account has. */
export function defaultBus(stack: Stack): string {
  return stack.formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' });
}
