import { fileURLToPath } from 'node:url';
import { type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

export interface ExportFunctionProps {
  /** The entry file in `functions/`, without its ending. */
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
  readonly catalogue?: {
    readonly database: string;
    readonly tables: readonly string[];
    readonly actions: readonly string[];
  };
  /** More of its environment. @default nothing */
  readonly environment?: Readonly<Record<string, string>>;
  /** What it needs to call the API. @default it does not call it, and cannot read the key */
  readonly api?: { readonly url: string; readonly secret: ISecret };
}

const FUNCTIONS = fileURLToPath(new URL('../../functions/', import.meta.url));
const LOCKFILE = fileURLToPath(new URL('../../package-lock.json', import.meta.url));

/** Some dependencies of the bundle are CommonJS and call `require`, which an ES module does not have. */
const REQUIRE = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

/** One task of the workflow as a Lambda, with the rights that its code uses and no others. */
export class ExportFunction extends Construct {
  readonly function: NodejsFunction;

  constructor(scope: Construct, id: string, props: ExportFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
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
      entry: `${FUNCTIONS}${props.entry}.ts`,
      handler: 'handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb,
      timeout: props.timeout,
      tracing: Tracing.ACTIVE,
      logGroup,
      depsLockFilePath: LOCKFILE,
      environment: {
        BUCKET: props.bucket.bucketName,
        ...(props.api ? { API_URL: props.api.url, SECRET_ID: props.api.secret.secretName } : {}),
        ...(props.catalogue ? { DATABASE: props.catalogue.database } : {}),
        ...props.environment,
        POWERTOOLS_TRACER_CAPTURE_RESPONSE: 'false',
        NODE_OPTIONS: '--enable-source-maps',
      },
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        mainFields: ['module', 'main'],
        minify: true,
        sourceMap: true,
        sourcesContent: false,
        // The SDK travels with the code: what was tested is what runs.
        externalModules: [],
        banner: REQUIRE,
      },
    });
    this.allowObjects(props.bucket, 's3:GetObject', props.reads);
    this.allowObjects(props.bucket, 's3:PutObject', props.writes);
    this.allowObjects(props.bucket, 's3:DeleteObject', props.deletes ?? []);
    if (props.catalogue) this.allowPartitions(props.catalogue);
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
  }

  /** Glue asks for rights on the catalogue and the database too, whatever is done to a table. */
  private allowPartitions({ database, tables, actions }: NonNullable<ExportFunctionProps['catalogue']>): void {
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

/** A secret known by name has six random characters behind its ARN that nobody knows before it is looked up. */
function secretArn(secret: ISecret): string {
  return secret.secretFullArn ?? `${secret.secretArn}-??????`;
}
