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
  it('are these', () => {
    expect(alarms.map(({ id }) => id).sort()).toEqual([
      'ApiTrouble',
      'NoPublishedRundaily',
      'NoPublishedRunweekdays',
      'RunFailed',
      'RunQuarantined',
      'SourceDrifted',
      'StartUndelivered',
    ]);
  });

  it('say what to do and where to read on', () => {
    for (const { AlarmDescription } of alarms) {
      expect(AlarmDescription).toMatch(/^[A-Z].{60,}\. Runbook: docs\/runbook\.md#[a-z-]+$/);
    }
  });

  it('go to the topic, but for one that the workflow itself mails', () => {
    const silent = alarms.filter(({ AlarmActions }) => AlarmActions === undefined).map(({ id }) => id);
    expect(silent).toEqual(['RunQuarantined']);
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

  it('miss an export whose newest run is older than its interval and some grace, and one that nobody measures', () => {
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
      ],
      Statistic: 'Maximum',
      Period: 3600,
      Threshold: 29,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'breaching',
    });
  });

  it('watch every hour just those exports', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(1 hour)',
      Target: Match.objectLike({ Input: '{"exports":["daily","weekdays"]}' }),
    });
  });

  it.each([
    ['RunQuarantined', METRICS.quarantined],
    ['SourceDrifted', METRICS.drifted],
  ])('%s sums over all exports', (id, metric) => {
    expect(alarm(id)).toMatchObject({
      MetricName: metric,
      Dimensions: [{ Name: 'service', Value: 'account-export' }],
      Statistic: 'Sum',
      Threshold: 0,
      TreatMissingData: 'notBreaching',
    });
  });

  it('StartUndelivered watches the queue of the schedules', () => {
    const [queue] = Object.keys(template.findResources('AWS::SQS::Queue'));
    expect(alarm('StartUndelivered')).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [queue, 'QueueName'] } }],
    });
  });

  it('ApiTrouble compares what was sent again with what was sent', () => {
    const { Metrics, Threshold } = alarm('ApiTrouble') as { Metrics: { Expression?: string }[]; Threshold: number };
    expect(Metrics.map(({ Expression }) => Expression).filter(Boolean)).toEqual(['100 * retries / requests']);
    expect(Threshold).toBe(20);
  });
});

describe('the dashboard', () => {
  const [{ Properties: dashboard } = { Properties: {} }] = Object.values(
    template.findResources('AWS::CloudWatch::Dashboard'),
  );
  const body = JSON.stringify(dashboard.DashboardBody);

  it('asks in order: is it in, what did it cost, why not', () => {
    const places = ['Is it in?', 'What did it cost?', 'Why not?'].map((question) => body.indexOf(question));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
  });

  it('shows every metric there is', () => {
    for (const metric of Object.values(METRICS)) {
      // Requests are what the alarm on retries is reckoned with.
      if (metric !== METRICS.apiRequests) expect(body).toContain(metric);
    }
  });
});

it('saves queries for the logs under the name of the stack', () => {
  const names = Object.values(template.findResources('AWS::Logs::QueryDefinition')).map(
    ({ Properties }) => Properties.Name,
  );
  expect(names.sort()).toEqual([
    'AccountExport/One run, step by step',
    'AccountExport/Slowest pages',
    'AccountExport/What failed',
  ]);
});
