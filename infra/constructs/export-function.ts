import { fileURLToPath } from 'node:url';
import { type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcard, defaultPolicyOf } from '../acknowledge.ts';
import { BUNDLING, copyNotices } from '../bundling.ts';
import type { FunctionNetwork } from './api-network.ts';
import { KEY_READS, KEY_SENDS, KEY_WRITES, useOfKey } from './data-key.ts';

export interface ExportFunctionProps {
  /** The file in `functions/handlers/`, without its extension. */
  readonly entry: string;
  readonly description: string;
  readonly memoryMb: number;
  readonly timeout: Duration;
  readonly logRetentionDays: number;
  readonly bucket: IBucket;
  /** Key patterns that it reads and writes; no other object is its business. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Objects that it deletes. @default none */
  readonly deletes?: readonly string[];
  /** What it does to the partitions of which tables. @default nothing */
  readonly catalog?: {
    readonly database: string;
    readonly tables: readonly string[];
    readonly actions: readonly string[];
  };
  /** More of its environment. @default nothing */
  readonly environment?: Readonly<Record<string, string>>;
  /** What it needs to call the API. @default it does not call it, and cannot read the key */
  readonly api?: { readonly url: string; readonly secret: ISecret };
  /** The network that it runs in. @default none */
  readonly network?: FunctionNetwork | undefined;
  /** The customer's key, if it encrypts what the function reads and writes. @default a key of AWS, which needs no right */
  readonly encryptionKey?: IKey | undefined;
  /** Where events go that it failed on, if it is called by something that does not wait. @default its caller waits */
  readonly deadLetters?: IQueue | undefined;
}

/**
 * What Lambda does in the function's name to bring it into a network. Source: Lambda developer guide, "Giving Lambda
 * functions access to resources in an Amazon VPC".
 */
export const NETWORK_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

const HANDLERS = fileURLToPath(new URL('../../functions/handlers/', import.meta.url));
const LOCKFILE = fileURLToPath(new URL('../../package-lock.json', import.meta.url));

/** One task of the workflow as a Lambda, with the rights that its code uses and no others. */
export class ExportFunction extends Construct {
  readonly function: NodejsFunction;
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
    // The managed policy that CDK would attach lets a function write to every log group there is.
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    );
    this.function = new NodejsFunction(this, 'Function', {
      role,
      description: props.description,
      entry: `${HANDLERS}${props.entry}.ts`,
      handler: 'handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb,
      timeout: props.timeout,
      tracing: Tracing.ACTIVE,
      logGroup,
      ...(props.deadLetters ? { deadLetterQueue: props.deadLetters } : {}),
      ...(props.network
        ? {
            vpc: props.network.vpc,
            vpcSubnets: { subnets: [...props.network.subnets] },
            securityGroups: [...props.network.securityGroups],
          }
        : {}),
      depsLockFilePath: LOCKFILE,
      environment: {
        BUCKET: props.bucket.bucketName,
        ...(props.api ? { API_URL: props.api.url, SECRET_ID: props.api.secret.secretName } : {}),
        ...(props.catalog ? { DATABASE: props.catalog.database } : {}),
        ...props.environment,
        POWERTOOLS_TRACER_CAPTURE_RESPONSE: 'false',
        NODE_OPTIONS: '--enable-source-maps',
      },
      bundling: {
        format: OutputFormat.ESM,
        target: BUNDLING.target,
        mainFields: [...BUNDLING.mainFields],
        minify: BUNDLING.minify,
        sourceMap: BUNDLING.sourcemap,
        sourcesContent: BUNDLING.sourcesContent,
        // The SDK travels with the code: what was tested is what runs.
        externalModules: [],
        banner: BUNDLING.banner,
        esbuildArgs: { '--legal-comments': BUNDLING.legalComments },
        commandHooks: {
          beforeBundling: () => [],
          beforeInstall: () => [],
          afterBundling: (from, to) => [copyNotices(from, to)],
        },
      },
    });
    this.allowObjects(props.bucket, 's3:GetObject', props.reads);
    this.allowObjects(props.bucket, 's3:PutObject', props.writes);
    this.allowObjects(props.bucket, 's3:DeleteObject', props.deletes ?? []);
    if (props.catalog) this.allowPartitions(props.catalog);
    // Without this right S3 answers 403 and not 404 for an object that is not there. A condition on `s3:prefix` would take
    // it away again, since reading an object brings no prefix to compare.
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
    this.answerFindings(role, props);
  }

  /** Each service that the function goes through, with what it does there. */
  private allowKey(key: IKey, { api, writes, deadLetters }: ExportFunctionProps): void {
    const objects = writes.length > 0 ? [...KEY_READS, ...KEY_WRITES] : KEY_READS;
    this.function.addToRolePolicy(useOfKey(key, objects, ['s3']));
    if (api && !isForeign(api.secret)) this.function.addToRolePolicy(useOfKey(key, KEY_READS, ['secretsmanager']));
    if (deadLetters) this.function.addToRolePolicy(useOfKey(key, KEY_SENDS, ['sqs']));
  }

  /**
   * Lambda makes the function's network interfaces with the function's role, and so the code could make some too: it is
   * denied to whoever comes with the function's own credentials, which name it.
   */
  private allowNetwork(role: Role): void {
    const interfaces = new Policy(this, 'NetworkInterfaces', {
      roles: [role],
      statements: [new PolicyStatement({ actions: NETWORK_ACTIONS, resources: ['*'] })],
    });
    // Without these rights the function is refused when it is made.
    this.function.node.addDependency(interfaces);
    new Policy(this, 'NoNetworkInterfacesByCode', {
      roles: [role],
      statements: [
        new PolicyStatement({
          effect: Effect.DENY,
          actions: NETWORK_ACTIONS,
          resources: ['*'],
          conditions: { ArnEquals: { 'lambda:SourceFunctionArn': this.function.functionArn } },
        }),
      ],
    });
    acknowledgeWildcard(
      interfaces,
      '*',
      'Lambda makes the interfaces itself, under ids that nobody knows before, and refuses a function whose role limits these actions to some. Code that runs in the function is denied all of them, by its own ARN.',
    );
  }

  /** What cdk-nag finds on this function and is meant to be so. */
  private answerFindings(role: Role, { bucket, reads, writes, deletes = [], deadLetters }: ExportFunctionProps): void {
    const policy = defaultPolicyOf(role);
    acknowledgeWildcard(
      policy,
      '*',
      'X-Ray has no resources that a right to write traces could name (service authorization reference). No other action of this policy is on *.',
    );
    for (const pattern of new Set([...reads, ...writes, ...deletes])) {
      acknowledgeWildcard(
        policy,
        bucket.arnForObjects(pattern),
        `The keys below ${pattern.replace('*', '')} name export, day and run, which are not known before the run. The function has no right on objects elsewhere in the bucket.`,
      );
    }
    if (deadLetters) return;
    acknowledge(
      this.function,
      'Serverless-LambdaDLQ',
      'Step Functions calls it and waits for the answer; Lambda puts into a dead-letter queue only events that nobody waits for. A failure goes through Report failure to the topic.',
    );
  }

  /** Glue asks for rights on the catalog and the database too, whatever is done to a table. */
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

/** A secret that was there before is encrypted by a key that the stack does not know. */
function isForeign(secret: ISecret): boolean {
  return secret.encryptionKey === undefined;
}

/** A secret known by name has six random characters behind its ARN that nobody knows before it is looked up. */
function secretArn(secret: ISecret): string {
  return secret.secretFullArn ?? `${secret.secretArn}-??????`;
}
