/** The deployed stack: found by its name, known by its outputs. */
import type { CloudFormation } from '@aws-sdk/client-cloudformation';
import type { SFN } from '@aws-sdk/client-sfn';
import type { Command } from 'commander';
import { awsFailure } from './aws-failure.ts';
import { checkProfile } from './aws-profiles.ts';
import { CommandError } from './command-error.ts';

/** Which stack, as commander hands it over. */
export interface StackFlags {
  stack: string;
  profile?: string;
  region?: string;
}

export const DEFAULT_STACK = 'AccountExport';

/** Adds `--stack`, `--region` and `--profile`, which all commands for the deployed state machine take. */
export function withStackOptions(command: Command): Command {
  return command
    .option('--stack <name>', 'the deployed stack', DEFAULT_STACK)
    .option('--region <region>', 'the AWS region it is in')
    .option('--profile <name>', 'the AWS profile to use');
}

export interface Stack {
  readonly name: string;
  readonly region: string;
  readonly stateMachineArn: string;
  /** Where the console shows the state machine; a stack of another version may not tell. */
  readonly consoleUrl: string | undefined;
  /**
   * Asks Step Functions.
   * @param what for the sentence of a failure: what is tried on what
   * @throws CommandError
   */
  ask<T>(what: string, call: (sfn: SFN) => Promise<T>): Promise<T>;
}

/**
 * Tries of one call, of which the SDK waits longer for each: with throttling answers up to some 8 s in all. More would make
 * somebody at a terminal wait in silence; fewer would end `runs`, which asks once a row, at a busy moment.
 * `AWS_MAX_ATTEMPTS` says otherwise, as for the AWS CLI.
 */
const MAX_ATTEMPTS = 5;
/** A network that swallows packets would else be waited for without end. */
const TIMEOUTS = { connectionTimeout: 5000, requestTimeout: 30_000, throwOnRequestTimeout: true };

const silent = () => undefined;
/** Without one, the SDK writes paragraphs to stderr, such as of a profile that is named beside keys that are set. */
const SILENT = { debug: silent, info: silent, warn: silent, error: silent };

/**
 * Looks the stack up.
 * @throws CommandError for credentials, regions, profiles and stacks that do not do
 */
export async function findStack(flags: StackFlags): Promise<Stack> {
  const profile = flags.profile ?? process.env.AWS_PROFILE;
  await checkProfile(profile);
  // Here and not above: `run` shall not wait for SDKs that it does not use.
  const [{ SFN }, { CloudFormation }] = await Promise.all([
    import('@aws-sdk/client-sfn'),
    import('@aws-sdk/client-cloudformation'),
  ]);
  const options = {
    ...(flags.region === undefined ? {} : { region: flags.region }),
    ...(flags.profile === undefined ? {} : { profile: flags.profile }),
    ...(process.env.AWS_MAX_ATTEMPTS === undefined ? { maxAttempts: MAX_ATTEMPTS } : {}),
    requestHandler: TIMEOUTS,
    logger: SILENT,
  };
  const cloudFormation = new CloudFormation(options);
  const what = `Looking for stack ${JSON.stringify(flags.stack)}`;
  const region = await cloudFormation.config.region().catch((error: unknown) => {
    throw awsFailure(what, error, { profile, region: flags.region ?? process.env.AWS_REGION });
  });
  const outputs = await stackOutputs(cloudFormation, flags.stack, region, `${what} in ${region}`, { profile, region });
  const sfn = new SFN(options);
  return {
    name: flags.stack,
    region,
    stateMachineArn: outputs.stateMachineArn,
    consoleUrl: outputs.consoleUrl,
    async ask(doing, call) {
      try {
        return await call(sfn);
      } catch (error) {
        throw awsFailure(doing, error, { profile, region });
      }
    },
  };
}

async function stackOutputs(
  cloudFormation: CloudFormation,
  name: string,
  region: string,
  what: string,
  place: { profile: string | undefined; region: string },
): Promise<{ stateMachineArn: string; consoleUrl: string | undefined }> {
  const { Stacks = [] } = await cloudFormation.describeStacks({ StackName: name }).catch((error: Error) => {
    if (error.name === 'ValidationError' && error.message.includes('does not exist')) throw noStack(name, region);
    throw awsFailure(what, error, place);
  });
  const [stack] = Stacks;
  if (!stack) throw noStack(name, region);
  const output = (key: string) => stack.Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue;
  const stateMachineArn = output('StateMachineArn');
  if (stateMachineArn === undefined) {
    throw new CommandError(
      `Stack ${JSON.stringify(name)} in ${region} has no output StateMachineArn: it is no Account Export stack, or its deployment has not ended (it is ${stack.StackStatus ?? 'in an unknown state'}).`,
    );
  }
  return { stateMachineArn, consoleUrl: output('ConsoleUrl') };
}

function noStack(name: string, region: string): CommandError {
  return new CommandError(
    `There is no stack ${JSON.stringify(name)} in ${region}: name another with --stack, its region with --region, its account with --profile, or deploy it with npm run deploy.`,
  );
}

/** The command that somebody types next, for the same stack: `npm run --silent account-export -- status <run>`. */
export function nextCommand(command: 'status' | 'redrive' | 'publish', runId: string, flags: StackFlags): string {
  const options = [
    ...(flags.stack === DEFAULT_STACK ? [] : ['--stack', flags.stack]),
    ...(flags.region === undefined ? [] : ['--region', flags.region]),
    ...(flags.profile === undefined ? [] : ['--profile', flags.profile]),
  ];
  return ['npm run --silent account-export --', command, runId, ...options.map(shellWord)].join(' ');
}

function shellWord(text: string): string {
  return /^[\w.@:/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
