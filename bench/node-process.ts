/** Child processes, for measurements that must not share memory or an event loop. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SeenBySimulator, SimulatorSetting } from './simulator-process.ts';

/**
 * Runs a script of this folder.
 * @param flags for Node
 * @returns the JSON that it printed; `undefined` when it printed nothing
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
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${script} ${args.join(' ')} exited with code ${code}.`);
  return printed === '' ? undefined : (JSON.parse(printed) as T);
}

export interface SimulatorProcess {
  readonly url: string;
  seen(): Promise<SeenBySimulator>;
  close(): Promise<void>;
}

export async function startSimulatorProcess(setting: SimulatorSetting): Promise<SimulatorProcess> {
  const child = fork(fileURLToPath(new URL('simulator-process.ts', import.meta.url)), [JSON.stringify(setting)]);
  const ended = once(child, 'exit');
  const failed = ended.then(([code]) => {
    throw new Error(`The simulator exited with code ${code}.`);
  });
  failed.catch(() => undefined);
  const nextMessage = async () => ((await Promise.race([once(child, 'message'), failed])) as [unknown])[0];
  return {
    url: String(await nextMessage()),
    async seen() {
      const answer = nextMessage();
      child.send('seen');
      return (await answer) as SeenBySimulator;
    },
    async close() {
      child.disconnect();
      await ended;
    },
  };
}
