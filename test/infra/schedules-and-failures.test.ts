import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseRequest, resolveRequest } from '../../functions/export/plan/resolve-request.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG, synthesized } from '../support/synthesized.ts';

const SCHEDULED = {
  alarmEmail: 'data-team@example.com',
  exports: [
    { name: 'daily', datasetId: 'engage', window: 'P7D', schedule: 'cron(0 6 * * ? *)', timeZone: 'Europe/Berlin' },
    { name: 'hourly', datasetId: 'engage', schedule: 'rate(1 hour)', flexibleMinutes: 15, scheduleEnabled: false },
    { name: 'once', datasetId: 'engage', schedule: 'at(2026-12-24T18:00:00)' },
    { name: 'on-demand', datasetId: 'engage' },
  ],
};
const template = synthesized(SCHEDULED);
const schedules = Object.values(template.findResources('AWS::Scheduler::Schedule'))
  .map(({ Properties }) => Properties)
  .filter(({ Target }) => String(Target.Input).includes('exportName'));

describe('the schedules', () => {
  it('start each scheduled export at its time, in its time zone, within its flexible window', () => {
    const seen = schedules.map(
      ({ Description, ScheduleExpression, ScheduleExpressionTimezone, FlexibleTimeWindow, State }) => ({
        Description,
        ScheduleExpression,
        ScheduleExpressionTimezone,
        FlexibleTimeWindow,
        State,
      }),
    );
    expect(seen).toEqual([
      {
        Description: 'Account Export: daily',
        ScheduleExpression: 'cron(0 6 * * ? *)',
        ScheduleExpressionTimezone: 'Europe/Berlin',
        FlexibleTimeWindow: { Mode: 'OFF' },
        State: 'ENABLED',
      },
      {
        Description: 'Account Export: hourly',
        ScheduleExpression: 'rate(1 hour)',
        ScheduleExpressionTimezone: 'Etc/UTC',
        FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 15 },
        State: 'DISABLED',
      },
      {
        Description: 'Account Export: once',
        ScheduleExpression: 'at(2026-12-24T18:00:00)',
        ScheduleExpressionTimezone: 'Etc/UTC',
        FlexibleTimeWindow: { Mode: 'OFF' },
        State: 'ENABLED',
      },
    ]);
  });

  it('send a valid request with the scheduled time', () => {
    const due = '2026-08-22T04:00:00Z';
    const inputs = schedules.map(({ Target }) => String(Target.Input));
    expect(inputs[0]).toBe('{"exportName":"daily","dueAt":"<aws.scheduler.scheduled-time>","scheduled":true}');
    const { exports } = parseStackConfig({ ...CONFIG, ...SCHEDULED });
    for (const input of inputs) {
      const request = parseRequest(JSON.parse(input.replace('<aws.scheduler.scheduled-time>', due)));
      expect(resolveRequest(request, exports, '2026-08-22T04:00:09Z').dueAt).toBe('2026-08-22T04:00:00.000Z');
    }
  });

  it('retry a start within an hour, then keep it in an encrypted dead-letter queue', () => {
    const [queueId = ''] = Object.keys(template.findResources('AWS::SQS::Queue')).filter((id) => id.includes('Starts'));
    for (const { Target } of schedules) {
      expect(Target).toMatchObject({
        RetryPolicy: { MaximumRetryAttempts: 5, MaximumEventAgeInSeconds: 3600 },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [queueId, 'Arn'] } },
      });
    }
    template.hasResourceProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 1_209_600,
    });
  });

  it('are in a group of the stack, whose schedules alone can use its roles', () => {
    const [groupId = ''] = Object.keys(template.findResources('AWS::Scheduler::ScheduleGroup'));
    template.hasResourceProperties('AWS::Scheduler::ScheduleGroup', { Name: 'AccountExport' });
    // By their roles, whose policies name it, schedules are created after the group and deleted before it.
    template.allResourcesProperties('AWS::Scheduler::Schedule', {
      GroupName: 'AccountExport',
      Target: Match.objectLike({ RoleArn: { 'Fn::GetAtt': Match.anyValue() } }),
    });
    const roles = Object.values(template.findResources('AWS::IAM::Role'))
      .map(({ Properties }) => Properties.AssumeRolePolicyDocument.Statement[0])
      .filter(({ Principal }) => Principal.Service === 'scheduler.amazonaws.com');
    expect(roles).toHaveLength(3);
    for (const { Condition } of roles) {
      expect(Condition).toEqual({
        StringEquals: {
          'aws:SourceAccount': { Ref: 'AWS::AccountId' },
          'aws:SourceArn': { 'Fn::GetAtt': [groupId, 'Arn'] },
        },
      });
    }
  });

  it('have a role that can only start this state machine and send to this queue', () => {
    const [roleId = ''] = Object.entries(template.findResources('AWS::IAM::Role'))
      .filter(([id]) => id.startsWith('SchedulesRole'))
      .map(([id]) => id);
    expect(new Set(schedules.map(({ Target }) => Target.RoleArn['Fn::GetAtt'][0]))).toEqual(new Set([roleId]));
    const statements = Object.values(template.findResources('AWS::IAM::Policy'))
      .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(roleId))
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
    expect(statements.flatMap(({ Action }) => Action).sort()).toEqual(['sqs:SendMessage', 'states:StartExecution']);
    expect(JSON.stringify(statements)).not.toContain('"*"');
  });
});

describe('failures', () => {
  it('go to a topic that requires TLS, and to the configured email address', () => {
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'data-team@example.com' });
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: 'sns:Publish',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      },
    });
  });

  it('have no subscription without an email address', () => {
    synthesized().resourceCountIs('AWS::SNS::Subscription', 0);
  });

  it('include stopped runs, of which Report failure knows nothing', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: endsOf('ABORTED'),
      Targets: [
        Match.objectLike({
          InputTransformer: {
            InputPathsMap: {
              'detail-name': '$.detail.name',
              'detail-executionArn': '$.detail.executionArn',
            },
            InputTemplate: {
              'Fn::Join': [
                '',
                [
                  '"Account Export: run <detail-name> was stopped. Published data is unchanged, and its finished pages are kept. To resume it: npm run --silent account-export -- resume <detail-name>  If it was not planned yet, start the export again.  Execution: https://',
                  { Ref: 'AWS::Region' },
                  '.',
                  Match.anyValue(),
                  '/states/home?region=',
                  { Ref: 'AWS::Region' },
                  '#/v2/executions/details/<detail-executionArn>"',
                ],
              ],
            },
          },
        }),
      ],
    });
  });
});

describe('runs that time out', () => {
  const machines = template.findResources('AWS::StepFunctions::StateMachine');
  const idOf = (start: string) => Object.keys(machines).find((id) => id.startsWith(start)) ?? expect.fail(start);
  const [workflow, reporting] = [idOf('Workflow'), idOf('TimedOutRuns')];
  /** What the role of a target or of a state machine allows, as `action on logical ids`. */
  const rightsOf = (roleId: string) =>
    Object.values(template.findResources('AWS::IAM::Policy'))
      .filter(({ Properties }) => (Properties.Roles as { Ref: string }[]).some(({ Ref }) => Ref === roleId))
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as { Action: string; Resource: object }[])
      .flatMap(({ Action, Resource }) =>
        [Action].flat().map((action) => {
          const named = JSON.stringify(Resource).match(/[A-Z]\w+(?=[0-9A-F]{8}")|event-bus\/\w+|(?<=^")\*(?="$)/g);
          return `${action} on ${named?.join()}`;
        }),
      );

  it('start the state machine that reports them, with the whole event, or go to the dead-letter queue', () => {
    const [rule = expect.fail()] = Object.values(
      template.findResources('AWS::Events::Rule', { Properties: { EventPattern: endsOf('TIMED_OUT') } }),
    );
    const [queueId = ''] = Object.keys(template.findResources('AWS::SQS::Queue')).filter((id) =>
      id.includes('Notifications'),
    );
    const { Targets, EventPattern } = rule.Properties;
    expect(EventPattern.detail.stateMachineArn).toEqual([{ Ref: workflow }]);
    expect(Targets).toEqual([
      {
        Id: 'Target0',
        Arn: { Ref: reporting },
        RoleArn: { 'Fn::GetAtt': [expect.any(String), 'Arn'] },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [queueId, 'Arn'] } },
      },
    ]);
    expect(rightsOf(Targets[0].RoleArn['Fn::GetAtt'][0])).toEqual([
      'states:StartExecution on TimedOutRunsStateMachine',
    ]);
  });

  it('have a state machine that can only report', () => {
    const { RoleArn, ...properties } = machines[reporting]?.Properties ?? {};
    expect(properties).toMatchObject({
      StateMachineName: 'AccountExport_TimedOutRuns',
      StateMachineType: 'STANDARD',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { IncludeExecutionData: false, Level: 'ALL' },
    });
    const rights = rightsOf(RoleArn['Fn::GetAtt'][0]).filter((right) => !/^(logs|xray):.* on \*$/.test(right));
    expect(rights).toEqual([
      'lambda:InvokeFunction on ReportFailureFunction',
      'events:PutEvents on event-bus/default',
      'sns:Publish on FailuresTopic',
    ]);
    const called = JSON.stringify(properties.DefinitionString).match(/\w+FunctionCurrentVersion/g);
    expect(called).toEqual(['ReportFailureFunctionCurrentVersion']);
  });

  it('do not make its executions runs: outputs, alarms, the dashboard and people know one state machine', () => {
    const { Resources, Outputs } = template.toJSON() as { Resources: Record<string, object>; Outputs: object };
    const users = Object.keys(Resources).filter((id) => JSON.stringify(Resources[id]).includes(`"${reporting}"`));
    expect(users.map((id) => id.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual([
      'TimedOutRunsRule',
      'TimedOutRunsStateMachineEventsRoleDefaultPolicy',
    ]);
    expect(JSON.stringify(Outputs)).not.toContain(reporting);
  });
});

/** The pattern of a rule for executions of one state machine that end this way. */
function endsOf(status: string) {
  return {
    source: ['aws.states'],
    'detail-type': ['Step Functions Execution Status Change'],
    detail: { status: [status], stateMachineArn: [Match.anyValue()] },
  };
}
