import type { Command } from 'commander';

/** Adds `--json`, `--quiet` and `--verbose`. @param json what `--json` prints */
export function withOutputFlags(command: Command, json: string): Command {
  return command
    .option('--json', `print only ${json} on stdout`)
    .option('--quiet', 'print only errors')
    .option('--verbose', 'print stack traces with errors');
}
