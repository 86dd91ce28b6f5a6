/** The rights of each Lambda are derived from its code and compared with the template. */
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

/** The properties of a function in the template. */
function propertiesOf(configuration: ConfigurationName, construct: ExportFunction): FunctionProperties {
  const { stack, template } = configuredStack(configuration);
  const id = stack.getLogicalId(construct.function.node.defaultChild as never);
  return template.findResources('AWS::Lambda::Function')[id]?.Properties as FunctionProperties;
}

/** All actions that the policies of a function's role allow. */
function granted(configuration: ConfigurationName, { Role }: FunctionProperties): string[] {
  const { template } = configuredStack(configuration);
  const statements = Object.values(template.findResources('AWS::IAM::Policy'))
    .filter(({ Properties }) =>
      (Properties.Roles as { Ref: string }[]).some(({ Ref }) => Ref === Role['Fn::GetAtt'][0]),
    )
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[]);
  return [...new Set(statements.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action))].sort();
}

/** The actions of the code, and those that the platform takes with the function's role. */
function needed(code: readonly string[], properties: FunctionProperties, customerKey: boolean, ownSecret: boolean) {
  const uses = (action: string) => code.includes(action);
  const { TracingConfig, LoggingConfig, DeadLetterConfig, VpcConfig } = properties;
  const decrypts =
    uses('s3:GetObject') || (uses('secretsmanager:GetSecretValue') && ownSecret) || DeadLetterConfig !== undefined;
  const encrypts = uses('s3:PutObject') || DeadLetterConfig !== undefined;
  const actions = [
    ...code,
    // Without it, S3 answers 403 for a missing object.
    ...(uses('s3:GetObject') ? ['s3:ListBucket'] : []),
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

/** Missing and unused rights. */
function difference(may: readonly string[], must: readonly string[]): string[] {
  return [
    ...must.filter((action) => !may.includes(action)).map((action) => `needs ${action}`),
    ...may.filter((action) => !must.includes(action)).map((action) => `does not use ${action}`),
  ];
}

describe('the actions of the code', () => {
  it.each([
    [
      'plan-export',
      'glue:GetTable secretsmanager:GetSecretValue states:DescribeExecution s3:DeleteObject s3:GetObject s3:ListBucket s3:PutObject',
    ],
    ['export-page', 'secretsmanager:GetSecretValue s3:DeleteObject s3:GetObject s3:ListBucket s3:PutObject'],
    [
      'publish-run',
      'glue:BatchCreatePartition glue:DeletePartition glue:GetPartition glue:GetPartitions secretsmanager:GetSecretValue s3:DeleteObject s3:GetObject s3:ListBucket s3:PutObject',
    ],
    ['report-failure', 's3:GetObject s3:ListBucket s3:PutObject'],
    ['expire-runs', 'glue:DeletePartition glue:GetPartition s3:DeleteObject s3:GetObject s3:ListBucket'],
    ['watch-exports', 'glue:GetPartition s3:GetObject s3:ListBucket'],
  ])('of %s are found', async (entry, actions) => {
    expect(await actionsOf(entry)).toEqual(actions.split(' ').sort());
  });

  it('are searched in every AWS adapter', async () => {
    expect(
      (await adapters()).map((file) => file.replace(/-(.)|\.ts$/g, (_all, letter = '') => letter.toUpperCase())),
    ).toEqual(Object.keys(PORT_NAMES).sort());
  });

  it('are all in adapters: other rooms use only client classes of the SDK', async () => {
    expect(await takenElsewhere()).toEqual([]);
  });
});

describe.each(Object.keys(CONFIGURATIONS) as ConfigurationName[])('with %s', (configuration) => {
  const config: Configuration = CONFIGURATIONS[configuration];

  it.each(functionsOf(configuration).map((construct) => [construct.entry, construct] as const))(
    '%s has exactly the rights that its code uses',
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
      // The comparison finds every single missing or additional right.
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

  it('only functions that call the API can read its key and are in the VPC', () => {
    const calling = ['plan-export', 'export-page', 'publish-run'];
    for (const construct of functionsOf(configuration)) {
      const properties = propertiesOf(configuration, construct);
      const calls = calling.includes(construct.entry);
      expect(granted(configuration, properties).includes('secretsmanager:GetSecretValue')).toBe(calls);
      expect(properties.VpcConfig !== undefined).toBe(calls && 'network' in config);
    }
  });

  it('no role has a wildcard action, and no role of the project has a managed policy', () => {
    const { template } = configuredStack(configuration);
    const statements = Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement as Statement[],
    );
    expect(statements.flatMap(({ Action }) => Action).filter((action) => action.includes('*'))).toEqual([]);
    const managed = Object.entries(template.findResources('AWS::IAM::Role'))
      .filter(([, { Properties }]) => Properties.ManagedPolicyArns !== undefined)
      .map(([id]) => id.replace(/CustomResourceProviderRole[0-9A-F]{8}$/, ''));
    // Two custom resources of CDK: one empties deleted buckets, the other restricts the default security group.
    const expected = [
      ...('deleteDataWithStack' in config ? ['CustomS3AutoDeleteObjects'] : []),
      ...(config.network && 'fixedEgressIp' in config.network ? ['CustomVpcRestrictDefaultSG'] : []),
    ];
    expect(managed.sort()).toEqual(expected);
  });
});
