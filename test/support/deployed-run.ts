/**
 * Runs of the deployed functions (`deployed-functions.ts`) against a simulated tenant and small servers for S3, Glue, Secrets
 * Manager and Step Functions, with the requests and the output of each run.
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { PROGRAM } from '../../functions/model/program.ts';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';
import { PROGRAM_VARIABLE, STACK_VARIABLE } from '../../functions/runtime/metric-names.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';
import { startSmallGlue } from './small-glue.ts';
import { startSmallS3 } from './small-s3.ts';
import { until } from './until.ts';

export interface Execution {
  readonly runId: string;
  readonly request: object;
  /** Concurrent pages. */
  readonly concurrency: number;
  /** Retries of a task, without a wait. @default 0 */
  readonly retries?: number;
}

export interface Executed {
  readonly output?: unknown;
  readonly failure?: { readonly name: string; readonly message: string };
  /** Number of times each state was entered. */
  readonly states: Readonly<Record<string, number>>;
  readonly invocations: number;
  readonly seconds: number;
}

/** One execution, with the requests that the servers received. */
export interface Taken extends Executed {
  readonly apiRequests: number;
  readonly records: number;
  /** Requests to S3 by method; `LIST` is counted separately from `GET`. */
  readonly s3: Readonly<Record<string, number>>;
  /** Output of the functions. */
  readonly printed: string;
}

/** Ends the output of an execution on each stream. */
export const END_OF_OUTPUT = '\u0000\n';

export interface DeployedFunctions {
  readonly simulator: Simulator;
  execute(execution: Execution): Promise<Taken>;
  close(): Promise<void>;
}

export const KEY = { keyId: 'demo-key', secret: 'demo:secret' };
const BUCKET = 'bucket';
const NO_EXPORTS = fileURLToPath(new URL('no-exports.json', import.meta.url));
const FUNCTIONS = fileURLToPath(new URL('deployed-functions.ts', import.meta.url));

/** @param environment additional variables, such as those that enable tracing */
export async function startDeployedFunctions(
  simulated: SimulatorOptions,
  environment: Readonly<Record<string, string>> = {},
): Promise<DeployedFunctions> {
  const simulator = await startSimulator(simulated);
  const s3Requests: Record<string, number> = {};
  const s3 = await startSmallS3([BUCKET], (method, key) => {
    const kind = key === '' ? 'LIST' : method;
    s3Requests[kind] = (s3Requests[kind] ?? 0) + 1;
    return undefined;
  });
  const glue = await startSmallGlue();
  const services = await startSmallServices();
  let printed = '';
  const child = fork(FUNCTIONS, [], {
    silent: true,
    env: {
      PATH: process.env.PATH,
      API_URL: simulator.url,
      BUCKET,
      DATABASE: 'account_export',
      [STACK_VARIABLE]: DEFAULT_STACK_NAME,
      [PROGRAM_VARIABLE]: PROGRAM,
      SECRET_ID: 'api-key',
      EXPORTS_FILE: NO_EXPORTS,
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_ENDPOINT_URL_GLUE: glue.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: services.url,
      AWS_ENDPOINT_URL_SFN: services.url,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'a-secret-that-nobody-may-see',
      POWERTOOLS_TRACER_CAPTURE_RESPONSE: 'false',
      ...environment,
    },
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const close = async () => {
    if (child.exitCode === null) {
      child.disconnect();
      await once(child, 'exit');
    }
    glue.close();
    await Promise.all([services.close(), s3.close(), simulator.close()]);
  };
  const answer = () =>
    Promise.race([
      once(child, 'message').then(([message]) => message as unknown),
      once(child, 'exit').then(() => Promise.reject(new Error(`The functions ended: ${printed}`))),
    ]);
  try {
    await answer();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    simulator,
    close,
    async execute(execution) {
      const requestsBefore = simulator.requests.length;
      const s3Before = { ...s3Requests };
      printed = '';
      child.send(execution);
      const executed = (await answer()) as Executed;
      // Output arrives on other pipes than the answer.
      await until(() => printed.split(END_OF_OUTPUT).length === 3);
      const requests = simulator.requests.slice(requestsBefore);
      return {
        ...executed,
        apiRequests: requests.length,
        records: requests.reduce((sum, { records }) => sum + records, 0),
        s3: Object.fromEntries(
          Object.entries(s3Requests).map(([kind, count]) => [kind, count - (s3Before[kind] ?? 0)]),
        ),
        printed: printed.replaceAll(END_OF_OUTPUT, ''),
      };
    },
  };
}

/** Serves the API key, and reports every earlier execution as ended. */
async function startSmallServices() {
  const answers: Readonly<Record<string, object>> = {
    'secretsmanager.GetSecretValue': { Name: 'api-key', SecretString: JSON.stringify(KEY) },
    'AWSStepFunctions.DescribeExecution': { status: 'SUCCEEDED', startDate: 0 },
  };
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      const body = answers[String(request.headers['x-amz-target'])];
      response.writeHead(body ? 200 : 400, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(body ?? { __type: 'UnknownOperationException' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
