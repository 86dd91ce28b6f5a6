/** Whether an alarm of the template would be raised by what the functions have written: their metrics are log lines (EMF). */
import { synthesised } from '../support/synthesised.ts';

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
 * @param printed what the functions wrote since: the one period that counts
 */
export function isRaised(alarm: string, printed: readonly string[]): boolean {
  const { Threshold, TreatMissingData, Metrics, Statistic = '', ...metric } = alarmOf(alarm);
  const lines = printed.filter((line) => line.startsWith('{"_aws"')).map((line) => JSON.parse(line) as Line);
  const value = Metrics ? ratioOf(Metrics, lines) : statisticOf(Statistic, valuesOf(metric as MetricOf, lines));
  return value === undefined ? TreatMissingData === 'breaching' : value > Threshold;
}

function alarmOf(name: string): AlarmProperties {
  const alarms = Object.entries(synthesised({ exports: EXPORTS }).findResources('AWS::CloudWatch::Alarm'));
  const [, found] = alarms.find(([id]) => id.startsWith(`Monitoring${name}`)) ?? [];
  if (!found) throw new Error(`The stack has no alarm ${name}.`);
  return found.Properties as AlarmProperties;
}

/** The one expression that is reckoned here: a share in percent. */
function ratioOf(queries: readonly MetricQuery[], lines: readonly Line[]): number | undefined {
  const expression = queries.find(({ Expression }) => Expression !== undefined)?.Expression ?? '';
  const [, above = '', below = ''] = /^100 \* (\w+) \/ (\w+)$/.exec(expression) ?? [];
  const of = (id: string) => {
    const stat = queries.find(({ Id }) => Id === id)?.MetricStat;
    if (!stat) throw new Error(`${expression} is not understood.`);
    return statisticOf(stat.Stat, valuesOf(stat.Metric, lines));
  };
  const [a, b] = [of(above), of(below)];
  return a === undefined || b === undefined ? undefined : (100 * a) / b;
}

/** The values that lie under exactly these dimensions. */
export function valuesOf({ Namespace, MetricName, Dimensions = [] }: MetricOf, lines: readonly Line[]): number[] {
  const names = Dimensions.map(({ Name }) => Name).sort();
  return lines.flatMap((line) => {
    const [metrics] = line._aws.CloudWatchMetrics;
    const its = [...(metrics?.Dimensions[0] ?? [])].sort();
    const fits =
      metrics?.Namespace === Namespace &&
      metrics.Metrics.some(({ Name }) => Name === MetricName) &&
      its.join() === names.join() &&
      Dimensions.every(({ Name, Value }) => line[Name] === Value);
    return fits ? [line[MetricName]].flat().map(Number) : [];
  });
}

function statisticOf(statistic: string, values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  if (statistic === 'Sum') return values.reduce((sum, value) => sum + value, 0);
  if (statistic === 'Maximum') return Math.max(...values);
  throw new Error(`The statistic ${statistic} is not understood.`);
}
