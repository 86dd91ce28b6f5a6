/**
 * An emulator of Glue for what `emulator.ts` lacks: Moto's server, from PyPI, removes partitions, filters them, and knows
 * which tables exist. It does not check permissions.
 */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addressOfNobody } from '../support/closed-port.ts';
import { type Emulator, REGION } from './emulator.ts';
import { pythonPrograms } from './python.ts';

export const GLUE_REQUIREMENTS = fileURLToPath(new URL('glue-requirements.txt', import.meta.url));
const START_TIMEOUT_MS = 60_000;

export async function startGlueEmulator(): Promise<Pick<Emulator, 'url' | 'client' | 'close'>> {
  const programs = await pythonPrograms('glue-emulator', GLUE_REQUIREMENTS);
  const url = await addressOfNobody();
  const child = spawn(`${programs}/moto_server`, ['-H', '127.0.0.1', '-p', new URL(url).port], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const close = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await close();
      throw new Error('The Glue emulator did not start.');
    }
    await sleep(100);
  }
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  return { url, client: { endpoint: url, region: REGION, credentials }, close };
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/moto-api/data.json`).then(
    ({ ok }) => ok,
    () => false,
  );
}
