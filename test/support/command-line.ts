/** The command line, in this process or as a process of its own: its output and its exit code. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { type CommandLineOptions, runCommandLine } from '../../cli/command-line.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const KEY_ENVIRONMENT = {
  PERSONALIZATION_API_KEY_ID: 'demo-key',
  PERSONALIZATION_API_KEY_SECRET: 'demo:secret',
};

type InProcess = Partial<Pick<CommandLineOptions, 'env' | 'signal' | 'sleep' | 'stdin' | 'open'>> & {
  /** Whether stderr is a terminal. */
  readonly isTTY?: boolean;
  /** The width of stdout, if it is a terminal. @default it is none */
  readonly columns?: number;
};

/** Runs a command in this process, with the API key of the simulator and without real waits between polls. */
export function commandLine(argv: readonly string[], options: InProcess = {}): Promise<Finished> {
  return startCommandLine(argv, options).finished;
}

export function startCommandLine(argv: readonly string[], { isTTY = false, columns, ...options }: InProcess = {}) {
  const text = { stdout: '', stderr: '' };
  const interrupt = new AbortController();
  const stream = (name: keyof typeof text) => ({
    isTTY: name === 'stderr' ? isTTY : columns !== undefined,
    ...(name === 'stdout' && columns !== undefined ? { columns } : {}),
    write(more: string) {
      text[name] += more;
      return true;
    },
  });
  const exit = runCommandLine({
    argv,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env: { ...process.env, ...KEY_ENVIRONMENT },
    signal: interrupt.signal,
    sleep: async () => void (await setImmediate()),
    retryIntervalMs: 1,
    ...options,
  });
  return {
    finished: exit.then((code): Finished => ({ code, ...text })),
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    /** As Ctrl-C does. */
    interrupt: () => interrupt.abort(),
  };
}

/** Runs a command as a process of its own. */
export function accountExport(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = KEY_ENVIRONMENT,
): Promise<Finished> {
  return startAccountExport(args, environment).finished;
}

export function startAccountExport(args: readonly string[], environment: NodeJS.ProcessEnv = KEY_ENVIRONMENT) {
  const { PERSONALIZATION_API_KEY_ID: _id, PERSONALIZATION_API_KEY_SECRET: _secret, ...inherited } = process.env;
  const child = spawn(process.execPath, ['cli/main.ts', ...args], { env: { ...inherited, ...environment } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, finished, stdout: () => stdout };
}

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) {
    // An interrupted run may still write.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
});

/** A folder that is deleted after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-'));
  folders.push(folder);
  return folder;
}
