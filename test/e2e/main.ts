/**
 * `npm run e2e`: the tests against an AWS emulator. Exits with 2 and a message when the machine lacks a program. It leaves no
 * process and no file, however it ends.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DOWNSTREAM_REQUIREMENTS } from './downstream-requirements.ts';
import { REQUIREMENTS } from './emulator.ts';
import { GLUE_REQUIREMENTS } from './glue-emulator.ts';
import { findPython, NO_PYTHON, pythonPrograms } from './python.ts';

const missing = [
  ...((await findPython()) === undefined ? [NO_PYTHON] : []),
  ...(spawnSync('openssl', ['version']).status === 0 ? [] : ['openssl is missing: install it.']),
];
if (missing.length > 0) {
  process.stderr.write(`error: ${missing.join(' ')}\n`);
  process.exit(2);
}
try {
  // Installs packages before the tests, which have time limits.
  await pythonPrograms('emulator', REQUIREMENTS);
  await pythonPrograms('glue-emulator', GLUE_REQUIREMENTS);
  await pythonPrograms('downstream', DOWNSTREAM_REQUIREMENTS);
} catch (error) {
  process.stderr.write(`error: ${(error as Error).message}\n`);
  process.exit(1);
}

const folder = await mkdtemp(join(tmpdir(), 'account-export-e2e-'));
const args = ['vitest', 'run', '--config', 'test/e2e/vitest.config.ts', ...process.argv.slice(2)];
const child = spawn('npx', ['--no-install', ...args], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...withoutAws(), TMPDIR: folder },
  // In its own process group, so that emulators and their functions end even when a test is killed.
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
    // The group has ended.
  }
}

/** The environment without AWS profiles, credentials, endpoints and configuration files. */
function withoutAws(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const noFile = join(folder, 'no-aws-config');
  return { ...Object.fromEntries(others), AWS_CONFIG_FILE: noFile, AWS_SHARED_CREDENTIALS_FILE: noFile };
}
