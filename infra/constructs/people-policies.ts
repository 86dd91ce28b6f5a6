import { Grant, type IGrantable, ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { IScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { ArnFormat, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { tableDefinitions } from '../../functions/catalog/tables.ts';
import {
  PUBLISHED_RUNS_PREFIX,
  tablePrefix,
  unpublishedReportKey,
} from '../../functions/export/storage/bucket-layout.ts';
import { EXPORT_FORMATS } from '../../functions/model/export-format.ts';
import { MAP_LABEL } from '../../functions/workflow.ts';
import { acknowledgeWildcard } from '../acknowledge.ts';
import { RESULTS_PREFIX } from './account-catalog.ts';
import { secretArn } from './api-key.ts';
import { KEY_READS, KEY_WRITES, useOfKey } from './data-key.ts';

export interface PeoplePoliciesProps {
  readonly bucket: IBucket;
  /** The Glue database. */
  readonly databaseName: string;
  /** The Athena workgroup. */
  readonly workgroupName: string;
  readonly stateMachine: StateMachine;
  /** The secret with the API key. Nobody may read it. */
  readonly secret: ISecret;
  readonly topic: ITopic;
  readonly deadLetters: readonly IQueue[];
  readonly scheduleGroup: IScheduleGroup;
  /** The customer managed key of the bucket, if any. */
  readonly encryptionKey?: IKey | undefined;
}

/** Source: Athena user guide, "Example workgroup policies"; service authorization reference, "Amazon Athena". */
const QUERY_IN_WORKGROUP = [
  'athena:BatchGetNamedQuery',
  'athena:BatchGetQueryExecution',
  'athena:GetNamedQuery',
  'athena:GetQueryExecution',
  'athena:GetQueryResults',
  'athena:GetQueryResultsStream',
  'athena:GetQueryRuntimeStatistics',
  'athena:GetWorkGroup',
  'athena:ListNamedQueries',
  'athena:ListQueryExecutions',
  'athena:StartQueryExecution',
  'athena:StopQueryExecution',
];
/** What the query editor shows on its left: the data source, its databases and tables. */
const BROWSE = [
  'athena:GetDataCatalog',
  'athena:GetDatabase',
  'athena:GetTableMetadata',
  'athena:ListDatabases',
  'athena:ListTableMetadata',
];
/** What the query editor lists to choose from. These actions support no resource-level permissions. */
const CHOOSE = ['athena:ListDataCatalogs', 'athena:ListEngineVersions', 'athena:ListWorkGroups'];
const READ_TABLES = [
  'glue:BatchGetPartition',
  'glue:GetDatabase',
  'glue:GetDatabases',
  'glue:GetPartition',
  'glue:GetPartitions',
  'glue:GetTable',
  'glue:GetTables',
];
const RESULTS = ['s3:AbortMultipartUpload', 's3:GetObject', 's3:ListMultipartUploadParts', 's3:PutObject'];
const RUN_WORKFLOW = ['states:ListExecutions', 'states:StartExecution'];
const FOLLOW_RUNS = [
  'states:DescribeExecution',
  'states:GetExecutionHistory',
  'states:ListMapRuns',
  'states:StopExecution',
];
/** `doctor` */
const LOOK_AT_TABLES = ['glue:GetDatabase', 'glue:GetTable'];
/** `reattach` */
const REPAIR_TABLES = ['glue:BatchCreatePartition', 'glue:DeletePartition', 'glue:GetPartition', 'glue:GetPartitions'];

/**
 * Permissions for people: to query the data in Athena, and to operate runs with the command line. Nobody has them
 * until you attach a policy or grant them.
 */
export class PeoplePolicies extends Construct {
  /** For analysts: queries in the workgroup, in the console and with `query --stack`, and reading the tables. */
  readonly analysts: ManagedPolicy;
  /** For operators: every command for the deployed stack. It cannot read accounts. */
  readonly operators: ManagedPolicy;
  readonly #props: PeoplePoliciesProps;

  constructor(scope: Construct, id: string, props: PeoplePoliciesProps) {
    super(scope, id);
    this.#props = props;
    this.analysts = new ManagedPolicy(this, 'Analysts', {
      description: 'Account Export: query the exported accounts in the Athena console or with the command query',
      statements: this.queryStatements(),
    });
    this.operators = new ManagedPolicy(this, 'Operators', {
      description: 'Account Export: start, watch, stop, resume and publish runs, without access to accounts',
      statements: this.operateStatements(),
    });
    this.acknowledgeFindings();
  }

  /** Allows a role, user or group what the analysts' policy allows. */
  grantQuery(grantee: IGrantable): Grant {
    return grantAll(grantee, this.queryStatements());
  }

  /** Allows a role, user or group what the operators' policy allows. */
  grantOperate(grantee: IGrantable): Grant {
    return grantAll(grantee, this.operateStatements());
  }

  private queryStatements(): PolicyStatement[] {
    const { bucket, databaseName, workgroupName, encryptionKey } = this.#props;
    return [
      // `query --stack` finds the workgroup in the outputs of the stack.
      new PolicyStatement({ actions: ['cloudformation:DescribeStacks'], resources: [this.thisStack()] }),
      new PolicyStatement({
        actions: QUERY_IN_WORKGROUP,
        resources: [this.arn('athena', `workgroup/${workgroupName}`)],
      }),
      new PolicyStatement({ actions: BROWSE, resources: [this.arn('athena', 'datacatalog/AwsDataCatalog')] }),
      new PolicyStatement({ actions: CHOOSE, resources: ['*'] }),
      new PolicyStatement({
        actions: READ_TABLES,
        resources: [this.arn('glue', 'catalog'), this.arn('glue', `database/${databaseName}`), this.allTables()],
      }),
      // Athena looks up this database whatever the query names. Source: Athena user guide, "Configure access to databases and
      // tables in the AWS Glue Data Catalog".
      new PolicyStatement({ actions: ['glue:GetDatabase'], resources: [this.arn('glue', 'database/default')] }),
      new PolicyStatement({
        actions: ['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'],
        resources: [bucket.bucketArn],
      }),
      new PolicyStatement({ actions: ['s3:GetObject'], resources: this.data() }),
      new PolicyStatement({ actions: RESULTS, resources: [bucket.arnForObjects(`${RESULTS_PREFIX}*`)] }),
      ...(encryptionKey ? [useOfKey(encryptionKey, [...KEY_READS, ...KEY_WRITES], ['s3'])] : []),
    ];
  }

  private operateStatements(): PolicyStatement[] {
    const { bucket, databaseName, stateMachine, encryptionKey, secret, topic, deadLetters } = this.#props;
    const tables = tableDefinitions([]).map(({ name }) => this.arn('glue', `table/${databaseName}/${name}`));
    return [
      new PolicyStatement({
        actions: ['cloudformation:DescribeStacks', 'cloudformation:ListStackResources'],
        resources: [this.thisStack()],
      }),
      new PolicyStatement({
        // The last one is for the console.
        actions: [...RUN_WORKFLOW, 'states:DescribeStateMachine'],
        resources: [stateMachine.stateMachineArn],
      }),
      new PolicyStatement({ actions: FOLLOW_RUNS, resources: [this.executions()] }),
      new PolicyStatement({ actions: ['states:DescribeMapRun'], resources: [this.mapRuns()] }),
      new PolicyStatement({
        actions: [...LOOK_AT_TABLES, ...REPAIR_TABLES],
        resources: [this.arn('glue', 'catalog'), this.arn('glue', `database/${databaseName}`), ...tables],
      }),
      new PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }),
      new PolicyStatement({ actions: ['s3:GetObject'], resources: [this.manifests(), this.unpublishedReports()] }),
      // Dates and versions of the secret, not its value.
      new PolicyStatement({ actions: ['secretsmanager:DescribeSecret'], resources: [secretArn(secret)] }),
      new PolicyStatement({ actions: ['sns:ListSubscriptionsByTopic'], resources: [topic.topicArn] }),
      new PolicyStatement({
        actions: ['sqs:GetQueueAttributes'],
        resources: deadLetters.map(({ queueArn }) => queueArn),
      }),
      // The account's limit of functions at the same time. The action supports no resource-level permissions.
      new PolicyStatement({ actions: ['lambda:GetAccountSettings'], resources: ['*'] }),
      new PolicyStatement({ actions: ['scheduler:GetSchedule'], resources: [this.schedules()] }),
      // Step Functions decrypts inputs and outputs of executions with the rights of the caller (Step Functions API reference,
      // "DescribeExecution"), and starts executions with those of the state machine's role.
      ...(encryptionKey ? [useOfKey(encryptionKey, KEY_READS, ['s3', 'states'])] : []),
    ];
  }

  private acknowledgeFindings(): void {
    const { analysts, operators } = this;
    acknowledgeWildcard(
      analysts,
      '*',
      'The lists of workgroups, data catalogs and engine versions, which the Athena console shows to choose from, support no resource-level permissions (service authorization reference). They show names and no data.',
    );
    acknowledgeWildcard(
      analysts,
      this.allTables(),
      'The tables and views of the database of this stack, which the Athena console lists with one request. The right is read-only.',
    );
    const results = this.#props.bucket.arnForObjects(`${RESULTS_PREFIX}*`);
    for (const objects of [...this.data(), results]) {
      acknowledgeWildcard(
        analysts,
        objects,
        'Athena reads the parts of all published runs and writes results under ids of its own, so the objects are not known in advance. The working files of runs are not included.',
      );
    }
    for (const people of [analysts, operators]) {
      acknowledgeWildcard(
        people,
        this.thisStack(),
        'Commands name the stack, and CloudFormation then checks the permission on its name and any id. The pattern covers this stack and none other.',
      );
    }
    for (const runs of [this.executions(), this.mapRuns()]) {
      acknowledgeWildcard(
        operators,
        runs,
        'Operators work with any run of this state machine. The names of runs are not known in advance, and the pattern covers no other state machine.',
      );
    }
    acknowledgeWildcard(
      operators,
      this.schedules(),
      'The command doctor looks at the schedules of this stack, whose group holds no others. The right is read-only.',
    );
    acknowledgeWildcard(
      operators,
      '*',
      'The command doctor reads the concurrency limit of the account. The action lambda:GetAccountSettings supports no resource-level permissions (service authorization reference) and shows only limits.',
    );
    acknowledgeWildcard(
      operators,
      this.manifests(),
      'The commands "reattach" and "report" read the manifests and reports of all published runs. These files contain counts, checksums, and parameters, but no account.',
    );
    acknowledgeWildcard(
      operators,
      this.unpublishedReports(),
      'The command "report" reads the reports of failed and quarantined runs, whose names are not known in advance. These files contain counts, errors, and parameters, but no account.',
    );
  }

  private arn(service: string, resource: string): string {
    return Stack.of(this).formatArn({ service, resource });
  }

  /** A stack that is named instead of its id. */
  private thisStack(): string {
    return this.arn('cloudformation', `stack/${Stack.of(this).stackName}/*`);
  }

  private allTables(): string {
    return this.arn('glue', `table/${this.#props.databaseName}/*`);
  }

  private data(): string[] {
    const prefixes = [...EXPORT_FORMATS.map(tablePrefix), PUBLISHED_RUNS_PREFIX];
    return prefixes.map((prefix) => this.#props.bucket.arnForObjects(`${prefix}*`));
  }

  private manifests(): string {
    return this.#props.bucket.arnForObjects(`${PUBLISHED_RUNS_PREFIX}*`);
  }

  private unpublishedReports(): string {
    return this.#props.bucket.arnForObjects(unpublishedReportKey('*'));
  }

  private schedules(): string {
    return this.arn('scheduler', `schedule/${this.#props.scheduleGroup.scheduleGroupName}/*`);
  }

  private executions(): string {
    return this.ofStateMachine('execution', ':*');
  }

  private mapRuns(): string {
    return this.ofStateMachine('mapRun', `/${MAP_LABEL}:*`);
  }

  private ofStateMachine(resource: string, suffix: string): string {
    return Stack.of(this).formatArn({
      service: 'states',
      resource,
      resourceName: `${this.#props.stateMachine.stateMachineName}${suffix}`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  }
}

function grantAll(grantee: IGrantable, statements: readonly PolicyStatement[]): Grant {
  const grants = statements.map(({ actions, resources, conditions }) =>
    Grant.addToPrincipal({ grantee, actions, resourceArns: resources, conditions: conditions as never }),
  );
  return grants.reduce((all, one) => all.combine(one));
}
