/** The deployed stack, found by name and described by its outputs. */
import type { CloudFormation } from '@aws-sdk/client-cloudformation';
import type { SFN } from '@aws-sdk/client-sfn';
import { type AwsCaller, explainAwsFailure } from '../../functions/aws/aws-errors.ts';
import { checkRunId } from '../../functions/export/plan/resolve-request.ts';
import { ExportError } from '../../functions/model/errors.ts';
import { deployCommand } from '../../functions/model/program.ts';
import type { StackFlags } from '../flags/stack-flags.ts';
import { CommandError, type Output, outputOf, type Terminal } from '../terminal/terminal.ts';
import { checkProfile } from './aws-profiles.ts';

/** Region, profile, retries and timeouts of an AWS client. */
export interface ClientOptions {
  readonly region?: string;
  readonly profile?: string;
  readonly maxAttempts?: number;
  readonly requestHandler: typeof TIMEOUTS;
  readonly logger: typeof SILENT;
}

export interface Stack {
  /** As `--stack` names it: a stack, or `STACK/ID` for one of several exports in a stack. */
  readonly name: string;
  /** The CloudFormation stack. */
  readonly cloudFormationName: string;
  /** The start of the logical ids that belong to this deployment. */
  readonly idPrefix: string;
  readonly region: string;
  readonly stateMachineArn: string;
  /** Of CloudFormation, such as `UPDATE_COMPLETE`. */
  readonly status: string;
  readonly outputs: ReadonlyMap<string, string>;
  /** Of clients for other services. */
  readonly clientOptions: ClientOptions;
  /** An output of the stack. @throws CommandError if the stack lacks it */
  output(key: string): string;
  /**
   * Calls Step Functions.
   * @param what the start of the error message: what is done to what
   * @throws CommandError
   */
  ask<T>(what: string, call: (sfn: SFN) => Promise<T>): Promise<T>;
}

/**
 * Attempts per call, unless `AWS_MAX_ATTEMPTS` is set. The SDK waits about 8 s in all when AWS throttles: long enough for
 * `runs`, which sends a call per row, short enough for a user who waits.
 */
const MAX_ATTEMPTS = 5;
/** The SDK has no timeouts of its own. */
const TIMEOUTS = { connectionTimeout: 5000, requestTimeout: 30_000, throwOnRequestTimeout: true };

const silent = () => undefined;
/** The SDK's default logger writes warnings to stderr. */
const SILENT = { debug: silent, info: silent, warn: silent, error: silent };

export interface Deployed {
  readonly stack: Stack;
  readonly flags: StackFlags;
  readonly output: Output;
  readonly terminal: Terminal;
}

/**
 * Finds the stack of a command.
 * @param run the run id or execution ARN it was given; an ARN sets the region
 * @throws CommandError for invalid credentials, regions, profiles and stacks
 */
export async function connect(terminal: Terminal, flags: StackFlags, run = ''): Promise<Deployed> {
  const region = flags.region ?? /^arn:[a-z-]+:states:([a-z0-9-]+):/.exec(run)?.[1];
  const stack = await findStack(region === undefined ? flags : { ...flags, region }, terminal.env);
  return { stack, flags, output: outputOf(terminal, flags), terminal };
}

async function findStack(flags: StackFlags, env: Terminal['env']): Promise<Stack> {
  const profile = flags.profile ?? env.AWS_PROFILE;
  await checkProfile(profile, env);
  // Loaded here so that `run` does not wait for SDKs it does not use.
  const [{ SFN }, { CloudFormation }] = await Promise.all([
    import('@aws-sdk/client-sfn'),
    import('@aws-sdk/client-cloudformation'),
  ]);
  const options: ClientOptions = {
    ...(flags.region === undefined ? {} : { region: flags.region }),
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    ...(env.AWS_MAX_ATTEMPTS === undefined ? { maxAttempts: MAX_ATTEMPTS } : {}),
    requestHandler: TIMEOUTS,
    logger: SILENT,
  };
  const cloudFormation = new CloudFormation(options);
  const what = `Looking for stack ${JSON.stringify(flags.stack)}`;
  const region = await cloudFormation.config.region().catch((error: unknown) => {
    throw commandFailure(what, error, { profile, region: flags.region ?? env.AWS_REGION });
  });
  const caller = { profile, region };
  const sfn = new SFN(options);
  const [stackName = '', ...ids] = flags.stack.split('/');
  const { status, outputs: all } = await describeStack(cloudFormation, stackName, caller);
  const { idPrefix, outputs } = outputsOf(all, ids.join(''), stackName);
  const output = (key: string) => {
    const value = outputs.get(key);
    if (value !== undefined) return value;
    throw new CommandError(
      `Stack ${JSON.stringify(flags.stack)} in ${region} has no output ${key} (status ${status}): ${withoutOutput(status)}.`,
    );
  };
  return {
    name: flags.stack,
    cloudFormationName: stackName,
    idPrefix,
    region,
    stateMachineArn: output('StateMachineArn'),
    status,
    outputs,
    clientOptions: options,
    output,
    async ask(doing, call) {
      try {
        return await call(sfn);
      } catch (error) {
        throw commandFailure(doing, error, caller);
      }
    },
  };
}

/**
 * The outputs of one deployment: a construct in a larger stack starts their keys with its id.
 * @param id which one, or `''` for the only one
 * @throws CommandError if there are several
 */
function outputsOf(
  all: ReadonlyMap<string, string>,
  id: string,
  stackName: string,
): Pick<Stack, 'idPrefix' | 'outputs'> {
  const ending = 'StateMachineArn';
  const prefixes = [...all.keys()].filter((key) => key.endsWith(ending)).map((key) => key.slice(0, -ending.length));
  const [only = ''] = prefixes;
  if (id === '' && prefixes.length > 1 && !prefixes.includes('')) {
    const names = prefixes.map((prefix) => `--stack ${stackName}/${prefix}`).join(' or ');
    throw new CommandError(
      `Stack ${JSON.stringify(stackName)} contains several AccountExport constructs: choose one with ${names}.`,
    );
  }
  const idPrefix = id === '' ? (prefixes.includes('') ? '' : only) : id.replaceAll(/[^A-Za-z0-9]/g, '');
  const own = [...all]
    .filter(([key]) => key.startsWith(idPrefix))
    .map(([key, value]) => [key.slice(idPrefix.length), value] as const);
  return { idPrefix, outputs: new Map(own) };
}

/** What to do about a stack that lacks an output. */
function withoutOutput(status: string): string {
  if (status === 'REVIEW_IN_PROGRESS') return `it was never deployed; deploy it with ${deployCommand()}`;
  if (status.endsWith('_IN_PROGRESS')) return 'wait until this operation has finished';
  // A failed update keeps the outputs, so only a failed creation or deletion explains that one is missing.
  if (!status.startsWith('UPDATE_') && /ROLLBACK|FAILED/.test(status)) {
    return 'open its events in the CloudFormation console, fix the cause of the failure, and deploy';
  }
  return 'if it is an Account Export stack, deploy this version; otherwise name the right stack with --stack';
}

async function describeStack(
  cloudFormation: CloudFormation,
  name: string,
  caller: AwsCaller & { readonly region: string },
): Promise<Pick<Stack, 'status' | 'outputs'>> {
  const quoted = JSON.stringify(name);
  const { region } = caller;
  const { Stacks = [] } = await cloudFormation.describeStacks({ StackName: name }).catch((error: Error) => {
    if (error.name === 'ValidationError' && error.message.includes('does not exist')) return { Stacks: [] };
    throw commandFailure(`Looking for stack ${quoted} in ${region}`, error, caller);
  });
  const [stack] = Stacks;
  if (!stack) {
    throw new CommandError(
      `No stack ${quoted} in ${region}: check --stack, --region and --profile, or deploy it with ${deployCommand()}.`,
    );
  }
  const outputs = stack.Outputs?.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue] as const);
  return { status: stack.StackStatus ?? 'unknown', outputs: new Map(outputs) };
}

function commandFailure(what: string, error: unknown, caller: AwsCaller): CommandError {
  const { message, kind } = explainAwsFailure(what, error, caller);
  return new CommandError(message, { cause: error, transient: kind === 'transient' });
}

/**
 * The ARN of a run named by its id or its ARN.
 * @throws ExportError `RequestError` if it is neither
 * @throws CommandError for an execution of another state machine, which must not be started or stopped by mistake
 */
export function executionArnOf(run: string, { stateMachineArn, name }: Stack): string {
  const executions = stateMachineArn.replace(':stateMachine:', ':execution:');
  if (!run.startsWith('arn:')) return `${executions}:${checkRunId(run)}`;
  if (run.startsWith(`${executions}:`)) return run;
  if (!/^arn:[a-z-]+:states:[a-z0-9-]+:\d+:execution:[^:]+:[^:]+$/.test(run)) {
    throw new ExportError(
      'RequestError',
      `Invalid run (${JSON.stringify(run.slice(0, 100))}): use a run id or an execution ARN.`,
    );
  }
  throw new CommandError(
    `Run "${run.split(':').at(-1)}" belongs to state machine ${stateMachineIn(run)}, but stack ${JSON.stringify(name)} has ${stateMachineIn(stateMachineArn)}: pass the stack of the run with --stack.`,
  );
}

/** The state machine of its own ARN or of an execution's: `Workflow (eu-west-1, 123456789012)`. */
function stateMachineIn(arn: string): string {
  const [, , , region, account, , name] = arn.split(':');
  return `${name} (${region}, ${account})`;
}
