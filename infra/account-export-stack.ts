import { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { CfnMapping, CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Tags } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { RUNS_TABLE, tableDefinitions } from '../functions/catalog/tables.ts';
import { MEMORY_MB } from '../functions/export/plan/estimate.ts';
import {
  exportHostKey,
  exportLockPrefix,
  failuresPrefix,
  manifestKey,
  notBeforeKey,
  PUBLISHED_RUNS_PREFIX,
  planKey,
  quarantinedManifestKey,
  receiptsPrefix,
  runLockPrefix,
  scheduledLockPrefix,
  tablePrefix,
  ticketsPrefix,
  workPrefix,
} from '../functions/export/storage/bucket-layout.ts';
import { CONSOLE_DOMAINS, dashboardPage, stateMachinePage } from '../functions/model/console-url.ts';
import { ExportFormatSchema } from '../functions/model/export-format.ts';
import { attributeColumnsOf, attributeNamesOf } from '../functions/model/export-settings.ts';
import { evergageBaseUrl } from '../functions/personalization/request-url.ts';
import { LAMBDA_TIMEOUT_SECONDS, type TaskName } from '../functions/workflow.ts';
import packageJson from '../package.json' with { type: 'json' };
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
import { FailureTopic } from './constructs/failure-topic.ts';
import { PeoplePolicies } from './constructs/people-policies.ts';
import { StoppedRuns, TimedOutRuns } from './constructs/stopped-runs.ts';
import { TimedCall } from './constructs/timed-call.ts';
import { Undelivered } from './constructs/undelivered.ts';
import type { StackConfig } from './stack-config.ts';
import { allTags, costTag } from './stack-tags.ts';

export interface AccountExportStackProps extends StackProps {
  readonly config: StackConfig;
  /** The context flag `accountExport:allowDataDeletion`: `deleteDataWithStack` has no effect without it. @default false */
  readonly allowDataDeletion?: boolean;
}

/** Lambda's maximum. */
const MAX_TIMEOUT = Duration.minutes(15);
/** Lies next to the bundle of *Plan export*. */
const EXPORTS_FILE = 'exports.json';

// Key patterns of the bucket layout. A test runs the functions with exactly these rights.
const PARTS = ExportFormatSchema.options.map((format) => `${tablePrefix(format)}*`);
const PUBLISHED = `${PUBLISHED_RUNS_PREFIX}*`;
const RUN_FOLDER = `${workPrefix('*')}*`;
const PLAN = planKey('*');
const QUARANTINED_MANIFEST = quarantinedManifestKey('*');
const NOT_BEFORE = notBeforeKey('*');
const TICKETS = `${ticketsPrefix('*')}*`;
const RECEIPTS = `${receiptsPrefix('*')}*`;
const FAILURES = `${failuresPrefix('*')}*`;
const LOCKS = [runLockPrefix('*'), exportLockPrefix('*'), scheduledLockPrefix('*', '*')].map((prefix) => `${prefix}*`);

/** The exports of one Personalization account: bucket, API key, functions, state machine, schedules, tables and alarms. */
export class AccountExportStack extends Stack {
  /** Policies and grants for the people who query and operate. */
  readonly people: PeoplePolicies;

  constructor(scope: Construct, id: string, props: AccountExportStackProps) {
    const { config } = props;
    const tags = allTags(config.tags, config.stackName);
    // Stack tags reach resources that CDK cannot tag, such as the function that empties a bucket. Tags in the template
    // are there however the template is deployed.
    super(scope, id, {
      stackName: config.stackName,
      description: 'Account Export: Personalization accounts to S3 and Athena',
      terminationProtection: config.terminationProtection,
      // Hundreds of columns come close to CloudFormation's limit of 1 MB.
      suppressTemplateIndentation: true,
      ...props,
      tags,
    });
    for (const [key, value] of Object.entries(tags)) Tags.of(this).add(key, value);
    const deletable = config.deleteDataWithStack && props.allowDataDeletion === true;
    const { logRetentionDays } = config;
    const encryptionKey =
      config.encryption === 'customer-key' ? new DataKey(this, 'DataKey', { deletable }).key : undefined;
    const accessLogs = new AccessLogs(this, 'AccessLogs', { retentionDays: logRetentionDays, deletable });
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
      ? new ApiNetwork(this, 'Network', { network: config.network, bucket, accessLogs: accessLogs.bucket, deletable })
      : undefined;
    const undelivered = new Undelivered(this, 'Undelivered', { encryptionKey });
    const group = new ScheduleGroup(this, 'ScheduleGroup', {
      scheduleGroupName: this.stackName,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const common = { bucket, logRetentionDays, encryptionKey };
    // Only functions that call the API run in its network; the others keep working when the network fails.
    const callsApi = { ...common, api, network: apiNetwork };
    const planExport = new ExportFunction(this, 'PlanExport', {
      ...callsApi,
      entry: 'plan-export',
      description: 'Account Export: takes the locks, counts the accounts and plans the pages of a run',
      // A run that could not be published must not fetch records.
      catalog: { database: config.databaseName, tables, actions: ['glue:GetTable'] },
      memoryMb: MEMORY_MB.plan,
      timeout: timeoutOf('planExport'),
      files: { [EXPORTS_FILE]: JSON.stringify(config.exports) },
      environment: { EXPORTS_FILE },
      reads: ['work/*', PUBLISHED],
      writes: [PLAN, NOT_BEFORE, TICKETS, FAILURES, ...LOCKS, exportHostKey('*')],
      deletes: [TICKETS],
    });
    const exportPage = new ExportFunction(this, 'ExportPage', {
      ...callsApi,
      entry: 'export-page',
      description: 'Account Export: fetches one page and writes its part and receipt',
      memoryMb: MEMORY_MB.page,
      timeout: timeoutOf('exportPage'),
      // It refuses to overwrite a published run.
      reads: [...PARTS, RUN_FOLDER, manifestKey('*')],
      writes: [...PARTS, NOT_BEFORE, TICKETS, RECEIPTS, FAILURES],
      deletes: [TICKETS],
    });
    const publishRun = new ExportFunction(this, 'PublishRun', {
      ...callsApi,
      entry: 'publish-run',
      description: 'Account Export: verifies a run, writes its manifest and adds its partition',
      catalog: {
        database: config.databaseName,
        tables,
        actions: ['glue:BatchCreatePartition', 'glue:DeletePartition', 'glue:GetPartition', 'glue:GetPartitions'],
      },
      memoryMb: MEMORY_MB.publish,
      timeout: timeoutOf('publishRun'),
      reads: [...PARTS, RUN_FOLDER, PUBLISHED],
      writes: [...PARTS, NOT_BEFORE, TICKETS, RECEIPTS, FAILURES, QUARANTINED_MANIFEST, PUBLISHED],
      // It takes its manifest back if a part was modified while it was published.
      deletes: [TICKETS, PUBLISHED],
    });
    const reportFailure = new ExportFunction(this, 'ReportFailure', {
      ...common,
      entry: 'report-failure',
      description: 'Account Export: reports why a run failed and what to do',
      memoryMb: MEMORY_MB.report,
      timeout: timeoutOf('reportFailure'),
      reads: [RUN_FOLDER],
      writes: [],
    });

    const expireRuns = new ExportFunction(this, 'ExpireRuns', {
      ...common,
      entry: 'expire-runs',
      description: 'Account Export: deletes runs that are older than retentionDays',
      memoryMb: MEMORY_MB.expire,
      timeout: MAX_TIMEOUT,
      reads: [PUBLISHED, PLAN],
      writes: [],
      deletes: [...PARTS, PUBLISHED],
      catalog: { database: config.databaseName, tables, actions: ['glue:DeletePartition', 'glue:GetPartition'] },
      environment: { RETENTION_DAYS: String(config.retentionDays) },
      deadLetters: undelivered.retention,
    });
    new TimedCall(this, 'ExpireDaily', {
      description: 'Account Export: deletes runs that are older than retentionDays',
      group,
      every: Duration.days(1),
      function: expireRuns.function,
      input: {},
      deadLetters: undelivered.retention,
      encryptionKey,
    });

    const { topic } = new FailureTopic(this, 'Failures', {
      email: config.alarmEmail,
      deadLetters: undelivered.notifications,
      encryptionKey,
    });
    const { stateMachine } = new ExportWorkflow(this, 'Workflow', {
      tasks: {
        planExport: planExport.function.currentVersion,
        exportPage: exportPage.function.currentVersion,
        publishRun: publishRun.function.currentVersion,
        reportFailure: reportFailure.function.currentVersion,
      },
      concurrency: config.concurrency,
      logRetentionDays,
      topic,
      encryptionKey,
    });
    const domains = Object.entries(CONSOLE_DOMAINS).map(([partition, domain]) => [partition, { domain }]);
    const mapping = new CfnMapping(this, 'Console', { mapping: Object.fromEntries(domains) });
    const console = { region: this.region, domain: mapping.findInMap(this.partition, 'domain') };
    new StoppedRuns(this, 'StoppedRuns', { stateMachine, topic, deadLetters: undelivered.notifications, console });
    new TimedOutRuns(this, 'TimedOutRuns', {
      stateMachine,
      reportFailure: reportFailure.function.currentVersion,
      topic,
      deadLetters: undelivered.notifications,
      logRetentionDays,
      encryptionKey,
    });
    new ExportSchedules(this, 'Schedules', {
      exports: config.exports,
      group,
      stateMachine,
      deadLetters: undelivered.starts,
      encryptionKey,
    });

    const watchExports = new ExportFunction(this, 'WatchExports', {
      ...common,
      entry: 'watch-exports',
      description: 'Account Export: measures the age of the last published run of each export',
      memoryMb: MEMORY_MB.report,
      timeout: Duration.minutes(2),
      reads: [PUBLISHED],
      writes: [],
      catalog: { database: config.databaseName, tables: [RUNS_TABLE], actions: ['glue:GetPartition'] },
      deadLetters: undelivered.freshness,
    });
    new TimedCall(this, 'WatchHourly', {
      description: 'Account Export: measures the age of the last published runs',
      group,
      every: Duration.hours(1),
      function: watchExports.function,
      input: { exports: watchedExports(config.exports).map(({ name }) => name) },
      deadLetters: undelivered.freshness,
      encryptionKey,
    });
    const { dashboard } = new ExportMonitoring(this, 'Monitoring', {
      exports: config.exports,
      stateMachine,
      undelivered,
      topic,
      retention: expireRuns.function,
      logGroups: [planExport, exportPage, publishRun, reportFailure].map((task) => task.function.logGroup),
    });
    this.people = new PeoplePolicies(this, 'People', {
      bucket,
      databaseName: config.databaseName,
      workgroupName: workgroup.name,
      stateMachine,
      secret,
      topic,
      deadLetters: undelivered.all,
      scheduleGroup: group,
      encryptionKey,
    });
    if (config.monthlyBudgetUsd !== undefined) {
      new CostBudget(this, 'CostBudget', {
        monthlyUsd: config.monthlyBudgetUsd,
        costTag: costTag(config.tags, config.stackName),
        topic,
        encryptionKey,
      });
    }

    // ASCII only: CloudFormation returns "?" for other characters. Double quotes also work in cmd.exe.
    const firstExport = `"{\\"exportName\\":\\"${config.exports[0]?.name}\\"}"`;
    const outputs = {
      Version: [packageJson.version, 'The version of Account Export that was deployed'],
      BucketName: [bucket.bucketName, 'The bucket with the parts and manifests'],
      Workgroup: [workgroup.name, 'The Athena workgroup with the saved queries; the database has the same name'],
      StateMachineArn: [stateMachine.stateMachineArn, 'The state machine that exports'],
      ApiKeySecret: [secret.secretName, 'The secret with the API key'],
      PutKeyCommand: [
        `aws secretsmanager put-secret-value --secret-id ${secret.secretName} --secret-string file://key.json`,
        'Stores the API key from the file key.json: {"keyId":"...","secret":"..."}',
      ],
      StartCommand: [
        `aws stepfunctions start-execution --state-machine-arn ${stateMachine.stateMachineArn} --input ${firstExport}`,
        'Starts an export; the console accepts the same input',
      ],
      FailureTopicArn: [topic.topicArn, 'The SNS topic for failures and alarms; subscribe your on-call tool here'],
      DashboardUrl: [
        dashboardPage(console, dashboard.dashboardName),
        'The dashboard: age of the data, usage, failures',
      ],
      AnalystPolicyArn: [this.people.analysts.managedPolicyArn, 'The policy for people who query in Athena'],
      OperatorPolicyArn: [this.people.operators.managedPolicyArn, 'The policy for people who start and watch runs'],
      ConsoleUrl: [stateMachinePage(console, stateMachine.stateMachineArn), 'The state machine in the console'],
      ...(encryptionKey && {
        KeyArn: [encryptionKey.keyArn, 'The KMS key; users who query need rights on it: docs/security.md'],
      }),
      ...(apiNetwork?.egressIp && {
        EgressIp: [apiNetwork.egressIp, 'The address that calls the API: add it to the IP allowlist of the API key'],
      }),
    } as const;
    for (const [name, [value, description]] of Object.entries(outputs))
      new CfnOutput(this, name, { value, description });
  }
}

function timeoutOf(task: TaskName): Duration {
  return Duration.seconds(LAMBDA_TIMEOUT_SECONDS[task]);
}
