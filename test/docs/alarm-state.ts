/** Evaluates an alarm of the template against the log lines (EMF) of the functions, which hold their metrics. */
import { synthesized } from '../support/synthesized.ts';

interface MetricOf {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: string }[];
}
interface MetricQuery {
  readonly Id: string;
  readonly Expression?: string;
  readonly MetricStat?: { readonly Metric: MetricOf; readonly Stat: string };
}
interface AlarmProperties extends Partial<MetricOf> {
  readonly Threshold: number;
  readonly Statistic?: string;
  readonly TreatMissingData: string;
  readonly Metrics?: readonly MetricQuery[];
  readonly AlarmDescription: string;
}

interface Line {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
  readonly [name: string]: unknown;
}

const EXPORTS = [{ name: 'all-accounts', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }];

/**
 * @param alarm the start of its logical id, without `Monitoring`
 * @param printed the log lines of one evaluation period
 */
export function isRaised(alarm: string, printed: readonly string[]): boolean {
  const { Threshold, TreatMissingData, Metrics, Statistic = '', ...metric } = alarmOf(alarm);
  const value = Metrics ? ratioOf(Metrics, printed) : statisticOf(Statistic, valuesOf(metric as MetricOf, printed));
  return value === undefined ? TreatMissingData === 'breaching' : value > Threshold;
}

function alarmOf(name: string): AlarmProperties {
  const alarms = Object.entries(synthesized({ exports: EXPORTS }).findResources('AWS::CloudWatch::Alarm'));
  const [, found] = alarms.find(([id]) => id.startsWith(`Monitoring${name}`)) ?? [];
  if (!found) throw new Error(`The stack has no alarm ${name}.`);
  return found.Properties as AlarmProperties;
}

/** Supports one kind of expression: a share in percent. */
function ratioOf(queries: readonly MetricQuery[], printed: readonly string[]): number | undefined {
  const expression = queries.find(({ Expression }) => Expression !== undefined)?.Expression ?? '';
  const [, part = '', whole = ''] = /^100 \* (\w+) \/ (\w+)$/.exec(expression) ?? [];
  const of = (id: string) => {
    const stat = queries.find(({ Id }) => Id === id)?.MetricStat;
    if (!stat) throw new Error(`Unsupported expression: ${expression}`);
    return statisticOf(stat.Stat, valuesOf(stat.Metric, printed));
  };
  const [a, b] = [of(part), of(whole)];
  return a === undefined || b === undefined ? undefined : (100 * a) / b;
}

function linesOf(printed: readonly string[]): Line[] {
  return printed.filter((line) => line.startsWith('{"_aws"')).map((line) => JSON.parse(line) as Line);
}

/** The values of a metric with exactly these dimensions, each with its log line. */
export function metricValues(
  metric: string,
  dimensions: readonly string[],
  printed: readonly string[],
): { readonly value: number; readonly line: Line }[] {
  return linesOf(printed).flatMap((line) => {
    const [metrics] = line._aws.CloudWatchMetrics;
    const fits =
      metrics?.Metrics.some(({ Name }) => Name === metric) &&
      [...(metrics.Dimensions[0] ?? [])].sort().join() === [...dimensions].sort().join();
    return fits ? [line[metric]].flat().map((value) => ({ value: Number(value), line })) : [];
  });
}

function valuesOf({ Namespace, MetricName, Dimensions = [] }: MetricOf, printed: readonly string[]): number[] {
  const names = Dimensions.map(({ Name }) => Name);
  return metricValues(MetricName, names, printed)
    .filter(({ line }) => line._aws.CloudWatchMetrics[0]?.Namespace === Namespace)
    .filter(({ line }) => Dimensions.every(({ Name, Value }) => line[Name] === Value))
    .map(({ value }) => value);
}

function statisticOf(statistic: string, values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  if (statistic === 'Sum') return values.reduce((sum, value) => sum + value, 0);
  if (statistic === 'Maximum') return Math.max(...values);
  throw new Error(`Unsupported statistic: ${statistic}`);
}
