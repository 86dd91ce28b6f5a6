/** What the stack costs a month when nothing runs, by what the template has in it. */
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { MEMORY_MB, PRICES } from '../../functions/export/plan/estimate.ts';
import { AccountExportStack } from '../../infra/account-export-stack.ts';
import { parseStackConfig } from '../../infra/stack-config.ts';
import { markdownTable } from './made-blocks.ts';

const HOURS = 730;
const DAYS = HOURS / 24;

/** USD, us-east-1. Sources: the price pages of CloudWatch, Secrets Manager, KMS and VPC. */
const MONTHLY = {
  /** For each metric that an alarm reads. */
  alarmMetric: 0.1,
  dashboard: 3,
  secret: 0.4,
  key: 1,
  natGateway: 0.045 * HOURS,
  publicAddress: 0.005 * HOURS,
} as const;

/** What costs nothing while it is not used: what its use costs is in the tables of runs, or told below the table. */
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
  // Of the kind "Gateway", as a test of the network has it.
  'AWS::EC2::VPCEndpoint',
  'AWS::EC2::VPCGatewayAttachment',
  'AWS::Events::Rule',
  'AWS::Glue::Database',
  'AWS::Glue::Table',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::Function',
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
  'AWS::StepFunctions::StateMachine',
  'Custom::VpcRestrictDefaultSG',
];

/** A resource's price a month, by its properties. */
const PRICED: Readonly<Record<string, (properties: Properties) => readonly [row: string, pieces: number]>> = {
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

interface Properties {
  readonly Metrics?: readonly { readonly MetricStat?: object }[];
}

interface Row {
  readonly what: string;
  readonly each: number;
  readonly pieces: number;
}

const NAMES: Readonly<Record<keyof typeof MONTHLY, string>> = {
  alarmMetric: 'alarms, for each metric that one reads',
  dashboard: 'the dashboard',
  secret: 'the secret of the API key',
  key: 'the key of KMS',
  natGateway: 'the NAT gateway',
  publicAddress: 'its public address',
};

const CONFIG = {
  accountName: 'acme',
  instance: 'us-5',
  exports: [{ name: 'all-accounts', datasetId: 'engage', schedule: 'cron(0 6 * * ? *)' }],
};
const ALL = { encryption: 'customer-key', network: { fixedEgressIp: true }, monthlyBudgetUsd: 60 };

/** Of an hourly look: a second, the formats, and eight days at once with a manifest each (`last-run.ts`). */
const LOOK_USD =
  (3 + 8) * PRICES.s3Put + 8 * PRICES.s3Get + PRICES.lambdaRequest + PRICES.trace + lambdaUsd(MEMORY_MB.report, 1);
/** Of a daily retention, for each day that is kept: its folder and its manifest are looked at (`expire-runs.ts`). */
const KEPT_DAY_USD = PRICES.s3Put + PRICES.s3Get + lambdaUsd(MEMORY_MB.expire, 0.1);

function lambdaUsd(memoryMb: number, seconds: number): number {
  return (memoryMb / 1024) * seconds * PRICES.lambdaGbSecond;
}

/** What is there all the time, of one stack. @throws Error for a kind of resource whose price nobody has looked up */
export function monthlyRows(config: object): Row[] {
  const parsed = parseStackConfig({ ...CONFIG, ...config });
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const template = Template.fromStack(new AccountExportStack(app, 'AccountExport', { config: parsed })).toJSON();
  const pieces: Record<string, number> = {};
  for (const { Type, Properties = {} } of Object.values(
    template.Resources as Record<string, { Type: string; Properties?: Properties }>,
  )) {
    if (FREE.includes(Type)) continue;
    const priced = PRICED[Type];
    if (!priced) throw new Error(`What ${Type} costs a month is not known: put its price into monthly-cost.ts.`);
    const [row, count] = priced(Properties);
    pieces[row] = (pieces[row] ?? 0) + count;
  }
  const fixed = (Object.keys(MONTHLY) as (keyof typeof MONTHLY)[]).map((row) => {
    return { what: NAMES[row], each: MONTHLY[row], pieces: pieces[row] ?? 0 };
  });
  const scheduled = parsed.exports.filter(({ schedule }) => schedule !== undefined).length;
  return [
    ...fixed,
    { what: 'the metric of its age, for each scheduled export', each: PRICES.metricHour * HOURS, pieces: scheduled },
    { what: 'the hourly look at that age', each: LOOK_USD * HOURS, pieces: scheduled },
    {
      what: `the daily retention, for each daily export, with ${parsed.retentionDays} days kept`,
      each: KEPT_DAY_USD * parsed.retentionDays * DAYS,
      pieces: scheduled,
    },
  ];
}

/** The block of `docs/cost.md`. */
export function monthlyTable(): string {
  const [plain, full] = [monthlyRows({}), monthlyRows(ALL)];
  const inAll = (rows: readonly Row[]) => rows.reduce((sum, { each, pieces }) => sum + each * pieces, 0).toFixed(2);
  return markdownTable(
    ['what is there', 'USD each', 'by default', 'with all options'],
    [
      ...full.map((row, i) => [row.what, row.each.toFixed(2), usdOf(plain[i]), usdOf(row)]),
      ['**in all**', '', `**${inAll(plain)}**`, `**${inAll(full)}**`],
    ],
    'lrrr',
  );
}

function usdOf({ each, pieces }: Row = { what: '', each: 0, pieces: 0 }): string {
  if (pieces === 0) return '–';
  const usd = (each * pieces).toFixed(2);
  return pieces === 1 ? usd : `${pieces} × = ${usd}`;
}
