/** Starts `simulator-process.ts` and asks it what it saw. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SeenBySimulator, SimulatorSetting } from './simulator-process.ts';

export interface SimulatedApi {
  readonly url: string;
  seen(): Promise<SeenBySimulator>;
  close(): Promise<void>;
}

export async function startSimulatedApi(setting: SimulatorSetting): Promise<SimulatedApi> {
  const child = fork(fileURLToPath(new URL('simulator-process.ts', import.meta.url)), [JSON.stringify(setting)]);
  const url = (await nextMessage(child)) as string;
  return {
    url,
    seen: async () => {
      const answer = nextMessage(child);
      child.send('seen');
      return (await answer) as SeenBySimulator;
    },
    close: async () => {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('the simulator ended');
  });
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [unknown];
  return message;
}
