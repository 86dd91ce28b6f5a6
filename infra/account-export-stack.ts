import { CfnOutput, Duration, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { tableDefinitions } from '../functions/catalog/tables.ts';
import { MEMORY_MB } from '../functions/export/plan/estimate.ts';
import { attributeColumnsOf, attributeNamesOf } from '../functions/model/export-settings.ts';
import { evergageBaseUrl } from '../functions/personalization/request-url.ts';
import { AccessLogs } from './constructs/access-logs.ts';
import { AccountCatalog } from './constructs/account-catalog.ts';
import { ApiKey } from './constructs/api-key.ts';
import { ApiNetwork } from './constructs/api-network.ts';
import { CostBudget } from './constructs/cost-budget.ts';
import { DataKey } from './constructs/data-key.ts';
import { ExportFunction } from './constructs/export-function.ts';
import { ExportMonitoring, watchedExports } from './constructs/export-monitoring.ts';
import { ExportSchedules } from './constructs/export-schedules.ts';
import { ExportStorage } from './constructs/export-storage.ts';
import { ExportWorkflow } from './constructs/export-workflow.ts';
import { FailureTopic, StoppedRuns } from './constructs/failure-topic.ts';
import { TimedCall } from './constructs/timed-call.ts';
import { Undelivered } from './constructs/undelivered.ts';
import type { StackConfig } from './stack-config.ts';
import { allTags, costTag } from './stack-tags.ts';

export interface AccountExportStackProps extends StackProps {
  readonly config: StackConfig;
  /** The second key to deleting data: the context flag `accountExport:allowDataDeletion`. @default false */
  readonly allowDataDeletion?: boolean;
}

/** A Lambda's longest life. A page ends long before; reading on behind the last page may not. */
const LONGEST = Duration.minutes(15);

const FORMATS = ['accounts_json', 'accounts_csv', 'accounts_parquet'];
const PARTS = FORMATS.map((table) => `${table}/*`);

/** Everything that one account's exports need: bucket, key, the functions, their state machine, and the tables. */
export class AccountExportStack extends Stack {
  constructor(scope: Construct, id: string, props: AccountExportStackProps) {
    const { config } = props;
    const tags = allTags(config.tags);
    // On the stack, from where CloudFormation hands them on to what CDK cannot tag, such as the function that empties a
    // bucket; and in the template, so that they are there however it is deployed.
    super(scope, id, { description: 'Account Export: Personalization accounts to S3 and Athena', ...props, tags });
    for (const [key, value] of Object.entries(tags)) Tags.of(this).add(key, value);
    const deletable = config.deleteDataWithStack && props.allowDataDeletion === true;
    const encryptionKey =
      config.encryption === 'customer-key' ? new DataKey(this, 'DataKey', { deletable }).key : undefined;
    const accessLogs = new AccessLogs(this, 'AccessLogs', { retentionDays: config.logRetentionDays, deletable });
    const { bucket } = new ExportStorage(this, 'Storage', {
      workRetentionDays: config.workRetentionDays,
      deletable,
      accessLogs,
      encryptionKey,
    });
    const tables = tableDefinitions([]).map(({ name }) => name);
    const { workgroup } = new AccountCatalog(this, 'Catalog', {
      bucket,
      databaseName: config.databaseName,
      attributeColumns: attributeColumnsOf(config.exports),
      attributeNames: attributeNamesOf(config.exports),
      scanLimitGb: config.scanLimitGb,
      encryptionKey,
    });
    const { secret } = new ApiKey(this, 'ApiKey', { secretName: config.secretName, encryptionKey });

    const api = { url: evergageBaseUrl(config.accountName, config.instance), secret };
    const apiNetwork = config.network
      ? new ApiNetwork(this, 'Network', { network: config.network, bucket, accessLogs: accessLogs.bucket })
      : undefined;
    const { queue: deadLetters } = new Undelivered(this, 'Undelivered', { encryptionKey });
    const common = { bucket, logRetentionDays: config.logRetentionDays, encryptionKey };
    // Only what calls the API needs its network; the others stay outside, and work when it does not.
    const callsApi = { ...common, api, network: apiNetwork };
    const planExport = new ExportFunction(this, 'PlanExport', {
      ...callsApi,
      entry: 'plan-export',
      description: 'Account Export: counts the accounts, lists the pages',
      memoryMb: MEMORY_MB.plan,
      timeout: Duration.minutes(5),
      reads: ['work/*', 'export_runs/*'],
      writes: ['work/*'],
    });
    const exportPage = new ExportFunction(this, 'ExportPage', {
      ...callsApi,
      entry: 'export-page',
      description: 'Account Export: fetches one page, writes one part',
      memoryMb: MEMORY_MB.page,
      timeout: LONGEST,
      reads: [...PARTS, 'work/*'],
      writes: [...PARTS, 'work/*'],
    });
    const publishRun = new ExportFunction(this, 'PublishRun', {
      ...callsApi,
      entry: 'publish-run',
      description: 'Account Export: proves a run whole and publishes it',
      catalog: {
        database: config.databaseName,
        tables,
        actions: ['glue:BatchCreatePartition', 'glue:DeletePartition', 'glue:GetPartition', 'glue:GetPartitions'],
      },
      memoryMb: MEMORY_MB.publish,
      timeout: LONGEST,
      reads: [...PARTS, 'work/*', 'export_runs/*'],
      writes: [...PARTS, 'work/*', 'export_runs/*'],
      // An export that is made once more leaves nothing of its first attempt behind.
      deletes: [...PARTS, 'work/*'],
    });
    const reportFailure = new ExportFunction(this, 'ReportFailure', {
      ...common,
      entry: 'report-failure',
      description: 'Account Export: finds the sentence that says what failed',
      memoryMb: MEMORY_MB.report,
      timeout: Duration.minutes(2),
      reads: ['work/*'],
      writes: [],
    });

    const expireRuns = new ExportFunction(this, 'ExpireRuns', {
      ...common,
      entry: 'expire-runs',
      description: 'Account Export: removes runs that are older than their retention',
      memoryMb: MEMORY_MB.expire,
      timeout: LONGEST,
      reads: ['export_runs/*', 'work/*'],
      writes: [],
      deletes: [...PARTS, 'export_runs/*'],
      catalog: { database: config.databaseName, tables, actions: ['glue:DeletePartition'] },
      environment: { RETENTION_DAYS: String(config.retentionDays) },
      // The scheduler does not wait for it.
      deadLetters,
    });
    new TimedCall(this, 'ExpireDaily', {
      description: 'Account Export: retention',
      every: Duration.days(1),
      function: expireRuns.function,
      input: {},
      deadLetters,
      encryptionKey,
    });

    const { topic } = new FailureTopic(this, 'Failures', { email: config.alarmEmail, deadLetters, encryptionKey });
    const { stateMachine } = new ExportWorkflow(this, 'Workflow', {
      tasks: {
        planExport: planExport.function,
        exportPage: exportPage.function,
        publishRun: publishRun.function,
        reportFailure: reportFailure.function,
      },
      exports: config.exports,
      concurrency: config.concurrency,
      logRetentionDays: config.logRetentionDays,
      topic,
      encryptionKey,
    });
    new StoppedRuns(this, 'StoppedRuns', { stateMachine, topic, deadLetters });
    new ExportSchedules(this, 'Schedules', { exports: config.exports, stateMachine, deadLetters, encryptionKey });

    const watchExports = new ExportFunction(this, 'WatchExports', {
      ...common,
      entry: 'watch-exports',
      description: "Account Export: measures the age of each export's newest published run",
      memoryMb: MEMORY_MB.report,
      timeout: Duration.minutes(2),
      reads: ['export_runs/*'],
      writes: [],
      deadLetters,
    });
    new TimedCall(this, 'WatchHourly', {
      description: 'Account Export: age of the newest published runs',
      every: Duration.hours(1),
      function: watchExports.function,
      input: { exports: watchedExports(config.exports).map(({ name }) => name) },
      deadLetters,
      encryptionKey,
    });
    const { dashboard } = new ExportMonitoring(this, 'Monitoring', {
      exports: config.exports,
      stateMachine,
      deadLetters,
      topic,
      logGroups: [planExport, exportPage, publishRun, reportFailure].map((task) => task.function.logGroup),
    });
    if (config.monthlyBudgetUsd !== undefined) {
      new CostBudget(this, 'CostBudget', {
        monthlyUsd: config.monthlyBudgetUsd,
        costTag: costTag(config.tags),
        topic,
        encryptionKey,
      });
    }

    const firstExport = JSON.stringify({ exportName: config.exports[0]?.name });
    const outputs = {
      BucketName: [bucket.bucketName, 'Where parts and manifests lie'],
      Workgroup: [workgroup.name, 'The Athena workgroup, with saved queries; the database has the same name'],
      StateMachineArn: [stateMachine.stateMachineArn, 'The workflow'],
      PutKeyCommand: [
        `aws secretsmanager put-secret-value --secret-id ${secret.secretName} --secret-string '{"keyId":"…","secret":"…"}'`,
        'Puts the API key where the functions read it',
      ],
      StartCommand: [
        `aws stepfunctions start-execution --state-machine-arn ${stateMachine.stateMachineArn} --input '${firstExport}'`,
        'Starts an export; the same input works in the console',
      ],
      FailureTopicArn: [topic.topicArn, 'Failures are told here; subscribe whoever repairs them'],
      DashboardUrl: [
        `https://${this.region}.console.aws.amazon.com/cloudwatch/home?region=${this.region}#dashboards/dashboard/${dashboard.dashboardName}`,
        'Whether the exports are in, what they cost, and why one is not',
      ],
      ConsoleUrl: [
        `https://${this.region}.console.aws.amazon.com/states/home?region=${this.region}#/statemachines/view/${stateMachine.stateMachineArn}`,
        'The workflow in the console',
      ],
      ...(encryptionKey && {
        KeyArn: [encryptionKey.keyArn, 'The key; whoever queries needs rights on it: docs/security.md'],
      }),
      ...(apiNetwork?.egressIp && {
        EgressIp: [
          apiNetwork.egressIp,
          'The address that the API is called from: put it into its list of allowed ones',
        ],
      }),
    } as const;
    for (const [name, [value, description]] of Object.entries(outputs))
      new CfnOutput(this, name, { value, description });
  }
}
