import { readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { DEAD_LETTERS } from '../../cli/deployed/check-stack.ts';
import { exportWorkflow } from '../../functions/workflow.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { synthesized } from '../support/synthesized.ts';

const template = synthesized();

interface Statement {
  Action: string | string[];
  Resource: unknown;
  Effect: string;
}

/** The rights of a role as `action on resource`, with logical names for resources. */
function rightsOf(roleStart: string): string[] {
  return Object.values(template.findResources('AWS::IAM::Policy'))
    .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(`"${roleStart}`))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[])
    .flatMap(({ Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((on) => `${action} on ${nameOf(on)}`)),
    )
    .sort();
}

function nameOf(resource: unknown): string {
  return JSON.stringify(resource)
    .replace(/\{"Fn::GetAtt":\["([A-Za-z]+?)[0-9A-F]{8}","Arn"\]\}/g, '<$1>')
    .replace(/\{"Fn::GetAtt":\["([A-Za-z]+?)[0-9A-F]{8}","Name"\]\}/g, '<$1 name>')
    .replace(/\{"Ref":"([A-Za-z]+?)[0-9A-F]{8}"\}/g, '<$1>')
    .replace(/\{"Ref":"AWS::([A-Za-z]+)"\}/g, '<$1>')
    .replace(/\{"Fn::Join":\["",\[(.*)\]\]\}/g, (_all, parts: string) =>
      parts.replaceAll('","', '').replaceAll(/[",]/g, ''),
    )
    .replaceAll('"', '');
}

const TABLES = [
  'accounts_csv',
  'accounts_json',
  'accounts_parquet',
  'export_runs',
  'newest_csv',
  'newest_json',
  'newest_parquet',
];

/** Actions on partitions need rights on the catalog, the database and each table. */
function glueRights(...actions: readonly string[]): string[] {
  const resources = ['catalog', 'database/account_export', ...TABLES.map((table) => `table/account_export/${table}`)];
  return actions.flatMap((action) =>
    resources.map((on) => `glue:${action} on arn:<Partition>:glue:<Region>:<AccountId>:${on}`),
  );
}

describe('the bucket', () => {
  it('is private, encrypted and owned by the account', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
  });

  it('refuses requests without TLS', () => {
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: 's3:*',
            Principal: { AWS: '*' },
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      },
    });
  });

  it('expires working files and query results, and nothing else', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: [
          { Id: 'work', Prefix: 'work/', ExpirationInDays: 30, Status: 'Enabled' },
          { Id: 'query-results', Prefix: 'athena-results/', ExpirationInDays: 30, Status: 'Enabled' },
          { Id: 'unfinished-uploads', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }, Status: 'Enabled' },
        ],
      },
    });
  });

  it.each([
    ['RetainExceptOnCreate', 'no setting', {}, {}],
    ['RetainExceptOnCreate', 'deleteDataWithStack only', { deleteDataWithStack: true }, {}],
    ['RetainExceptOnCreate', 'the context flag only', {}, { allowDataDeletion: true }],
    ['Delete', 'both', { deleteDataWithStack: true }, { allowDataDeletion: true }],
  ])('has deletion policy %s with %s', (DeletionPolicy, _settings, config, options) => {
    synthesized(config, options).hasResource('AWS::S3::Bucket', { DeletionPolicy });
  });
});

describe('the API key', () => {
  it('gets a new secret with an empty keyId', () => {
    template.hasResourceProperties('AWS::SecretsManager::Secret', {
      GenerateSecretString: { SecretStringTemplate: '{"keyId":""}', GenerateStringKey: 'secret' },
    });
  });

  it('can be in an existing secret', () => {
    const existing = synthesized({ secretName: 'personalization/key' });
    existing.resourceCountIs('AWS::SecretsManager::Secret', 0);
    const policies = JSON.stringify(existing.findResources('AWS::IAM::Policy'));
    expect(policies.match(/:secret:personalization\/key-\?{6}/g)).toHaveLength(3);
  });

  it('is not in an environment variable', () => {
    const names = Object.values(template.findResources('AWS::Lambda::Function')).flatMap(({ Properties }) =>
      Object.keys(Properties.Environment.Variables),
    );
    expect([...new Set(names)].sort()).toEqual([
      'API_URL',
      'BUCKET',
      'DATABASE',
      'EXPORTS_FILE',
      'NODE_OPTIONS',
      'POWERTOOLS_TRACER_CAPTURE_RESPONSE',
      'PROGRAM',
      'RETENTION_DAYS',
      'SECRET_ID',
      'STACK_NAME',
    ]);
  });
});

describe('the functions', () => {
  it('run on Node 24 and arm64, with tracing and limited log retention', () => {
    const functions = Object.values(template.findResources('AWS::Lambda::Function'));
    expect(functions).toHaveLength(6);
    for (const { Properties } of functions) {
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        TracingConfig: { Mode: 'Active' },
        Handler: 'index.handler',
      });
      expect(Properties.LoggingConfig.LogGroup).toHaveProperty('Ref');
    }
    for (const { Properties } of Object.values(template.findResources('AWS::Logs::LogGroup')))
      expect(Properties.RetentionInDays).toBe(90);
  });

  it.each([
    [
      'PlanExport',
      [
        ...glueRights('GetTable'),
        's3:GetObject on <StorageBucket>/export_runs/*',
        's3:DeleteObject on <StorageBucket>/work/run_id=*/tickets/*',
        's3:GetObject on <StorageBucket>/work/*',
        's3:ListBucket on <StorageBucket>',
        's3:PutObject on <StorageBucket>/work/export_name=*/locks/host.json',
        's3:PutObject on <StorageBucket>/work/export_name=*/locks/running/*',
        's3:PutObject on <StorageBucket>/work/export_name=*/locks/scheduled/*/*',
        's3:PutObject on <StorageBucket>/work/run_id=*/failures/*',
        's3:PutObject on <StorageBucket>/work/run_id=*/locks/*',
        's3:PutObject on <StorageBucket>/work/run_id=*/not-before.json',
        's3:PutObject on <StorageBucket>/work/run_id=*/plan.json',
        's3:PutObject on <StorageBucket>/work/run_id=*/tickets/*',
        'secretsmanager:GetSecretValue on <ApiKeySecret>',
        'states:DescribeExecution on arn:<Partition>:states:<Region>:<AccountId>:execution:<WorkflowStateMachine name>:*',
        'xray:PutTelemetryRecords on *',
        'xray:PutTraceSegments on *',
      ],
    ],
    [
      'ExportPage',
      [
        's3:GetObject on <StorageBucket>/accounts_csv/*',
        's3:GetObject on <StorageBucket>/accounts_json/*',
        's3:GetObject on <StorageBucket>/accounts_parquet/*',
        's3:DeleteObject on <StorageBucket>/work/run_id=*/tickets/*',
        's3:GetObject on <StorageBucket>/export_runs/run_id=*/manifest.json',
        's3:GetObject on <StorageBucket>/work/run_id=*/*',
        's3:ListBucket on <StorageBucket>',
        's3:PutObject on <StorageBucket>/accounts_csv/*',
        's3:PutObject on <StorageBucket>/accounts_json/*',
        's3:PutObject on <StorageBucket>/accounts_parquet/*',
        's3:PutObject on <StorageBucket>/work/run_id=*/failures/*',
        's3:PutObject on <StorageBucket>/work/run_id=*/not-before.json',
        's3:PutObject on <StorageBucket>/work/run_id=*/receipts/*',
        's3:PutObject on <StorageBucket>/work/run_id=*/tickets/*',
        'secretsmanager:GetSecretValue on <ApiKeySecret>',
        'xray:PutTelemetryRecords on *',
        'xray:PutTraceSegments on *',
      ],
    ],
    [
      'PublishRun',
      [
        ...glueRights('BatchCreatePartition', 'DeletePartition', 'GetPartition', 'GetPartitions'),
        's3:DeleteObject on <StorageBucket>/export_runs/*',
        's3:DeleteObject on <StorageBucket>/work/run_id=*/tickets/*',
        's3:GetObject on <StorageBucket>/accounts_csv/*',
        's3:GetObject on <StorageBucket>/accounts_json/*',
        's3:GetObject on <StorageBucket>/accounts_parquet/*',
        's3:GetObject on <StorageBucket>/export_runs/*',
        's3:GetObject on <StorageBucket>/work/export_name=*/history.json',
        's3:GetObject on <StorageBucket>/work/run_id=*/*',
        's3:ListBucket on <StorageBucket>',
        's3:PutObject on <StorageBucket>/accounts_csv/*',
        's3:PutObject on <StorageBucket>/accounts_json/*',
        's3:PutObject on <StorageBucket>/accounts_parquet/*',
        's3:PutObject on <StorageBucket>/export_runs/*',
        's3:PutObject on <StorageBucket>/work/export_name=*/history.json',
        's3:PutObject on <StorageBucket>/work/run_id=*/failures/*',
        's3:PutObject on <StorageBucket>/work/run_id=*/manifest.json',
        's3:PutObject on <StorageBucket>/work/run_id=*/not-before.json',
        's3:PutObject on <StorageBucket>/work/run_id=*/receipts/*',
        's3:PutObject on <StorageBucket>/work/run_id=*/tickets/*',
        'secretsmanager:GetSecretValue on <ApiKeySecret>',
        'xray:PutTelemetryRecords on *',
        'xray:PutTraceSegments on *',
      ],
    ],
    [
      'ExpireRuns',
      [
        ...glueRights('DeletePartition', 'GetPartition'),
        's3:DeleteObject on <StorageBucket>/accounts_csv/*',
        's3:DeleteObject on <StorageBucket>/accounts_json/*',
        's3:DeleteObject on <StorageBucket>/accounts_parquet/*',
        's3:DeleteObject on <StorageBucket>/export_runs/*',
        's3:GetObject on <StorageBucket>/export_runs/*',
        's3:GetObject on <StorageBucket>/work/run_id=*/plan.json',
        's3:ListBucket on <StorageBucket>',
        'sqs:SendMessage on <UndeliveredRetention>',
        'xray:PutTelemetryRecords on *',
        'xray:PutTraceSegments on *',
      ],
    ],
    [
      'WatchExports',
      [
        ...glueRights('GetPartition').filter((right) => !/table\/(?!account_export\/export_runs)/.test(right)),
        's3:GetObject on <StorageBucket>/export_runs/*',
        's3:ListBucket on <StorageBucket>',
        'sqs:SendMessage on <UndeliveredFreshness>',
        'xray:PutTelemetryRecords on *',
        'xray:PutTraceSegments on *',
      ],
    ],
    [
      'ReportFailure',
      [
        's3:GetObject on <StorageBucket>/work/export_name=*/history.json',
        's3:GetObject on <StorageBucket>/work/run_id=*/*',
        's3:ListBucket on <StorageBucket>',
        's3:PutObject on <StorageBucket>/work/run_id=*/_report.html',
        'xray:PutTelemetryRecords on *',
        'xray:PutTraceSegments on *',
      ],
    ],
  ])('%s has exactly these rights', (role, rights) => {
    expect(rightsOf(role).map((right) => right.replace('{Fn::Join:[[', ''))).toEqual(
      [`logs:CreateLogStream on <${role}Logs>`, `logs:PutLogEvents on <${role}Logs>`, ...rights].sort(),
    );
  });
});

it('no role has a managed policy', () => {
  for (const { Properties } of Object.values(template.findResources('AWS::IAM::Role'))) {
    expect(Properties).not.toHaveProperty('ManagedPolicyArns');
  }
});

describe('the state machine', () => {
  const [stateMachine = {}] = Object.values(template.findResources('AWS::StepFunctions::StateMachine'));

  it('has the definition that also runs on one machine, with the ARNs of the functions', () => {
    const [empty = '', parts] = stateMachine.Properties.DefinitionString['Fn::Join'] as [
      string,
      (string | { 'Fn::GetAtt'?: string[]; Ref?: string })[],
    ];
    const text = parts
      .map((part) =>
        typeof part === 'string'
          ? part
          : (part['Fn::GetAtt']?.[0] ?? part.Ref)?.replace(
              /(FunctionCurrentVersion[0-9A-F]{8}[0-9a-f]{32}|[0-9A-F]{8})$/,
              '',
            ),
      )
      .join(empty);
    const resources = {
      planExport: 'PlanExport',
      exportPage: 'ExportPage',
      publishRun: 'PublishRun',
      reportFailure: 'ReportFailure',
    };
    expect(JSON.parse(text)).toEqual(
      JSON.parse(
        JSON.stringify(
          exportWorkflow({ resources, partition: 'AWS::Partition', concurrency: 20, topicArn: 'FailuresTopic' }),
        ),
      ),
    );
  });

  it('waits for each function a minute longer than the function runs', () => {
    const timeouts = Object.entries(template.findResources('AWS::Lambda::Function')).map(
      ([id, { Properties }]) => [id, Properties.Timeout] as const,
    );
    const timeoutOf = (start: string) => timeouts.find(([id]) => id.startsWith(start))?.[1];
    const text = JSON.stringify(stateMachine.Properties.DefinitionString);
    const waits = (state: string) =>
      Number(
        new RegExp(`"${state}":\\{"Type":"Task".*?"TimeoutSeconds":(\\d+)`).exec(text.replaceAll('\\"', '"'))?.[1],
      );
    expect(waits('Plan export') - 60).toBe(timeoutOf('PlanExport'));
    expect(waits('Export page') - 60).toBe(timeoutOf('ExportPage'));
    expect(waits('Publish run') - 60).toBe(timeoutOf('PublishRun'));
    expect(waits('Report failure') - 60).toBe(timeoutOf('ReportFailure'));
  });

  it('is a standard workflow with tracing, and logs no execution data', () => {
    expect(stateMachine.Properties).toMatchObject({
      StateMachineType: 'STANDARD',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
    });
  });

  it('may invoke its functions, run its child executions, notify, and write logs and traces', () => {
    const rights = rightsOf('WorkflowStateMachineRole').filter((right) => !/^(logs|xray):.* on \*$/.test(right));
    expect(rights.map((right) => right.replace('{Fn::Join:[[', ''))).toEqual([
      'events:PutEvents on arn:<Partition>:events:<Region>:<AccountId>:event-bus/default',
      'lambda:InvokeFunction on <ExportPageFunction>:*',
      'lambda:InvokeFunction on <PlanExportFunction>:*',
      'lambda:InvokeFunction on <PublishRunFunction>:*',
      'lambda:InvokeFunction on <ReportFailureFunction>:*',
      'sns:Publish on <FailuresTopic>',
      'states:DescribeExecution on arn:<Partition>:states:<Region>:<AccountId>:execution:<WorkflowStateMachine name>:*',
      'states:RedriveExecution on arn:<Partition>:states:<Region>:<AccountId>:execution:<WorkflowStateMachine name>/Pages:*',
      'states:StartExecution on <WorkflowStateMachine>',
      'states:StopExecution on arn:<Partition>:states:<Region>:<AccountId>:execution:<WorkflowStateMachine name>:*',
    ]);
  });
});

it('names its dead-letter queues after the entries of the runbook that doctor shows', () => {
  const names = Object.keys(template.findResources('AWS::SQS::Queue')).map((id) => id.replace(/[0-9A-F]{8}$/, ''));
  const entries = names.map((name) => DEAD_LETTERS[name.replace('Undelivered', '')]);
  const runbook = readFileSync('docs/runbook.md', 'utf8');
  expect(entries.map((entry) => runbook.includes(`\n## ${entry}\n`))).toEqual([true, true, true, true]);
});

it('outputs its version, which doctor compares with its own', () => {
  expect(template.toJSON().Outputs.Version.Value).toBe(packageJson.version);
});

it('outputs console URLs for each partition', () => {
  template.hasMapping('Console', {
    aws: { domain: 'console.aws.amazon.com' },
    'aws-cn': { domain: 'console.amazonaws.cn' },
    'aws-us-gov': { domain: 'console.amazonaws-us-gov.com' },
  });
  const domain = { 'Fn::FindInMap': ['Console', { Ref: 'AWS::Partition' }, 'domain'] };
  for (const output of ['ConsoleUrl', 'DashboardUrl'])
    expect(template.toJSON().Outputs[output].Value['Fn::Join'][1]).toContainEqual(domain);
});

it('outputs commands that store the API key from a file and start an export, in any shell', () => {
  const textOf = (name: string) =>
    (template.toJSON().Outputs[name].Value['Fn::Join'][1] as unknown[]).map(String).join('');
  expect(textOf('PutKeyCommand')).toMatch(
    /^aws secretsmanager put-secret-value .* --secret-string file:\/\/key\.json$/,
  );
  expect(textOf('StartCommand')).toMatch(
    /^aws stepfunctions start-execution .* --input "\{\\"exportName\\":\\"all-accounts\\"\}"$/,
  );
  // cmd.exe does not know single quotes.
  expect(textOf('StartCommand')).not.toContain("'");
});
