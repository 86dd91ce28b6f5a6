/** Child processes, for measurements that must not share memory or an event loop. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLING } from '../tools/build/bundling.ts';
import type { SeenBySimulator, SimulatorSetting } from './simulator-process.ts';

/** Bundles a script of this folder as a Lambda function is bundled, so that loading it takes as little memory. */
export async function bundleScript(script: string, folder: string): Promise<string> {
  const outfile = join(folder, script.replace(/\.ts$/, '.mjs'));
  await build({ ...BUNDLING, entryPoints: [`bench/${script}`], outfile, logLevel: 'silent' });
  return outfile;
}

/**
 * Runs a script of this folder, or a bundle.
 * @param flags for Node
 * @returns the JSON that it printed; `undefined` when it ran out of memory
 */
export async function runScript<T>(
  script: string,
  args: readonly (string | number)[],
  flags: readonly string[] = [],
): Promise<T | undefined> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [...flags, file, ...args.map(String)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  // V8 aborts when the heap limit is reached.
  if (signal === 'SIGABRT') return undefined;
  if (code !== 0) throw new Error(`${script} ${args.join(' ')} exited with code ${code}: ${stderr().trim()}`);
  return JSON.parse(stdout()) as T;
}

function textOf(stream: NonNullable<ChildProcess['stdout']>): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  return () => text;
}

/** A child process that answers messages, one at a time. */
export interface Worker<Answer> {
  /** What it sent when it was ready. */
  readonly greeting: unknown;
  ask(message: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * Starts a script of this folder as a worker: it sends a message when it is ready, and one for each message it receives.
 * @throws Error when it exits; so does `ask`
 */
export async function startWorker<Answer>(script: string, args: readonly (string | number)[]): Promise<Worker<Answer>> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args.map(String));
  const ended = once(child, 'exit');
  const failed = ended.then(([code]) => {
    throw new Error(`${script} exited with code ${code}.`);
  });
  failed.catch(() => undefined);
  const nextMessage = async () => ((await Promise.race([once(child, 'message'), failed])) as [unknown])[0];
  return {
    greeting: await nextMessage(),
    async ask(message) {
      const answer = nextMessage();
      child.send(message as object);
      return (await answer) as Answer;
    },
    async close() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

export interface SimulatorProcess {
  readonly url: string;
  /** What it saw since it was asked last. */
  seen(): Promise<SeenBySimulator>;
  close(): Promise<void>;
}

export async function startSimulatorProcess(setting: SimulatorSetting): Promise<SimulatorProcess> {
  const worker = await startWorker<SeenBySimulator>('simulator-process.ts', [JSON.stringify(setting)]);
  return { url: String(worker.greeting), seen: () => worker.ask('seen'), close: worker.close };
}

/** Works in an empty folder that is removed afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'account-export-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
