import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  MathExpression,
  Metric,
  PeriodOverride,
  SingleValueWidget,
  Stats,
  TextWidget,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { type ILogGroup, QueryDefinition, QueryString } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Duration, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import { longestGapHours } from '../../functions/model/schedule-expression.ts';
import { DIMENSIONS, METRIC_NAMESPACE, METRICS } from '../../functions/runtime/metric-names.ts';
import type { Deployment } from '../deployment.ts';
import type { Undelivered } from './undelivered.ts';

export interface ExportMonitoringProps {
  readonly deployment: Deployment;
  readonly exports: readonly ExportSettings[];
  readonly stateMachine: StateMachine;
  readonly undelivered: Undelivered;
  /** The function that deletes old runs. */
  readonly retention: IFunction;
  /** Receives the alarms. */
  readonly topic: ITopic;
  /** The logs of the functions of a run. */
  readonly logGroups: readonly ILogGroup[];
}

interface AlarmSettings {
  readonly metric: IMetric;
  readonly threshold: number;
  /** What happened and what to do. */
  readonly text: string;
  /** Whether the alarm publishes to the topic. @default true */
  readonly notifies?: boolean;
  /** Whether its end is news, and is published too. A count of failed runs is zero again soon, which is none. @default false */
  readonly recovers?: boolean;
  /** The entry of the runbook. @default the one with the alarm's name */
  readonly entry?: string;
  /** @default not breaching */
  readonly missing?: TreatMissingData;
  /** @default 1 */
  readonly periods?: number;
}

/** Hours beyond the interval of an export: 80 minutes of retries (`RETRY_POLICY`), the run, and daylight saving time. */
const GRACE_HOURS = 4;
/** The share of requests that are retries: it rises long before runs fail. */
const MAX_RETRY_PERCENT = 20;

const FIVE_MINUTES = Duration.minutes(5);
const HOUR = Duration.hours(1);
const DAY = Duration.days(1);

/** The exports that should have a recent published run, and its maximum age. */
export function watchedExports(exports: readonly ExportSettings[]): { name: string; maxAgeHours: number }[] {
  return exports.flatMap(({ name, schedule, scheduleEnabled = true, flexibleMinutes = 0 }) => {
    const gap = schedule === undefined || !scheduleEnabled ? undefined : longestGapHours(schedule);
    return gap === undefined ? [] : [{ name, maxAgeHours: Math.ceil(gap + flexibleMinutes / 60 + GRACE_HOURS) }];
  });
}

/** Alarms that link to the runbook, saved log queries, and a dashboard of one screen. */
export class ExportMonitoring extends Construct {
  readonly dashboard: Dashboard;
  readonly #topic: ITopic;
  readonly #deployment: Deployment;

  constructor(scope: Construct, id: string, props: ExportMonitoringProps) {
    super(scope, id);
    this.#topic = props.topic;
    this.#deployment = props.deployment;
    // The topic has its own policy, which replaces the default one that admits alarms.
    props.topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [props.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    this.addAlarms(props);
    this.addQueries(props);
    this.dashboard = this.addDashboard(props);
  }

  private addAlarms({ exports, stateMachine, undelivered, retention }: ExportMonitoringProps): void {
    // The workflow sends an email with more detail, except when reporting itself fails, so this alarm notifies too.
    this.alarm('RunFailed', {
      metric: stateMachine.metricFailed({ period: FIVE_MINUTES }),
      threshold: 0,
      text: 'A run failed; earlier published runs are unchanged. The failure email and the execution say why, and what to do.',
    });
    // Step Functions sends its event about the timeout at best effort, and without it there is no email.
    this.alarm('RunTimedOut', {
      metric: stateMachine.metricTimedOut({ period: FIVE_MINUTES }),
      threshold: 0,
      text: 'A run reached the time limit of the state machine and published nothing. Its finished pages are kept. Find out what took so long, then resume it.',
      entry: 'run-stopped',
    });
    this.alarm('RunStopped', {
      metric: stateMachine.metricAborted({ period: FIVE_MINUTES }),
      threshold: 0,
      text: 'A person stopped a run, which published nothing. Its finished pages are kept, and it can be resumed. The email says which run it was.',
      notifies: false,
    });
    this.alarm('RunQuarantined', {
      metric: this.total(METRICS.quarantined, FIVE_MINUTES),
      threshold: 0,
      text: 'A run was quarantined: many accounts are gone, or the data changed during the run. Inspect it, then publish it or start the export again.',
      notifies: false,
    });
    this.alarm('SourceDrifted', {
      metric: this.total(METRICS.drifted, FIVE_MINUTES),
      threshold: 0,
      text: 'The data changed during a run: accounts may be missing or duplicated. The next run corrects this. If it happens every day, schedule the export at a quieter hour or set onDrift to retry.',
    });
    const causes = {
      StartUndelivered: [
        undelivered.starts,
        'EventBridge Scheduler could not start a run. Read the message in the dead-letter queue, then start that export by hand with its dueAt.',
      ],
      RetentionUndelivered: [
        undelivered.retention,
        'The daily deletion of expired runs did not start, or failed three times. See the log of Expire runs; the next day continues the deletion.',
      ],
      FreshnessUndelivered: [
        undelivered.freshness,
        'The hourly check of the last published runs did not start, or failed three times. See the log of Watch exports. Runs are not affected.',
      ],
      NotificationUndelivered: [
        undelivered.notifications,
        'An email, or an event about a stopped or timed-out run, could not be delivered. Read the message in the dead-letter queue, and check the address.',
      ],
    } as const;
    for (const [id, [queue, text]] of Object.entries(causes)) {
      const metric = queue.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES, statistic: Stats.MAXIMUM });
      this.alarm(id, { metric, threshold: 0, text });
    }
    this.alarm('RetentionFailed', {
      metric: retention.metricErrors({ period: HOUR }),
      threshold: 0,
      text: 'The daily deletion of old runs failed, so data is kept longer than retentionDays. See the log of Expire runs; the next day continues.',
    });
    const period = Duration.minutes(15);
    this.alarm('ApiErrors', {
      metric: new MathExpression({
        expression: '100 * retries / requests',
        usingMetrics: {
          retries: this.total(METRICS.retries, period),
          requests: this.total(METRICS.apiRequests, period),
        },
        period,
        label: 'retries, % of requests',
      }),
      threshold: MAX_RETRY_PERCENT,
      text: `More than ${MAX_RETRY_PERCENT}% of API requests were retries. See their causes on the dashboard: for 429, lower the concurrency; for other errors, contact Salesforce.`,
      recovers: true,
    });
    for (const { name, maxAgeHours } of watchedExports(exports)) {
      this.alarm(`NoPublishedRun-${name}`, {
        metric: this.byExport(METRICS.publishedAge, name, HOUR, Stats.MAXIMUM),
        threshold: maxAgeHours,
        text: `Export ${name} has had no published run for ${maxAgeHours} hours. Check whether its executions were skipped, failed or never started, then start it by hand.`,
        // No data means that no run was ever published, or that the hourly measurement fails.
        missing: TreatMissingData.BREACHING,
        periods: 2,
        recovers: true,
      });
    }
  }

  /** Queries for CloudWatch Logs Insights, under the name of the stack. */
  private addQueries({ logGroups }: ExportMonitoringProps): void {
    const fields = [
      '@timestamp',
      'message',
      'exportName',
      'runId',
      'page',
      'milliseconds',
      'errorName',
      'errorMessage',
    ];
    const queries: Record<string, ConstructorParameters<typeof QueryString>[0]> = {
      Errors: { fields, filterStatements: ['ispresent(errorName)'], sort: '@timestamp desc', limit: 100 },
      'One run': { fields, filterStatements: ['runId = "RUN"'], sort: '@timestamp asc', limit: 1000 },
      'Slowest pages': { fields, filterStatements: ['ispresent(page)'], sort: 'milliseconds desc', limit: 50 },
    };
    for (const [name, query] of Object.entries(queries)) {
      new QueryDefinition(this, `Query-${name}`, {
        queryDefinitionName: `${this.#deployment.name}/${name}`,
        queryString: new QueryString(query),
        logGroups: [...logGroups],
      });
    }
  }

  private alarm(id: string, settings: AlarmSettings): void {
    const {
      metric,
      threshold,
      text,
      notifies = true,
      missing = TreatMissingData.NOT_BREACHING,
      periods = 1,
      recovers = false,
      entry = entryOf(id),
    } = settings;
    const alarm = new Alarm(this, id, {
      alarmName: `${this.#deployment.name}-${id}`,
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: missing,
      alarmDescription: `${text} Runbook: docs/runbook.md#${entry}`,
    });
    if (notifies) alarm.addAlarmAction(new SnsAction(this.#topic));
    if (recovers) alarm.addOkAction(new SnsAction(this.#topic));
  }

  private addDashboard({ exports, stateMachine, logGroups }: ExportMonitoringProps): Dashboard {
    const each = (metric: string, period: Duration, statistic: string) =>
      exports.map(({ name }) => this.byExport(metric, name, period, statistic).with({ label: name }));
    const dashboard = new Dashboard(this, 'Dashboard', {
      defaultInterval: Duration.days(7),
      periodOverride: PeriodOverride.INHERIT,
    });
    const latency = (statistic: string) => this.total(METRICS.apiLatency, FIVE_MINUTES, statistic);
    const retries = new MathExpression({
      expression: `SEARCH('{${METRIC_NAMESPACE},service,${DIMENSIONS.stack},${DIMENSIONS.export},${DIMENSIONS.cause}} ${DIMENSIONS.stack}="${this.#deployment.reference}" MetricName="${METRICS.retries}"', 'Sum', 300)`,
      usingMetrics: {},
      label: '',
    });
    dashboard.addWidgets(
      heading('**Freshness.** Hours since each export was published, and its number of accounts.'),
      this.agesOf(watchedExports(exports).map(({ name }) => name)),
      graph('Accounts published', each(METRICS.accounts, DAY, Stats.MAXIMUM), { width: 12 }),
      heading('**Usage.** Records that count against the contract, pages, bytes and time.'),
      graph('Records fetched per day', each(METRICS.recordsFetched, DAY, Stats.SUM)),
      graph('Pages per day', each(METRICS.pages, DAY, Stats.SUM)),
      graph('Bytes written per day', each(METRICS.bytes, DAY, Stats.SUM)),
      graph('Run duration (s)', each(METRICS.seconds, HOUR, Stats.MAXIMUM)),
      heading('**Runs and errors.** How runs ended, API latency, retries and errors.'),
      graph(
        'Runs',
        [
          stateMachine.metricSucceeded({ period: HOUR }),
          stateMachine.metricFailed({ period: HOUR }),
          stateMachine.metricTimedOut({ period: HOUR }),
          stateMachine.metricAborted({ period: HOUR }),
          this.total(METRICS.quarantined, HOUR),
          this.total(METRICS.drifted, HOUR),
        ],
        { width: 8, height: 6 },
      ),
      graph('API latency (ms)', [latency('p50'), latency('p99')], { width: 8, height: 6 }),
      graph('Retries by cause', [retries], { width: 8, height: 6 }),
      new LogQueryWidget({
        title: 'Errors',
        logGroupNames: logGroups.map(({ logGroupName }) => logGroupName),
        view: LogQueryVisualizationType.TABLE,
        queryLines: [
          'fields @timestamp, exportName, runId, page, errorName, errorMessage',
          'filter ispresent(errorName)',
          'sort @timestamp desc',
          'limit 20',
        ],
        width: 24,
        height: 6,
      }),
    );
    return dashboard;
  }

  /** Without exports, a text: a widget without metrics looks as if it waited for data. */
  private agesOf(names: readonly string[]): IWidget {
    const size = { width: 12, height: 5 };
    if (names.length === 0)
      return new TextWidget({ markdown: 'No export has a schedule, so no age is measured.', ...size });
    return new SingleValueWidget({
      title: 'Hours since the last published run',
      metrics: names.map((name) =>
        this.byExport(METRICS.publishedAge, name, HOUR, Stats.MAXIMUM).with({ label: name }),
      ),
      ...size,
    });
  }

  private total(metricName: string, period: Duration, statistic: string = Stats.SUM): Metric {
    return stackMetric(this.#deployment, metricName).with({ period, statistic });
  }

  private byExport(metricName: string, name: string, period: Duration, statistic: string): Metric {
    return stackMetric(this.#deployment, metricName, name).with({ period, statistic });
  }
}

/**
 * A metric of the functions: of the whole deployment, or of one export. Powertools adds the dimension `service` to every
 * metric.
 */
export function stackMetric({ reference }: Deployment, metricName: string, exportName?: string): Metric {
  const dimensionsMap = {
    service: 'account-export',
    [DIMENSIONS.stack]: reference,
    ...(exportName === undefined ? {} : { [DIMENSIONS.export]: exportName }),
  };
  return new Metric({ namespace: METRIC_NAMESPACE, metricName, dimensionsMap });
}

function heading(markdown: string): TextWidget {
  return new TextWidget({ markdown, width: 24, height: 1 });
}

function graph(title: string, left: IMetric[], size: { width?: number; height?: number } = {}): GraphWidget {
  return new GraphWidget({ title, left, width: 6, height: 5, ...size });
}

/** `NoPublishedRun-daily` becomes `no-published-run`. */
function entryOf(alarm: string): string {
  return alarm
    .replace(/-.*/, '')
    .replaceAll(/(?<=[a-z])[A-Z]/g, '-$&')
    .toLowerCase();
}
