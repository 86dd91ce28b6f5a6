import type { CfnWorkGroup } from 'aws-cdk-lib/aws-athena';
import type { Dashboard, Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { CfnDatabase } from 'aws-cdk-lib/aws-glue';
import { type Grant, type IGrantable, type IManagedPolicy, PermissionsBoundary } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { CfnMapping, CfnOutput, Duration, RemovalPolicy, Stack, Tags, Token } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import {
  CONSOLE_DOMAINS,
  dashboardPage,
  type RegionConsole,
  stateMachinePage,
} from '../functions/model/console-url.ts';
import { ExportError } from '../functions/model/errors.ts';
import { attributeColumnsOf, attributeNamesOf } from '../functions/model/export-settings.ts';
import { databaseNameOf } from '../functions/model/stack-name.ts';
import { evergageBaseUrl } from '../functions/personalization/request-url.ts';
import { METRICS } from '../functions/runtime/metric-names.ts';
import packageJson from '../package.json' with { type: 'json' };
import { AccessLogs } from './constructs/access-logs.ts';
import { AccountCatalog } from './constructs/account-catalog.ts';
import { ApiKey, secretId } from './constructs/api-key.ts';
import { ApiNetwork } from './constructs/api-network.ts';
import { CostBudget } from './constructs/cost-budget.ts';
import { DataKey } from './constructs/data-key.ts';
import { addExportFunctions } from './constructs/export-functions.ts';
import { ExportMonitoring, stackMetric, watchedExports } from './constructs/export-monitoring.ts';
import { ExportSchedules } from './constructs/export-schedules.ts';
import { ExportStorage } from './constructs/export-storage.ts';
import { ExportWorkflow } from './constructs/export-workflow.ts';
import { FailureTopic } from './constructs/failure-topic.ts';
import { PeoplePolicies } from './constructs/people-policies.ts';
import { StoppedRuns, TimedOutRuns } from './constructs/stopped-runs.ts';
import { TimedCall } from './constructs/timed-call.ts';
import { Undelivered } from './constructs/undelivered.ts';
import { type Deployment, deploymentOf } from './deployment.ts';
import { type AccountExportSettings, parseSettings } from './stack-config.ts';
import { allTags, costTag } from './stack-tags.ts';

/** Resources of your own that it uses instead of creating them. */
export interface ExistingResources {
  /**
   * The bucket for parts, manifests and query results. It must serve this construct alone, and should block public access
   * and require TLS. The rules that expire `work/` and `athena-results/` are added to a bucket of the same app; to a bucket
   * that is only referenced, add them yourself. @default a new bucket with access logs
   */
  readonly bucket?: IBucket;
  /**
   * The KMS key for everything that is stored. The policy of a key that is only referenced must admit CloudWatch Logs,
   * CloudWatch, SNS and EventBridge (docs/security.md). @default as `encryption` says
   */
  readonly encryptionKey?: IKey;
  /** The VPC to call the API from, instead of `network`. It needs a route to the internet. @default no VPC */
  readonly vpc?: IVpc;
  /** The subnets of `vpc`. @default its private subnets with egress */
  readonly vpcSubnets?: SubnetSelection;
  /** The security groups of functions in `vpc`. @default a new one that admits only HTTPS to the outside */
  readonly securityGroups?: readonly ISecurityGroup[];
  /** The SNS topic for failures and alarms. A topic that is only referenced must admit CloudWatch. @default a new topic */
  readonly topic?: ITopic;
  /** The secret with the API key, `{"keyId":"…","secret":"…"}`, instead of `secretName`. @default a new secret */
  readonly secret?: ISecret;
  /**
   * The permissions boundary of every role in the construct. With `fixedEgressIp` or `deleteDataWithStack`, CDK adds a
   * function to the stack: set `permissionsBoundary` of the stack, too. @default none
   */
  readonly permissionsBoundary?: IManagedPolicy;
}

export type AccountExportProps = AccountExportSettings & ExistingResources;

/** The context flag without which `deleteDataWithStack` has no effect. */
const ALLOW_DATA_DELETION = 'accountExport:allowDataDeletion';

/** The exports of one Personalization account: bucket, API key, functions, state machine, schedules, tables and alarms. */
export class AccountExport extends Construct {
  /** Parts, manifests and query results. */
  readonly bucket: IBucket;
  /** The Glue database with the tables and views. */
  readonly database: CfnDatabase;
  /** The Athena workgroup, which has the name of the database. */
  readonly workgroup: CfnWorkGroup;
  /** Runs an export; its input is `{"exportName":"…"}`. */
  readonly stateMachine: StateMachine;
  /** Receives failures and alarms. */
  readonly topic: ITopic;
  /** Freshness, usage, runs and errors of all exports. */
  readonly dashboard: Dashboard;
  /** The secret with the API key. */
  readonly secret: ISecret;
  /** The customer managed key, if there is one. */
  readonly encryptionKey: IKey | undefined;
  /** The managed policies for analysts and operators. */
  readonly people: PeoplePolicies;
  readonly #deployment: Deployment;

  /** @throws ExportError `ConfigError` that names every invalid prop */
  constructor(scope: Construct, id: string, props: AccountExportProps) {
    super(scope, id);
    // From JavaScript, anything may come.
    const given: AccountExportProps = props ?? {};
    const { bucket, encryptionKey, vpc, vpcSubnets, securityGroups, topic, secret, permissionsBoundary, ...settings } =
      given;
    const stack = Stack.of(this);
    const config = parseSettings(settings, {
      now: Date.now(),
      region: Token.isUnresolved(stack.region) ? undefined : stack.region,
    });
    checkTypes(given);
    checkExisting(given);
    const deployment = deploymentOf(this);
    checkId(this, deployment);
    this.#deployment = deployment;
    const databaseName = config.databaseName ?? databaseNameOf(deployment.name);
    const { exports, logRetentionDays } = config;
    const deletable = config.deleteDataWithStack && String(this.node.tryGetContext(ALLOW_DATA_DELETION)) === 'true';
    // Tags in the template are there however the template is deployed. Those of the app around it count more.
    const priority = 90;
    for (const [key, value] of Object.entries(allTags(config.tags, deployment.name)))
      Tags.of(this).add(key, value, { priority });
    if (permissionsBoundary) PermissionsBoundary.of(this).apply(permissionsBoundary);

    const key =
      encryptionKey || config.encryption === 'customer-key'
        ? new DataKey(this, 'DataKey', { deletable, existing: encryptionKey }).key
        : undefined;
    this.encryptionKey = key;
    const ownNetwork = config.network?.fixedEgressIp === true;
    const accessLogs =
      bucket === undefined || ownNetwork
        ? new AccessLogs(this, 'AccessLogs', { retentionDays: logRetentionDays, deletable })
        : undefined;
    this.bucket = new ExportStorage(this, 'Storage', {
      workRetentionDays: config.workRetentionDays,
      deletable,
      existing: bucket,
      accessLogs,
      encryptionKey: key,
    }).bucket;
    const catalog = new AccountCatalog(this, 'Catalog', {
      bucket: this.bucket,
      databaseName,
      attributeColumns: attributeColumnsOf(exports),
      attributeNames: attributeNamesOf(exports),
      scanLimitGb: config.scanLimitGb,
      encryptionKey: key,
    });
    this.database = catalog.database;
    this.workgroup = catalog.workgroup;
    this.secret = secret ?? new ApiKey(this, 'ApiKey', { secretName: config.secretName, encryptionKey: key }).secret;
    const network =
      config.network || vpc
        ? new ApiNetwork(this, 'Network', {
            network: vpc ? { vpc, subnets: vpcSubnets, securityGroups } : (config.network ?? {}),
            bucket: this.bucket,
            accessLogs: accessLogs?.bucket,
            deletable,
          })
        : undefined;

    const undelivered = new Undelivered(this, 'Undelivered', { encryptionKey: key });
    const group = new ScheduleGroup(this, 'ScheduleGroup', {
      scheduleGroupName: deployment.name,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const { tasks, expireRuns, watchExports } = addExportFunctions(this, {
      deployment: deployment.reference,
      exports,
      retentionDays: config.retentionDays,
      logRetentionDays,
      bucket: this.bucket,
      database: databaseName,
      api: { url: evergageBaseUrl(config.accountName, config.instance), secret: this.secret },
      network,
      undelivered,
      encryptionKey: key,
    });
    new TimedCall(this, 'ExpireDaily', {
      description: 'Account Export: deletes runs that are older than retentionDays',
      group,
      every: Duration.days(1),
      function: expireRuns.function,
      input: {},
      deadLetters: undelivered.retention,
      encryptionKey: key,
    });
    const failures = new FailureTopic(this, 'Failures', {
      deployment,
      existing: topic,
      email: config.alarmEmail,
      deadLetters: undelivered.notifications,
      encryptionKey: key,
    });
    this.topic = failures.topic;
    this.stateMachine = new ExportWorkflow(this, 'Workflow', {
      deployment,
      tasks: {
        planExport: tasks.planExport.function.currentVersion,
        exportPage: tasks.exportPage.function.currentVersion,
        publishRun: tasks.publishRun.function.currentVersion,
        reportFailure: tasks.reportFailure.function.currentVersion,
      },
      concurrency: config.concurrency,
      logRetentionDays,
      topic: this.topic,
      encryptionKey: key,
    }).stateMachine;
    const console = this.console();
    new StoppedRuns(this, 'StoppedRuns', {
      deployment,
      stateMachine: this.stateMachine,
      topic: this.topic,
      deadLetters: undelivered.notifications,
      console,
    });
    new TimedOutRuns(this, 'TimedOutRuns', {
      deployment,
      stateMachine: this.stateMachine,
      reportFailure: tasks.reportFailure.function.currentVersion,
      topic: this.topic,
      deadLetters: undelivered.notifications,
      logRetentionDays,
      encryptionKey: key,
    });
    new ExportSchedules(this, 'Schedules', {
      exports,
      group,
      stateMachine: this.stateMachine,
      deadLetters: undelivered.starts,
      encryptionKey: key,
    });
    new TimedCall(this, 'WatchHourly', {
      description: 'Account Export: measures the age of the last published runs',
      group,
      every: Duration.hours(1),
      function: watchExports.function,
      input: { exports: watchedExports(exports).map(({ name }) => name) },
      deadLetters: undelivered.freshness,
      encryptionKey: key,
    });
    this.dashboard = new ExportMonitoring(this, 'Monitoring', {
      deployment,
      exports,
      stateMachine: this.stateMachine,
      undelivered,
      topic: this.topic,
      retention: expireRuns.function,
      logGroups: Object.values(tasks).map((task) => task.function.logGroup),
    }).dashboard;
    this.people = new PeoplePolicies(this, 'People', {
      bucket: this.bucket,
      databaseName,
      workgroupName: this.workgroup.name,
      stateMachine: this.stateMachine,
      secret: this.secret,
      topic: this.topic,
      deadLetters: undelivered.all,
      scheduleGroup: group,
      encryptionKey: key,
    });
    if (config.monthlyBudgetUsd !== undefined) {
      new CostBudget(this, 'CostBudget', {
        monthlyUsd: config.monthlyBudgetUsd,
        costTag: costTag(config.tags, deployment.name),
        topic: this.topic,
        encryptionKey: key,
      });
    }
    this.addOutputs(console, exports[0]?.name ?? '', network?.egressIp);
  }

  /** Allows starting runs. */
  grantStart(grantee: IGrantable): Grant {
    return this.stateMachine.grantStartExecution(grantee);
  }

  /** Allows every command for the deployment: start, watch, stop, resume and publish runs. It does not allow reading accounts. */
  grantOperate(grantee: IGrantable): Grant {
    return this.people.grantOperate(grantee);
  }

  /** Allows querying the tables and views in the workgroup. */
  grantQuery(grantee: IGrantable): Grant {
    return this.people.grantQuery(grantee);
  }

  /** Accounts in published runs; one sample for each run. @default the sum over 5 minutes */
  metricPublished(options?: MetricOptions): Metric {
    return this.metric(METRICS.accounts, options);
  }

  /** Failed executions. @default the sum over 5 minutes */
  metricFailed(options?: MetricOptions): Metric {
    return this.stateMachine.metricFailed(options);
  }

  /** Records fetched by published runs, which the contract counts. @default the sum over 5 minutes */
  metricRecordsFetched(options?: MetricOptions): Metric {
    return this.metric(METRICS.recordsFetched, options);
  }

  /** Hours since the last published run of a scheduled export, measured every hour. @default the maximum over an hour */
  metricAge(exportName: string, options?: MetricOptions): Metric {
    return stackMetric(this.#deployment, METRICS.publishedAge, exportName).with({
      statistic: 'Maximum',
      period: Duration.hours(1),
      ...options,
    });
  }

  private metric(name: string, options?: MetricOptions): Metric {
    return stackMetric(this.#deployment, name).with({ statistic: 'Sum', ...options });
  }

  private console(): RegionConsole {
    const stack = Stack.of(this);
    const domains = Object.entries(CONSOLE_DOMAINS).map(([partition, domain]) => [partition, { domain }]);
    const mapping = new CfnMapping(this, 'Console', { mapping: Object.fromEntries(domains) });
    return { region: stack.region, domain: mapping.findInMap(stack.partition, 'domain') };
  }

  private addOutputs(console: RegionConsole, firstExport: string, egressIp: string | undefined): void {
    const { secret, stateMachine } = this;
    // ASCII only: CloudFormation returns "?" for other characters. Double quotes also work in cmd.exe.
    const input = `"{\\"exportName\\":\\"${firstExport}\\"}"`;
    const outputs = {
      Version: [packageJson.version, 'The version of Account Export that was deployed'],
      BucketName: [this.bucket.bucketName, 'The bucket with the parts and manifests'],
      Workgroup: [this.workgroup.name, 'The Athena workgroup with the saved queries; the database has the same name'],
      StateMachineArn: [stateMachine.stateMachineArn, 'The state machine that exports'],
      ApiKeySecret: [secret.secretName, 'The secret with the API key'],
      PutKeyCommand: [
        `aws secretsmanager put-secret-value --secret-id ${secretId(secret)} --secret-string file://key.json`,
        'Stores the API key from the file key.json: {"keyId":"...","secret":"..."}',
      ],
      StartCommand: [
        `aws stepfunctions start-execution --state-machine-arn ${stateMachine.stateMachineArn} --input ${input}`,
        'Starts an export; the console accepts the same input',
      ],
      FailureTopicArn: [this.topic.topicArn, 'The SNS topic for failures and alarms; subscribe your on-call tool here'],
      DashboardUrl: [
        dashboardPage(console, this.dashboard.dashboardName),
        'The dashboard: age of the data, usage, failures',
      ],
      AnalystPolicyArn: [this.people.analysts.managedPolicyArn, 'The policy for people who query in Athena'],
      OperatorPolicyArn: [this.people.operators.managedPolicyArn, 'The policy for people who start and watch runs'],
      ConsoleUrl: [stateMachinePage(console, stateMachine.stateMachineArn), 'The state machine in the console'],
      ...(this.encryptionKey && {
        KeyArn: [this.encryptionKey.keyArn, 'The KMS key; users who query need rights on it: docs/security.md'],
      }),
      ...(egressIp && {
        EgressIp: [egressIp, 'The address that calls the API: add it to the IP Accept List of the API key'],
      }),
    } as const;
    for (const [name, [value, description]] of Object.entries(outputs)) {
      // Commands find the outputs by these keys.
      new CfnOutput(this, name, { value, description }).overrideLogicalId(`${this.#deployment.outputPrefix}${name}`);
    }
  }
}

/** An attribute that each given resource has, and its type. The resource may be of another copy of the CDK. */
const TYPES: Readonly<
  Record<Exclude<keyof ExistingResources, 'vpcSubnets' | 'securityGroups'>, readonly [string, string]>
> = {
  bucket: ['bucketName', 'an IBucket, such as Bucket.fromBucketName(…)'],
  encryptionKey: ['keyArn', 'an IKey, such as Key.fromKeyArn(…)'],
  vpc: ['vpcId', 'an IVpc, such as Vpc.fromLookup(…)'],
  topic: ['topicArn', 'an ITopic, such as Topic.fromTopicArn(…)'],
  secret: ['secretArn', 'an ISecret, such as Secret.fromSecretNameV2(…)'],
  permissionsBoundary: ['managedPolicyArn', 'an IManagedPolicy, such as ManagedPolicy.fromManagedPolicyName(…)'],
};

/** What the compiler checks in TypeScript. @throws ExportError `ConfigError` that names every prop of a wrong type */
function checkTypes(props: ExistingResources): void {
  const { vpcSubnets, securityGroups } = props;
  const wrong = Object.entries(TYPES).flatMap(([prop, [attribute, type]]) => {
    const value = props[prop as keyof typeof TYPES];
    return value === undefined || has(value, attribute) ? [] : [`${prop} must be ${type}`];
  });
  const isList =
    securityGroups === undefined ||
    (Array.isArray(securityGroups) && securityGroups.every((group) => has(group, 'securityGroupId')));
  const problems = [
    ...wrong,
    ...(vpcSubnets === undefined || has(vpcSubnets)
      ? []
      : ['vpcSubnets must be a SubnetSelection, such as {"subnetType":…}']),
    ...(isList
      ? []
      : ['securityGroups must be a list of ISecurityGroup, such as [SecurityGroup.fromSecurityGroupId(…)]']),
  ];
  if (problems.length > 0)
    throw new ExportError('ConfigError', `Invalid props of AccountExport: ${problems.join('; ')}.`);
}

function has(value: unknown, attribute?: string): boolean {
  return typeof value === 'object' && value !== null && (attribute === undefined || attribute in value);
}

/** The construct of each start of output keys, by stack. */
const idsInUse = new WeakMap<Stack, Map<string, string>>();

/** Outputs and physical names have no other characters. @throws ExportError `ConfigError` for ids that become equal */
function checkId(construct: Construct, { outputPrefix, reference }: Deployment): void {
  const stack = Stack.of(construct);
  const ids = idsInUse.get(stack) ?? new Map<string, string>();
  const other = ids.get(outputPrefix);
  if (other !== undefined) {
    throw new ExportError(
      'ConfigError',
      `The ids of two AccountExport constructs clash ("${other}" and "${reference}"): choose ids that differ in letters or digits.`,
    );
  }
  idsInUse.set(stack, ids.set(outputPrefix, reference));
}

/** @throws ExportError `ConfigError` */
function checkExisting({
  bucket,
  encryptionKey,
  vpc,
  vpcSubnets,
  securityGroups,
  network,
  secret,
  ...props
}: AccountExportProps): void {
  const problems = [
    bucket?.encryptionKey && encryptionKey === undefined
      ? 'encryptionKey is missing: bucket is encrypted with a KMS key, so pass that key, too'
      : '',
    encryptionKey && props.encryption !== undefined ? 'do not set encryption together with encryptionKey' : '',
    vpc && network ? 'do not set network together with vpc' : '',
    vpc === undefined && (vpcSubnets ?? securityGroups) ? 'vpcSubnets and securityGroups need vpc' : '',
    secret && props.secretName !== undefined ? 'do not set secretName together with secret' : '',
    props.topic?.fifo === true ? 'topic must be a standard topic, because FIFO topics send no emails' : '',
  ].filter((problem) => problem !== '');
  if (problems.length === 0) return;
  throw new ExportError('ConfigError', `Invalid props of AccountExport: ${problems.join('; ')}.`);
}
