import { describe, expect, it } from 'vitest';
import { configuredStack } from './configured-stack.ts';

interface Statement {
  Sid?: string;
  Action: string | string[];
  Principal?: { Service?: unknown };
  Resource: unknown;
  Condition?: { StringEquals?: Record<string, unknown>; ArnLike?: Record<string, unknown> };
}

const { template } = configuredStack('a customer key');
const [keyId = ''] = Object.keys(template.findResources('AWS::KMS::Key'));
const KEY_USES = ['kms:Decrypt', 'kms:GenerateDataKey'] as const;
const KEY = { 'Fn::GetAtt': [keyId, 'Arn'] };

/** The rights of roles on the key, as `role: action through service`. */
function rightsOnKey(): string[] {
  return Object.values(template.findResources('AWS::IAM::Policy')).flatMap(({ Properties }) => {
    const [role = ''] = (Properties.Roles as { Ref: string }[]).map(({ Ref }) =>
      Ref.replace(/(Role)?[0-9A-F]{8}$/, ''),
    );
    return (Properties.PolicyDocument.Statement as Statement[])
      .filter(({ Resource }) => JSON.stringify(Resource).includes(keyId))
      .flatMap(({ Action, Condition }) => {
        const services = JSON.stringify(Condition?.StringEquals?.['kms:ViaService'])?.match(
          /(s3|secretsmanager|sns|sqs)(?=\.)/g,
        );
        const use = services ? `through ${services}` : `for ${Object.keys(Condition?.StringEquals ?? {})}`;
        return [Action].flat().map((action) => `${role}: ${action} ${use}`);
      });
  });
}

describe('without a customer key', () => {
  it('everything stored is encrypted with keys of AWS', () => {
    const { template: plain } = configuredStack('the default');
    plain.resourceCountIs('AWS::KMS::Key', 0);
    plain.resourcePropertiesCountIs(
      'AWS::S3::Bucket',
      {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
      },
      2,
    );
    plain.hasResourceProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
    expect(JSON.stringify(plain.toJSON())).not.toContain('kms:');
    expect(plain.findOutputs('KeyArn')).toEqual({});
  });
});

describe('a customer key', () => {
  it('is rotated, is retained when the stack is deleted, and is an output', () => {
    template.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'RetainExceptOnCreate',
      Properties: { EnableKeyRotation: true },
    });
    expect(Object.values(template.findOutputs('KeyArn')).map(({ Value }) => Value)).toEqual([KEY]);
  });

  it('is deleted with the data', () => {
    configuredStack('all options').template.hasResource('AWS::KMS::Key', { DeletionPolicy: 'Delete' });
  });

  it('encrypts parts and manifests with a bucket key', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          {
            BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KEY },
          },
        ],
      },
    });
  });

  it('encrypts query results, the API key, notifications, the dead-letter queue and all logs', () => {
    template.hasResourceProperties('AWS::Athena::WorkGroup', {
      WorkGroupConfiguration: {
        ResultConfiguration: { EncryptionConfiguration: { EncryptionOption: 'SSE_KMS', KmsKey: KEY } },
      },
    });
    template.hasResourceProperties('AWS::SecretsManager::Secret', { KmsKeyId: KEY });
    template.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: KEY });
    template.hasResourceProperties('AWS::SQS::Queue', { KmsMasterKeyId: KEY });
    template.allResourcesProperties('AWS::Logs::LogGroup', { KmsKeyId: KEY });
  });

  it('encrypts executions and the definitions of the state machines, for these state machines only', () => {
    template.allResourcesProperties('AWS::StepFunctions::StateMachine', {
      EncryptionConfiguration: { KmsKeyId: KEY, Type: 'CUSTOMER_MANAGED_KMS_KEY' },
    });
    const statements = Object.values(template.findResources('AWS::IAM::Policy'))
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[])
      .filter(({ Condition }) => JSON.stringify(Condition ?? '').includes('aws:states:stateMachineArn'));
    expect(statements.map(({ Condition }) => /:stateMachine:([^"]*)/.exec(JSON.stringify(Condition))?.[1])).toEqual([
      'AccountExport',
      'AccountExport/Pages',
      'AccountExport_TimedOutRuns',
    ]);
  });

  it('does not encrypt the access logs, because S3 could not deliver them', () => {
    const buckets = Object.entries(template.findResources('AWS::S3::Bucket'));
    const [logs] = buckets.filter(([id]) => id.startsWith('AccessLogs')).map(([, { Properties }]) => Properties);
    expect(logs?.BucketEncryption.ServerSideEncryptionConfiguration).toEqual([
      { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
    ]);
  });

  it('may be used by each role through the services that the role calls', () => {
    const reads = (role: string) => `${role}: kms:Decrypt through s3`;
    const writes = (role: string) => `${role}: kms:GenerateDataKey through s3`;
    const sends = (role: string, service: string) => KEY_USES.map((action) => `${role}: ${action} through ${service}`);
    const calling = ['PlanExport', 'ExportPage', 'PublishRun'];
    expect(rightsOnKey().sort()).toEqual(
      [
        ...[...calling, 'ReportFailure', 'ExpireRuns', 'WatchExports'].map(reads),
        ...[...calling, 'ReportFailure'].map(writes),
        ...calling.map((role) => `${role}: kms:Decrypt through secretsmanager`),
        ...['ExpireRuns', 'WatchExports', 'ExpireDaily', 'WatchHourly', 'Schedules'].flatMap((r) => sends(r, 'sqs')),
        ...sends('WorkflowStateMachine', 'sns'),
        // Once for the state machine, once for the children of its map.
        ...[...KEY_USES, ...KEY_USES].map(
          (action) => `WorkflowStateMachine: ${action} for kms:EncryptionContext:aws:states:stateMachineArn`,
        ),
        'WorkflowStateMachine: kms:GenerateDataKey for kms:EncryptionContext:SourceArn',
        ...sends('TimedOutRunsStateMachine', 'sns'),
        ...KEY_USES.map(
          (action) => `TimedOutRunsStateMachine: ${action} for kms:EncryptionContext:aws:states:stateMachineArn`,
        ),
        'TimedOutRunsStateMachine: kms:GenerateDataKey for kms:EncryptionContext:SourceArn',
      ].sort(),
    );
  });

  it('may be used without a role by logs of this account and by services that send to the topic and the queue', () => {
    const statements = template.findResources('AWS::KMS::Key')[keyId]?.Properties.KeyPolicy.Statement as Statement[];
    const byService = statements.filter(({ Principal }) => Principal?.Service !== undefined);
    const logs = byService.filter(({ Condition }) => Condition?.ArnLike !== undefined);
    // The regional endpoint of the partition: in China, it ends in amazonaws.com.cn.
    expect(logs.map(({ Principal }) => Principal?.Service)).toEqual([
      { 'Fn::Join': ['', ['logs.', { Ref: 'AWS::Region' }, '.', { Ref: 'AWS::URLSuffix' }]] },
    ]);
    expect(logs[0]?.Condition?.ArnLike).toEqual({ 'kms:EncryptionContext:aws:logs:arn': expect.anything() });
    const others = byService.filter((statement) => !logs.includes(statement));
    expect(new Set(others.flatMap(({ Principal }) => Principal?.Service))).toEqual(
      new Set(['cloudwatch.amazonaws.com', 'delivery.logs.amazonaws.com', 'events.amazonaws.com', 'sns.amazonaws.com']),
    );
    // EventBridge sends no source account; CDK grants the delivery of the workflow's logs.
    const ofThisAccount = { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } };
    for (const { Principal, Condition } of others) {
      if (/cloudwatch|sns/.test(String(Principal?.Service))) expect(Condition).toEqual(ofThisAccount);
    }
    // CDK grants `GenerateDataKey*` to the rule for the queue, and `Decrypt*` to the delivery of logs.
    expect(new Set(others.flatMap(({ Action }) => Action))).toEqual(
      new Set(['kms:Decrypt', 'kms:Decrypt*', 'kms:GenerateDataKey', 'kms:GenerateDataKey*']),
    );
  });

  it('grants nothing through Secrets Manager for an existing secret', () => {
    const { template: foreign } = configuredStack('an existing secret and security group');
    expect(JSON.stringify(foreign.findResources('AWS::IAM::Policy'))).not.toContain('"secretsmanager.');
  });
});
