/**
 * A deployed stack in the small AWS, with the services that `doctor` looks at: Secrets Manager, SNS, SQS, Scheduler and Glue.
 * Without options, everything is in order.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import type { AwsFailure, SmallAwsOptions } from './small-aws.ts';
import { publishedOf, STATE_MACHINE, smallWorld } from './small-aws-world.ts';

export interface DeploymentOptions extends Omit<SmallAwsOptions, 'simulator' | 'fail'> {
  readonly version?: string;
  /** Versions of the secret. @default 2: the one that CloudFormation creates, and the API key */
  readonly secretVersions?: number;
  readonly secretDeleted?: boolean;
  /** Whether the secret belongs to the stack. @default true */
  readonly ownSecret?: boolean;
  readonly subscriptions?: readonly { readonly arn: string; readonly protocol: string; readonly endpoint: string }[];
  /** Messages by the start of the logical id of a queue: `UndeliveredStarts`. */
  readonly messages?: Readonly<Record<string, number>>;
  /** Names of disabled schedules: `DailyAllAccounts`. */
  readonly disabled?: readonly string[];
  /** Of the database. @default IAM_ALLOWED_PRINCIPALS */
  readonly tablePrincipals?: readonly string[];
  readonly dataLakeLocation?: boolean;
  /** Runs, the oldest first. @default one published run */
  readonly runs?: readonly Readonly<Record<string, unknown>>[];
  /** Makes a call fail. @param call the action, as in a policy, and what it names: `glue:GetTable accounts_json` */
  readonly refuse?: (call: string) => AwsFailure | undefined;
}

const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:AccountExport-FailuresTopic';
const QUEUES = ['Starts', 'Retention', 'Freshness', 'Notifications'].map((name) => `Undelivered${name}`);
const SCHEDULES = {
  DailyAllAccounts: { Description: 'Account Export: all-accounts', exportName: 'all-accounts' },
  ExpireDaily: { Description: 'Account Export: deletes runs that are older than retentionDays' },
} as const;
const CONFIRMED = [{ arn: `${TOPIC}:1`, protocol: 'email', endpoint: 'data-team@example.com' }];

/** A published run of `all-accounts`. */
export const PUBLISHED = {
  name: '20260822T020000Z-1f3a',
  input: '{"exportName":"all-accounts"}',
  startDate: Date.parse('2026-08-22T02:00:00Z') / 1000,
  stopDate: Date.parse('2026-08-22T02:00:42Z') / 1000,
  status: 'SUCCEEDED',
  output: JSON.stringify(publishedOf(12_431)),
};

const servers: { close(): void }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Starts it until the end of the test. @returns the calls to these services, as `refuse` gets them */
export async function smallDeployment(options: DeploymentOptions = {}) {
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const target = request.headers['x-amz-target'];
    const url = new URL(request.url ?? '', 'http://localhost');
    const form = Object.fromEntries(new URLSearchParams(target === undefined ? body : ''));
    const json = target === undefined ? {} : (JSON.parse(body) as Readonly<Record<string, string>>);
    const call =
      target === undefined
        ? form.Action === undefined
          ? `scheduler:GetSchedule ${url.pathname.split('/').at(-1)}`
          : `sns:${form.Action} ${form.TopicArn}`
        : `${SERVICES[String(target).split('.')[0] ?? '']}:${String(target).split('.')[1]} ${json.Name ?? json.SecretId ?? json.QueueUrl?.split('/').at(-1)}`;
    calls.push(call);
    const failure = options.refuse?.(call);
    const [action = '', name = ''] = call.split(' ');
    if (action.startsWith('sns:')) {
      response.writeHead(failure?.status ?? 200, { 'content-type': 'text/xml' });
      response.end(
        failure
          ? `<ErrorResponse><Error><Code>${failure.type}</Code><Message>${failure.message}</Message></Error></ErrorResponse>`
          : subscriptionsXml(options.subscriptions ?? CONFIRMED),
      );
      return;
    }
    response.writeHead(failure?.status ?? 200, {
      'content-type': 'application/x-amz-json-1.1',
      ...(failure ? { 'x-amzn-errortype': failure.type } : {}),
    });
    response.end(
      JSON.stringify(failure ? { __type: failure.type, message: failure.message } : answerOf(action, name, options)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { aws } = await smallWorld(
    {},
    {
      outputs: {
        BucketName: 'bucket',
        Workgroup: 'account_export',
        StateMachineArn: STATE_MACHINE,
        FailureTopicArn: TOPIC,
        ApiKeySecret: 'ApiKeySecret4F1B2A3C-AbCdEfGhIjKl',
        PutKeyCommand:
          'aws secretsmanager put-secret-value --secret-id ApiKeySecret4F1B2A3C-AbCdEfGhIjKl --secret-string file://key.json',
        Version: options.version ?? packageJson.version,
      },
      resources: [
        ...(options.ownSecret === false ? [] : [resource('AWS::SecretsManager::Secret', 'ApiKeySecret')]),
        ...QUEUES.map((name) => ({
          ...resource('AWS::SQS::Queue', `${name}0A1B2C3D`),
          physicalId: `${url}/123456789012/${name}`,
        })),
        resource('AWS::Scheduler::ScheduleGroup', 'AccountExport'),
        ...Object.keys(SCHEDULES).map((name) => resource('AWS::Scheduler::Schedule', name)),
      ],
      ...options,
    },
  );
  for (const run of options.runs ?? [PUBLISHED]) aws.stateMachine.add(run as never);
  for (const service of ['SECRETS_MANAGER', 'SNS', 'SQS', 'SCHEDULER', 'GLUE']) {
    vi.stubEnv(`AWS_ENDPOINT_URL_${service}`, url);
  }
  return { aws, calls };
}

/** The service of an `x-amz-target`. */
const SERVICES: Readonly<Record<string, string>> = {
  secretsmanager: 'secretsmanager',
  AmazonSQS: 'sqs',
  AWSGlue: 'glue',
};

function resource(type: string, id: string) {
  return { type, logicalId: id, physicalId: id };
}

function answerOf(action: string, name: string, options: DeploymentOptions): object {
  switch (action) {
    case 'secretsmanager:DescribeSecret': {
      const stages = [['AWSCURRENT'], ['AWSPREVIOUS'], []].slice(0, options.secretVersions ?? 2);
      return {
        Name: name,
        LastChangedDate: Date.parse('2026-08-02T00:00:00Z') / 1000,
        VersionIdsToStages: Object.fromEntries(stages.map((stage, i) => [`version-${i}`, stage])),
        ...(options.secretDeleted ? { DeletedDate: Date.parse('2026-08-20T00:00:00Z') / 1000 } : {}),
      };
    }
    case 'sqs:GetQueueAttributes':
      return { Attributes: { ApproximateNumberOfMessages: String(options.messages?.[name] ?? 0) } };
    case 'scheduler:GetSchedule': {
      const { Description, ...input } = SCHEDULES[name as keyof typeof SCHEDULES];
      return {
        Name: name,
        Description,
        State: options.disabled?.includes(name) ? 'DISABLED' : 'ENABLED',
        Target: { Input: JSON.stringify(input) },
      };
    }
    case 'glue:GetDatabase': {
      const principals = options.tablePrincipals ?? ['IAM_ALLOWED_PRINCIPALS'];
      const permissions = principals.map((id) => ({ Principal: { DataLakePrincipalIdentifier: id } }));
      return { Database: { Name: name, CreateTableDefaultPermissions: permissions } };
    }
    default:
      return { Table: { Name: name, IsRegisteredWithLakeFormation: options.dataLakeLocation ?? false } };
  }
}

function subscriptionsXml(subscriptions: NonNullable<DeploymentOptions['subscriptions']>): string {
  const members = subscriptions.map(
    ({ arn, protocol, endpoint }) =>
      `<member><SubscriptionArn>${arn}</SubscriptionArn><Protocol>${protocol}</Protocol><Endpoint>${endpoint}</Endpoint></member>`,
  );
  return `<ListSubscriptionsByTopicResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ListSubscriptionsByTopicResult><Subscriptions>${members.join('')}</Subscriptions></ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>`;
}
