/**
 * A complete deployment in this process: a simulated tenant, small servers for the AWS services, the workflow with the Lambda
 * handlers as its tasks, and the command line.
 */

import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GlueClient } from '@aws-sdk/client-glue';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { StateMachine } from 'aws-local-stepfunctions';
import { vi } from 'vitest';
import { glueCatalog } from '../../functions/aws/glue-catalog.ts';
import type { FailureReport } from '../../functions/model/outcomes.ts';
import { PROGRAM } from '../../functions/model/program.ts';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';
import { PROGRAM_VARIABLE, STACK_VARIABLE } from '../../functions/runtime/metric-names.ts';
import { ANNOUNCING_STATES, exportWorkflow, STATES } from '../../functions/workflow.ts';
import type { FaultRule } from '../../simulator/faults.ts';
import { DEFAULT_KEY, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { commandLine, type Finished } from './command-line.ts';
import { startSmallAws } from './small-aws.ts';
import type { PlannedOutcome, Work } from './small-aws-executions.ts';
import { startSmallGlue } from './small-glue.ts';
import { startSmallS3 } from './small-s3.ts';
import { startSmallSecrets } from './small-secrets.ts';

/** What a deployment configures. */
export interface Deployed {
  exports: readonly Readonly<Record<string, unknown>>[];
  concurrency: number;
}

/** An email or an event that the workflow sent. */
export interface Announcement {
  readonly state: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

type Handler = (event: unknown, context: object) => Promise<unknown>;

const LAMBDA_CONTEXT = {
  getRemainingTimeInMillis: () => 60_000,
  awsRequestId: 'request',
  functionName: 'function',
  memoryLimitInMB: '1024',
};
const BUCKET = 'exports';

/** Fewer than on AWS, and without waits, so that a run with a permanent cause fails soon. */
const RETRIES = 1;

export type DeployedWorld = Awaited<ReturnType<typeof deployedWorld>>;

/** Starts it. Until `close`, this process knows no other AWS and prints nothing. */
export async function deployedWorld(simulated: SimulatorOptions = {}) {
  const deployed: Deployed = {
    exports: [{ name: 'all-accounts', datasetId: 'engage', pageSize: 500 }],
    concurrency: 4,
  };
  /** Faults of the API, and prefixes of the bucket without write or read permission; tests change all three. */
  const faults: FaultRule[] = [];
  const denied: string[] = [];
  const unreadable: string[] = [];
  const announced: Announcement[] = [];
  const printed: string[] = [];

  const simulator = await startSimulator({ accounts: 1234, ...simulated, faults });
  const s3 = await startSmallS3([BUCKET], (method, key) => {
    const refused = method === 'PUT' ? denied : unreadable;
    return refused.some((prefix) => key.startsWith(prefix)) ? { status: 403, code: 'AccessDenied' } : undefined;
  });
  const glue = await startSmallGlue();
  const secrets = await startSmallSecrets({ keyId: DEFAULT_KEY.keyId, secret: DEFAULT_KEY.keySecret });
  const handlers: Record<string, Handler> = {};
  /** Lambda calls that have not ended. */
  const calls = new Set<Promise<unknown>>();
  const aws = await startSmallAws({ simulator, work: workflowOf({ handlers, deployed, announced, calls }) });

  const folder = await mkdtemp(join(tmpdir(), 'account-export-world-'));
  const exportsFile = join(folder, 'exports.json');
  const writeExports = () => writeFileSync(exportsFile, JSON.stringify(deployed.exports));
  writeExports();

  const environment = {
    ...aws.environment,
    AWS_ENDPOINT_URL_SFN: aws.url,
    AWS_ENDPOINT_URL_S3: s3.url,
    AWS_ENDPOINT_URL_GLUE: glue.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    BUCKET,
    DATABASE: 'account_export',
    [STACK_VARIABLE]: DEFAULT_STACK_NAME,
    [PROGRAM_VARIABLE]: PROGRAM,
    SECRET_ID: 'key',
    API_URL: simulator.url,
    EXPORTS_FILE: exportsFile,
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  for (const name of ['AWS_PROFILE', 'AWS_DEFAULT_REGION', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, undefined);
  // Powertools writes to the streams directly.
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => printed.push(String(chunk)) > 0);
  }
  // The handlers create their clients on import: each world needs its own.
  vi.resetModules();
  // The deployed catalog, without its wait for running queries.
  vi.doMock('../../functions/runtime/catalog.ts', () => ({
    deployedCatalog: () =>
      glueCatalog({
        client: new GlueClient({}),
        database: environment.DATABASE,
        bucket: BUCKET,
        sleep: async () => undefined,
      }),
  }));
  handlers[STATES.plan] = (await import('../../functions/handlers/plan-export.ts')).handler as Handler;
  handlers[STATES.page] = (await import('../../functions/handlers/export-page.ts')).handler as Handler;
  handlers[STATES.publish] = (await import('../../functions/handlers/publish-run.ts')).handler as Handler;
  handlers[STATES.report] = (await import('../../functions/handlers/report-failure.ts')).handler as Handler;
  const watch = (await import('../../functions/handlers/watch-exports.ts')).handler as Handler;

  const emails = () =>
    announced.filter(({ state }) => state === STATES.notify).map(({ parameters }) => String(parameters.Message));
  return {
    simulator,
    aws,
    faults,
    denied,
    unreadable,
    announced,
    printed,
    /** The objects of the bucket. */
    bucket: {
      keys: () => s3.keys(BUCKET),
      text: (key: string) => s3.object(BUCKET, key)?.toString() ?? '',
      put: (key: string, text: string) => s3.put(BUCKET, key, Buffer.from(text)),
    },
    /** Changes the configuration, as `cdk deploy` does. */
    deploy(changes: Partial<Deployed>) {
      Object.assign(deployed, changes);
      writeExports();
    },
    /** Changes the API key, as `aws secretsmanager put-secret-value` does. */
    async putKey(key: object) {
      const client = new SecretsManagerClient({});
      await client.send(new PutSecretValueCommand({ SecretId: 'key', SecretString: JSON.stringify(key) }));
      client.destroy();
    },
    /** The ids of all runs, newest first. */
    runs: () => aws.stateMachine.executions.map(({ name }) => name),
    /** The partitions of the tables as `table export/day/run`. */
    partitions: () => [...glue.partitions.keys()],
    /** The texts of the emails, newest last. */
    emails,
    cli: (args: readonly string[]): Promise<Finished> => commandLine(args),
    /** Runs the hourly check. */
    watch: () => watch({ exports: deployed.exports.map(({ name }) => name) }, LAMBDA_CONTEXT),
    async close() {
      vi.doUnmock('../../functions/runtime/catalog.ts');
      await aws.close();
      await Promise.allSettled(calls);
      vi.restoreAllMocks();
      vi.unstubAllEnvs();
      await Promise.all([simulator.close(), s3.close(), secrets.close(), rm(folder, { recursive: true, force: true })]);
      glue.close();
    },
  };
}

interface Workflow {
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly deployed: Deployed;
  readonly announced: Announcement[];
  readonly calls: Set<Promise<unknown>>;
}

/** The deployed definition with the handlers as tasks. */
function workflowOf({ handlers, deployed, announced, calls }: Workflow): Work {
  return async ({ executionArn, name, request, signal, onPlan, onPage }) => {
    const call = async (state: string, event: unknown) => {
      // As on AWS, a stopped execution calls nothing more, and what it has called continues.
      signal.throwIfAborted();
      const called = handlers[state]?.(throughJson(event), LAMBDA_CONTEXT);
      called?.catch(() => undefined).finally(() => calls.delete(called));
      if (called) calls.add(called);
      return throughJson(await called);
    };
    let failure: FailureReport | undefined;
    const tasks = {
      [STATES.plan]: async (event: unknown) => {
        const plan = await call(STATES.plan, event);
        onPlan(plan as PlannedOutcome);
        return plan;
      },
      [STATES.page]: async (event: unknown) => {
        const accounts = await call(STATES.page, event);
        onPage();
        return accounts;
      },
      [STATES.publish]: (event: unknown) => call(STATES.publish, event),
      [STATES.report]: async (event: unknown) => {
        failure = (await call(STATES.report, event)) as FailureReport;
        return failure;
      },
      ...Object.fromEntries(
        ANNOUNCING_STATES.map((state) => [
          state,
          async (parameters: Announcement['parameters']) => {
            announced.push({ state, parameters });
            return {};
          },
        ]),
      ),
    };
    const lambda = 'arn:aws:lambda:eu-west-1:123456789012:function:task';
    const definition = exportWorkflow({
      resources: { planExport: lambda, exportPage: lambda, publishRun: lambda, reportFailure: lambda },
      concurrency: deployed.concurrency,
      topicArn: 'arn:aws:sns:eu-west-1:123456789012:failures',
      retries: RETRIES,
    });
    const execution = new StateMachine(definition as never).run(request as never, {
      overrides: {
        taskResourceLocalHandlers: tasks as never,
        retryIntervalOverrides: { [STATES.plan]: 1, [STATES.page]: 1, [STATES.publish]: 1, [STATES.report]: 1 },
      },
      context: {
        Execution: { Id: executionArn, Name: name, StartTime: new Date().toISOString(), Input: request },
      } as never,
    });
    signal.addEventListener('abort', () => execution.abort(), { once: true });
    try {
      return { status: 'SUCCEEDED', output: JSON.stringify(await execution.result) };
    } catch (error) {
      if (signal.aborted) throw error;
      // As in the state *Run failed*.
      return { status: 'FAILED', error: failure?.error ?? 'RunFailed', cause: failure?.cause ?? String(error) };
    }
  };
}

function throughJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value ?? null)) as T;
}
