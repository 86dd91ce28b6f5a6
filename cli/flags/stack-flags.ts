import type { Command } from 'commander';
import { PROGRAM } from '../../functions/model/program.ts';
import { shellWord } from '../../functions/model/shell-word.ts';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';
import type { OutputFlags } from '../terminal/terminal.ts';
import { withOutputFlags } from './common-flags.ts';

/** The flags of commands for a deployed stack. */
export interface StackFlags extends OutputFlags {
  stack: string;
  profile?: string;
  region?: string;
  /** Of commands that follow a run. */
  follow?: boolean;
}

/** Adds `--stack`, `--region`, `--profile` and the output flags. @param json what `--json` prints */
export function withStackFlags(command: Command, json: string): Command {
  return withPlaceFlags(
    command.option('--stack <name>', 'deployed stack, or STACK/ID of a construct in it', DEFAULT_STACK_NAME),
    json,
  );
}

/** Adds `--region`, `--profile` and the output flags. @param json what `--json` prints */
export function withPlaceFlags(command: Command, json: string): Command {
  command.option('--region <region>', 'AWS region of the stack').option('--profile <name>', 'AWS profile');
  return withOutputFlags(command, json);
}

/**
 * The command to type next for the same stack: `npm run --silent account-export -- status <run>`.
 * @param what a run id; for `start`, the name of an export; for `runs`, nothing
 */
export function nextCommand(
  command: 'status' | 'resume' | 'publish' | 'start' | 'runs',
  what: string | undefined,
  flags: Pick<StackFlags, 'stack' | 'region' | 'profile'>,
): string {
  const stack = flags.stack === DEFAULT_STACK_NAME ? [] : ['--stack', shellWord(flags.stack)];
  return [PROGRAM, command, ...(what === undefined ? [] : [what]), ...stack, ...placeOptions(flags)].join(' ');
}

/** `--region` and `--profile` as they were given, for a command to copy: the AWS CLI takes them, too. */
export function placeOptions({ region, profile }: Pick<StackFlags, 'region' | 'profile'>): string[] {
  return [
    ...(region === undefined ? [] : ['--region', shellWord(region)]),
    ...(profile === undefined ? [] : ['--profile', shellWord(profile)]),
  ];
}
