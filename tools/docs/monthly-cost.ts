/** The monthly cost of the stack when nothing runs, from the resources of its template. */

import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { MEMORY_MB, PRICES } from '../../functions/export/plan/estimate.ts';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { markdownTable } from './markdown.ts';

const HOURS = 730;
const DAYS = HOURS / 24;

/** USD, us-east-1. Sources: the price pages of CloudWatch, Secrets Manager, KMS and VPC. */
const MONTHLY = {
  /** Per metric that an alarm reads. */
  alarmMetric: 0.1,
  dashboard: 3,
  secret: 0.4,
  key: 1,
  natGateway: 0.045 * HOURS,
  publicAddress: 0.005 * HOURS,
} as const;

/** Resources that cost nothing until they are used. Their use is part of the cost of a run, or listed below the table. */
const FREE = [
  'AWS::Athena::NamedQuery',
  'AWS::Athena::WorkGroup',
  'AWS::Budgets::Budget',
  'AWS::EC2::FlowLog',
  'AWS::EC2::InternetGateway',
  'AWS::EC2::Route',
  'AWS::EC2::RouteTable',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::Subnet',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::VPC',
  // A gateway endpoint; test/infra/network.test.ts checks its type.
  'AWS::EC2::VPCEndpoint',
  'AWS::EC2::VPCGatewayAttachment',
  'AWS::Events::Rule',
  'AWS::Glue::Database',
  'AWS::Glue::Table',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::Function',
  'AWS::Lambda::Version',
  'AWS::Logs::LogGroup',
  'AWS::Logs::QueryDefinition',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'AWS::Scheduler::Schedule',
  'AWS::Scheduler::ScheduleGroup',
  'AWS::StepFunctions::StateMachine',
  'Custom::VpcRestrictDefaultSG',
];

/** The row of a resource, and how many units of it the resource adds. */
const PRICED: Readonly<Record<string, (properties: Properties) => readonly [row: Row['key'], units: number]>> = {
  'AWS::CloudWatch::Alarm': ({ Metrics = [{ MetricStat: {} }] }) => [
    'alarmMetric',
    Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length,
  ],
  'AWS::CloudWatch::Dashboard': () => ['dashboard', 1],
  'AWS::SecretsManager::Secret': () => ['secret', 1],
  'AWS::KMS::Key': () => ['key', 1],
  'AWS::EC2::NatGateway': () => ['natGateway', 1],
  'AWS::EC2::EIP': () => ['publicAddress', 1],
};

interface Resource {
  readonly Type: string;
  readonly Properties?: Properties;
}

interface Properties {
  readonly Metrics?: readonly { readonly MetricStat?: object }[];
}

interface Row {
  readonly key: keyof typeof NAMES;
  readonly usdEach: number;
  readonly units: number;
}

const NAMES = {
  alarmMetric: 'alarms, per metric they read',
  dashboard: 'dashboard',
  secret: 'secret with the API key',
  key: 'KMS key',
  natGateway: 'NAT gateway',
  publicAddress: 'public address of the NAT gateway',
  age: 'metric with the age of the newest run, per scheduled export',
  ageCheck: 'hourly check of this age, per scheduled export',
  retention: 'daily retention, per daily export kept for 400 days',
} as const;

const CONFIG = {
  accountName: 'acme',
  instance: 'us-5',
  exports: [{ name: 'all-accounts', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }],
};
const ALL = { encryption: 'customer-key', network: { fixedEgressIp: true }, monthlyBudgetUsd: 60 };

/** One second, one LIST per format, and a LIST and a GET for each of eight days (`published-runs.ts`). */
const AGE_CHECK_USD =
  (3 + 8) * PRICES.s3Put + 8 * PRICES.s3Get + PRICES.lambdaRequest + PRICES.trace + lambdaUsd(MEMORY_MB.report, 1);
/** Per day that is kept: a LIST of its folder and a GET of its manifest (`retention.ts`). */
const KEPT_DAY_USD = PRICES.s3Put + PRICES.s3Get + lambdaUsd(MEMORY_MB.expire, 0.1);

function lambdaUsd(memoryMb: number, seconds: number): number {
  return (memoryMb / 1024) * seconds * PRICES.lambdaGbSecond;
}

/** The rows of one stack. @throws Error for a resource type without a known price */
export function monthlyRows(config: object): Row[] {
  const parsed = parseStackConfig({ ...CONFIG, ...config });
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  const { Resources } = Template.fromStack(new AccountExportStack(app, 'AccountExport', { config: parsed })).toJSON();
  const units: Partial<Record<Row['key'], number>> = {};
  for (const { Type, Properties = {} } of Object.values(Resources as Record<string, Resource>)) {
    if (FREE.includes(Type)) continue;
    const priced = PRICED[Type];
    if (!priced) throw new Error(`Unknown monthly price of ${Type}: add it to tools/docs/monthly-cost.ts.`);
    const [row, more] = priced(Properties);
    units[row] = (units[row] ?? 0) + more;
  }
  const scheduled = parsed.exports.filter(({ schedule }) => schedule !== undefined).length;
  return [
    ...(Object.keys(MONTHLY) as (keyof typeof MONTHLY)[]).map((key) => {
      return { key, usdEach: MONTHLY[key], units: units[key] ?? 0 };
    }),
    { key: 'age', usdEach: PRICES.metricHour * HOURS, units: scheduled },
    { key: 'ageCheck', usdEach: AGE_CHECK_USD * HOURS, units: scheduled },
    { key: 'retention', usdEach: KEPT_DAY_USD * parsed.retentionDays * DAYS, units: scheduled },
  ];
}

/** The table of `docs/cost.md`. */
export function monthlyTable(): string {
  const [byDefault, all] = [monthlyRows({}), monthlyRows(ALL)];
  const total = (rows: readonly Row[]) => rows.reduce((sum, { usdEach, units }) => sum + usdEach * units, 0).toFixed(2);
  return markdownTable(
    ['resource', 'USD each', 'by default', 'with all options'],
    [
      ...all.map((row, i) => [NAMES[row.key], row.usdEach.toFixed(2), costOf(byDefault[i]), costOf(row)]),
      ['**total**', '', `**${total(byDefault)}**`, `**${total(all)}**`],
    ],
    'lrrr',
  );
}

function costOf(row: Row | undefined): string {
  if (!row || row.units === 0) return '–';
  const usd = (row.usdEach * row.units).toFixed(2);
  return row.units === 1 ? usd : `${row.units} × = ${usd}`;
}
