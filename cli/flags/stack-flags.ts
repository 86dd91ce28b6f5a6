import type { Command } from 'commander';
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
  command
    .option('--stack <name>', 'deployed stack', DEFAULT_STACK_NAME)
    .option('--region <region>', 'AWS region of the stack')
    .option('--profile <name>', 'AWS profile');
  return withOutputFlags(command, json);
}

/** The command to type next for the same stack: `npm run --silent account-export -- status <run>`. */
export function nextCommand(command: 'status' | 'resume' | 'publish', runId: string, flags: StackFlags): string {
  const options = [
    ...(flags.stack === DEFAULT_STACK_NAME ? [] : ['--stack', flags.stack]),
    ...(flags.region === undefined ? [] : ['--region', flags.region]),
    ...(flags.profile === undefined ? [] : ['--profile', flags.profile]),
  ];
  return ['npm run --silent account-export --', command, runId, ...options.map(shellWord)].join(' ');
}

function shellWord(text: string): string {
  return /^[\w.@:/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
