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
  it('are one for each export that has one, at its hour, in its time zone, within its window', () => {
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

  it('send a request that the run takes, with the time it was due', () => {
    const due = '2026-08-22T04:00:00Z';
    const inputs = schedules.map(({ Target }) => String(Target.Input));
    expect(inputs[0]).toBe('{"exportName":"daily","dueAt":"<aws.scheduler.scheduled-time>","scheduled":true}');
    const { exports } = parseStackConfig({ ...CONFIG, ...SCHEDULED });
    for (const input of inputs) {
      const request = parseRequest(JSON.parse(input.replace('<aws.scheduler.scheduled-time>', due)));
      expect(resolveRequest(request, exports, '2026-08-22T04:00:09Z').dueAt).toBe('2026-08-22T04:00:00.000Z');
    }
  });

  it('try a start again a few times within an hour, and then keep it in an encrypted queue', () => {
    const [queueId = ''] = Object.keys(template.findResources('AWS::SQS::Queue'));
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

  it('have a role of their own, which may start this state machine and fill this queue, and nothing else', () => {
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
  it('go to a topic that refuses requests without TLS, and from there to the address that is configured', () => {
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

  it('go to nobody where no address is configured', () => {
    synthesized().resourceCountIs('AWS::SNS::Subscription', 0);
  });

  it('are told of runs that were stopped or ran out of time too, which reach no state of their own', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.states'],
        'detail-type': ['Step Functions Execution Status Change'],
        detail: { status: ['ABORTED', 'TIMED_OUT'], stateMachineArn: [Match.anyValue()] },
      },
      Targets: [
        Match.objectLike({
          InputTransformer: {
            InputPathsMap: {
              'detail-name': '$.detail.name',
              'detail-status': '$.detail.status',
              'detail-executionArn': '$.detail.executionArn',
              region: '$.region',
            },
            InputTemplate: Match.stringLikeRegexp(
              'Account Export: run <detail-name> ended as <detail-status> .*redrive <detail-name> .*#/v2/executions/details/<detail-executionArn>',
            ),
          },
        }),
      ],
    });
  });
});
