/** Everything a command reads from and writes to besides files and the network. */
import { printable } from '../../functions/model/printable.ts';

/** What a command needs of `process.stdout` or of a test's buffer. */
export interface Stream {
  readonly isTTY?: boolean;
  /** Width of a terminal. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** `process.stdin`, or a stream of a test. */
export type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

export interface Terminal {
  readonly stdout: Stream;
  readonly stderr: Stream;
  stdin(): Input;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Width of help texts and tables. */
  readonly columns: number;
  /** Waits between retries of a request and between polls of a deployed run. It rejects when `signal` aborts. */
  readonly sleep: Sleep;
  readonly retryIntervalMs: number | undefined;
  /** Aborts at Ctrl-C or SIGTERM. Without a call, both end the process as usual. */
  interrupted(): AbortSignal;
  /** 0 done, 1 failed, 2 misused. */
  exitCode: number;
}

export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** The flags that decide what a command prints. */
export interface OutputFlags {
  json?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

/** Prints lines as `--json` and `--quiet` ask for. */
export interface Output {
  /** Results: stdout. */
  readonly out: (line: string) => void;
  /** What accompanies results: stdout, with `--json` stderr. */
  readonly note: (line: string) => void;
  /** Advice after an error: stderr. */
  readonly hint: (line: string) => void;
  /** One sentence on stderr. @returns the exit code 1 */
  readonly fail: (sentence: string) => number;
  /** What Ctrl-C did, which is no error, on stderr: also with `--quiet`. @returns the exit code 1, as nothing was published */
  readonly interrupted: (line: string) => number;
}

export function outputOf({ stdout, stderr }: Pick<Terminal, 'stdout' | 'stderr'>, flags: OutputFlags): Output {
  const toStdout = (line: string) => void stdout.write(`${printable(line)}\n`);
  const toStderr = (line: string) => void stderr.write(`${printable(line)}\n`);
  const silent = () => undefined;
  return {
    out: flags.quiet && !flags.json ? silent : toStdout,
    note: flags.quiet ? silent : flags.json ? toStderr : toStdout,
    hint: flags.quiet ? silent : toStderr,
    fail(sentence) {
      toStderr(`error: ${sentence}`);
      return 1;
    },
    interrupted(line) {
      toStderr(line);
      return 1;
    },
  };
}

/** Why a command failed, in one sentence. An `ExportError` is what a run fails with. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** Whether the same call may succeed later. */
  readonly transient: boolean;
  /** Whether the user has to correct what was typed, or a file: exit code 2 instead of 1. */
  readonly misuse: boolean;

  constructor(
    message: string,
    { transient = false, misuse = false, ...options }: ErrorOptions & { transient?: boolean; misuse?: boolean } = {},
  ) {
    super(message, options);
    this.transient = transient;
    this.misuse = misuse;
  }
}
