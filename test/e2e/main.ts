/**
 * `npm run e2e`: all that is tried against an emulator of AWS. Ends with Vitest's summary; with 2 where the machine lacks
 * what it needs, and says what. Whatever way it ends, no process and no file of it is left.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REQUIREMENTS } from './emulator.ts';
import { GLUE_REQUIREMENTS } from './glue-emulator.ts';
import { findPython, NO_PYTHON, pythonPrograms } from './python.ts';

const missing = [
  ...((await findPython()) === undefined ? [NO_PYTHON] : []),
  ...(spawnSync('openssl', ['version']).status === 0 ? [] : ['openssl is needed, and this machine has none.']),
];
if (missing.length > 0) {
  process.stderr.write(`error: ${missing.join(' ')}\n`);
  process.exit(2);
}
try {
  // Now, where it may take its time and is told once: a test has a time limit, and there are many.
  await pythonPrograms('emulator', REQUIREMENTS);
  await pythonPrograms('glue-emulator', GLUE_REQUIREMENTS);
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exit(1);
}

const folder = await mkdtemp(join(tmpdir(), 'account-export-e2e-'));
const args = ['vitest', 'run', '--config', 'test/e2e/vitest.config.ts', ...process.argv.slice(2)];
const child = spawn('npx', ['--no-install', ...args], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...withoutAws(), TMPDIR: folder },
  // A group of its own: emulators and their functions are in it, and a test that is cut off ends none of them.
  detached: true,
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, endGroup);
child.once('close', async (code) => {
  endGroup();
  await rm(folder, { recursive: true, force: true });
  process.exit(code === 0 ? 0 : 1);
});

function endGroup(): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left of it.
  }
}

/** The environment, without what leads to another AWS: a profile, a token, the endpoint of one service, a file of these. */
function withoutAws(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const noFile = join(folder, 'no-aws-config');
  return { ...Object.fromEntries(others), AWS_CONFIG_FILE: noFile, AWS_SHARED_CREDENTIALS_FILE: noFile };
}
