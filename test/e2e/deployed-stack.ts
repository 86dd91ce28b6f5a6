/** The synthesized stack in an emulator, with a simulated tenant and a queue for each of its notifications. */
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Athena } from '@aws-sdk/client-athena';
import { CloudWatchLogs, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { EventBridge } from '@aws-sdk/client-eventbridge';
import { Glue } from '@aws-sdk/client-glue';
import { IAM } from '@aws-sdk/client-iam';
import { S3 } from '@aws-sdk/client-s3';
import { Scheduler } from '@aws-sdk/client-scheduler';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SFN } from '@aws-sdk/client-sfn';
import { SNS } from '@aws-sdk/client-sns';
import { SQS } from '@aws-sdk/client-sqs';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { accountExport, type Finished } from '../support/command-line.ts';
import { type Deployment, deploy } from './deploy.ts';
import { type Emulator, startEmulator } from './emulator.ts';

const WAIT_MS = 60_000;

export interface DeployedStack {
  readonly emulator: Emulator;
  readonly simulator: Simulator;
  readonly outputs: Readonly<Record<string, string>>;
  readonly bucket: string;
  readonly aws: ReturnType<typeof clientsOf>;
  /** The project's events on the default bus, of all stacks. */
  readonly events: Messages;
  /** Messages of the failure topic, which subscribers receive as email. */
  readonly notifications: Messages;
  /** What functions sent to X-Ray. */
  readonly traces: readonly string[];
  /** Starts an execution through the Step Functions API and waits for its end. */
  execute(input: object, name: string): Promise<Ended>;
  /** Waits for the end of an execution. */
  endOf(name: string): Promise<Ended>;
  /** The log lines of all functions. */
  logLines(): Promise<readonly string[]>;
  /** Runs the project's command line against the emulator. */
  cli(...args: readonly string[]): Promise<Finished>;
  close(): Promise<void>;
}

export interface Ended {
  readonly status: string | undefined;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly output: unknown;
}

export interface Messages {
  /** Waits for a message that contains all of these words. @throws Error after a minute */
  with(...words: readonly string[]): Promise<string>;
  all(): Promise<readonly string[]>;
}

function clientsOf({ client }: Emulator) {
  return {
    athena: new Athena(client),
    events: new EventBridge(client),
    glue: new Glue(client),
    iam: new IAM(client),
    logs: new CloudWatchLogs(client),
    s3: new S3({ ...client, forcePathStyle: true }),
    scheduler: new Scheduler(client),
    secrets: new SecretsManager(client),
    sfn: new SFN(client),
    sns: new SNS(client),
    sqs: new SQS(client),
  };
}

/** An emulator, for one or more stacks. */
export interface EmulatedAws {
  readonly emulator: Emulator;
  /** What functions sent to X-Ray. */
  readonly traces: readonly string[];
  close(): Promise<void>;
}

export async function startEmulatedAws(): Promise<EmulatedAws> {
  const traces: string[] = [];
  const daemon = createSocket('udp4').on('message', (message) => traces.push(message.toString()));
  await new Promise<void>((resolve) => daemon.bind(0, '127.0.0.1', resolve));
  try {
    const emulator = await startEmulator({ traces: `127.0.0.1:${daemon.address().port}` });
    const close = async () => {
      await emulator.close();
      daemon.close();
    };
    return { emulator, traces, close };
  } catch (error) {
    daemon.close();
    throw error;
  }
}

/** Starts the emulator and deploys one stack, which closes the emulator, too. */
export async function startDeployedStack(simulated: SimulatorOptions): Promise<DeployedStack> {
  const emulated = await startEmulatedAws();
  try {
    const stack = await deployStack(emulated, simulated);
    const close = async () => {
      await stack.close();
      await emulated.close();
    };
    return { ...stack, close };
  } catch (error) {
    await emulated.close();
    throw error;
  }
}

/**
 * Starts a simulator, deploys a stack for it without an API key, and prints the changes to the template.
 * @param config what differs from `cdk.json`
 * @param app the command that synthesizes it. @default the project's
 */
export async function deployStack(
  { emulator, traces }: EmulatedAws,
  simulated: SimulatorOptions,
  config: Deployment['config'] = {},
  app?: string,
): Promise<DeployedStack> {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-e2e-'));
  const closing: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const simulator = await startSimulator(simulated);
    closing.push(() => simulator.close());
    const { outputs, changes } = await deploy(emulator, {
      folder,
      apiUrl: simulator.url,
      config,
      ...(app === undefined ? {} : { app }),
    });
    for (const { what, why, onAws, resources } of changes) {
      const where = `in ${resources.length} resources`;
      process.stdout.write(`changed for the emulator, ${where}: ${what}\n  because ${why}\n  on AWS ${onAws}\n`);
    }
    const aws = clientsOf(emulator);
    return {
      emulator,
      simulator,
      outputs,
      bucket: outputs.BucketName ?? '',
      aws,
      traces,
      events: await receiveEvents(aws, outputs),
      notifications: await receiveNotifications(aws, outputs),
      execute: async (input, name) => await execute(aws, outputs.StateMachineArn ?? '', input, name),
      endOf: async (name) => await endOf(aws, outputs.StateMachineArn ?? '', name),
      logLines: async () => await logLines(aws),
      cli: (...args) => accountExport(args, emulator.environment),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Clients = ReturnType<typeof clientsOf>;

async function execute(clients: Clients, stateMachineArn: string, input: object, name: string): Promise<Ended> {
  await clients.sfn.startExecution({ stateMachineArn, name, input: JSON.stringify(input) });
  return await endOf(clients, stateMachineArn, name);
}

async function endOf({ sfn }: Clients, stateMachineArn: string, name: string): Promise<Ended> {
  const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  return await until(`the end of ${name}`, async () => {
    const { status, output, error, cause } = await sfn.describeExecution({ executionArn });
    return status === 'RUNNING' ? undefined : { status, error, cause, output: JSON.parse(output ?? 'null') as unknown };
  });
}

async function logLines({ logs }: Clients): Promise<string[]> {
  const { logGroups = [] } = await logs.describeLogGroups({});
  const lines: string[] = [];
  for (const { logGroupName } of logGroups) {
    for await (const { events = [] } of paginateFilterLogEvents({ client: logs }, { logGroupName }))
      lines.push(...events.flatMap(({ message = '' }) => message.split('\n')));
  }
  return lines;
}

type Outputs = DeployedStack['outputs'];

/** The end of an ARN, which is unique in the emulator. */
const nameIn = (arn = '') => arn.split(':').at(-1) ?? '';

/** The events of all stacks: Step Functions adds the ARN of the state machine to `resources`, but the emulator does not. */
async function receiveEvents(aws: Clients, { StateMachineArn }: Outputs): Promise<Messages> {
  const name = nameIn(StateMachineArn);
  const { url, arn } = await queue(aws, `events-${name}`);
  await aws.events.putRule({
    Name: `all-${name}`,
    EventPattern: JSON.stringify({ source: ['account-export'] }),
  });
  await aws.events.putTargets({ Rule: `all-${name}`, Targets: [{ Id: 'queue', Arn: arn }] });
  return messagesIn(aws, url);
}

async function receiveNotifications(aws: Clients, { FailureTopicArn }: Outputs): Promise<Messages> {
  const { url, arn } = await queue(aws, `notifications-${nameIn(FailureTopicArn)}`.slice(0, 80));
  await aws.sns.subscribe({ TopicArn: FailureTopicArn, Protocol: 'sqs', Endpoint: arn });
  return messagesIn(aws, url);
}

async function queue({ sqs }: Clients, name: string): Promise<{ url: string; arn: string }> {
  const { QueueUrl: url = '' } = await sqs.createQueue({ QueueName: name });
  const { Attributes } = await sqs.getQueueAttributes({ QueueUrl: url, AttributeNames: ['QueueArn'] });
  const arn = Attributes?.QueueArn ?? '';
  const policy = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: ['events.amazonaws.com', 'sns.amazonaws.com'] },
        Action: 'sqs:SendMessage',
        Resource: arn,
      },
    ],
  };
  await sqs.setQueueAttributes({ QueueUrl: url, Attributes: { Policy: JSON.stringify(policy) } });
  return { url, arn };
}

function messagesIn({ sqs }: Clients, url: string): Messages {
  const messages: string[] = [];
  const collect = async () => {
    for (;;) {
      const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: url, MaxNumberOfMessages: 10 });
      for (const { Body = '', ReceiptHandle } of Messages) {
        messages.push(Body);
        await sqs.deleteMessage({ QueueUrl: url, ReceiptHandle });
      }
      if (Messages.length === 0) return;
    }
  };
  return {
    async with(...words) {
      return await until(`a message with ${words.join(', ')}`, async () => {
        await collect();
        return messages.find((message) => words.every((word) => message.includes(word)));
      });
    },
    async all() {
      await collect();
      return messages;
    },
  };
}

/** Polls until `ask` returns a value. @throws Error after a minute */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`Timed out after a minute waiting for ${what}.`);
    await sleep(200);
  }
}
