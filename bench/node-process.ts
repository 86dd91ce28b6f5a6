/** Processes of their own: for what a benchmark must not share its memory or its event loop with. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * Runs a script of this folder to its end.
 * @param flags of Node itself
 * @returns the JSON it printed; `undefined` where it printed nothing
 */
export async function runScript<T>(
  script: string,
  args: readonly string[],
  flags: readonly string[] = [],
): Promise<T | undefined> {
  const child = spawn(process.execPath, [...flags, fileURLToPath(new URL(script, import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const code = await new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  if (code !== 0) throw new Error(`${script} ${args.join(' ')} ended with ${code}.`);
  return printed === '' ? undefined : (JSON.parse(printed) as T);
}

export interface SimulatorProcess {
  readonly url: string;
  /** The processor's time that it has taken so far, in ms. */
  cpuMs(): Promise<number>;
  close(): Promise<void>;
}

/** Runs a simulator that makes each page once, as a process of its own. */
export async function startSimulatorProcess(options: {
  readonly accounts: number;
  readonly latencyMs: number;
}): Promise<SimulatorProcess> {
  const script = fileURLToPath(new URL('simulator-process.ts', import.meta.url));
  const child = fork(script, [`${options.accounts}`, `${options.latencyMs}`]);
  const ended = once(child, 'exit');
  const broken = ended.then(([code]) => {
    throw new Error(`The simulator ended with ${code}.`);
  });
  broken.catch(() => undefined);
  const answer = async () => ((await Promise.race([once(child, 'message'), broken])) as [unknown])[0];
  const url = String(await answer());
  return {
    url,
    async cpuMs() {
      const told = answer();
      child.send('cpu');
      return Number(await told);
    },
    async close() {
      child.disconnect();
      await ended;
    },
  };
}
