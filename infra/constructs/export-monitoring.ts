import { Duration, Stack } from 'aws-cdk-lib';
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
import { type ILogGroup, QueryDefinition, QueryString } from 'aws-cdk-lib/aws-logs';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import { longestGapHours } from '../../functions/model/schedule-expression.ts';
import { DIMENSIONS, METRIC_NAMESPACE, METRICS } from '../../functions/runtime/metric-names.ts';

export interface ExportMonitoringProps {
  readonly exports: readonly ExportSettings[];
  readonly stateMachine: StateMachine;
  /** Starts that could not be delivered. */
  readonly deadLetters: IQueue;
  /** Whom alarms are told. */
  readonly topic: Topic;
  /** Of the functions of a run, for the query that tells why one failed. */
  readonly logGroups: readonly ILogGroup[];
}

/**
 * What a run may take beyond its interval before somebody should look: 80 minutes of retries (`RETRY_POLICY`), the run
 * itself, and an hour for a change of the clock.
 */
const GRACE_HOURS = 4;
/** Of requests, the share that had to be sent again: an API in trouble, long before runs fail. */
const MAX_RETRY_PERCENT = 20;

/** The exports that should have a published run, and how old it may get. */
export function watchedExports(exports: readonly ExportSettings[]): { name: string; maxAgeHours: number }[] {
  return exports.flatMap(({ name, schedule, scheduleEnabled = true, flexibleMinutes = 0 }) => {
    const gap = schedule === undefined || !scheduleEnabled ? undefined : longestGapHours(schedule);
    return gap === undefined ? [] : [{ name, maxAgeHours: Math.ceil(gap + flexibleMinutes / 60 + GRACE_HOURS) }];
  });
}

/** Alarms that say what to do, and a dashboard of one screen that answers in this order: is it in, what did it cost, why not. */
export class ExportMonitoring extends Construct {
  readonly dashboard: Dashboard;
  readonly #topic: Topic;

  constructor(scope: Construct, id: string, props: ExportMonitoringProps) {
    super(scope, id);
    this.#topic = props.topic;
    // A policy of its own took the default one's place, which would have let alarms in.
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

  private addAlarms({ exports, stateMachine, deadLetters }: ExportMonitoringProps): void {
    const period = Duration.minutes(5);
    // The workflow itself mails this, with more to say; but not when what reports fails. Two mails are better than none.
    this.alarm('RunFailed', {
      metric: sum([stateMachine.metricFailed({ period }), stateMachine.metricTimedOut({ period })], period),
      threshold: 0,
      text: 'A run failed, and what was published before is as it was. The mail and the execution say why and what to do.',
    });
    this.alarm('RunQuarantined', {
      metric: total(METRICS.quarantined, period),
      threshold: 0,
      text: 'A run was held back: it lost many accounts, or the source moved under it. Look at it, then publish it or not.',
      mailed: true,
    });
    this.alarm('SourceDrifted', {
      metric: total(METRICS.drifted, period),
      threshold: 0,
      text: 'The source moved while a run read it: accounts may be missing or doubled. The next run puts it right; if this comes daily, run at a quieter hour or set onDrift to retry.',
    });
    this.alarm('StartUndelivered', {
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({ period, statistic: Stats.MAXIMUM }),
      threshold: 0,
      text: 'A start of a schedule, or a mail, could not be delivered. The message in the dead-letter queue says which; start that export by hand, with its dueAt.',
    });
    this.alarm('ApiTrouble', {
      metric: new MathExpression({
        expression: '100 * retries / requests',
        usingMetrics: {
          retries: total(METRICS.retries, Duration.minutes(15)),
          requests: total(METRICS.apiRequests, Duration.minutes(15)),
        },
        period: Duration.minutes(15),
        label: 'requests sent again, %',
      }),
      threshold: MAX_RETRY_PERCENT,
      text: `More than ${MAX_RETRY_PERCENT} % of the requests had to be sent again. See the causes on the dashboard: 429 asks for a lower concurrency, all else is for the provider of the API.`,
    });
    for (const { name, maxAgeHours } of watchedExports(exports)) {
      this.alarm(`NoPublishedRun-${name}`, {
        metric: byExport(METRICS.publishedAge, name, Duration.hours(1), Stats.MAXIMUM),
        threshold: maxAgeHours,
        text: `Export ${name} has no published run of the last ${maxAgeHours} hours. See its executions: skipped, failed, or never started; then start it by hand.`,
        // Not knowing is no better: an export that was never published, or nobody who looks.
        missing: TreatMissingData.BREACHING,
        periods: 2,
      });
    }
  }

  /** Saved in CloudWatch Logs Insights, under the stack's name. */
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
      'What failed': { fields, filterStatements: ['ispresent(errorName)'], sort: '@timestamp desc', limit: 100 },
      'One run, step by step': { fields, filterStatements: ['runId = "RUN"'], sort: '@timestamp asc', limit: 1000 },
      'Slowest pages': { fields, filterStatements: ['ispresent(page)'], sort: 'milliseconds desc', limit: 50 },
    };
    for (const [name, query] of Object.entries(queries)) {
      new QueryDefinition(this, `Query-${name}`, {
        queryDefinitionName: `${Stack.of(this).stackName}/${name}`,
        queryString: new QueryString(query),
        logGroups: [...logGroups],
      });
    }
  }

  private alarm(
    id: string,
    {
      metric,
      threshold,
      text,
      mailed = false,
      missing = TreatMissingData.NOT_BREACHING,
      periods = 1,
    }: {
      readonly metric: IMetric;
      readonly threshold: number;
      readonly text: string;
      /** Whether somebody is told already. */
      readonly mailed?: boolean;
      readonly missing?: TreatMissingData;
      readonly periods?: number;
    },
  ): void {
    const anchor = id
      .replace(/-.*/, '')
      .replaceAll(/(?<=[a-z])[A-Z]/g, '-$&')
      .toLowerCase();
    const alarm = new Alarm(this, id, {
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: missing,
      alarmDescription: `${text} Runbook: docs/runbook.md#${anchor}`,
    });
    if (!mailed) alarm.addAlarmAction(new SnsAction(this.#topic));
  }

  private addDashboard({ exports, stateMachine, logGroups }: ExportMonitoringProps): Dashboard {
    const day = Duration.days(1);
    const names = exports.map(({ name }) => name);
    const each = (metric: string, period: Duration, statistic: string) =>
      names.map((name) => byExport(metric, name, period, statistic).with({ label: name }));
    const dashboard = new Dashboard(this, 'Dashboard', {
      defaultInterval: Duration.days(7),
      periodOverride: PeriodOverride.INHERIT,
    });
    dashboard.addWidgets(
      new TextWidget({
        markdown: '**Is it in?** Hours since each export was published, and how many accounts.',
        width: 24,
        height: 1,
      }),
      agesOf(watchedExports(exports).map(({ name }) => name)),
      new GraphWidget({
        title: 'Accounts published',
        left: each(METRICS.accounts, day, Stats.MAXIMUM),
        width: 12,
        height: 5,
      }),
      new TextWidget({
        markdown: '**What did it cost?** Records counted against the contract, and time.',
        width: 24,
        height: 1,
      }),
      new GraphWidget({
        title: 'Records fetched a day',
        left: each(METRICS.recordsFetched, day, Stats.SUM),
        width: 6,
        height: 5,
      }),
      new GraphWidget({
        title: 'Pages a day',
        left: each(METRICS.pages, day, Stats.SUM),
        width: 6,
        height: 5,
      }),
      new GraphWidget({ title: 'Bytes written a day', left: each(METRICS.bytes, day, Stats.SUM), width: 6, height: 5 }),
      new GraphWidget({
        title: 'Seconds a run',
        left: each(METRICS.seconds, Duration.hours(1), Stats.MAXIMUM),
        width: 6,
        height: 5,
      }),
      new TextWidget({
        markdown: '**Why not?** How runs ended, what the API did, and what failed.',
        width: 24,
        height: 1,
      }),
      new GraphWidget({
        title: 'Runs',
        left: [
          stateMachine.metricSucceeded({ period: Duration.hours(1) }),
          stateMachine.metricFailed({ period: Duration.hours(1) }),
          stateMachine.metricAborted({ period: Duration.hours(1) }),
          total(METRICS.quarantined, Duration.hours(1)),
          total(METRICS.drifted, Duration.hours(1)),
        ],
        width: 8,
        height: 6,
      }),
      new GraphWidget({
        title: 'API latency, ms',
        left: [
          total(METRICS.apiLatency, Duration.minutes(5), 'p50'),
          total(METRICS.apiLatency, Duration.minutes(5), 'p99'),
        ],
        width: 8,
        height: 6,
      }),
      new GraphWidget({
        title: 'Retries by cause',
        left: [
          new MathExpression({
            expression: `SEARCH('{${METRIC_NAMESPACE},service,${DIMENSIONS.export},${DIMENSIONS.cause}} MetricName="${METRICS.retries}"', 'Sum', 300)`,
            usingMetrics: {},
            label: '',
          }),
        ],
        width: 8,
        height: 6,
      }),
      new LogQueryWidget({
        title: 'What failed',
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
}

/** A widget of metrics with none in it says nothing, and looks like one that waits for data. */
function agesOf(names: readonly string[]): IWidget {
  const size = { width: 12, height: 5 };
  if (names.length === 0)
    return new TextWidget({ markdown: 'No export has a schedule, so the age of none is watched.', ...size });
  return new SingleValueWidget({
    title: 'Hours since the newest published run',
    metrics: names.map((name) =>
      byExport(METRICS.publishedAge, name, Duration.hours(1), Stats.MAXIMUM).with({ label: name }),
    ),
    ...size,
  });
}

/** Powertools adds this dimension to every metric. */
const SERVICE = { service: 'account-export' };

function total(metricName: string, period: Duration, statistic: string = Stats.SUM): Metric {
  return new Metric({ namespace: METRIC_NAMESPACE, metricName, dimensionsMap: SERVICE, period, statistic });
}

function byExport(metricName: string, name: string, period: Duration, statistic: string): Metric {
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { ...SERVICE, [DIMENSIONS.export]: name },
    period,
    statistic,
  });
}

function sum(metrics: readonly IMetric[], period: Duration): MathExpression {
  const usingMetrics = Object.fromEntries(metrics.map((metric, i) => [`m${i}`, metric]));
  return new MathExpression({
    expression: Object.keys(usingMetrics)
      .map((name) => `FILL(${name}, 0)`)
      .join(' + '),
    usingMetrics,
    period,
  });
}
