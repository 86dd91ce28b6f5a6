/** Flags that several commands have: integers, `--run-id`, and what is printed. */
import { randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';

/** A commander parser for an integer in a range. Commander names the flag and the value. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const allowed = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Use an integer ${allowed}.`);
  };
}

/** Adds `--json`, `--quiet` and `--verbose`. @param json what `--json` prints */
export function withOutputFlags(command: Command, json: string): Command {
  return command
    .option('--json', `print only ${json} on stdout`)
    .option('--quiet', 'print only errors, and with --json also the JSON')
    .option('--verbose', 'print stack traces with errors');
}

/** A new run id, sortable and valid as an execution name: `20260822T020000Z-1f3a`. */
export function newRunId(now: Date = new Date()): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(2).toString('hex')}`;
}
