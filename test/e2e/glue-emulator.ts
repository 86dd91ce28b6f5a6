/**
 * A Glue on this machine that has what the catalog's port needs and the emulator of `emulator.ts` has not: Moto's server,
 * from PyPI, which removes partitions, filters them, and knows which tables there are. It asks nobody for rights.
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
      throw new Error('The emulator of Glue did not start.');
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
