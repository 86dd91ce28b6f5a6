import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture, Code, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { type Duration, FileSystem, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { ExportError } from '../../functions/model/errors.ts';
import { STACK_VARIABLE } from '../../functions/runtime/metric-names.ts';
import { acknowledge, acknowledgeWildcard, defaultPolicyOf } from '../acknowledge.ts';
import { BUNDLES_FOLDER } from '../bundles-folder.ts';
import { secretArn, secretId } from './api-key.ts';
import type { FunctionNetwork } from './api-network.ts';
import { KEY_READS, KEY_SENDS, KEY_WRITES, useOfKey } from './data-key.ts';
import { kept } from './kept.ts';

export interface ExportFunctionProps {
  /** The file in `functions/handlers/`, without its extension. */
  readonly entry: string;
  readonly description: string;
  /** Which deployment it belongs to, in metrics and emails. */
  readonly deployment: string;
  readonly memoryMb: number;
  readonly timeout: Duration;
  readonly logRetentionDays: number;
  readonly bucket: IBucket;
  /** Key patterns of the objects that it may read. */
  readonly reads: readonly string[];
  /** Key patterns of the objects that it may write. */
  readonly writes: readonly string[];
  /** Key patterns of the objects that it may delete. @default none */
  readonly deletes?: readonly string[];
  /** The Glue actions that it may take on partitions. @default none */
  readonly catalog?: {
    readonly database: string;
    readonly tables: readonly string[];
    readonly actions: readonly string[];
  };
  /** Additional environment variables. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** Files next to the bundle, by name. @default none */
  readonly files?: Readonly<Record<string, string>>;
  /** The API to call. @default it cannot call the API or read its key */
  readonly api?: { readonly url: string; readonly secret: ISecret };
  /** The network that it runs in. @default no VPC */
  readonly network?: FunctionNetwork | undefined;
  /** The customer managed key of the data. @default a key of AWS, which needs no rights */
  readonly encryptionKey?: IKey | undefined;
  /** Receives the events of failed asynchronous calls. @default the function is called synchronously */
  readonly deadLetters?: IQueue | undefined;
}

/**
 * The actions that Lambda takes with the function's role to connect it to a VPC. Source: Lambda developer guide, "Giving
 * Lambda functions access to resources in an Amazon VPC".
 */
const NETWORK_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/** A Lambda function with exactly the rights that its code uses. */
export class ExportFunction extends Construct {
  readonly function: LambdaFunction;
  /** The file in `functions/handlers/`, without its extension. */
  readonly entry: string;

  constructor(scope: Construct, id: string, props: ExportFunctionProps) {
    super(scope, id);
    this.entry = props.entry;
    const logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(props.encryptionKey ? { encryptionKey: props.encryptionKey } : {}),
    });
    // Not the managed policy that CDK attaches by default: it allows writing to every log group.
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    );
    this.function = new LambdaFunction(this, 'Function', {
      role,
      description: props.description,
      code: Code.fromAsset(this.codeFolder(props)),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb,
      timeout: props.timeout,
      tracing: Tracing.ACTIVE,
      logGroup,
      // A deployment keeps the versions that running executions call.
      currentVersionOptions: { removalPolicy: kept(false) },
      ...(props.deadLetters ? { deadLetterQueue: props.deadLetters } : {}),
      ...(props.network
        ? {
            vpc: props.network.vpc,
            vpcSubnets: { subnets: [...props.network.subnets] },
            securityGroups: [...props.network.securityGroups],
          }
        : {}),
      environment: {
        [STACK_VARIABLE]: props.deployment,
        BUCKET: props.bucket.bucketName,
        ...(props.api ? { API_URL: props.api.url, SECRET_ID: secretId(props.api.secret) } : {}),
        ...(props.catalog ? { DATABASE: props.catalog.database } : {}),
        ...props.environment,
        POWERTOOLS_TRACER_CAPTURE_RESPONSE: 'false',
        NODE_OPTIONS: '--enable-source-maps',
      },
    });
    this.allowObjects(props.bucket, 's3:GetObject', props.reads);
    this.allowObjects(props.bucket, 's3:PutObject', props.writes);
    this.allowObjects(props.bucket, 's3:DeleteObject', props.deletes ?? []);
    if (props.catalog) this.allowPartitions(props.catalog);
    // Without this right S3 answers 403 instead of 404 for a missing object. A condition on `s3:prefix` would not match
    // GetObject, which has no prefix.
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: ['s3:ListBucket'], resources: [props.bucket.bucketArn] }),
    );
    if (props.api) {
      this.function.addToRolePolicy(
        new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secretArn(props.api.secret)] }),
      );
    }
    if (props.encryptionKey) this.allowKey(props.encryptionKey, props);
    if (props.network) this.allowNetwork(role);
    this.acknowledgeFindings(role, props);
  }

  /** The bundle, and next to it the files that depend on the configuration. */
  private codeFolder({ entry, files = {} }: ExportFunctionProps): string {
    // The CDK needs no code of a stack that this command does not deploy.
    if (!Stack.of(this).bundlingRequired) return import.meta.dirname;
    const bundle = join(BUNDLES_FOLDER, entry);
    if (!existsSync(bundle)) throw new ExportError('ConfigError', `Missing bundle ${bundle}: run npm run build.`);
    if (Object.keys(files).length === 0) return bundle;
    const folder = FileSystem.mkdtemp('account-export-');
    // CDK may read it as late as in the deployment.
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    cpSync(bundle, folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return folder;
  }

  private allowKey(key: IKey, { api, writes, deadLetters }: ExportFunctionProps): void {
    const objects = writes.length > 0 ? [...KEY_READS, ...KEY_WRITES] : KEY_READS;
    this.function.addToRolePolicy(useOfKey(key, objects, ['s3']));
    if (api && !isForeign(api.secret)) this.function.addToRolePolicy(useOfKey(key, KEY_READS, ['secretsmanager']));
    if (deadLetters) this.function.addToRolePolicy(useOfKey(key, KEY_SENDS, ['sqs']));
  }

  /**
   * Lambda creates network interfaces with the function's role. The deny keeps the function's own code from doing the same.
   */
  private allowNetwork(role: Role): void {
    const interfaces = new Policy(this, 'NetworkInterfaces', {
      roles: [role],
      statements: [new PolicyStatement({ actions: NETWORK_ACTIONS, resources: ['*'] })],
    });
    // Lambda refuses to create the function without these rights.
    this.function.node.addDependency(interfaces);
    new Policy(this, 'NoNetworkInterfacesByCode', {
      roles: [role],
      statements: [
        new PolicyStatement({
          effect: Effect.DENY,
          actions: NETWORK_ACTIONS,
          resources: ['*'],
          conditions: {
            ArnEquals: {
              'lambda:SourceFunctionArn': [this.function.functionArn, `${this.function.functionArn}:*`],
            },
          },
        }),
      ],
    });
    acknowledgeWildcard(
      interfaces,
      '*',
      'Lambda creates the interfaces, whose ids are not known in advance, and refuses a role that limits these actions to named resources. A second policy denies all of them to code that runs in the function.',
    );
  }

  private acknowledgeFindings(
    role: Role,
    { bucket, reads, writes, deletes = [], deadLetters }: ExportFunctionProps,
  ): void {
    const policy = defaultPolicyOf(role);
    acknowledgeWildcard(
      policy,
      '*',
      'The X-Ray actions that write traces support no resource-level permissions (service authorization reference). No other action of this policy is on *.',
    );
    for (const pattern of new Set([...reads, ...writes, ...deletes])) {
      acknowledgeWildcard(
        policy,
        bucket.arnForObjects(pattern),
        `The pattern ${pattern} stands for names of exports, days, runs and pages, which are not known before the run. The function has no rights on other objects of the bucket.`,
      );
    }
    if (deadLetters) return;
    acknowledge(
      this.function,
      'Serverless-LambdaDLQ',
      'Step Functions calls this function synchronously, and Lambda sends only failed asynchronous events to a dead-letter queue. The workflow reports failures to the SNS topic.',
    );
  }

  /** Glue requires the rights on the catalog and the database as well as on the table. */
  private allowPartitions({ database, tables, actions }: NonNullable<ExportFunctionProps['catalog']>): void {
    const resources = ['catalog', `database/${database}`, ...tables.map((table) => `table/${database}/${table}`)];
    const stack = Stack.of(this);
    this.function.addToRolePolicy(
      new PolicyStatement({
        actions: [...actions],
        resources: resources.map((resource) => stack.formatArn({ service: 'glue', resource })),
      }),
    );
  }

  private allowObjects(bucket: IBucket, action: string, patterns: readonly string[]): void {
    if (patterns.length === 0) return;
    this.function.addToRolePolicy(
      new PolicyStatement({ actions: [action], resources: patterns.map((pattern) => bucket.arnForObjects(pattern)) }),
    );
  }
}

/** The encryption key of an existing secret is not known. */
function isForeign(secret: ISecret): boolean {
  return secret.encryptionKey === undefined;
}
