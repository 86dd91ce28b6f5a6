/** A command connected to a deployed stack. */
import type { StackFlags } from '../flags/stack-flags.ts';
import { type Output, outputOf, type Terminal } from '../terminal/terminal.ts';
import { regionOfRun } from './run-report.ts';
import { findStack, type Stack } from './stack.ts';

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
  const region = flags.region ?? regionOfRun(run);
  const stack = await findStack(region === undefined ? flags : { ...flags, region }, terminal.env);
  return { stack, flags, output: outputOf(terminal, flags), terminal };
}
