import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../functions/runtime/metric-names.ts';
import { watchedExports } from '../../infra/constructs/export-monitoring.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { CONFIG, synthesized } from '../support/synthesized.ts';

const EXPORTS = [
  { name: 'daily', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)', flexibleMinutes: 30 },
  { name: 'weekdays', datasetId: 'engage', schedule: 'cron(0 6 ? * MON-FRI *)' },
  { name: 'once', datasetId: 'engage', schedule: 'at(2026-12-24T18:00:00)' },
  { name: 'paused', datasetId: 'engage', schedule: 'rate(1 hour)', scheduleEnabled: false },
  { name: 'on-demand', datasetId: 'engage' },
];
const template = synthesized({ exports: EXPORTS });
const alarms = Object.entries(template.findResources('AWS::CloudWatch::Alarm')).map(([id, { Properties }]) => ({
  id: id.replace(/^Monitoring/, '').replace(/[0-9A-F]{8}$/, ''),
  ...Properties,
}));
const alarm = (id: string) => alarms.find((one) => one.id === id) ?? expect.fail(`no alarm ${id}`);

describe('the alarms', () => {
  it('cover failures, timeouts, quarantine, drift, deliveries, retries and the age of the data', () => {
    expect(alarms.map(({ id }) => id).sort()).toEqual([
      'ApiErrors',
      'FreshnessUndelivered',
      'NoPublishedRundaily',
      'NoPublishedRunweekdays',
      'NotificationUndelivered',
      'RetentionFailed',
      'RetentionUndelivered',
      'RunFailed',
      'RunQuarantined',
      'RunStopped',
      'RunTimedOut',
      'SourceDrifted',
      'StartUndelivered',
    ]);
  });

  it('describe what happened and what to do, and link to the runbook', () => {
    for (const { AlarmDescription } of alarms) {
      expect(AlarmDescription).toMatch(/^[A-Z].{60,}\. Runbook: docs\/runbook\.md#[a-z-]+$/);
    }
  });

  it('are named after the stack and the export', () => {
    expect(alarms.map(({ AlarmName }) => AlarmName)).toEqual(
      expect.arrayContaining(['AccountExport-RunFailed', 'AccountExport-NoPublishedRun-daily']),
    );
    expect(new Set(alarms.map(({ AlarmName }) => AlarmName)).size).toBe(alarms.length);
  });

  it('notify the topic, except for quarantined and stopped runs, which emails report', () => {
    const silent = alarms.filter(({ AlarmActions }) => AlarmActions === undefined).map(({ id }) => id);
    expect(silent.sort()).toEqual(['RunQuarantined', 'RunStopped']);
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      },
    });
  });

  it('report the end of a situation, but not the end of a count of runs', () => {
    const recovering = alarms.filter(({ OKActions }) => OKActions !== undefined);
    expect(recovering.map(({ id }) => id).sort()).toEqual([
      'ApiErrors',
      'NoPublishedRundaily',
      'NoPublishedRunweekdays',
    ]);
    for (const { OKActions, AlarmActions } of recovering) expect(OKActions).toEqual(AlarmActions);
  });

  it.each([
    ['RunFailed', 'ExecutionsFailed'],
    ['RunTimedOut', 'ExecutionsTimedOut'],
    ['RunStopped', 'ExecutionsAborted'],
  ])('%s counts executions by one plain metric, and no data is no failure', (id, MetricName) => {
    // FILL in an expression can leave an alarm stuck when a metric arrives late.
    expect(alarm(id)).toMatchObject({
      Namespace: 'AWS/States',
      MetricName,
      Dimensions: [{ Name: 'StateMachineArn' }],
      Statistic: 'Sum',
      Threshold: 0,
      TreatMissingData: 'notBreaching',
    });
  });

  it('report an export whose last published run is too old or was not measured', () => {
    expect(watchedExports(parseStackConfig({ ...CONFIG, exports: EXPORTS }).exports)).toEqual([
      { name: 'daily', maxAgeHours: 29 },
      { name: 'weekdays', maxAgeHours: 76 },
    ]);
    expect(alarm('NoPublishedRundaily')).toMatchObject({
      MetricName: METRICS.publishedAge,
      Namespace: 'AccountExport',
      Dimensions: [
        { Name: 'export', Value: 'daily' },
        { Name: 'service', Value: 'account-export' },
        { Name: 'stack', Value: 'AccountExport' },
      ],
      Statistic: 'Maximum',
      Period: 3600,
      Threshold: 29,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'breaching',
    });
  });

  it('measure the watched exports every hour', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(1 hour)',
      Target: Match.objectLike({ Input: '{"exports":["daily","weekdays"]}' }),
    });
  });

  it.each([
    ['RunQuarantined', METRICS.quarantined],
    ['SourceDrifted', METRICS.drifted],
  ])('%s counts the runs of all exports', (id, metric) => {
    expect(alarm(id)).toMatchObject({
      MetricName: metric,
      Dimensions: [
        { Name: 'service', Value: 'account-export' },
        { Name: 'stack', Value: 'AccountExport' },
      ],
      Statistic: 'Sum',
      Threshold: 0,
      TreatMissingData: 'notBreaching',
    });
  });

  it('RetentionFailed watches the errors of Expire runs', () => {
    expect(alarm('RetentionFailed')).toMatchObject({
      Namespace: 'AWS/Lambda',
      MetricName: 'Errors',
      Statistic: 'Sum',
      Dimensions: [{ Name: 'FunctionName', Value: { Ref: expect.stringMatching(/^ExpireRunsFunction/) } }],
      TreatMissingData: 'notBreaching',
    });
  });

  it.each(['Start', 'Retention', 'Freshness', 'Notification'])(
    '%sUndelivered watches the queue of its cause',
    (cause) => {
      const queue = Object.keys(template.findResources('AWS::SQS::Queue')).find((id) =>
        id.startsWith(`Undelivered${cause}`),
      );
      expect(alarm(`${cause}Undelivered`)).toMatchObject({
        MetricName: 'ApproximateNumberOfMessagesVisible',
        Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [queue, 'QueueName'] } }],
      });
    },
  );

  it('ApiErrors compares retries with requests', () => {
    const { Metrics, Threshold } = alarm('ApiErrors') as { Metrics: { Expression?: string }[]; Threshold: number };
    expect(Metrics.map(({ Expression }) => Expression).filter(Boolean)).toEqual(['100 * retries / requests']);
    expect(Threshold).toBe(20);
  });
});

describe('the dashboard', () => {
  const [{ Properties: dashboard } = { Properties: {} }] = Object.values(
    template.findResources('AWS::CloudWatch::Dashboard'),
  );
  const body = JSON.stringify(dashboard.DashboardBody);

  it('shows retries of this stack only', () => {
    expect(body).toContain('{AccountExport,service,stack,export,cause} stack=');
  });

  it('shows every metric', () => {
    for (const metric of Object.values(METRICS)) {
      // Only the alarm ApiErrors uses it.
      if (metric !== METRICS.apiRequests) expect(body).toContain(metric);
    }
  });
});

it('saves log queries under the name of the stack', () => {
  const names = Object.values(template.findResources('AWS::Logs::QueryDefinition')).map(
    ({ Properties }) => Properties.Name,
  );
  expect(names.sort()).toEqual(['AccountExport/Errors', 'AccountExport/One run', 'AccountExport/Slowest pages']);
});
