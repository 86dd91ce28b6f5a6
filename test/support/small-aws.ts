/**
 * A server with the operations of Step Functions and CloudFormation that the command line uses. Its state machine runs the
 * real workflow in this process.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExportSettings } from '../../functions/model/export-settings.ts';
import type { Simulator } from '../../simulator/simulator.ts';
import { SmallStateMachine, StatesError, type Work } from './small-aws-executions.ts';

export interface AwsCall {
  /** Such as `DescribeExecution`. */
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** From the signature of the request. */
  readonly region: string;
}

/** An error response. */
export interface AwsFailure {
  readonly status: number;
  readonly type: string;
  readonly message?: string;
}

export interface SmallAwsOptions {
  readonly simulator: Simulator;
  readonly exports?: readonly ExportSettings[];
  /** The stack's outputs. @default those of an Account Export stack */
  readonly outputs?: Readonly<Record<string, string>>;
  /** @default UPDATE_COMPLETE */
  readonly stackStatus?: string;
  /** Of `ListStackResources`, two on a page. @default none */
  readonly resources?: readonly StackResource[];
  readonly concurrency?: number;
  /** Runs an execution. @default the local workflow */
  readonly work?: Work;
  /** Makes a call fail. @param nth from 1, per action */
  readonly fail?: (call: AwsCall, nth: number) => AwsFailure | undefined;
}

export interface StackResource {
  readonly type: string;
  readonly logicalId: string;
  readonly physicalId: string;
}

const STACK = 'AccountExport';
const REGION = 'eu-west-1';
export const STATE_MACHINE = `arn:aws:states:${REGION}:123456789012:stateMachine:Workflow`;
export const OUTPUTS = {
  BucketName: 'bucket',
  StateMachineArn: STATE_MACHINE,
  ConsoleUrl: `https://${REGION}.console.aws.amazon.com/states/home?region=${REGION}#/statemachines/view/${STATE_MACHINE}`,
};

export const THROTTLED: AwsFailure = { status: 400, type: 'ThrottlingException', message: 'Rate exceeded' };

export async function startSmallAws(options: SmallAwsOptions) {
  const calls: AwsCall[] = [];
  const stateMachine = new SmallStateMachine({ ...options, stateMachineArn: STATE_MACHINE });
  const fails = { fail: options.fail };

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const target = request.headers['x-amz-target'];
    const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(String(request.headers.authorization))?.[1] ?? '';
    const call: AwsCall =
      target === undefined
        ? { ...formOf(body), region }
        : { action: String(target).replace('AWSStepFunctions.', ''), input: JSON.parse(body), region };
    calls.push(call);
    const failure = fails.fail?.(call, calls.filter(({ action }) => action === call.action).length);
    if (target === undefined) answerCloudFormation(response, call, failure, options);
    else answerStates(response, call, failure, stateMachine);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    calls,
    stateMachine,
    /** Calls of one action. */
    callsOf: (action: string) => calls.filter((call) => call.action === action),
    setFail(fail: SmallAwsOptions['fail']) {
      fails.fail = fail;
    },
    /** Makes this server the only AWS that a process knows. */
    environment: {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'a-secret-that-nobody-may-see',
      AWS_CONFIG_FILE: '/nonexistent/config',
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    async close() {
      await stateMachine.stopAll();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

export type SmallAws = Awaited<ReturnType<typeof startSmallAws>>;

/** Reads a request of the query protocol. */
function formOf(body: string): Pick<AwsCall, 'action' | 'input'> {
  const form = Object.fromEntries(new URLSearchParams(body));
  return { action: form.Action ?? '', input: form };
}

function answerCloudFormation(
  response: ServerResponse,
  { action, input, region }: AwsCall,
  failure: AwsFailure | undefined,
  { outputs = OUTPUTS, stackStatus = 'UPDATE_COMPLETE', resources = [] }: SmallAwsOptions,
): void {
  const missing: AwsFailure | undefined =
    input.StackName === STACK && region === REGION
      ? undefined
      : { status: 400, type: 'ValidationError', message: `Stack with id ${input.StackName} does not exist` };
  const refused = failure ?? missing;
  response.writeHead(refused?.status ?? 200, { 'content-type': 'text/xml' });
  if (refused) {
    response.end(
      `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>${refused.type}</Code><Message>${refused.message ?? ''}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
    );
    return;
  }
  if (action === 'ListStackResources') {
    const from = Number(input.NextToken ?? 0);
    const page = resources
      .slice(from, from + 2)
      .map(
        ({ type, logicalId, physicalId }) =>
          `<member><ResourceType>${type}</ResourceType><LogicalResourceId>${logicalId}</LogicalResourceId><PhysicalResourceId>${physicalId}</PhysicalResourceId><LastUpdatedTimestamp>2026-08-01T00:00:00Z</LastUpdatedTimestamp><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>`,
      );
    const next = from + 2 < resources.length ? `<NextToken>${from + 2}</NextToken>` : '';
    response.end(
      `<ListStackResourcesResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><ListStackResourcesResult><StackResourceSummaries>${page.join('')}</StackResourceSummaries>${next}</ListStackResourcesResult></ListStackResourcesResponse>`,
    );
    return;
  }
  const members = Object.entries(outputs).map(
    ([key, value]) =>
      `<member><OutputKey>${key}</OutputKey><OutputValue>${value.replaceAll('&', '&amp;')}</OutputValue></member>`,
  );
  response.end(
    `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member><StackName>${STACK}</StackName><StackStatus>${stackStatus}</StackStatus><CreationTime>2026-08-01T00:00:00Z</CreationTime><Outputs>${members.join('')}</Outputs></member></Stacks></DescribeStacksResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DescribeStacksResponse>`,
  );
}

function answerStates(
  response: ServerResponse,
  { action, input }: AwsCall,
  failure: AwsFailure | undefined,
  stateMachine: SmallStateMachine,
): void {
  const answer = (status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(body));
  };
  if (failure) {
    answer(failure.status, { __type: failure.type, message: failure.message });
    return;
  }
  try {
    answer(200, stateMachine.answer(action, input));
  } catch (error) {
    const { type, message } =
      error instanceof StatesError ? error : { type: 'ValidationException', message: String(error) };
    answer(400, { __type: `com.amazonaws.states#${type}`, message });
  }
}
