/** The command line as a function: arguments in, text and an exit code out. */
import { setTimeout as sleepFor } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { ExportError } from '../functions/model/errors.ts';
import { printable } from '../functions/model/printable.ts';
import packageJson from '../package.json' with { type: 'json' };
import { COMMANDS } from './command-list.ts';
import { CommandError, type Input, type Sleep, type Stream, type Terminal } from './terminal/terminal.ts';

export interface CommandLineOptions {
  /** The arguments after the name of the program. */
  readonly argv: readonly string[];
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** @default stdin of this process */
  readonly stdin?: Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Interrupts the command. @default SIGINT and SIGTERM of this process */
  readonly signal?: AbortSignal;
  /** @default a real wait */
  readonly sleep?: Sleep;
  /** The wait before a task of a local run is retried. @default as `runLocal` */
  readonly retryIntervalMs?: number;
}

/** Exit codes are a contract. */
const FAILED = 1;
const MISUSED = 2;
/** Errors in what the user typed. */
const MISUSE: readonly string[] = ['RequestError', 'ConfigError'];
const COLUMNS = 80;

/** Runs one command. @returns the exit code: 0 done, 1 failed, 2 misused. It never throws. */
export async function runCommandLine(options: CommandLineOptions): Promise<number> {
  const terminal = terminalOf(options);
  try {
    const report = (error: unknown) => reportError(error, terminal, options.argv.includes('--verbose'));
    const program = await programOf(terminal, report, options.argv);
    await program.parseAsync(options.argv, { from: 'user' });
    return terminal.exitCode;
  } catch (error) {
    return await reportError(error, terminal, options.argv.includes('--verbose'));
  }
}

/** The terminal of a command. */
export function terminalOf({ stdout, stderr, env, ...options }: Omit<CommandLineOptions, 'argv'>): Terminal {
  const {
    signal,
    retryIntervalMs,
    stdin,
    sleep = async (ms, aborted) => void (await sleepFor(ms, undefined, { signal: aborted })),
  } = options;
  return {
    stdout,
    stderr,
    // Without use, the stream of the process is not opened.
    stdin: () => stdin ?? process.stdin,
    env,
    columns: COLUMNS,
    sleep,
    retryIntervalMs,
    interrupted: () => signal ?? interruptOfProcess(),
    exitCode: 0,
  };
}

/** The second Ctrl-C ends the process. */
function interruptOfProcess(): AbortSignal {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  return interrupt.signal;
}

/** The commands that the arguments name are complete; the others are only listed. */
async function programOf(
  terminal: Terminal,
  report: (error: unknown) => Promise<number>,
  argv: readonly string[],
): Promise<Command> {
  const program = new Command('account-export')
    .description('Exports the accounts of Salesforce Marketing Cloud Personalization.')
    .version(packageJson.version, '--version', 'print the version');
  for (const { usage, description, hidden = false, load } of COMMANDS) {
    const [name = '', ...parameters] = usage.split(' ');
    const command = argv.includes(name) ? (await load(terminal, report)).name(name) : listed(name, parameters);
    program.addCommand(command.description(description), { hidden });
  }
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureHelp({ helpWidth: terminal.columns })
      .showHelpAfterError('(add --help for the options)')
      .configureOutput({
        writeOut: (text) => void terminal.stdout.write(text),
        writeErr: (text) => void terminal.stderr.write(text),
      });
  }
  return program;
}

/** Enough of a command for the help text, which shows that it has options. */
function listed(name: string, parameters: readonly string[]): Command {
  const command = new Command(name).option('--verbose');
  for (const parameter of parameters) command.argument(parameter);
  return command;
}

async function reportError(error: unknown, { stderr }: Terminal, verbose: boolean): Promise<number> {
  // Commander has already printed its sentence or the help text.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED;
  const stack = verbose && error instanceof Error ? `${error.stack?.split('\n').map(printable).join('\n')}\n` : '';
  if (error instanceof ExportError || error instanceof CommandError) {
    const message = error instanceof ExportError ? await withFlagNames(error.message) : error.message;
    stderr.write(`error: ${printable(message)}\n${stack}`);
    const misused = error instanceof CommandError ? error.misuse : MISUSE.includes(error.name);
    return misused ? MISUSED : FAILED;
  }
  const what = printable(error instanceof Error ? error.message : String(error));
  const remedy = verbose
    ? 'report it with this stack trace'
    : 'run the command again with --verbose and report the output';
  stderr.write(`error: Unexpected error (${what}): ${remedy}.\n${stack}`);
  return FAILED;
}

async function withFlagNames(message: string): Promise<string> {
  const flags = await import('./flags/export-flags.ts');
  return flags.withFlagNames(message);
}
