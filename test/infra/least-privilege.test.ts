/** Every Lambda may do what its code does, and nothing else. What the code does is read from the code. */
import { describe, expect, it } from 'vitest';
import { ExportFunction } from '../../infra/constructs/export-function.ts';
import { actionsOf, adapters, PORT_NAMES, takenElsewhere } from './aws-calls.ts';
import { CONFIGURATIONS, type Configuration, type ConfigurationName, configuredStack } from './configured-stack.ts';

interface Statement {
  Effect: string;
  Action: string | string[];
}

interface FunctionProperties {
  readonly Role: { readonly 'Fn::GetAtt': readonly string[] };
  readonly TracingConfig?: { readonly Mode: string };
  readonly LoggingConfig?: object;
  readonly DeadLetterConfig?: object;
  readonly VpcConfig?: object;
}

const functionsOf = (name: ConfigurationName): ExportFunction[] =>
  configuredStack(name)
    .stack.node.findAll()
    .filter((construct) => construct instanceof ExportFunction);

/** The template's properties of a function. */
function propertiesOf(configuration: ConfigurationName, construct: ExportFunction): FunctionProperties {
  const { stack, template } = configuredStack(configuration);
  const id = stack.getLogicalId(construct.function.node.defaultChild as never);
  return template.findResources('AWS::Lambda::Function')[id]?.Properties as FunctionProperties;
}

/** All actions that the policies of a function's role allow, whichever policy they stand in. */
function granted(configuration: ConfigurationName, { Role }: FunctionProperties): string[] {
  const { template } = configuredStack(configuration);
  const statements = Object.values(template.findResources('AWS::IAM::Policy'))
    .filter(({ Properties }) =>
      (Properties.Roles as { Ref: string }[]).some(({ Ref }) => Ref === Role['Fn::GetAtt'][0]),
    )
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[]);
  return [...new Set(statements.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action))].sort();
}

/** What the code takes, and what the platform takes in the function's name for what the template asks of it. */
function needed(code: readonly string[], properties: FunctionProperties, customerKey: boolean, ownSecret: boolean) {
  const takes = (action: string) => code.includes(action);
  const { TracingConfig, LoggingConfig, DeadLetterConfig, VpcConfig } = properties;
  const decrypts =
    takes('s3:GetObject') || (takes('secretsmanager:GetSecretValue') && ownSecret) || DeadLetterConfig !== undefined;
  const encrypts = takes('s3:PutObject') || DeadLetterConfig !== undefined;
  const actions = [
    ...code,
    // S3 says of an object that is not there that it is not there only to who may list.
    ...(takes('s3:GetObject') ? ['s3:ListBucket'] : []),
    ...(LoggingConfig ? ['logs:CreateLogStream', 'logs:PutLogEvents'] : []),
    ...(TracingConfig?.Mode === 'Active' ? ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'] : []),
    ...(DeadLetterConfig ? ['sqs:SendMessage'] : []),
    ...(VpcConfig
      ? [
          'ec2:AssignPrivateIpAddresses',
          'ec2:CreateNetworkInterface',
          'ec2:DeleteNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:UnassignPrivateIpAddresses',
        ]
      : []),
    ...(customerKey && decrypts ? ['kms:Decrypt'] : []),
    ...(customerKey && encrypts ? ['kms:GenerateDataKey'] : []),
  ];
  return [...new Set(actions)].sort();
}

/** What a policy lacks, and what it has that nothing uses. */
function difference(may: readonly string[], must: readonly string[]): string[] {
  return [
    ...must.filter((action) => !may.includes(action)).map((action) => `needs ${action}`),
    ...may.filter((action) => !must.includes(action)).map((action) => `does not use ${action}`),
  ];
}

describe('what the code takes', () => {
  it.each([
    ['plan-export', 'secretsmanager:GetSecretValue states:DescribeExecution s3:GetObject s3:ListBucket s3:PutObject'],
    ['export-page', 'secretsmanager:GetSecretValue s3:GetObject s3:ListBucket s3:PutObject'],
    [
      'publish-run',
      'glue:BatchCreatePartition glue:DeletePartition glue:GetPartition glue:GetPartitions secretsmanager:GetSecretValue s3:DeleteObject s3:GetObject s3:ListBucket s3:PutObject',
    ],
    ['report-failure', 's3:GetObject s3:ListBucket'],
    ['expire-runs', 'glue:DeletePartition s3:DeleteObject s3:GetObject s3:ListBucket'],
    ['watch-exports', 's3:GetObject s3:ListBucket'],
  ])('of %s is found', async (entry, actions) => {
    expect(await actionsOf(entry)).toEqual(actions.split(' ').sort());
  });

  it('is looked for in every adapter of AWS there is', async () => {
    expect(
      (await adapters()).map((file) => file.replace(/-(.)|\.ts$/g, (_all, letter = '') => letter.toUpperCase())),
    ).toEqual(Object.keys(PORT_NAMES).sort());
  });

  it('is sent by adapters alone: elsewhere nothing of the SDK is used but clients for them', async () => {
    expect(await takenElsewhere()).toEqual([]);
  });
});

describe.each(Object.keys(CONFIGURATIONS) as ConfigurationName[])('with %s', (configuration) => {
  const config: Configuration = CONFIGURATIONS[configuration];

  it.each(functionsOf(configuration).map((construct) => [construct.entry, construct] as const))(
    '%s may do what its code does, and nothing else',
    async (entry, construct) => {
      const properties = propertiesOf(configuration, construct);
      const must = needed(
        await actionsOf(entry),
        properties,
        config.encryption === 'customer-key',
        config.secretName === undefined,
      );
      const may = granted(configuration, properties);
      expect(difference(may, must)).toEqual([]);
      // One right less, or one more, whichever it is, is seen.
      for (const action of may) {
        expect(
          difference(
            may.filter((other) => other !== action),
            must,
          ),
        ).toEqual([`needs ${action}`]);
      }
      expect(difference([...may, 's3:PutObjectAcl'], must)).toEqual(['does not use s3:PutObjectAcl']);
    },
  );

  it('only what calls the API reads its key, and only that is in a network', () => {
    const calling = ['plan-export', 'export-page', 'publish-run'];
    for (const construct of functionsOf(configuration)) {
      const properties = propertiesOf(configuration, construct);
      const calls = calling.includes(construct.entry);
      expect(granted(configuration, properties).includes('secretsmanager:GetSecretValue')).toBe(calls);
      expect(properties.VpcConfig !== undefined).toBe(calls && 'network' in config);
    }
  });

  it('no action of any role is a wildcard, and no role of the project has a managed policy', () => {
    const { template } = configuredStack(configuration);
    const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as Statement[],
    );
    expect(statements.flatMap(({ Action }) => Action).filter((action) => action.includes('*'))).toEqual([]);
    const managed = Object.entries(template.findResources('AWS::IAM::Role'))
      .filter(([, { Properties }]) => Properties.ManagedPolicyArns !== undefined)
      .map(([id]) => id.replace(/CustomResourceProviderRole[0-9A-F]{8}$/, ''));
    // Those of the two helpers of CDK, which empty a bucket that goes, and close the default security group.
    const helpers = configuration === 'all of it' ? ['CustomS3AutoDeleteObjects', 'CustomVpcRestrictDefaultSG'] : [];
    expect(managed.sort()).toEqual(configuration === 'a fixed address' ? ['CustomVpcRestrictDefaultSG'] : helpers);
  });
});
