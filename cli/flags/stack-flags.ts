import type { Command } from 'commander';
import { DEFAULT_STACK_NAME } from '../../functions/model/stack-name.ts';

/** Which deployed stack a command talks to. */
export interface StackFlags {
  stack: string;
  profile?: string;
  region?: string;
}

/** Adds `--stack`, `--region` and `--profile`. */
export function withStackFlags(command: Command): Command {
  return command
    .option('--stack <name>', 'deployed stack', DEFAULT_STACK_NAME)
    .option('--region <region>', 'AWS region of the stack')
    .option('--profile <name>', 'AWS profile');
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
