/** Processes of their own: for what a benchmark must not share its memory or its event loop with. */
import { spawn } from 'node:child_process';
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

/** Runs a simulator that makes each page once, as a process of its own. @returns where it listens */
export async function startSimulatorProcess(options: {
  readonly accounts: number;
  readonly latencyMs: number;
}): Promise<{ readonly url: string; close(): Promise<void> }> {
  const script = fileURLToPath(new URL('simulator-process.ts', import.meta.url));
  const args = [script, `${options.accounts}`, `${options.latencyMs}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once('error', reject).once('close', (code) => reject(new Error(`The simulator ended with ${code}.`)));
  });
  return {
    url,
    close() {
      child.kill();
      return ended;
    },
  };
}
