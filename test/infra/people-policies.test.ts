/** Policies for people: those of operators allow what the commands of the deployed stack call, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs';
import { Athena } from '@aws-sdk/client-athena';
import { CloudFormation } from '@aws-sdk/client-cloudformation';
import { Glue } from '@aws-sdk/client-glue';
import { Lambda } from '@aws-sdk/client-lambda';
import { Scheduler } from '@aws-sdk/client-scheduler';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SFN } from '@aws-sdk/client-sfn';
import { SNS } from '@aws-sdk/client-sns';
import { SQS } from '@aws-sdk/client-sqs';
import { Template } from 'aws-cdk-lib/assertions';
import { AccountPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { DefinitionBody, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { App, Stack } from 'aws-cdk-lib/core';
import { describe, expect, it } from 'vitest';
import { PeoplePolicies } from '../../infra/constructs/people-policies.ts';
import { actionsOfFile } from './aws-calls.ts';
import { CONFIGURATIONS, type ConfigurationName, configuredStack } from './configured-stack.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: object;
}

const NAMES = Object.keys(CONFIGURATIONS) as ConfigurationName[];

function statementsOf(template: Template, policy: 'Analysts' | 'Operators'): readonly Statement[] {
  const found = Object.entries(template.findResources('AWS::IAM::ManagedPolicy')).find(([id]) => id.includes(policy));
  return found?.[1].Properties.PolicyDocument.Statement as Statement[];
}

const actionsIn = (statements: readonly Statement[]) => [...new Set(statements.flatMap(({ Action }) => Action))].sort();

const FOLDERS = ['cli/deployed', 'cli/commands'];
const sources = FOLDERS.flatMap((folder) =>
  readdirSync(folder).map((file) => ({ file: `${folder}/${file}`, text: readFileSync(`${folder}/${file}`, 'utf8') })),
);

/** Clients whose methods are operations: `sfn.listMapRuns(…)`. */
const CLIENTS = {
  states: SFN,
  cloudformation: CloudFormation,
  glue: Glue,
  lambda: Lambda,
  scheduler: Scheduler,
  secretsmanager: SecretsManager,
  sns: SNS,
  sqs: SQS,
};

/** `query --stack` is for analysts: operators cannot read accounts. */
const FOR_ANALYSTS = 'cli/deployed/query-stack.ts';

/** The actions of the operations that the commands call, by the names of the methods of the SDK. */
function calledOperations(clients: Readonly<Record<string, { readonly prototype: object }>>, from = sources): string[] {
  return Object.entries(clients).flatMap(([service, client]) => {
    const operations = new Set(Object.getOwnPropertyNames(client.prototype).filter((name) => name !== 'constructor'));
    return from
      .flatMap(({ text }) => [...text.matchAll(/\.(\w+)\(/g)].map(([, name = '']) => name))
      .filter((name) => operations.has(name) && !['send', 'destroy'].includes(name))
      .map((name) => `${service}:${name[0]?.toUpperCase()}${name.slice(1)}`);
  });
}

/** The adapters that a command makes itself. */
const ADAPTERS: Readonly<Record<string, readonly string[]>> = {
  'cli/commands/reattach.ts': ['s3ObjectStore', 'glueCatalog'],
};

/** Not called by a command: the page of the state machine in the console. */
const FOR_THE_CONSOLE = ['states:DescribeStateMachine'];

describe('the policy of operators', () => {
  it('allows what the commands call, and one action more for the console', async () => {
    const adapted = await Promise.all(Object.entries(ADAPTERS).map(([file, made]) => actionsOfFile(file, made)));
    const needed = new Set([...calledOperations(CLIENTS), ...adapted.flat(), ...FOR_THE_CONSOLE]);
    expect(actionsIn(statementsOf(configuredStack('the default').template, 'Operators'))).toEqual([...needed].sort());
    expect([...needed]).toEqual(
      expect.arrayContaining([
        'cloudformation:DescribeStacks',
        'cloudformation:ListStackResources',
        'glue:BatchCreatePartition',
        'glue:GetTable',
        's3:GetObject',
        'scheduler:GetSchedule',
        'secretsmanager:DescribeSecret',
        'sns:ListSubscriptionsByTopic',
        'sqs:GetQueueAttributes',
        'states:DescribeMapRun',
        'states:GetExecutionHistory',
        'states:ListExecutions',
        'states:ListMapRuns',
        'states:StartExecution',
        'states:StopExecution',
      ]),
    );
  });

  it('covers every client and adapter of AWS that the commands load', () => {
    const loads = (pattern: RegExp) =>
      sources.flatMap(({ file, text }) => [...text.matchAll(pattern)].map(([, name = '']) => `${file} ${name}`)).sort();
    expect(loads(/import\('@aws-sdk\/([\w-]+)'\)/g)).toEqual([
      'cli/commands/reattach.ts client-glue',
      'cli/commands/reattach.ts client-s3',
      'cli/deployed/check-stack.ts client-glue',
      'cli/deployed/check-stack.ts client-lambda',
      'cli/deployed/check-stack.ts client-secrets-manager',
      'cli/deployed/check-stack.ts client-sns',
      'cli/deployed/check-stack.ts client-sqs',
      'cli/deployed/presigned-url.ts client-s3',
      'cli/deployed/presigned-url.ts s3-request-presigner',
      'cli/deployed/query-stack.ts client-athena',
      'cli/deployed/stack-report.ts client-s3',
      'cli/deployed/stack-resources.ts client-cloudformation',
      'cli/deployed/stack-resources.ts client-scheduler',
      'cli/deployed/stack.ts client-cloudformation',
      'cli/deployed/stack.ts client-sfn',
    ]);
    expect(loads(/import\('[./]+functions\/aws\/([\w-]+)\.ts'\)/g)).toEqual([
      'cli/commands/reattach.ts glue-catalog',
      'cli/commands/reattach.ts s3-object-store',
      'cli/deployed/stack-report.ts s3-object-store',
    ]);
  });

  it('cannot read the API key', () => {
    const statements = statementsOf(configuredStack('the default').template, 'Operators');
    const onKey = statements.filter(({ Resource }) => JSON.stringify(Resource).includes('ApiKey'));
    expect(actionsIn(onKey)).toEqual(['secretsmanager:DescribeSecret']);
  });

  it('cannot read accounts or working files except reports, or anything of another stack', () => {
    const statements = statementsOf(configuredStack('the default').template, 'Operators');
    for (const { Action, Resource } of statements) {
      // It supports no resource, and shows limits.
      if (Action === 'lambda:GetAccountSettings') continue;
      const resources = [Resource].flat().map((one) => JSON.stringify(one));
      for (const resource of resources) {
        expect(resource, String(Action)).not.toMatch(
          /^"\*"$|accounts_\w+\/|work\/(?!run_id=\*\/_report\.html")|table\/\w+\/\*/,
        );
        expect(resource).toMatch(
          /Workflow|Storage|ApiKey|Failures|Undelivered|schedule\/AccountExport\/|stack\/AccountExport\/\*|:catalog|account_export/,
        );
      }
    }
  });
});

describe('the policy of analysts', () => {
  it('allows what query --stack calls', () => {
    const called = [
      ...new Set(
        calledOperations(
          { athena: Athena },
          sources.filter(({ file }) => file === FOR_ANALYSTS),
        ),
      ),
    ].sort();
    expect(called).toEqual([
      'athena:GetQueryExecution',
      'athena:GetQueryResults',
      'athena:StartQueryExecution',
      'athena:StopQueryExecution',
    ]);
    const allowed = actionsIn(statementsOf(configuredStack('the default').template, 'Analysts'));
    expect(allowed).toEqual(expect.arrayContaining([...called, 'cloudformation:DescribeStacks']));
  });

  it('allows what the Athena console needs, and what finds the stack', () => {
    const statements = statementsOf(configuredStack('the default').template, 'Analysts');
    expect(actionsIn(statements)).toEqual([
      'athena:BatchGetNamedQuery',
      'athena:BatchGetQueryExecution',
      'athena:GetDataCatalog',
      'athena:GetDatabase',
      'athena:GetNamedQuery',
      'athena:GetQueryExecution',
      'athena:GetQueryResults',
      'athena:GetQueryResultsStream',
      'athena:GetQueryRuntimeStatistics',
      'athena:GetTableMetadata',
      'athena:GetWorkGroup',
      'athena:ListDataCatalogs',
      'athena:ListDatabases',
      'athena:ListEngineVersions',
      'athena:ListNamedQueries',
      'athena:ListQueryExecutions',
      'athena:ListTableMetadata',
      'athena:ListWorkGroups',
      'athena:StartQueryExecution',
      'athena:StopQueryExecution',
      'cloudformation:DescribeStacks',
      'glue:BatchGetPartition',
      'glue:GetDatabase',
      'glue:GetDatabases',
      'glue:GetPartition',
      'glue:GetPartitions',
      'glue:GetTable',
      'glue:GetTables',
      's3:AbortMultipartUpload',
      's3:GetBucketLocation',
      's3:GetObject',
      's3:ListBucket',
      's3:ListBucketMultipartUploads',
      's3:ListMultipartUploadParts',
      's3:PutObject',
    ]);
  });

  it('writes only query results, reads no working files, and uses * only for lists of names', () => {
    const statements = statementsOf(configuredStack('the default').template, 'Analysts');
    const on = (pattern: RegExp) =>
      actionsIn(statements.filter(({ Resource }) => pattern.test(JSON.stringify(Resource))));
    expect(on(/^"\*"$/)).toEqual(['athena:ListDataCatalogs', 'athena:ListEngineVersions', 'athena:ListWorkGroups']);
    expect(on(/accounts_json\//)).toEqual(['s3:GetObject']);
    expect(on(/work\//)).toEqual([]);
    const writing = statements.filter(({ Action }) => [Action].flat().includes('s3:PutObject'));
    expect(writing.map(({ Resource }) => JSON.stringify(Resource))).toEqual([
      expect.stringContaining('/athena-results/*'),
    ]);
  });
});

function endpointOf(service: string): object {
  return { 'Fn::Join': ['', [`${service}.`, { Ref: 'AWS::Region' }, '.amazonaws.com']] };
}

describe.each(NAMES)('with %s', (name) => {
  it('analysts use the customer key only through S3, and operators also read executions with it', () => {
    const { template } = configuredStack(name);
    const keyed = 'encryption' in CONFIGURATIONS[name];
    for (const [policy, actions, services] of [
      ['Analysts', ['kms:Decrypt', 'kms:GenerateDataKey'], ['s3']],
      ['Operators', ['kms:Decrypt'], ['s3', 'states']],
    ] as const) {
      const onKey = statementsOf(template, policy).filter(({ Action }) => String(Action).includes('kms:'));
      expect(actionsIn(onKey)).toEqual(keyed ? actions : []);
      for (const { Condition } of onKey) {
        expect(Condition).toEqual({ StringEquals: { 'kms:ViaService': services.map(endpointOf) } });
      }
    }
  });
});

it('grants a role the same as the policies', () => {
  const stack = new Stack(new App(), 'Stack');
  const people = new PeoplePolicies(stack, 'People', {
    bucket: new Bucket(stack, 'Bucket'),
    databaseName: 'accounts',
    workgroupName: 'accounts',
    stateMachine: new StateMachine(stack, 'Workflow', {
      definitionBody: DefinitionBody.fromString('{"StartAt":"End","States":{"End":{"Type":"Succeed"}}}'),
    }),
    secret: new Secret(stack, 'Secret'),
    topic: new Topic(stack, 'Topic'),
    deadLetters: [new Queue(stack, 'Queue')],
    scheduleGroup: new ScheduleGroup(stack, 'Schedules'),
    encryptionKey: new Key(stack, 'Key'),
  });
  for (const [id, grant] of [
    ['Analyst', 'grantQuery'],
    ['Operator', 'grantOperate'],
  ] as const) {
    const role = new Role(stack, id, { assumedBy: new AccountPrincipal('111122223333') });
    expect(people[grant](role).success).toBe(true);
  }
  const template = Template.fromStack(stack);
  const granted = (id: string) =>
    Object.entries(template.findResources('AWS::IAM::Policy'))
      .filter(([name]) => name.startsWith(`${id}DefaultPolicy`))
      .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[]);
  expect(actionsIn(granted('Analyst'))).toEqual(actionsIn(statementsOf(template, 'Analysts')));
  expect(actionsIn(granted('Operator'))).toEqual(actionsIn(statementsOf(template, 'Operators')));
  expect(granted('Operator')).toHaveLength(statementsOf(template, 'Operators').length);
});
